"""Asks detectors, under a deadline, and gives every failure back as an outcome.

This is a worker boundary: a detector that raises, hangs, answers too little or something else than scores
becomes a `DetectorError` for each exchange; cancelling the caller cancels the detector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from safesight.core.eager import Eager
from safesight.core.errors import DetectorError
from safesight.core.messages import Image, Message
from safesight.core.protocols import Detector
from safesight.core.records import Exchange, Harm
from safesight.guard.actions import Check, StreamAction
from safesight.guard.rules import Outcome, broken
from safesight.guard.stream import StreamGuard

BATCH: Final = 64
"""Windows scored in one call at most."""


async def ask(detector: Detector, exchanges: Sequence[Exchange], *, timeout_ms: int) -> list[Outcome]:
    """Score exchanges with one detector; one outcome each, in order."""
    try:
        scoring = Eager(detector.score(exchanges))
        if scoring.done:
            harms = await scoring
        else:
            async with asyncio.timeout(timeout_ms / 1000):
                harms = await scoring
    except TimeoutError:
        late = DetectorError(f"detector {detector.name!r}: no verdict within {timeout_ms} ms.")
        return [late for _ in exchanges]
    except Exception as error:  # noqa: BLE001 - whatever a detector raises is for the policy's on_error
        return [broken(detector.name, error) for _ in exchanges]
    if len(harms) != len(exchanges) or not all(isinstance(harm, Harm) for harm in harms):
        odd = DetectorError(f"detector {detector.name!r}: expected {len(exchanges)} scores, got {len(harms)}.")
        return [odd for _ in exchanges]
    return list(harms)


async def answer_checks(
    stream: StreamGuard,
    checks: Sequence[Check],
    *,
    detectors: Sequence[Detector],
    question: str,
    images: Sequence[Image],
    turns: Sequence[Message],
    timeout_ms: int,
) -> list[StreamAction]:
    """Answer a stream's checks and those that follow from them; returns what the stream then says."""
    actions: list[StreamAction] = []
    todo = list(checks)
    while todo and stream.stop is None:
        batch, todo = todo[:BATCH], todo[BATCH:]
        exchanges = [
            Exchange(question=question, answer=c.answer, images=tuple(images), turns=tuple(turns)) for c in batch
        ]
        asked = sorted({index for check in batch for index in check.asks})
        scored = await asyncio.gather(
            *(_score(detectors[index], index, batch, exchanges, timeout_ms=timeout_ms) for index in asked)
        )
        found = dict(zip(asked, scored, strict=True))
        for check in batch:
            said = stream.verdict(check.id, [found[index][check.id] for index in check.asks])
            todo += [action for action in said if isinstance(action, Check)]
            actions += [action for action in said if not isinstance(action, Check)]
    return actions


async def _score(
    detector: Detector, index: int, checks: Sequence[Check], exchanges: Sequence[Exchange], *, timeout_ms: int
) -> dict[int, Outcome]:
    wanted = [(c.id, e) for c, e in zip(checks, exchanges, strict=True) if index in c.asks]
    outcomes = await ask(detector, [e for _, e in wanted], timeout_ms=timeout_ms)
    return {check: outcome for (check, _), outcome in zip(wanted, outcomes, strict=True)}
