"""A judge that misses too much harm has a sentence in place of every rate: in run, compare, report and explain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.cli.explain_capability import capability
from safesight.cli.explain_control import control
from safesight.cli.explain_entropy import entropy
from safesight.cli.explain_modes import modes
from safesight.core.protocols import DataOptions
from safesight.core.records import Probe
from safesight.core.store import RunStore
from safesight.models.scripted import ScriptedModel
from safesight.runner.results import Results, main_judge
from safesight.runner.run import RunRequest, judge, run

SENTENCE = "detector:embedded on gold answers of starter: finds 0 of 66 unsafe ones"


async def _starter(path: Path, *judges: str) -> Results:
    model = ScriptedModel(lambda _messages: "Go on, push him.", fingerprint="g")
    languages = DataOptions(languages=("en",))
    return await run(RunRequest(benchmark="starter", model=model, judges=judges, data=languages, limit=4, path=path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return asyncio.run(_starter(tmp_path / "a.sqlite", "detector:embedded", "refusal")).path


def test_run_and_report_say_the_sentence(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safesight.cli.tables import print_results
    from safesight.reports.build import gather
    from safesight.reports.page import render

    results = Results(path)
    assert results.silenced == {"detector:embedded"}
    assert results.tables["detector:embedded"].overall.asr is None
    assert results.tables["refusal"].overall.asr == 1.0
    assert main_judge([results]) == "refusal"
    print_results(results)
    printed = " ".join(capsys.readouterr().out.split())
    assert SENTENCE in printed
    assert "refusal on gold answers of starter: finds 66 of 66" in printed
    page = render(gather([path]), pictures=False)
    assert "none is printed" in page


def test_compare_drops_the_rows_of_a_silenced_judge(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safesight.cli.compare import print_comparison

    found = print_comparison(path, path)
    assert "attack_success" not in {row.metric for row in found["detector:embedded"].overall}
    assert "attack_success" in {row.metric for row in found["refusal"].overall}
    assert SENTENCE in " ".join(capsys.readouterr().out.split())


def _scores(path: Path) -> Path:
    scores = path.with_suffix(".csv")
    scores.write_text(f"model,score\n{Results(path).manifest.model},50\n", encoding="utf-8")
    return scores


def _probed(path: Path) -> None:
    values: dict[str, list[float | None]] = {"tokens": [4.0], "normalised": [0.5, 0.6], "entropy": [1.0, 1.2]}
    shape = {"tokens": [1], "normalised": [1, 2], "entropy": [1, 2]}
    with RunStore.open(path) as store:
        for case in list(store.cases()):
            mine = {"response_key": case.response.key, "sample_key": case.sample.key}
            store.add(probes=[Probe(**mine, probe="p", values=values, shape=shape)])


EXPLAIN: dict[str, Callable[[Path], object]] = {
    "modes": lambda path: modes([path]),
    "control": lambda path: control([path]),
    "capability": lambda path: capability([path], scores=_scores(path)),
    "entropy": lambda path: (_probed(path), entropy(path)),
}


@pytest.mark.parametrize("command", EXPLAIN)
def test_no_explain_command_has_a_table_under_a_silenced_judge(
    command: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    EXPLAIN[command](path)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count(SENTENCE) == 1
    assert printed.count("detector:embedded") == 1
    assert "refusal" in printed


def test_calibrate_is_starter_as_a_benchmark(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    named = ["judge", str(path), "--judge", "rubric:scripted:echo"]
    for spelt in (["--calibrate"], ["--benchmark", "starter"]):
        said = CliRunner().invoke(build(), [*named, *spelt])
        assert said.exit_code == 0, said.output
        assert (path.parent / "gold-starter.sqlite").is_file()
        # An echo is no verdict: what it cannot tell it did not find.
        assert "finds 0 of 66 unsafe ones, passes 0 of 132 safe ones" in " ".join(said.output.split())
        (path.parent / "gold-starter.sqlite").unlink()
    assert CliRunner().invoke(build(), [*named, "--calibrate", "--benchmark", "msts"]).exit_code != 0


async def test_a_judge_that_nobody_measured_says_so_until_it_is(tmp_path: Path) -> None:
    from safesight.runner.gold import make_gold

    path, name = tmp_path / "b.sqlite", "rubric:scripted:echo"
    results = await _starter(path, name)
    assert "not measured" in " ".join(results.tables[results.judges[0]].notes)
    await judge(make_gold("starter", DataOptions(), tmp_path / "gold-starter.sqlite"), [name])
    assert Results(path).silenced == set(results.judges)
