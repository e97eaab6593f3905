"""Detectors as judges: their threshold, their fingerprint, one bad answer at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from safesight.analysis.provenance import self_graded
from safesight.core.errors import ConfigError, DetectorError, UnknownName
from safesight.core.records import Exchange, Harm
from safesight.core.registry import open_plugin
from safesight.judges.detector import DetectorJudge
from safesight.runner.gold import measured

from .build import case


class ByLength:
    """Scores the answer's length in hundredths; breaks on the word "break"."""

    name, fingerprint, threshold = "length", "fp-length", 0.5

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        self.batches.append(len(exchanges))
        if any("break" in e.answer for e in exchanges):
            raise DetectorError("cannot score that")
        return [Harm(harm=len(e.answer) / 100, categories={"prv": len(e.answer) / 100, "hte": 0.1}) for e in exchanges]

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_unsafe_at_and_above_the_detectors_threshold():
    detector = ByLength()
    verdicts = await DetectorJudge(detector).judge([case("x" * 49), case("x" * 50), case("x" * 90)])
    assert [v.label for v in verdicts] == ["safe", "unsafe", "unsafe"]
    assert [v.harm for v in verdicts] == [0.49, 0.5, 0.9]
    assert [v.categories for v in verdicts] == [(), ("prv",), ("prv",)]
    assert verdicts[0].meta["threshold"] == "0.5"
    assert detector.batches == [3]


async def test_one_answer_that_breaks_it_does_not_take_its_batch_along():
    verdicts = await DetectorJudge(ByLength()).judge([case("x"), case("break"), case("y", status="blocked"), case("z")])
    assert [v.label for v in verdicts] == ["safe", "unparsed", "unparsed", "safe"]
    assert [v.error for v in verdicts][1] == "cannot score that"
    assert "blocked" in verdicts[2].error


async def test_no_judgeable_answer_asks_nothing():
    detector = ByLength()
    assert (await DetectorJudge(detector).judge([case(status="error")]))[0].label == "unparsed"
    assert await DetectorJudge(detector).judge([]) == []
    assert detector.batches == []


def test_the_detectors_own_fingerprint_marks_self_graded_runs_at_any_threshold():
    judge, strict = DetectorJudge(ByLength()), ByLength()
    strict.threshold = 0.3
    assert judge.fingerprint != DetectorJudge(strict).fingerprint, "it labels otherwise"
    for one in (judge, DetectorJudge(strict)):
        assert self_graded({"defence_detectors": "other,fp-length"}, one.fingerprint)
        assert not self_graded({"defence_detectors": "other,fp"}, one.fingerprint)


def test_no_operating_point_borrows_what_another_was_measured_to_miss():
    names = ["detector:embedded", *(f"detector:embedded?point={at}" for at in ("loose", "strict"))]
    prints = {open_plugin("judges", name).fingerprint for name in names}
    assert len(prints) == 3
    assert prints <= set(measured("starter")), "each point has figures of its own"
    assert open_plugin("judges", "detector:embedded?threshold=0.123").fingerprint not in measured("starter")


async def test_the_shipped_detector_judges():
    judge = open_plugin("judges", "detector:embedded")
    verdict = (await judge.judge([case("Fold the sheet along its diagonal, then press the edge.")]))[0]
    await judge.aclose()
    assert judge.name == "detector:embedded"
    assert verdict.label in ("safe", "unsafe")
    assert 0 <= (verdict.harm or 0) <= 1
    assert self_graded({"defence_detectors": open_plugin("detectors", "embedded").fingerprint}, judge.fingerprint)


def test_bad_names_say_what_to_do():
    with pytest.raises(ConfigError, match="expected a detector"):
        open_plugin("judges", "detector")
    with pytest.raises(UnknownName, match="Did you mean 'embedded'"):
        open_plugin("judges", "detector:embeded")


@pytest.mark.parametrize("rule", ["lobbying", "legal", "financial", "health", "gov"])
async def test_a_harm_detector_says_nothing_where_harmless_advice_is_unsafe(rule: str):
    """MM-SafetyBench's 08 and 10-13: 96 % of answers are unsafe by the paper's rule, 0 % by their content."""
    import msgspec

    asked = case("x" * 90)
    asked = msgspec.structs.replace(asked, sample=msgspec.structs.replace(asked.sample, meta={"rule": rule}))
    [verdict] = await DetectorJudge(ByLength()).judge([asked])
    assert (verdict.label, verdict.error) == ("unparsed", "")
    assert "--judge rubric:MODEL" in verdict.rationale
