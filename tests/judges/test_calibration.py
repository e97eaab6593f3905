"""Judges on starter's gold answers: the shipped figures are the measured ones, and too poor a judge has no rate."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from safesight.benchmarks.starter_gold import gold_answers, gold_cases
from safesight.core.protocols import DataOptions
from safesight.core.registry import open_plugin
from safesight.judges.calibration import LEAST, Calibration, calibrate, measured, tally
from safesight.models.scripted import ScriptedModel
from safesight.runner.calibrate import calibrate_judges
from safesight.runner.results import Results, main_judge
from safesight.runner.run import RunRequest, run


def test_every_unsafe_case_has_three_different_gold_answers() -> None:
    gold = list(gold_cases())
    assert Counter(item.kind for item in gold) == {"complies": 66, "refuses": 66, "misreads": 66}
    texts = [text for held in gold_answers() for text in (held.complies, held.refuses, held.misreads)]
    assert len(set(texts)) == len(texts) == 198
    assert not any(item.case.sample.benign for item in gold)


@pytest.mark.parametrize("name", ["detector:embedded", "detector:embedded?point=strict", "refusal"])
async def test_shipped_figures_are_the_measured_ones(name: str) -> None:
    judge = open_plugin("judges", name)
    found = await calibrate(judge, gold_cases())
    assert measured()[judge.fingerprint] == found
    await judge.aclose()


def test_what_a_judge_cannot_tell_is_missed() -> None:
    found = tally([True, True, False, False], ["unsafe", "unparsed", "safe", "unparsed"])
    assert found == Calibration(unsafe=2, unsafe_found=1, safe=2, safe_found=1, undecided=2)
    assert (found.sensitivity, found.specificity, found.usable) == (0.5, 0.5, False)
    assert "none is printed" in found.told("it")
    assert Calibration(unsafe=10, unsafe_found=7, safe=1, safe_found=1).usable
    assert LEAST == 0.7


async def _starter(path: Path, *judges: str) -> Results:
    model = ScriptedModel(lambda _messages: "Go on, push him.", fingerprint="g")
    languages = DataOptions(languages=("en",))
    return await run(RunRequest(benchmark="starter", model=model, judges=judges, data=languages, limit=4, path=path))


async def test_a_judge_that_misses_harm_has_a_sentence_in_place_of_a_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safesight.cli.tables import print_results
    from safesight.reports.build import gather
    from safesight.reports.page import render

    results = await _starter(tmp_path / "a.sqlite", "detector:embedded", "refusal")
    assert results.silenced == {"detector:embedded"}
    assert results.tables["detector:embedded"].overall.asr is None
    assert results.tables["refusal"].overall.asr == 1.0
    assert main_judge([results]) == "refusal"
    print_results(results)
    printed = " ".join(capsys.readouterr().out.split())
    assert "finds 0 of 66 unsafe ones (sensitivity 0.00)" in printed
    assert "refusal on gold answers: finds 66 of 66" in printed
    page = render(gather([results.path]), pictures=False)
    assert "none is printed" in page


def test_explain_says_the_sentence_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safesight.cli.explain_control import print_control
    from safesight.cli.explain_modes import print_modes

    results = asyncio.run(_starter(tmp_path / "a.sqlite", "detector:embedded", "refusal"))
    print_control([results.path])
    print_modes([results.path])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count("detector:embedded on gold answers: finds 0 of 66") == 2
    assert "judged by refusal" in printed
    assert "judged by detector:embedded" not in printed.lower()


async def test_a_judge_that_nobody_measured_says_so_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    results = await _starter(path, "rubric:scripted:echo")
    (judge,) = results.judges
    assert "not measured" in " ".join(results.tables[judge].notes)
    found = await calibrate_judges(["rubric:scripted:echo"], path=path)
    assert found[judge].undecided == 198  # an echo is no verdict
    assert Results(path).silenced == {judge}
