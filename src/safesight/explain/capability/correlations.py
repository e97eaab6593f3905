"""How two columns of numbers over models go together: Pearson, Spearman, Kendall, and with a third held fixed.

Models are few, so intervals resample models (percentile bootstrap) and p values permute the pairing (exact for up to
seven models). Invariant: nothing crashes or warns; fewer than three models, or a column that is all alike, gives value
None with the reason. Spearman is Pearson of mid-ranks and Kendall is tau-b, so ties are allowed. Values agree with
SciPy's; they are computed here because SciPy has no form vectorised over resamples.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from safesight.analysis.distributions import mid_ranks
from safesight.analysis.stats import RESAMPLES, Estimate, Floats, Ints, Test

Statistic = Callable[[Floats, Floats], Floats]
"""From two arrays of shape (resamples, n) to one value each; NaN where it is not defined."""

LEAST: Final = 3
"""Two points always lie on a line."""
PERMUTATIONS: Final = 9999
_BLOCK_CELLS: Final = 4_000_000


def pearson(x: Floats, y: Floats) -> Floats:
    """Product-moment correlation of each row."""
    a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    # Rounding leaves a trace of spread in a column that is all alike.
    alike = (np.ptp(x, axis=1) <= 1e-12 * np.abs(x).max(axis=1)) | (np.ptp(y, axis=1) <= 1e-12 * np.abs(y).max(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.full(len(x), np.nan), where=(scale > 0) & ~alike)


def spearman(x: Floats, y: Floats) -> Floats:
    """Pearson correlation of mid-ranks."""
    return pearson(mid_ranks(x), mid_ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b: concordant minus discordant pairs, over pairs not tied."""
    left, right = np.triu_indices(x.shape[1], 1)
    values = np.empty(len(x))
    step = max(1, _BLOCK_CELLS // max(1, left.size))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        a, b = np.sign(x[rows][:, left] - x[rows][:, right]), np.sign(y[rows][:, left] - y[rows][:, right])
        scale = np.sqrt((a != 0).sum(axis=1) * (b != 0).sum(axis=1))
        values[rows] = np.divide((a * b).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 0)
    return values


STATISTICS: Final[dict[str, Statistic]] = {"pearson": pearson, "spearman": spearman, "kendall": kendall}


def correlate(
    x: Sequence[float],
    y: Sequence[float],
    *,
    method: str = "spearman",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Correlation of two columns with a bootstrap interval over models.

    Args:
        x: one number a model.
        y: as many.
        method: a name from `STATISTICS`.
        level: confidence level.
        resamples: bootstrap replicates; those without spread in a column are left out.
        seed: seeds the bootstrap.
    """
    statistic = STATISTICS[method]
    columns = np.asarray([x, y], dtype=np.float64)
    return _estimate(
        lambda rows: statistic(columns[0][rows], columns[1][rows]), columns, method, level, resamples, seed
    )


def partial_correlation(
    x: Sequence[float],
    y: Sequence[float],
    fixed: Sequence[float],
    *,
    method: str = "spearman",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Correlation of x and y with the linear (or rank) effect of `fixed` taken out of both.

    First-order formula: (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)). `method` is pearson or spearman.
    """
    statistic = STATISTICS[method]
    columns = np.asarray([x, y, fixed], dtype=np.float64)

    def partial(rows: Ints) -> Floats:
        a, b, z = (column[rows] for column in columns)
        xy, xz, yz = statistic(a, b), statistic(a, z), statistic(b, z)
        room = np.sqrt(np.clip(1 - xz * xz, 0, None) * np.clip(1 - yz * yz, 0, None))
        return np.clip(np.divide(xy - xz * yz, room, out=np.full(len(xy), np.nan), where=room > 1e-9), -1, 1)

    return _estimate(partial, columns, f"partial {method}", level, resamples, seed)


def _estimate(
    value_of: Callable[[Ints], Floats], columns: Floats, method: str, level: float, resamples: int, seed: int
) -> Estimate:
    n, least = columns.shape[1], LEAST + len(columns) - 2
    if n < least:
        reason = f"fewer than {least} models"
        return Estimate(value=None, n=n, level=level, method=method, reason=reason)
    value = float(value_of(np.arange(n)[None, :])[0])
    if np.isnan(value):
        reason = "a column is all alike" if len(columns) == 2 else "a column is all alike or follows the fixed one"
        return Estimate(value=None, n=n, level=level, method=method, reason=reason)
    draws = value_of(np.random.default_rng(seed).integers(0, n, size=(resamples, n)))
    draws = draws[~np.isnan(draws)]
    name = f"{method}, bootstrap over models"
    if draws.size < resamples // 2 or np.ptp(draws) < 1e-12:
        reason = "too little variation between models for an interval"
        return Estimate(value=value, n=n, level=level, method=name, reason=reason)
    low, high = (float(q) for q in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(value=value, low=low, high=high, n=n, level=level, method=name)


def correlation_test(x: Sequence[float], y: Sequence[float], *, method: str = "spearman", seed: int = 0) -> Test:
    """Permutation test of "no correlation": the scores dealt anew to the models."""
    name = f"{method}, permutation"
    columns = np.asarray([x, y], dtype=np.float64)
    n = columns.shape[1]
    if n < LEAST:
        return Test(p=None, n=n, method=name, reason=f"fewer than {LEAST} models")
    statistic = STATISTICS[method]
    observed = float(statistic(columns[0][None, :], columns[1][None, :])[0])
    if np.isnan(observed):
        return Test(p=None, n=n, method=name, reason="a column is all alike")
    exact = math.factorial(n) <= PERMUTATIONS
    dealt = _every_deal(columns[0]) if exact else _random_deals(columns[0], seed)
    values = statistic(dealt, np.broadcast_to(columns[1], dealt.shape))
    # Rounding must not tell a deal that gives the observed value from the observed one.
    near = 1e-12 * max(1.0, abs(observed))
    added = 0 if exact else 1
    tails = (np.count_nonzero(values <= observed + near), np.count_nonzero(values >= observed - near))
    p = 2 * (min(tails) + added) / (len(values) + added)
    return Test(p=min(1.0, p), statistic=observed, n=n, method=name)


def _every_deal(column: Floats) -> Floats:
    return column[np.array(list(itertools.permutations(range(column.size))), dtype=np.intp)]


def _random_deals(column: Floats, seed: int) -> Floats:
    return np.random.default_rng(seed).permuted(np.tile(column, (PERMUTATIONS, 1)), axis=1)
