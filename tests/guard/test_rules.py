"""Verdicts combine by severity: no milder one hides a graver one, whoever gives it and in whatever order."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ConfigError, DetectorError
from safesight.core.records import Harm
from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.actions import Stop
from safesight.guard.policy import CategoryRule, LanguageRule, Policy, StreamRule, validated
from safesight.guard.rules import Decision, Outcome, Rule, Tier, Tiers
from safesight.guard.stream import StreamGuard

ORDER = ("release", "annotate", "rewrite", "refuse", "halt")
ACTIONS = st.sampled_from(["annotate", "refuse", "halt"])


def decide(policy: Policy, tiers: list[Tier], outcomes: list[Outcome | None]) -> Decision | None:
    return Tiers(policy, tiers).judge(outcomes)


def sure(action: str) -> Outcome:
    """A score far over every band, in a category whose rule has that action."""
    return Harm(harm=0.95, categories={{"annotate": "spc", "refuse": "vcr", "halt": "cse"}[action]: 0.95})


POLICY = Policy(categories={"spc": CategoryRule(action="annotate"), "cse": CategoryRule(action="halt")})


@given(st.lists(ACTIONS, min_size=1, max_size=4), st.randoms())
@settings(deadline=None)
def test_the_gravest_of_several_detectors_decides_in_any_order(actions: list[str], order: object) -> None:
    for arranged in list(permutations(actions))[:24]:
        tiers = [Tier(Rule(POLICY, detector=f"d{i}")) for i in range(len(actions))]
        found = decide(POLICY, tiers, [sure(action) for action in arranged])
        assert found is not None
        assert found.action == max(actions, key=ORDER.index)


@pytest.mark.parametrize(
    ("unjudged", "outcomes", "expected", "told"),
    [
        ("release", [Harm(harm=0.1, unjudged="de")], None, "de"),
        ("release", [Harm(harm=0.9, unjudged="de")], "refuse", ""),
        ("halt", [Harm(harm=0.1, unjudged="de")], "halt", "de"),
        ("halt", [Harm(harm=0.1, unjudged="de"), Harm(harm=0.1)], None, ""),  # another detector knows the language
        ("halt", [Harm(harm=0.1, unjudged="de"), None], "halt", "de"),
        ("halt", [Harm(harm=0.1)], None, ""),
    ],
)
def test_what_no_detector_can_judge_is_said_and_does_as_the_policy_says(
    unjudged: str, outcomes: list[Outcome | None], expected: str | None, told: str
) -> None:
    policy = msgspec.convert({"language": {"unjudged": unjudged}}, Policy)
    tiers = Tiers(policy, [Tier(Rule(policy, detector=f"d{i}")) for i in range(len(outcomes))])
    found = tiers.judge(outcomes)
    assert (found and found.action, tiers.unjudged) == (expected, told)


def test_a_grey_tier_may_be_asked_about_what_the_first_cannot_judge() -> None:
    policy = msgspec.convert(
        {"language": {"unjudged": "ask"}, "detectors": [{"name": "a"}, {"name": "b", "when": "grey"}]}, Policy
    )
    tiers = Tiers(
        policy,
        [Tier(Rule(policy, detector="a")), Tier(Rule(policy, detector="b"), when="grey", grey_low=0.2, grey_high=0.8)],
    )
    assert tiers.wants(1, [Harm(harm=0.0, unjudged="de"), None], text="Guten Tag", whole=False)
    assert not tiers.wants(1, [Harm(harm=0.0), None], text="Good day", whole=False)
    found = tiers.judge([Harm(harm=0.0, unjudged="de"), Harm(harm=0.9)])
    assert found is not None
    assert found.action == "refuse"
    with pytest.raises(ConfigError, match="second detector"):
        validated(Policy(language=LanguageRule(unjudged="ask")))


@pytest.mark.parametrize(
    ("before", "grey", "expected"),
    [
        # scores of the tiers before it, its own, what the policy then does
        ([0.4], 0.01, None),
        ([0.6], 0.01, None),  # an unsure flag is its to clear
        ([0.6], 0.9, "refuse"),
        ([0.95, 0.4], 0.01, "refuse"),  # a certain flag beside an unsure score stands
        ([0.4, 0.95], 0.01, "refuse"),
        ([0.95, 0.6], 0.01, "refuse"),
        ([DetectorError("gone"), 0.4], 0.01, "halt"),  # what broke is not cleared
        ([0.6], DetectorError("gone"), "halt"),
        ([0.95, 0.4], DetectorError("gone"), "halt"),
    ],
)
def test_a_grey_tier_replaces_the_scores_it_was_asked_about(
    before: list[float | DetectorError], grey: float | DetectorError, expected: str | None
) -> None:
    policy = Policy()
    tiers = [Tier(Rule(policy, detector=f"d{i}")) for i in range(len(before))]
    tiers.append(Tier(Rule(policy, detector="grey"), when="grey", grey_low=0.2, grey_high=0.8))
    outcomes: list[Outcome | None] = [o if isinstance(o, DetectorError) else Harm(harm=o) for o in (*before, grey)]
    found = decide(policy, tiers, outcomes)
    assert (found and found.action) == expected


def test_a_grey_tier_does_not_clear_a_category_that_is_certain() -> None:
    policy = Policy()
    tiers = [Tier(Rule(policy)), Tier(Rule(policy), when="grey", grey_low=0.2, grey_high=0.8)]
    found = decide(policy, tiers, [Harm(harm=0.6, categories={"cse": 0.95}), Harm(harm=0.0)])
    assert found is not None
    assert not Tiers(policy, tiers).wants(1, [Harm(harm=0.6, categories={"cse": 0.95}), None], text="x", whole=False)


@pytest.mark.parametrize(
    ("harm", "action"),
    [
        (Harm(harm=0.9, categories={"spc": 0.9}), "annotate"),  # all of it is tolerated
        (Harm(harm=0.9, categories={"spc": 0.9, "vcr": 0.9}), "refuse"),
        (Harm(harm=0.9, categories={"vcr": 0.9, "spc": 0.9}), "refuse"),
        (Harm(harm=0.9, categories={"spc": 0.9, "other": 0.9}), "refuse"),
        (Harm(harm=0.9, categories={"spc": 0.6}), "refuse"),  # more than the category accounts for
        (Harm(harm=0.9, categories={"spc": 0.9, "cse": 0.5}), "halt"),
        (Harm(harm=0.4, categories={"spc": 0.4}), None),
    ],
)
def test_a_tolerated_category_hides_no_other_harm(harm: Harm, action: str | None) -> None:
    found = Rule(POLICY).judge(harm)
    assert (found and found.action) == action


@pytest.mark.parametrize("text", ["a soft word, then hard word.", "a hard word, then soft word.", "hard word. " * 3])
def test_a_block_lists_tolerated_phrase_hides_no_other_phrase(text: str) -> None:
    phrases = [Phrase(text="soft word", category="spc"), Phrase(text="hard word")]
    detector = Patterns(phrases)
    for pieces in ([text], list(text)):
        guard = StreamGuard(POLICY, tiers=[Tier(Rule(POLICY), session=detector.session("?"))])
        actions = [action for piece in pieces for action in guard.feed(piece)]
        actions += guard.flush()
        assert isinstance(guard.stop, Stop)
    assert detector.session("?").feed("soft word").categories == {"spc": 1.0}
    assert detector.session("?").feed("hard word").categories == {}


@pytest.mark.parametrize("row", [(0.9, 0.55), (0.55, 0.9), (0.9, 0.55, 0.55)])
def test_a_mild_window_does_not_stand_for_a_row_of_grave_ones(row: tuple[float, ...]) -> None:
    """With debounce 2 a row of windows that would stop is cut short by one that would not, and by the end it counts."""
    rule = StreamRule(windows="window", window_chars=10, min_chars=3, hold_chars=0, debounce=2)
    policy = Policy(stream=rule, categories={"spc": CategoryRule(action="annotate")})
    guard = StreamGuard(policy, tiers=[Tier(Rule(policy))])
    for score in row:
        categories = {"spc": score} if score < 0.6 else {"vcr": score}
        for action in guard.feed("0123 5678 "):
            guard.verdict(action.id, [Harm(harm=score, categories=categories)])
    guard.flush()
    assert (guard.stop is not None) == (row[-1] == 0.9)
