"""Chance-corrected agreement between raters: Cohen's kappa for two, Fleiss' for several, with intervals.

Invariant: as in `analysis.stats`, nothing crashes; an undefined kappa is None with a reason.
Sources: Cohen 1960, with the large-sample standard error of Fleiss, Cohen and Everitt 1969; Fleiss 1971.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from safesight.analysis.stats import (
    RESAMPLES,
    Estimate,
    Floats,
    cluster_totals,
    draw_counts,
    expanded_tails,
    factorise,
    normal_quantile,
)


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Cohen's kappa of two raters over the same items.

    The interval is the large-sample one of Fleiss, Cohen and Everitt (1969); with `clusters` it is a bootstrap over
    clusters. Both raters giving everything one and the same label leaves kappa undefined.
    """
    method = "cohen kappa"
    if not first:
        return Estimate(value=None, level=level, method=method, reason="no common items")
    codes, kinds = factorise([*first, *second])
    flat = codes[: len(first)] * kinds + codes[len(first) :]
    table = np.bincount(flat, minlength=kinds * kinds).reshape(1, kinds, kinds).astype(np.float64)
    value = float(_kappas(table)[0])
    if math.isnan(value):
        return Estimate(value=None, n=len(first), level=level, method=method, reason="both gave one and the same label")
    if clusters is None:
        low, high = _kappa_interval(table[0] / len(first), value, len(first), level)
        if high - low < 1e-9:
            return Estimate(value=value, n=len(first), level=level, method=method, reason="no variation between items")
        return Estimate(value=value, low=low, high=high, n=len(first), level=level, method=method)
    ids, count = factorise(clusters)
    cells = cluster_totals(np.eye(kinds * kinds)[flat], ids, count)
    if count < 2:
        return Estimate(value=value, n=len(first), level=level, method=method, reason="fewer than two clusters")
    blocks = draw_counts(count, resamples, np.random.default_rng(seed))
    draws = np.concatenate([_kappas((counts @ cells).reshape(-1, kinds, kinds)) for counts in blocks])
    draws = draws[~np.isnan(draws)]
    if draws.size == 0 or np.ptp(draws) < 1e-12:
        return Estimate(value=value, n=len(first), level=level, method=method, reason="no variation between clusters")
    low, high = (float(x) for x in np.quantile(draws, expanded_tails(count, level)))
    method = "cohen kappa, cluster bootstrap"
    return Estimate(value=value, low=low, high=high, n=len(first), level=level, method=method)


def _kappas(tables: Floats) -> Floats:
    n = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / n
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    room = 1 - expected
    return np.divide(observed - expected, room, out=np.full(len(n), np.nan), where=room > 1e-12)


def _kappa_interval(p: Floats, kappa: float, n: int, level: float) -> tuple[float, float]:
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    expected = float(rows @ columns)
    weights = rows[None, :] + columns[:, None]
    diagonal = np.diag(p)
    agree = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    apart = float((p * weights**2).sum() - (diagonal * np.diag(weights) ** 2).sum()) * (1 - kappa) ** 2
    variance = (agree + apart - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = normal_quantile(level) * math.sqrt(max(0.0, variance))
    return max(-1.0, kappa - half), min(1.0, kappa + half)


def fleiss_kappa(
    counts: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Fleiss' kappa of m raters per item, with a bootstrap over clusters (without them, over items).

    Args:
        counts: shape (items, kinds): how many raters gave each label; every row sums to the same m >= 2.
        clusters: one label per item; those that share a seed are drawn together.
        level: confidence level.
        resamples: bootstrap replicates.
        seed: seeds the bootstrap.
    """
    table = np.asarray(counts, dtype=np.float64)
    method = "fleiss kappa, cluster bootstrap"
    if table.size == 0:
        return Estimate(value=None, level=level, method=method, reason="no common items")
    raters = table.sum(axis=1)
    n = len(table)
    if raters[0] < 2 or np.ptp(raters) != 0:
        return Estimate(
            value=None, n=n, level=level, method=method, reason="needs the same raters, two or more, per item"
        )
    agree = (table * (table - 1)).sum(axis=1) / (raters[0] * (raters[0] - 1))
    shares = table / raters[0]
    value = float(_fleiss(agree.sum(), shares.sum(axis=0), n))
    if math.isnan(value):
        return Estimate(value=None, n=n, level=level, method=method, reason="every rater gave one and the same label")
    ids, count = factorise(clusters if clusters is not None else range(n))
    cells = cluster_totals(np.column_stack([agree, np.ones(n), shares]), ids, count)
    if count < 3:
        return Estimate(value=value, n=n, level=level, method=method, reason="too few clusters for an interval")
    blocks = draw_counts(count, resamples, np.random.default_rng(seed))
    totals = np.concatenate([drawn @ cells for drawn in blocks])
    draws = np.array([_fleiss(row[0], row[2:], row[1]) for row in totals])
    draws = draws[~np.isnan(draws)]
    if draws.size == 0 or np.ptp(draws) < 1e-12:
        return Estimate(value=value, n=n, level=level, method=method, reason="no variation between clusters")
    low, high = (float(x) for x in np.quantile(draws, expanded_tails(count, level)))
    return Estimate(value=value, low=low, high=high, n=n, level=level, method=method)


def _fleiss(agreement: float, shares: Floats, n: float) -> float:
    if n < 1:
        return math.nan
    expected = float(((shares / n) ** 2).sum())
    return math.nan if 1 - expected < 1e-12 else (float(agreement) / n - expected) / (1 - expected)
