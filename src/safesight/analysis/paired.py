"""The difference of two shares over the same pairs, with an interval that clusters of pairs widen.

Tango's score interval (1998) of paired proportions, read at the effective number of pairs: the counts are divided by
the design effect of the differences, and Student's t replaces the normal quantile, as in `analysis.proportions`.
Without a discordant pair the interval is that of as many pairs as there are clusters: +0.0 % of 20 seeds is no proof.
Source: Tango, Statistics in Medicine 17 (1998) 891-908; Fagerland, Lydersen and Laake 2014 recommend it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from safesight.analysis.proportions import narrower, t_quantile
from safesight.analysis.stats import Estimate, Floats, cluster_totals, factorise

METHOD: Final = "Tango, effective number of pairs"
_FEW_CLUSTERS: Final = 10
_DF_PER_CHANGE: Final = 1.25
_STEPS: Final = 60


def paired_difference(differences: npt.ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95) -> Estimate:
    """Mean of differences of yes/no outcomes (-1, 0 or 1) over pairs, with its interval.

    Args:
        differences: shape (n,), after minus before.
        clusters: n labels; pairs that share one are not independent.
        level: confidence level.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if not n:
        return Estimate(value=None, level=level, method=METHOD, reason="no samples")
    value = float(values.mean())
    codes, count = factorise(clusters)
    if count < 2 <= n:
        return Estimate(value=value, n=n, level=level, method=METHOD, reason="fewer than two clusters")
    up, down = int((values > 0).sum()), int((values < 0).sum())
    pairs, df = _effective(values, codes, count)
    low, high = tango(up * pairs / n, down * pairs / n, pairs, quantile=t_quantile(df, level))
    return Estimate(value=value, low=low, high=high, n=n, level=level, method=METHOD)


def _effective(values: Floats, codes: npt.NDArray[np.intp], count: int) -> tuple[float, float]:
    """How many independent pairs these are worth, and the degrees of freedom of the estimate."""
    n, mean = values.size, float(values.mean())
    if count == n:
        return float(n), math.inf
    totals = cluster_totals(np.stack([values, np.ones(n)], axis=1), codes, count)
    parts = (totals[:, 0] - mean * totals[:, 1]) / n
    squares = (parts / (1 - np.minimum(totals[:, 1] / n, 1 - 1e-9))) ** 2
    between, within = float(squares.sum()) * (count - 1) / count, float(values.var()) / n
    if between <= 1e-15:
        return float(count), count - 1.0 if count < _FEW_CLUSTERS else math.inf
    hits = float(squares.sum() ** 2 / (squares**2).sum())
    estimated = n * min(1.0, within / between), min(count - 1.0, max(1.0, _DF_PER_CHANGE * hits))
    kish = n**2 / float((totals[:, 1] ** 2).sum())
    # A difference in [-1, 1] is chosen by width as a share in [0, 1] is.
    return narrower((1 + mean) / 2, estimated, (kish, count - 1.0))


def tango(up: float, down: float, n: float, *, quantile: float) -> tuple[float, float]:
    """Tango's asymptotic score interval of (up - down) / n.

    Args:
        up: pairs that changed from no to yes (not necessarily a whole number).
        down: pairs that changed from yes to no.
        n: all pairs.
        quantile: 1.96 for 95 %.
    """
    estimate = (up - down) / n
    low, high = (_bound(sign, up, down, n, estimate, quantile) for sign in (-1.0, 1.0))
    return low, high


def _bound(sign: float, up: float, down: float, n: float, estimate: float, quantile: float) -> float:
    near, far = estimate, sign
    for _ in range(_STEPS):
        middle = (near + far) / 2
        if abs(_score(middle, up, down, n)) <= quantile:
            near = middle
        else:
            far = middle
    return near


def _score(delta: float, up: float, down: float, n: float) -> float:
    """The score statistic at a difference; the nuisance share is its restricted maximum likelihood."""
    b = -up - down + (2 * n - up + down) * delta
    c = -down * delta * (1 - delta)
    nuisance = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * nuisance + delta * (1 - delta))
    distance = up - down - n * delta
    if variance <= 0:
        return 0.0 if abs(distance) < 1e-12 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)
