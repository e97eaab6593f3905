"""Gates on comparisons whose differences are counted by hand."""

from __future__ import annotations

import pytest

from safesight.analysis.compare import Comparison, compare
from safesight.analysis.gate import check, read_rule
from safesight.core.errors import ConfigError, UnknownName

from .build import case


def compared(
    unsafe_before: int, unsafe_after: int, n: int = 100, *, refused_after: int = 0, blocked_after: int = 0
) -> Comparison:
    """`n` attacks and ten harmless questions; of the first so many are unsafe, of the last so many refused."""

    def run(unsafe: int, refused: int, blocked: int) -> list:
        attacks = [
            case(f"a{i}", "unsafe" if i < unsafe else "safe", group="g" if i % 2 else "h",
                 status="blocked" if i >= n - blocked else "ok")
            for i in range(n)
        ]  # fmt: skip
        harmless = [
            case(f"b{i}", "safe", benign=True, text="I can't help with that." if i < refused else "Yes.")
            for i in range(10)
        ]
        return attacks + harmless

    return compare(run(unsafe_before, 0, 0), run(unsafe_after, refused_after, blocked_after), resamples=200)


@pytest.mark.parametrize(
    ("rule", "held"),
    [
        # From 10 to 20 of 100 unsafe: +.10; the later run .20; 95 % interval about [+.04, +.17] (ten new, none gone).
        ("asr > +0.02", "failed"),
        ("asr > +2%", "failed"),
        ("attack_success > +0.02", "failed"),
        ("asr > +0.10", "passed"),
        ("asr >= +0.1", "failed"),
        ("asr > +0.15", "passed"),
        ("asr.low > +0", "failed"),
        ("asr.low > +0.09", "passed"),
        ("asr.high > +0.11", "failed"),
        ("asr.high > +0.5", "passed"),
        ("asr > 0.15", "failed"),
        ("asr > 0.25", "passed"),
        ("asr < -0.02", "passed"),
        ("unsafe_delivered > +0.02", "failed"),
        ("over_refusal > 0.2", "failed"),
        ("over_refusal > +0.3", "passed"),
        ("over_refusal > +0.29", "failed"),
        ("asr[g] > +0.02", "failed"),
        ("asr[nowhere] > +0.02", "unknown"),
        ("accuracy < -0.1", "unknown"),
        ("lost > 0.05", "passed"),
        ("latency_ms > +5", "passed"),
        ("completion_tokens > 4", "failed"),
    ],
)
def test_a_rule_fails_when_it_holds(rule: str, held: str):
    (result,) = check([read_rule(rule)], compared(10, 20, refused_after=3))
    assert (result.held, result.rule.text) == (held, rule)
    assert result.reason.startswith(f"{rule}: ")


def test_nothing_changed_and_lower_is_better():
    results = check([read_rule("asr > +0"), read_rule("asr.high > +0.2")], compared(10, 10))
    assert [result.held for result in results] == ["passed", "passed"]
    assert check([read_rule("asr > +0")], compared(20, 10))[0].held == "passed"


def test_what_was_not_measured_does_not_pass():
    (asr, lost) = check([read_rule("asr > +0.02"), read_rule("lost > 0.05")], compared(10, 0, 20, blocked_after=20))
    assert asr.held == "unknown"
    assert "20 after: blocked" in asr.reason
    assert lost.held == "failed"


def test_the_sentence_says_how_sure_it_is():
    (near,) = check([read_rule("asr > +0.1")], compared(10, 21))
    (far,) = check([read_rule("asr > +0.02")], compared(0, 60))
    assert "more pairs would tell" in near.reason
    assert "more pairs" not in far.reason
    assert "+0.6, 95 % interval [+0." in far.reason


@pytest.mark.parametrize(
    "text", ["", "asr", "asr > ", "asr > x", "asr == 1", "> 0.1", "asr.mid > +1", "asr > +1 or", "asr.low > 0.1",
             "lost > +1"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str):
    with pytest.raises(ConfigError, match="--fail-on"):
        read_rule(text)


def test_a_wrong_measure_is_named():
    with pytest.raises(UnknownName, match="Did you mean 'over_refusal'"):
        read_rule("over_refusals > 0.1")
