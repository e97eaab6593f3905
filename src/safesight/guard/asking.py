"""Asks detectors, under a deadline, and gives every failure back as an outcome.

This is a worker boundary: a detector that raises, hangs, answers too little or something else than scores
becomes a `DetectorError` for each exchange; cancelling the caller cancels the detector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from safesight.core.begun import Begun
from safesight.core.errors import DetectorError
from safesight.core.protocols import Detector
from safesight.core.records import Exchange, Harm
from safesight.guard.panel import Outcome, broken


async def ask(detector: Detector, exchanges: Sequence[Exchange], *, timeout_ms: int) -> list[Outcome]:
    """Score exchanges with one detector; one outcome each, in order."""
    try:
        scoring = Begun(detector.score(exchanges))
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
