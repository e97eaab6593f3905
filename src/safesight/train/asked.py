"""Figures of a detector on requests alone, as over-refusal sets quote them: the share that a guard's input rail stops.

By set and label, never pooled: OR-Bench's and XSTest's fair requests are to pass, their harmful ones are to be stopped.
Ranking is over all sets, since most hold requests of one label only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from safesight.analysis.stats import Estimate, wilson
from safesight.core.protocols import SuspiciousDetector
from safesight.train.data import Row
from safesight.train.evaluate import MeasuredFigure
from safesight.train.metrics import auroc, interval

HEADER = ("set", "requests", "n", "stopped")


class StoppedShare(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one set and label."""

    name: str
    harmful: bool
    stopped: Estimate
    """Share at the detector's threshold for requests, with Wilson's interval."""


def asked_figures(detector: SuspiciousDetector, rows: Sequence[Row]) -> tuple[list[StoppedShare], MeasuredFigure]:
    """Figures by set and label, and AUROC over all; an empty request asks for nothing and does not count."""
    asking = [row for row in rows if row.question.strip()]
    harms = np.array([detector.suspicion(row.question) for row in asking])
    labels = np.array([row.label for row in asking], np.float64)
    found: list[StoppedShare] = []
    for name, label in sorted({(row.source, row.label) for row in asking}):
        own = harms[[(row.source, row.label) == (name, label) for row in asking]]
        hits = int(np.sum(own >= detector.request_threshold))
        found.append(StoppedShare(name=name, harmful=bool(label), stopped=wilson(hits, len(own))))
    low, high = interval(auroc, labels, harms) if len(asking) else (math.nan, math.nan)
    return found, MeasuredFigure(value=auroc(labels, harms), low=low, high=high)


def rows_of(figures: Sequence[StoppedShare]) -> list[tuple[str, ...]]:
    """The table's cells."""
    return [
        (
            item.name,
            "harmful" if item.harmful else "fair",
            str(item.stopped.n),
            f"{item.stopped.value:.3f} [{item.stopped.low:.3f}, {item.stopped.high:.3f}]",
        )
        for item in figures
    ]
