"""Ten thousand live streams under random faults: with `on_error = "halt"` nothing unverified is ever shown.

Upstreams break off, hang and send odd chunks; detectors raise, crash, hang, come late, answer NaN, too little or
something else; consumers leave. Each detector keeps a log of what it cleared; what a consumer saw must lie within it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from safesight.core.errors import DetectorError, ModelError
from safesight.core.messages import user
from safesight.core.protocols import Delta
from safesight.core.records import Exchange, Harm
from safesight.guard.guard import Guard
from safesight.guard.policy import DetectorRule, InputRule, Policy, StreamRule, TimeRule
from safesight.guard.refusals import refusal
from tests.guard.detectors import BAD

STREAMS = 10_000
AT_ONCE = 1000
REFUSAL = refusal((), language="en")
DETECTOR_FAULTS = ("raise", "crash", "nan", "above", "none", "short", "hang", "late")
SENTENCES = (
    "A short one. ",
    "This sentence is rather longer than the first! ",
    "好的,没有问题。",
    "word " * 20,
    "x" * 90,
    "\n",
)


class Cleared:
    """The longest prefix of the answer with nothing but clean verdicts."""

    def __init__(self) -> None:
        self.length = 0

    def verdict(self, answer: str, harm: float) -> Harm:
        if harm < 0.5:
            self.length = max(self.length, len(answer))
        return Harm(harm=harm)


class Faulty:
    """A detector of the word BAD that fails at random; `fails` is its chance to, each time it is asked."""

    name = fingerprint = "faulty"
    threshold = 0.5

    def __init__(self, rng: random.Random, fails: float, faults: Counter[str]) -> None:
        self.rng = rng
        self.fails = fails
        self.faults = faults
        self.cleared = Cleared()

    def fault(self) -> str:
        if self.rng.random() >= self.fails:
            return ""
        how = self.rng.choice(DETECTOR_FAULTS)
        self.faults[how] += 1
        return how

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        how = self.fault()
        if how == "hang":
            await asyncio.sleep(3600)
        if how == "late":
            await asyncio.sleep(0.15)
        odd = odd_answer(how)
        if odd is not None:
            return [odd for _ in exchanges]
        harms = [self.cleared.verdict(e.answer, 0.9 if BAD in e.answer else 0.1) for e in exchanges]
        return harms[1:] if how == "short" else harms

    async def aclose(self) -> None:
        return


def odd_answer(how: str) -> Any:
    if how == "raise":
        raise DetectorError("gone")
    if how == "crash":
        raise ZeroDivisionError
    return {"nan": Harm(harm=math.nan), "above": Harm(harm=7.0), "none": "safe"}.get(how)


class FaultySession:
    def __init__(self, owner: FaultyRunning) -> None:
        self.owner = owner
        self.text = ""

    def feed(self, text: str) -> Harm:
        self.text += text
        odd = odd_answer(self.owner.fault())
        return odd if odd is not None else self.owner.cleared.verdict(self.text, 0.9 if BAD in self.text else 0.1)


class FaultyRunning(Faulty):
    def session(self, question: str) -> FaultySession:
        return FaultySession(self)


def an_answer(rng: random.Random) -> str:
    pieces = [rng.choice(SENTENCES) for _ in range(rng.randrange(12))]
    if rng.random() < 0.3:
        pieces.insert(rng.randrange(len(pieces) + 1), f"the {BAD} one ")
    return "".join(pieces)


async def upstream(text: str, rng: random.Random, faults: Counter[str], hung: asyncio.Event) -> AsyncIterator[Delta]:
    end = rng.choice(["", "", "", "break", "crash", "hang"])
    stop_at = rng.randrange(len(text) + 1) if end else len(text)
    position = 0
    while position < stop_at:
        size = min(rng.choice([1, 3, 7, 40, 500]), stop_at - position)
        yield Delta(text=text[position : position + size])
        position += size
        if rng.random() < 0.1:
            await asyncio.sleep(0)
    if end:
        faults[f"upstream {end}"] += 1
    if end == "break":
        raise ModelError("reset")
    if end == "crash":
        raise ConnectionResetError
    if end == "hang":
        hung.set()
        await asyncio.sleep(3600)
    yield Delta(finish_reason="stop")


async def one_stream(seed: int, faults: Counter[str]) -> tuple[str, int, str, str]:
    """Run one stream; returns what was shown of the answer, how much was cleared, the answer, and the finish."""
    rng = random.Random(seed)
    kind = FaultyRunning if rng.random() < 0.4 else Faulty
    detector = kind(rng, rng.choice([0.0, 0.05, 0.3]), faults)
    rule = StreamRule(windows=rng.choice(["window", "sentence", "full"]), hold_chars=rng.choice([0, 32]))
    policy = Policy(
        input=InputRule(text=False, ocr=False),
        stream=rule,
        time=TimeRule(check_ms=60),
        detectors=(DetectorRule(name="faulty"),),
    )
    text = an_answer(rng)
    hung = asyncio.Event()
    stream = Guard(policy, detectors=[detector]).stream([user("q")], upstream(text, rng, faults, hung))
    leaves_after = rng.randrange(1, 6) if rng.random() < 0.1 else None
    shown: list[Delta] = []

    async def consume() -> None:
        deltas = aiter(stream)
        try:
            async for delta in deltas:
                shown.append(delta)
                if len(shown) == leaves_after:
                    faults["consumer leaves"] += 1
                    return
        finally:
            await deltas.aclose()

    consuming = asyncio.create_task(consume())
    waiting = asyncio.create_task(hung.wait())
    await asyncio.wait({consuming, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (consuming, waiting):
        task.cancel()  # whoever waits for a hung upstream leaves in the end
    with suppress(asyncio.CancelledError, ModelError, ConnectionResetError):
        await consuming
    finish = shown[-1].finish_reason if shown else ""
    texts = [delta.text for delta in shown if delta.text]
    if texts and texts[-1].removeprefix("\n\n") == REFUSAL:
        assert stream.stop is not None
        texts.pop()
    return "".join(texts), detector.cleared.length, text, finish


@pytest.mark.slow
def test_nothing_unverified_is_shown_over_ten_thousand_faulted_streams(count: Callable[[str], None]) -> None:
    faults: Counter[str] = Counter()
    finishes: Counter[str] = Counter()

    async def run() -> int:
        done = 0
        for first in range(0, STREAMS, AT_ONCE):
            results = await asyncio.gather(*(one_stream(seed, faults) for seed in range(first, first + AT_ONCE)))
            for shown, cleared, text, finish in results:
                assert text.startswith(shown)
                assert len(shown) <= cleared, "a character was shown that no verdict covers"
                assert BAD not in shown
                if finish == "stop":
                    assert shown == text
                finishes[finish] += 1
                done += 1
        return done

    assert asyncio.run(run()) == STREAMS
    told = f"faults {dict(sorted(faults.items()))}, ends {dict(sorted(finishes.items()))}"
    count(f"guard: {STREAMS:,} faulted streams, 0 characters without a verdict; {told}")
    assert set(faults) == {*DETECTOR_FAULTS, "upstream break", "upstream crash", "upstream hang", "consumer leaves"}
    assert finishes["stop"] > STREAMS // 5
    assert finishes["content_filter"] > STREAMS // 5
