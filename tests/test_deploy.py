"""What deploy/ holds: linted by others' linters, true to our options, times and metrics, built where a daemon runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.proxy.metrics import Metrics
from safesight.proxy.settings import ProxySettings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
RESOURCES = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "words",
    [
        ("hadolint", DEPLOY / "Dockerfile"),
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"),
        ("kubernetes-validate", "--strict", *RESOURCES),
    ],
    ids=lambda words: words[0],
)
def test_linters_find_nothing(words: tuple[object, ...]) -> None:
    done = subprocess.run([str(BIN / str(words[0])), *map(str, words[1:])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_linter_would_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "deployment.yaml"
    text = (DEPLOY / "kubernetes" / "deployment.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("containerPort: 8900", "containerPort: many"), encoding="utf-8")
    done = subprocess.run([str(BIN / "kubernetes-validate"), "--strict", str(wrong)], capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_puts_the_parts_together() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kinds = sorted(part["kind"] for part in yaml.safe_load_all(done.stdout))
    assert kinds == ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]


def container() -> dict[str, Any]:
    return read("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"][0]


def test_the_options_named_are_the_commands() -> None:
    help_text = CliRunner().invoke(build(), ["guard", "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
    known = set(re.findall(r"--[a-z][a-z-]+", help_text))
    used = [*container()["args"], *read("compose.yaml")["services"]["guard"]["command"]]
    assert {word for word in used if word.startswith("--")} <= known


def test_who_stops_it_waits_longer_than_it_drains() -> None:
    def drain(words: list[str]) -> int:
        return int(words[words.index("--drain-s") + 1]) + 5

    guard = read("compose.yaml")["services"]["guard"]
    assert int(guard["stop_grace_period"].removesuffix("s")) >= drain(guard["command"])
    pod = read("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    waits = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= waits + drain(container()["args"])
    port = ProxySettings(upstream="http://h/v1").port
    assert container()["ports"][0]["containerPort"] == port
    assert f"EXPOSE {port}" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_images_have_neither_root_nor_torch() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    last = text.split("\nFROM base AS ")
    assert all("USER 10001" in stage for stage in last[1:])
    assert not re.search(r"pip install .*\b(hf|train|torch)\b", text)


def test_the_dashboard_asks_for_metrics_and_labels_that_are_there() -> None:
    metrics = Metrics()
    for labelled in {held for held in vars(metrics).values() if getattr(held, "_labelnames", ())}:
        labelled.labels(*("x" for _ in labelled._labelnames))
    families = list(text_string_to_metric_families(metrics.render().decode()))
    labels: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels.setdefault(sample.name, set()).update(sample.labels)
    board = json.loads((DEPLOY / "grafana" / "safesight-guard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for expression in asked:
        (name,) = set(re.findall(r"\bsafesight_\w+", expression))
        assert name in labels, f"{expression}: no such metric"
        by = re.search(r"\bby \(([^)]*)\)", expression)
        within = re.findall(r"[{,]\s*(\w+)[!=~]", expression)
        named = {*(part.strip() for part in by[1].split(","))} if by else set[str]()
        assert {*named, *within} <= labels[name], f"{expression}: no such label of {name}"


def has_daemon() -> bool:
    docker = shutil.which("docker")
    return bool(docker) and not subprocess.run([str(docker), "info"], capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(not has_daemon(), reason="no container daemon runs here")
@pytest.mark.parametrize("target", ["guard", "runner"])
def test_images_are_built_and_say_what_they_are(target: str) -> None:
    words = ["docker", "build", "-f", "deploy/Dockerfile", "--target", target, "-t", f"safesight-{target}:test", "."]
    subprocess.run(words, cwd=ROOT, check=True)
    done = subprocess.run(
        ["docker", "run", "--rm", f"safesight-{target}:test", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "safesight" in done.stdout.lower()
