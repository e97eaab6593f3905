"""The wheel in an empty environment, alone and with each extra: what a user gets from `pip install`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.install import BAR_MB, TORCH, build_wheel, extras, install, sizes

LOADS = {
    "embedded": "safesight.media.ocr_engine, xllamacpp, rapidocr",
    "fit": "safesight.train.ngram_detector",
    "hf": "safesight.explain.entropy.probe, safesight.models.hf.model, gguf, num2words",
    "inspect": "safesight.integrations.inspect.registry, inspect_ai",
    "otel": "safesight.integrations.otel, opentelemetry.exporter.otlp.proto.http.trace_exporter, granian",
    "proxy": "safesight.proxy.server, safesight.proxy.metrics, granian, ahocorasick_rs, rapidocr",
    "ray": "safesight.integrations.ray.cluster, ray.serve",
    "report": "safesight.reports.page, altair, jinja2, vl_convert",
    "tables": "safesight.benchmarks.tables, polars",
    "train": "safesight.train.tuning, peft",
}
"""What an extra is for, imported."""
TORCH_BUILD = "torch==2.13.0"


def test_every_extra_has_a_check() -> None:
    assert sorted(LOADS) == extras()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "env"
    shutil.rmtree(tmp_path / "env", ignore_errors=True)


def said(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(wheel: Path, folder: Path, extra: str = "") -> Path:
    """The environment's Python; skips where no package index answers, fails for any other reason."""
    try:
        return install(wheel, folder, extra=extra, first=(TORCH_BUILD,) if extra in TORCH else ())
    except subprocess.CalledProcessError as error:
        if "Failed to establish a new connection" in error.stderr or "Name or service not known" in error.stderr:
            pytest.skip("no package index can be reached")
        pytest.fail(error.stderr)


@pytest.mark.slow
def test_the_base_is_small_and_runs_the_loop(wheel: Path, folder: Path, tmp_path: Path) -> None:
    python = installed(wheel, folder)
    command = python.parent / "safesight"
    found = sizes(folder)
    assert found["safesight"] > 20e6, "the weights are in the wheel"
    assert found.total() < BAR_MB * 1e6, found.most_common(8)
    said(python, "-m", "pip", "check", cwd=tmp_path)
    assert "starter" in said(command, "list", cwd=tmp_path)
    judges = ("--judge", "detector:embedded", "--judge", "refusal")
    run = ("run", "starter", "--model", "scripted:echo", "--limit", "8", *judges, "--run")
    said(command, *run, "before.sqlite", cwd=tmp_path)
    said(command, *run, "after.sqlite", "--defence", "safety_prompt", cwd=tmp_path)
    assert "refusal" in said(command, "compare", "before.sqlite", "after.sqlite", cwd=tmp_path)
    said(command, "export", "before.sqlite", "-o", "before.csv", cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("extra", sorted(LOADS))
def test_each_extra_alone_brings_what_it_is_for(wheel: Path, folder: Path, tmp_path: Path, extra: str) -> None:
    python = installed(wheel, folder, extra)
    said(python, "-m", "pip", "check", cwd=tmp_path)
    said(python, "-c", f"import {LOADS[extra]}", cwd=tmp_path)
    said(python.parent / "safesight", "list", cwd=tmp_path)
