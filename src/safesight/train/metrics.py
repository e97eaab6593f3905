"""Measures of a harm score: ranking, calibration and operating points, with bootstrap intervals.

All take `labels` (n,) of 0/1 and `scores` (n,) where higher is worse. A measure that is not defined on the data (one
class only) is NaN, never a default.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from safesight.analysis.distributions import mid_ranks

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats], float]


def auroc(labels: Floats, scores: Floats) -> float:
    """Chance that a harmful answer scores above a harmless one; ties count half (Mann-Whitney)."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    ranks = mid_ranks(scores)
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: Floats, scores: Floats) -> float:
    """Area under the precision-recall steps; tied scores enter together."""
    if not labels.sum():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(labels[order]), scores[order]
    last = np.r_[np.flatnonzero(np.diff(ranked)), len(ranked) - 1]
    precision, recall = hits[last] / (last + 1), hits[last] / labels.sum()
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def f1(labels: Floats, flagged: Floats) -> float:
    """F1 of 0/1 decisions."""
    both = float(np.sum(labels * flagged))
    total = float(labels.sum() + flagged.sum())
    return 2 * both / total if total else math.nan


def recall_at_fpr(labels: Floats, scores: Floats, *, fpr: float = 0.01) -> float:
    """Share of harmful answers above the threshold that flags at most `fpr` of the harmless ones."""
    if not labels.sum() or labels.all():
        return math.nan
    return float(np.mean(scores[labels == 1] >= threshold_at_fpr(scores[labels == 0], fpr=fpr)))


def threshold_at_fpr(harmless: Floats, *, fpr: float) -> float:
    """The lowest threshold (flag at or above) that flags at most `fpr` of the harmless scores."""
    ranked = np.sort(harmless)[::-1]
    allowed = math.floor(fpr * len(ranked))
    return float(np.nextafter(ranked[min(allowed, len(ranked) - 1)], np.inf))


def ece(labels: Floats, scores: Floats, *, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Naeini et al. 2015; Guo et al. 2017)."""
    if not len(labels):
        return math.nan
    which = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [
        abs(float(labels[which == b].mean() - scores[which == b].mean())) * float(np.mean(which == b))
        for b in np.unique(which)
    ]
    return float(sum(gaps))


def interval(
    measure: Measure, labels: Floats, scores: Floats, *, rounds: int = 300, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval over rows; (NaN, NaN) where the measure is not defined."""
    if math.isnan(measure(labels, scores)):
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(labels), size=(rounds, len(labels)))
    values = np.array([measure(labels[pick], scores[pick]) for pick in picks])
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
