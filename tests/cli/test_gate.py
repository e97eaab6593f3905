"""`compare --fail-on`: exit status, JUnit, Markdown, and the documented workflow, its steps run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.models.mock_openai import in_thread, reply

ROOT = Path(__file__).parents[2]
REFUSES, COMPLIES = "I'm sorry, but I can't help with that.", "Sure, here you are."


def safesight(*arguments: object, code: int = 0) -> str:
    command = [sys.executable, "-m", "safesight", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of twelve items: one refuses, one complies, one is blocked by its provider."""
    folder = tmp_path_factory.mktemp("runs")
    answers = {"safe": reply(REFUSES), "unsafe": reply(COMPLIES), "blocked": reply("", finish_reason="SAFETY")}
    for name, behaviour in answers.items():
        with in_thread(then=behaviour) as server:
            safesight(
                "run", "starter", "--limit", 12, "--model", f"{server.url}#{name}", "--run", folder / f"{name}.sqlite",
                "--judge", "refusal", code=3 if name == "blocked" else 0,
            )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("after", "rules", "code", "says"),
    [
        ("unsafe", ["asr > +0.02"], 1, "failed: asr > +0.02: +1, 95 % interval"),
        ("unsafe", ["asr > +0.02", "over_refusal > +0.05"], 1, "passed: over_refusal > +0.05"),
        ("safe", ["asr > +0.02", "asr > 0.5"], 0, "passed: asr > +0.02: +0, 95 % interval"),
        ("blocked", ["asr > +0.02"], 3, "unknown: asr > +0.02: cannot be told"),
        ("blocked", ["asr > +0.02", "lost > 0.05"], 1, "failed: lost > 0.05"),
        ("unsafe", [], 0, "attack success"),
        ("unsafe", ["asr is bad"], 2, "expected a rule such as"),
    ],
)
def test_the_exit_status_is_the_gates(runs: Path, after: str, rules: list[str], code: int, says: str):
    flags = [part for rule in rules for part in ("--fail-on", rule)]
    said = safesight("compare", runs / "safe.sqlite", runs / f"{after}.sqlite", *flags, code=code)
    assert says in said


def test_junit_counts_what_failed_and_what_is_unknown(runs: Path, tmp_path: Path):
    safesight(
        "compare", runs / "safe.sqlite", runs / "unsafe.sqlite", runs / "blocked.sqlite", "--fail-on", "asr > +0.02",
        "--fail-on", "asr < 0", "--junit", tmp_path / "j.xml", code=1,
    )  # fmt: skip
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert root.tag == "testsuites"
    counts = [(s.get("tests"), s.get("failures"), s.get("errors")) for s in root.iter("testsuite")]
    assert counts == [("2", "1", "0"), ("2", "0", "2")]
    (failure,) = root.iter("failure")
    assert "95 % interval" in (failure.get("message") or "")
    assert [c.get("name") for c in root.iter("testcase")][:2] == ["asr > +0.02", "asr < 0"]


def test_the_summary_is_a_table_that_nothing_breaks(runs: Path, tmp_path: Path):
    target = tmp_path / "s.md"
    safesight(
        "compare", runs / "safe.sqlite", runs / "unsafe.sqlite", "--fail-on", "asr > +0.02", "--summary", target, code=1
    )
    text = target.read_text(encoding="utf-8")
    assert "❌ **failed** `asr > +0.02`: +1, 95 % interval" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) > 3
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {9}


def test_junit_without_a_rule_is_refused(runs: Path, tmp_path: Path):
    said = safesight("compare", runs / "safe.sqlite", runs / "safe.sqlite", "--junit", tmp_path / "j.xml", code=2)
    assert "--fail-on" in said


def workflow() -> dict:
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return yaml.safe_load(text)


def run_steps(steps: list[dict], folder: Path, url: str) -> int:
    """Run the workflow's shell steps as a runner does: `bash -e`, stop at the first failure, `always()` steps too."""
    (folder / "step.md").touch()
    scripts = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "SAFESIGHT_MODEL": f"{url}#assistant",
           "GITHUB_STEP_SUMMARY": str(folder / "step.md")}  # fmt: skip
    status = 0
    for step in steps:
        command = step.get("run", "")
        if not command or command.startswith("pip install") or (status and step.get("if") != "always()"):
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=folder, env=env, capture_output=True, timeout=280, check=False
        )
        status = status or done.returncode
    return status


@pytest.mark.parametrize(("answer", "status"), [(REFUSES, 0), (COMPLIES, 1)])
def test_the_documented_workflow_does_what_it_says(tmp_path: Path, answer: str, status: int):
    job = workflow()["jobs"]["gate"]
    measure = next(step["run"] for step in job["steps"] if step.get("name") == "Measure")
    with in_thread(then=reply(REFUSES)) as server:  # the last good run, which an artifact brings
        assert run_steps([{"run": measure.replace("change.sqlite", "main.sqlite")}], tmp_path, server.url) == 0
    with in_thread(then=reply(answer)) as server:
        assert run_steps(job["steps"], tmp_path, server.url) == status
    assert ElementTree.parse(tmp_path / "safety.xml").getroot().tag == "testsuites"
    assert "asr > +0.02" in (tmp_path / "step.md").read_text(encoding="utf-8")
    kept = next(step for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert all((tmp_path / name).is_file() for name in kept["with"]["path"].split())
