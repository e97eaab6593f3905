"""Thresholds of `embedded` as a guard uses it: an answer counts at its worst window, by its whole or its last stretch.

So the threshold is read off the worst windows of harmless answers, not off whole answers, and the stretch gets the
shift with which it raises as many false alarms as the whole does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from safesight.guard.policy import StreamRule
from safesight.guard.windows import Cutter
from safesight.train.data import Row

Floats = NDArray[np.float64]
Reading = Callable[[str], tuple[float, float]]
"""Takes the next piece of an answer; returns the logits of the whole and of the last stretch."""
POINTS: Final[Mapping[str, float]] = {"loose": 0.005, "usual": 0.01, "strict": 0.02}
"""Operating points: the share of harmless answers that a guard flags."""


def pieces(answer: str) -> list[str]:
    """An answer in the windows of the shipped policy."""
    cutter, start, found = Cutter(StreamRule()), 0, list[str]()
    while start < len(answer):
        end = cutter.cut(answer, start, start) or len(answer)
        found.append(answer[start:end])
        start = end
    return found


def peaks(rows: Sequence[Row], open_reading: Callable[[Row], Reading]) -> Floats:
    """The highest logits (n, 2) of the whole and of the last stretch over each answer's windows."""
    found = np.full((len(rows), 2), -math.inf)
    for row, place in zip(rows, found, strict=True):
        feed = open_reading(row)
        for piece in pieces(row.answer):
            place[:] = np.maximum(place, feed(piece))
    return found


def choose(harmless: Floats, *, budget: float = 1.0) -> tuple[float, dict[str, float]]:
    """The stretch's shift, and the threshold as a logit of every operating point, from `peaks` of harmless answers.

    `budget` scales the points' shares: under 1 where the answers are kinder than the traffic to come.
    """
    whole, last = harmless.T
    shares = {name: share * budget for name, share in POINTS.items()}
    half = 1 - shares["usual"] / 2
    highest = np.maximum(last, -60.0)
    shift = float(np.quantile(whole, half) - np.quantile(highest, half))
    worst = np.maximum(whole, highest + shift)
    return shift, {name: float(np.quantile(worst, 1 - share)) for name, share in shares.items()}
