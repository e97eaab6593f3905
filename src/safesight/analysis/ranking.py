"""How well one number tells unsafe answers from safe ones: AUROC, with an interval that respects seeds.

The Mann-Whitney statistic; its variance from placement values summed by cluster (DeLong 1988; Obuchowski 1997 for
clusters), read as Wilson's interval at the effective sample size, as in `analysis.proportions`. DeLong on rows covers
.64-.76 of the time with five answers a seed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from safesight.analysis.distributions import mid_ranks
from safesight.analysis.proportions import t_quantile, wilson_bounds
from safesight.analysis.stats import Estimate, cluster_totals, factorise

METHOD: Final = "AUROC (placement values by cluster)"


def auroc(
    labels: Sequence[bool],
    scores: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Probability that a positive scores above a negative (ties count half), with its interval.

    Undefined with one class only, and when a score is NaN.

    Args:
        labels: which are positive.
        scores: one number each, higher for positives.
        clusters: the seed of each; without them each is its own.
        level: confidence level.
    """
    truth, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    n, positives = truth.size, int(truth.sum())
    if positives in (0, n):
        reason = "no samples" if n == 0 else "only one of the two labels is present"
        return Estimate(value=None, n=n, level=level, method=METHOD, reason=reason)
    if np.isnan(values).any():
        return Estimate(value=None, n=n, level=level, method=METHOD, reason="a score is missing")
    negatives = n - positives
    overall = mid_ranks(values)
    above = (overall[truth] - mid_ranks(values[truth])) / negatives
    below = 1 - (overall[~truth] - mid_ranks(values[~truth])) / positives
    value = float(above.mean())
    codes, _ = factorise(clusters if clusters is not None else range(n))
    fewest = min(len(np.unique(codes[truth])), len(np.unique(codes[~truth])))
    if fewest < 2:
        reason = "fewer than two seeds with one of the labels"
        return Estimate(value=value, n=n, level=level, method=METHOD, reason=reason)
    low, high = _bounds(value, _parts(truth, above - value, below - value), codes, fewest, level)
    return Estimate(value=value, low=low, high=high, n=n, level=level, method=METHOD)


def _parts(
    truth: npt.NDArray[np.bool_], above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """What each answer adds to the statistic's error; small samples are scaled up as DeLong does."""
    parts = np.empty(truth.size)
    for flags, placements in ((truth, above), (~truth, below)):
        count = placements.size
        parts[flags] = placements / np.sqrt(count * (count - 1))
    return parts


def _bounds(
    value: float, parts: npt.NDArray[np.float64], codes: npt.NDArray[np.intp], fewest: int, level: float
) -> tuple[float, float]:
    count = int(codes.max()) + 1
    squares = cluster_totals(parts[:, None], codes, count)[:, 0] ** 2
    variance = float(squares.sum())
    if variance <= 1e-15 or not 0 < value < 1:
        return wilson_bounds(value, fewest, t_quantile(fewest - 1, level))
    if count < codes.size:
        variance *= count / (count - 1)
    hits = float(squares.sum() ** 2 / (squares**2).sum())
    quantile = t_quantile(min(count - 1.0, max(1.0, 1.25 * hits)), level)
    return wilson_bounds(value, value * (1 - value) / variance, quantile)
