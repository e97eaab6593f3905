"""The suite `papers` end to end: every entry on small data of the published layout, a real server as the model."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.core.records import Sample
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.runner.suite import read_suite, requests
from tests.benchmarks import test_choice, test_figstep, test_mir_safetybench, test_mllmguard, test_mm_safetybench
from tests.benchmarks.layouts import mossbench
from tests.contract.examples import picture
from tests.models.mock_openai import in_thread, reply

FROM_HUB = ("mir_safetybench", "mllmguard")
"""Entries without a source: the hub's full size is not for a test, so they are given small folders here."""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped file beside data of every benchmark in it, two samples a run."""
    monkeypatch.setenv("SAFESIGHT_CACHE", str(tmp_path / "cache"))
    test_mir_safetybench.as_parquet(tmp_path / "mir_safetybench", test_mir_safetybench.rows(picture, each=1))
    test_mllmguard.make(tmp_path / "mllmguard", picture, each=1)
    mm = test_mm_safetybench.make(tmp_path / "MM-SafetyBench", ids=("4",))
    test_mm_safetybench.add_images(mm, picture, "SD", "SD_TYPO", ids=("4",))
    test_figstep.make(tmp_path / "FigStep", picture, name="SafeBench", csv_name="safebench.csv", each=1)
    mossbench(tmp_path / "MOSSBench", picture)
    (tmp_path / "MUIRBENCH").mkdir()
    test_choice.muirbench(tmp_path / "MUIRBENCH", picture)
    text = (files("safesight.runner") / "suites" / "papers.toml").read_text("utf-8")
    for name in FROM_HUB:
        text = text.replace(f'benchmark = "{name}"', f'benchmark = "{name}"\nsource = "{name}"')
    path = tmp_path / "papers.toml"
    path.write_text(re.sub(r"^\[\[run\]\]$", "[[run]]\nlimit = 2", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def test_every_entry_resolves_and_has_samples(suite: Path):
    found, folder = read_suite(str(suite))
    shipped, _ = read_suite("papers")
    assert [part.benchmark for part in found.run] == [part.benchmark for part in shipped.run]
    assert {part.benchmark for part in shipped.run if not part.source} == set(FROM_HUB)
    for request in requests(found, folder=folder, models=("scripted:echo",)):
        if request.defence == "none":
            assert isinstance(request.benchmark, str)
            items = list(open_plugin("benchmarks", request.benchmark).load(request.data))
            assert items
            assert all(isinstance(item, Sample) for item in items), request.benchmark


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_suite_runs_reports_and_resumes(suite: Path, tmp_path: Path):
    with in_thread(then=reply("A. The picture shows a garden.")) as server:
        arguments = ["suite", str(suite), "--model", server.name, "--out", str(tmp_path / "out"), "--no-images"]
        first = CliRunner().invoke(build(), arguments)
        assert first.exit_code == 0, first.output
        asked = server.count
        again = CliRunner().invoke(build(), arguments)
        assert (again.exit_code, server.count) == (0, asked), again.output
    made = sorted((tmp_path / "out").glob("*.sqlite"))
    assert len(made) == 33  # 11 arms under 3 defences
    for path in made:
        with RunStore.open(path, readonly=True) as store:
            cases = list(store.cases("refusal"))
        assert len(cases) == 2
        assert all(case.verdict is not None and not case.verdict.error for case in cases), path.name
    assert "All benchmarks together" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
