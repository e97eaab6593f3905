from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ConfigError, DetectorError
from safesight.core.records import Harm
from safesight.guard.actions import Check, Note, Release, Stop, StreamAction
from safesight.guard.policy import CategoryRule, Policy, StreamRule
from safesight.guard.rules import Decision, Rule, Tier
from safesight.guard.stream import StreamGuard
from safesight.guard.windows import word_end
from tests.guard.detectors import BAD, WordSession

PIECES = st.sampled_from(
    [
        "a",
        "bc ",
        "the end. ",
        "What? ",
        "好的。",
        "「是！」",
        "\n",
        "word ",
        "é",
        "👩‍👩‍👧",
        '."',
        ". ",
        BAD,
        BAD[:4],
        BAD[4:],
        "x" * 70,
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)
RULES = st.builds(
    StreamRule,
    windows=st.sampled_from(["window", "sentence", "full"]),
    window_chars=st.integers(8, 70),
    min_chars=st.integers(3, 8),
    hold_chars=st.sampled_from([0, 5, 32, 200]),
    context_chars=st.sampled_from([0, 7, 500]),
    debounce=st.integers(1, 3),
)


def chunked(text: str, cuts: Sequence[int]) -> list[str]:
    edges = [0, *sorted({c % (len(text) + 1) for c in cuts}), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def running(policy: Policy, *, forgets: bool = False) -> list[Tier]:
    return [Tier(Rule(policy, detector="word"), session=WordSession(forgets=forgets))]


def asked(policy: Policy) -> list[Tier]:
    return [Tier(Rule(policy, detector="word"))]


def by_window(check: Check) -> Harm | DetectorError:
    return Harm(harm=0.9 if BAD in check.answer else 0.1)


class Driven:
    """Feeds a guard and answers its checks, `lag` steps late and last first; keeps what came out."""

    def __init__(self, guard: StreamGuard, answer: Callable[[Check], Harm | DetectorError] = by_window, lag: int = 0):
        self.guard = guard
        self.answer = answer
        self.lag = lag
        self.open: list[Check] = []
        self.covered: dict[int, int] = {}
        self.pieces: list[str] = []
        self.length = 0
        self.notes: list[Note] = []
        self.stop: Stop | None = None

    def take(self, actions: Sequence[StreamAction]) -> None:
        for action in actions:
            assert self.stop is None, "an action followed a stop"
            if isinstance(action, Check):
                self.open.append(action)
            elif isinstance(action, Release):
                self.pieces.append(action.text)
                self.length += len(action.text)
            elif isinstance(action, Stop):
                self.stop = action
            else:
                self.notes.append(action)
        assert self.length <= self.guard.released_chars

    @property
    def released(self) -> str:
        return "".join(self.pieces)

    def settle(self) -> None:
        while self.open and self.stop is None:
            check = self.open.pop()
            outcome = self.answer(check)
            if isinstance(outcome, Harm):
                self.covered[check.start] = check.end
            self.take(self.guard.verdict(check.id, [outcome] * len(check.asks)))

    def run(self, chunks: Sequence[str]) -> Driven:
        for step, chunk in enumerate(chunks):
            self.take(self.guard.feed(chunk))
            if step % (self.lag + 1) == self.lag:
                self.settle()
        self.take(self.guard.flush())
        self.settle()
        return self

    @property
    def outcome(self) -> tuple[str, Stop | None, list[Note]]:
        return self.released, self.stop, self.notes


@given(TEXTS, st.lists(st.integers(0, 2000), max_size=60), RULES, st.booleans(), st.booleans(), st.integers(0, 5))
@settings(max_examples=400, deadline=None)
def test_decision_and_release_do_not_depend_on_chunks(
    text: str, cuts: list[int], rule: StreamRule, sync: bool, forgets: bool, lag: int
) -> None:
    policy = Policy(stream=rule)

    def tiers() -> list[Tier]:
        return running(policy, forgets=forgets) if sync else asked(policy)

    whole = Driven(StreamGuard(policy, tiers=tiers())).run([text])
    parts = Driven(StreamGuard(policy, tiers=tiers()), lag=lag).run(chunked(text, cuts))
    letters = Driven(StreamGuard(policy, tiers=tiers())).run(list(text))
    assert whole.outcome == parts.outcome == letters.outcome
    assert whole.guard.over
    assert parts.guard.over


@given(TEXTS, RULES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_safe_answer_is_released_byte_for_byte(text: str, rule: StreamRule, sync: bool) -> None:
    text = text.replace(BAD, "allowed")
    policy = Policy(stream=rule)
    driven = Driven(StreamGuard(policy, tiers=running(policy) if sync else asked(policy))).run(list(text))
    assert driven.outcome == (text, None, [])
    assert driven.guard.released_chars == len(text)
    assert driven.guard.held_chars == 0


@given(TEXTS, TEXTS, RULES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_flag_stops_for_good(before: str, after: str, rule: StreamRule, sync: bool) -> None:
    text = before + BAD + after
    policy = Policy(stream=msgspec.structs.replace(rule, debounce=1, context_chars=500))
    driven = Driven(StreamGuard(policy, tiers=running(policy, forgets=True) if sync else asked(policy))).run([text])
    stop = driven.stop
    assert stop is not None
    assert text.startswith(driven.released)
    assert len(driven.released) <= stop.start, "the window that fired never leaves"
    assert driven.released + stop.held == text[: stop.end]
    assert list(driven.guard.feed("harmless " * 50)) == []
    assert list(driven.guard.flush()) == []
    assert driven.guard.released_chars == len(driven.released)


@given(TEXTS, RULES, st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_no_character_leaves_before_a_verdict_that_covers_it(text: str, rule: StreamRule, lag: int) -> None:
    policy = Policy(stream=rule)
    driven = Driven(StreamGuard(policy, tiers=asked(policy)), lag=lag)
    verified = 0

    def check_released() -> None:
        nonlocal verified
        while verified in driven.covered:
            verified = driven.covered[verified]
        assert len(driven.released) <= verified

    for step, letter in enumerate(text):
        driven.take(driven.guard.feed(letter))
        check_released()
        if step % (lag + 1) == lag:
            driven.settle()
            check_released()
    driven.take(driven.guard.flush())
    check_released()
    driven.settle()
    check_released()


@given(TEXTS, st.sampled_from(["raise", "nan", "error"]), st.integers(0, 4), RULES)
@settings(max_examples=300, deadline=None)
def test_broken_checks_halt_and_release_nothing_unverified(text: str, how: str, at: int, rule: StreamRule) -> None:
    policy = Policy(stream=rule)

    def answer(check: Check) -> Harm | DetectorError:
        if check.id < at:
            return Harm(harm=0.0)
        return Harm(harm=math.nan) if how == "nan" else DetectorError("gone")

    class Session(WordSession):
        count = -1

        def feed(self, text: str) -> Harm:
            self.count += 1
            if self.count < at:
                return Harm(harm=0.0)
            if how == "raise":
                raise ZeroDivisionError
            return Harm(harm=math.nan)

    tiers = asked(policy) if how == "error" else [Tier(Rule(policy), session=Session())]
    driven = Driven(StreamGuard(policy, tiers=tiers), answer).run(list(text))
    if driven.stop is None:
        assert driven.released == text
        assert driven.guard.windows <= at
        return
    assert (driven.stop.decision.action, driven.stop.decision.cause) == ("halt", "error")
    assert len(driven.released) <= driven.stop.start
    assert driven.guard.unverified_chars == 0


def test_on_error_release_is_counted_and_noted_once() -> None:
    policy = Policy(on_error="release")
    text = "One sentence here, and more. " * 20
    driven = Driven(StreamGuard(policy, tiers=asked(policy)), lambda _: DetectorError("gone")).run([text])
    assert driven.released == text
    assert driven.guard.unverified_chars == len(text)
    assert [(n.decision.cause, n.would) for n in driven.notes] == [("error", False)]


@pytest.mark.parametrize("policy", [Policy(shadow=True), Policy(stream=StreamRule(windows="audit"))])
def test_shadow_and_audit_release_at_once_and_note_what_would_have_happened(policy: Policy) -> None:
    guard = StreamGuard(policy, tiers=running(policy))
    driven = Driven(guard)
    for letter in (text := f"A sentence. Then {BAD} text. And a tail that goes on."):
        driven.take(guard.feed(letter))
        assert driven.released[-1] == letter
    driven.take(guard.flush())
    assert driven.released == text
    assert [(n.decision.action, n.would) for n in driven.notes] == [("refuse", True)]
    assert guard.over


def test_debounce_holds_a_suspect_row_and_lets_it_go_when_it_ends() -> None:
    policy = Policy(stream=StreamRule(windows="window", window_chars=10, min_chars=3, hold_chars=0, debounce=2))
    scores = iter([0.1, 0.9, 0.1, 0.9, 0.9])
    driven = Driven(StreamGuard(policy, tiers=asked(policy)), lambda _: Harm(harm=next(scores)))
    lengths: list[int] = []
    for _ in range(5):
        driven.take(driven.guard.feed("012345678 "))
        driven.settle()
        lengths.append(len(driven.released))
    assert lengths == [10, 10, 30, 30, 30]
    assert driven.stop is not None
    assert len(driven.stop.held) == 20


def test_hysteresis_keeps_a_row_until_the_score_is_well_below() -> None:
    rule = StreamRule(windows="window", window_chars=10, min_chars=3, hold_chars=0, debounce=2, hysteresis=0.3)
    policy = Policy(stream=rule)
    scores = iter([0.6, 0.4])
    driven = Driven(StreamGuard(policy, tiers=asked(policy)), lambda _: Harm(harm=next(scores))).run(["0123456789"] * 2)
    assert driven.stop is not None
    assert driven.released == ""


def test_an_unresolved_row_at_the_end_is_a_flag() -> None:
    policy = Policy(stream=StreamRule(windows="window", window_chars=10, min_chars=3, debounce=3))
    driven = Driven(StreamGuard(policy, tiers=asked(policy)), lambda _: Harm(harm=0.9)).run(["0123456789"])
    assert driven.released == ""
    assert driven.stop is not None


def test_annotate_lets_text_pass_and_notes_once() -> None:
    policy = Policy(action="annotate")
    text = f"Some {BAD} text. " + "More of it follows here. " * 10
    driven = Driven(StreamGuard(policy, tiers=running(policy))).run([text])
    assert driven.released == text
    assert [(n.decision.action, n.would) for n in driven.notes] == [("annotate", False)]


def test_grey_tier_decides_in_the_grey_band_only() -> None:
    policy = Policy(stream=StreamRule(windows="window", window_chars=10, min_chars=3, hold_chars=0))

    def tiers() -> list[Tier]:
        return [Tier(Rule(policy)), Tier(Rule(policy), when="grey", grey_low=0.3, grey_high=0.7)]

    for cheap, strong, stops, checks in ((0.6, 0.1, False, 2), (0.4, 0.9, True, 2), (0.1, 0.9, False, 1)):
        seen: list[tuple[int, ...]] = []

        def answer(check: Check, seen=seen, cheap=cheap, strong=strong) -> Harm:
            seen.append(check.asks)
            return Harm(harm=cheap if check.asks == (0,) else strong)

        driven = Driven(StreamGuard(policy, tiers=tiers()), answer).run(["0123456789"])
        assert (driven.stop is not None) is stops
        assert len(seen) == checks


def test_end_tier_is_asked_once_even_when_the_last_window_is_full() -> None:
    policy = Policy(stream=StreamRule(windows="window", window_chars=10, min_chars=3, hold_chars=4))
    tiers = [Tier(Rule(policy), session=WordSession("nothing")), Tier(Rule(policy), when="end")]
    driven = Driven(StreamGuard(policy, tiers=tiers), lambda _: Harm(harm=0.9)).run(["0123 5678 "] * 2)
    assert driven.released == "0123 5678 0123 "
    assert driven.stop is not None
    assert driven.stop.held == "5678 "


def test_gate_holds_until_the_request_is_admitted() -> None:
    policy = Policy()
    text = "A first sentence that is fine. A second one too. " * 4
    guard = StreamGuard(policy, tiers=running(policy), gated=True)
    driven = Driven(guard)
    driven.take(guard.feed(text))
    driven.take(guard.flush())
    assert driven.released == ""
    assert guard.held_chars == len(text)
    assert not guard.over
    driven.take(guard.admit(None))
    assert driven.released == text
    assert guard.over


def test_a_refused_request_releases_nothing() -> None:
    policy = Policy()
    guard = StreamGuard(policy, tiers=running(policy), gated=True)
    driven = Driven(guard)
    driven.take(guard.feed("Sure. " * 40))
    driven.take(guard.admit(Decision(action="refuse", harm=0.9)))
    driven.take(guard.feed("more"))
    driven.take(guard.flush())
    assert driven.released == ""
    assert driven.stop is not None
    assert guard.released_chars == 0
    assert guard.over


def test_state_stays_bounded_and_sessions_see_each_character_once() -> None:
    policy = Policy()
    session = WordSession()
    guard = StreamGuard(policy, tiers=[Tier(Rule(policy), session=session)])
    most = 0
    for _ in range(4000):
        guard.feed("some words. ")
        most = max(most, guard.held_chars)
    guard.flush()
    assert session.chars == 48_000
    assert most <= policy.stream.window_chars + policy.stream.hold_chars


def test_ten_megabytes_in_one_chunk_pass() -> None:
    policy = Policy()
    guard = StreamGuard(policy, tiers=running(policy))
    text = "0123456789abcde " * 655_360
    assert Driven(guard).run([text]).released == text


def test_misuse_is_an_error() -> None:
    policy = Policy()
    with pytest.raises(ConfigError, match="at least one detector"):
        StreamGuard(policy, tiers=[])
    guard = StreamGuard(policy, tiers=running(policy))
    guard.flush()
    with pytest.raises(ConfigError, match="flushed"):
        guard.feed("more")
    with pytest.raises(ConfigError, match="expected 0 outcomes"):
        guard.verdict(7, [Harm(harm=0.0)])


def test_gravest_action_of_several_tiers_wins() -> None:
    policy = Policy(categories={"spc": CategoryRule(action="annotate")})
    tiers = [Tier(Rule(policy, detector="a")), Tier(Rule(policy, detector="b"))]
    guard = StreamGuard(policy, tiers=tiers)
    guard.feed("a short answer")
    [check] = guard.flush()
    [stop] = guard.verdict(check.id, [Harm(harm=0.9, categories={"spc": 0.9}), Harm(harm=0.8)])
    assert (stop.decision.action, stop.decision.detector) == ("refuse", "b")


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="ab \t\n\x1c.\u00a0\u3000\u4e2d\u0e01\u00e9", max_size=50),
    st.integers(min_value=0, max_value=50),
)
def test_words_end_where_a_blank_or_a_script_without_blanks_does(text: str, end: int) -> None:
    end = min(end, len(text))
    ends = [i for i in range(max(1, end - 31), end + 1) if text[i - 1].isspace() or text[i - 1] in "\u4e2d\u0e01"]
    assert word_end(text, end) == (ends[-1] if ends else end if end > 32 else 0)
