"""Upstream replies in every shape around a marker: no byte of it after a flag, always an end, never another decision.

The client's bytes are read by `reader`, which knows nothing of the proxy. `FUZZ_SECONDS` and `FUZZ_SEED` choose how
long and from where; a failure names its seed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from safesight.core.protocols import Detector
from safesight.core.records import Exchange, Harm
from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy, StreamRule
from safesight.proxy.judging import AskedReply, Tally
from safesight.proxy.whole_reply import guard_whole
from tests.guard.detectors import WordDetector
from tests.proxy.fuzz.reader import Seen, read_whole
from tests.proxy.fuzz.replies import MARK, Case, a_case, whole
from tests.proxy.relaying import judging, relayed

QUICK_SECONDS = 20.0
LONG_SECONDS = 600.0


class Word(WordDetector):
    """Flags the marker in any case; asked about each window."""

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        harms = await super().score(exchanges)
        return [
            self.harm(0.9) if MARK.lower() in e.answer.lower() else harm
            for e, harm in zip(exchanges, harms, strict=True)
        ]


def guards() -> list[Guard]:
    quiet = InputRule(text=False, ocr=False)
    found: list[Guard] = []
    for windows in ("sentence", "window", "full"):
        for hold in (0, 32):
            policy = Policy(input=quiet, stream=StreamRule(windows=windows, hold_chars=hold))
            detectors: list[Detector] = [Patterns([Phrase(text=MARK.lower())])]
            found.append(Guard(policy, detectors=detectors))
    found.append(Guard(Policy(input=quiet), detectors=[Word(MARK)]))
    return found


def asked(case: Case) -> AskedReply:
    return AskedReply(model="mock", choices=case.choices, structured=case.structured)


def shown(seen: Seen, index: int) -> str:
    """The answer of a choice without what the guard put in its place."""
    text = seen.content[index]
    return text.partition("I can't")[0].rstrip("\n")


def problem(case: Case, plain: Seen, dressed: Seen, tally: Tally, raw: bytes) -> str:
    """What is wrong with a reply; "" where nothing is."""
    spelt = dressed.spells(MARK)
    if spelt or MARK.lower().encode() in raw.lower():
        return f"the marker can be read at {spelt[:3]}"
    if tally.leaked_chars:
        return f"{tally.leaked_chars} characters left without a verdict"
    if dressed.last != "[DONE]" or dressed.done != 1:
        return f"the stream ends with {dressed.last[:60]!r}"
    broken = case.ends in ("error", "broken")
    for index in range(case.choices):
        if len(dressed.finish[index]) > 1 and case.marked_beside != "after":
            return f"choice {index} ends {dressed.finish[index]}"
        if dressed.calls[index] and dressed.finish[index] == ["content_filter"]:
            return f"choice {index} was stopped and a call of it left"
        if not broken and not dressed.finish[index]:
            return f"choice {index} has no end"
        if not broken and not case.marked_beside and dressed.finish[index] != plain.finish[index]:
            return f"choice {index} ends {dressed.finish[index]}, and {plain.finish[index]} without the dress"
        one, other = shown(dressed, index), shown(plain, index)
        if not broken and not case.marked_beside and one != other:
            return f"choice {index} shows {one[-40:]!r}, and {other[-40:]!r} without the dress"
    return ""


async def in_one_piece(guard: Guard, case: Case, streamed: Seen) -> str:
    """What is wrong with the same answer as one reply; "" where nothing is."""
    parts = judging(guard, asked(case))
    seen = read_whole((await guard_whole(parts, whole(case))).body)
    if spelt := seen.spells(MARK):
        return f"the marker can be read in the whole reply at {spelt[:3]}"
    if parts.tally.leaked_chars:
        return f"{parts.tally.leaked_chars} characters of the whole reply left without a verdict"
    stopped = [index for index in range(case.choices) if seen.finish[index] == ["content_filter"]]
    flagged = [index for index in range(case.choices) if "content_filter" in streamed.finish[index]]
    if not case.marked_beside and stopped != flagged:
        return f"choices {stopped} are stopped whole, and {flagged} streamed"
    return ""


def fuzz(seconds: float, first: int) -> tuple[int, Counter[str]]:
    all_guards = guards()
    tried: Counter[str] = Counter()
    seed, ends = first, time.monotonic() + seconds
    with asyncio.Runner() as runner:
        while time.monotonic() < ends:
            case = a_case(seed)
            dressed = runner.run(guarded(case, random.Random(seed).choice(all_guards)))
            tried[case.marked_beside or ("answer" if case.answer.marked else "none")] += 1
            tried["flagged"] += any("content_filter" in reasons for reasons in dressed.finish.values())
            seed += 1
    return seed - first, tried


async def guarded(case: Case, guard: Guard) -> Seen:
    """The dressed reply as a client reads it, once nothing is wrong with it."""
    plain, _, _ = await relayed(guard, case.plain, asked(case))
    dressed, tally, raw = await relayed(guard, case.dressed, asked(case))
    found = problem(case, plain, dressed, tally, raw) or await in_one_piece(guard, case, plain)
    shape = f"{guard.policy.stream.windows} windows, marker {case.marked_beside!r}"
    assert not found, f"seed {case.seed}, {shape}: {found}"
    return dressed


@pytest.mark.parametrize("guard", guards(), ids=lambda guard: str(guard.policy.stream.windows))
async def test_the_last_of_equal_keys_may_stand_right_before_a_marker(guard: Guard) -> None:
    dressed = await guarded(a_case(1_795_723_662), guard)
    assert dressed.finish[0] == ["content_filter"]


async def test_log_probabilities_may_spell_what_texts_without_them_interrupt() -> None:
    whole_windows = next(guard for guard in guards() if guard.policy.stream.windows == "full")
    dressed = await guarded(a_case(4831), whole_windows)
    assert dressed.finish[0] == ["content_filter"]


@pytest.mark.timeout(120)
def test_replies_of_every_shape_for_twenty_seconds(count: Callable[[str], None]) -> None:
    seconds = float(os.environ.get("FUZZ_SECONDS", QUICK_SECONDS))
    tried, kinds = fuzz(seconds, int(os.environ.get("FUZZ_SEED", "1")))
    count(f"proxy: {tried:,} fuzzed replies, {kinds['flagged']:,} flagged, 0 marker bytes, 0 without an end")
    assert tried > 50


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_replies_of_every_shape_for_ten_minutes(count: Callable[[str], None]) -> None:
    seed = int(time.time())
    tried, kinds = fuzz(float(os.environ.get("FUZZ_SECONDS", LONG_SECONDS)), seed)
    count(f"proxy: {tried:,} fuzzed replies from seed {seed}, {kinds['flagged']:,} flagged, 0 marker bytes")
