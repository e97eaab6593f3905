"""Intervals and tests; every number comes with n and, when undefined, a reason.

Invariant: no input crashes or warns. What cannot be computed (no samples, one cluster, all alike) has value
None and a `reason` that says why. Random procedures are seeded and vectorised over resamples. Shares have better
intervals than the bootstrap's: `analysis.proportions`, and `analysis.paired` for differences.

Sources: Wilson 1927; cluster (block) bootstrap, Efron and Tibshirani 1993, BCa ch. 14; expanded percentiles,
Hesterberg 2015; McNemar 1947 with the
mid-p variant of Fagerland, Lydersen and Laake 2013; Holm 1979. Kappa is in `analysis.kappa`, a judge's error rates
and AUROC in `analysis.judge_errors`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.analysis.distributions import fair_coin_cdf, fair_coin_pmf, normal_cdf, normal_ppf, student_ppf

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

RESAMPLES = 2000
_CELLS = 2_000_000
"""Upper bound on the cells of one resampling matrix: 16 MB whatever the number of clusters."""
_PER_KIND = 8
"""A binomial draw costs about as much as drawing this many clusters one by one."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its interval; None where it is not defined, and then `reason` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    level: float = 0.95
    method: str = ""
    reason: str = ""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """A two-sided test; `p` is None where the test is not defined, and then `reason` says why."""

    __test__ = False
    """Keeps pytest from collecting this class wherever it is imported."""

    p: float | None
    statistic: float | None = None
    n: int = 0
    method: str = ""
    reason: str = ""


def factorise(labels: Sequence[Hashable]) -> tuple[Ints, int]:
    """Number labels by first appearance: (codes of shape (n,), how many distinct)."""
    seen: dict[Hashable, int] = {}
    codes = np.fromiter((seen.setdefault(label, len(seen)) for label in labels), dtype=np.intp, count=len(labels))
    return codes, len(seen)


def normal_quantile(level: float) -> float:
    """Two-sided quantile of the normal distribution: 1.96 at .95."""
    return normal_ppf((1 + level) / 2)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """Wilson score interval of a proportion, for independent samples."""
    if n <= 0:
        return Estimate(value=None, n=0, level=level, method="wilson", reason="no samples")
    z = normal_quantile(level)
    centre = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(successes * (n - successes) / n + z * z / 4)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(value=successes / n, low=low, high=high, n=n, level=level, method="wilson")


def cluster_bootstrap(
    numerators: npt.ArrayLike,
    clusters: Sequence[Hashable],
    *,
    denominators: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: Literal["percentile", "bca", "expanded"] = "percentile",
) -> Estimate:
    """Interval of a mean, a ratio of sums, or a mean of such ratios, resampling whole clusters.

    Args:
        numerators: shape (n,), or (n, g) for the unweighted mean over g columns (macro mean over groups).
        clusters: n labels; samples that share one are drawn together.
        denominators: same shape; None counts each sample once. A column (or a resample's column) whose
            denominators sum to zero is left out of the mean over columns.
        level: confidence level in (0, 1).
        resamples: bootstrap replicates.
        seed: seeds the draws; the same input and seed give the same interval.
        method: "percentile"; "expanded", which widens it to Student's t with clusters - 1 degrees of freedom; or
            "bca" (bias-corrected and accelerated; the jackknife leaves out clusters).
    """
    top = columns(numerators)
    bottom = np.ones_like(top) if denominators is None else columns(denominators)
    codes, count = factorise(clusters)
    if top.shape[0] == 0 or not bottom.any():
        return Estimate(value=None, level=level, method=method, reason="no samples")
    sums, sizes = cluster_totals(top, codes, count), cluster_totals(bottom, codes, count)
    value = float(ratios(sums.sum(0, keepdims=True), sizes.sum(0, keepdims=True))[0])
    name, n = f"cluster bootstrap ({method})", int(np.count_nonzero(bottom.any(axis=1)))
    filled = int(np.count_nonzero(sizes.any(axis=1)))
    if filled < 2:
        return Estimate(value=value, n=n, level=level, method=name, reason="fewer than two clusters")
    draws = _replicates(sums, sizes, resamples, np.random.default_rng(seed))
    if draws.size == 0 or np.ptp(draws) <= 1e-12 * max(1.0, abs(value)):
        return Estimate(value=value, n=n, level=level, method=name, reason="no variation between clusters")
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "expanded":
        tails = expanded_tails(filled, level)
    elif method == "bca":
        tails = _bca_tails(draws, value, ratios(sums.sum(0) - sums, sizes.sum(0) - sizes), tails)
    low, high = (float(x) for x in np.quantile(draws, tails))
    return Estimate(value=value, low=low, high=high, n=n, level=level, method=name)


def expanded_tails(clusters: int, level: float) -> Floats:
    """The two percentiles that make a bootstrap of so many clusters as wide as Student's t (Hesterberg 2015)."""
    wide = student_ppf((1 + level) / 2, clusters - 1) * math.sqrt(clusters / (clusters - 1))
    return np.array([normal_cdf(-wide), normal_cdf(wide)])


def columns(values: npt.ArrayLike) -> Floats:
    """Values as columns: shape (n,) becomes (n, 1)."""
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def cluster_totals(values: Floats, codes: Ints, count: int) -> Floats:
    """Sum rows of `values` (n, g) by cluster code into shape (count, g)."""
    totals = np.zeros((count, values.shape[1]))
    np.add.at(totals, codes, values)
    return totals


def ratios(sums: Floats, sizes: Floats) -> Floats:
    """Row-wise mean over defined columns of sums / sizes; NaN where a row has none."""
    defined = sizes > 0
    shares = np.divide(sums, sizes, out=np.zeros_like(sums), where=defined)
    count = defined.sum(axis=1)
    return np.divide(shares.sum(axis=1), count, out=np.full(len(sums), np.nan), where=count > 0)


def draw_counts(clusters: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield blocks of shape (b, clusters): how often each cluster is drawn in each resample."""
    block = max(1, _CELLS // max(1, clusters))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, clusters, size=(rows, clusters)) + np.arange(rows)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def _replicates(sums: Floats, sizes: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    # Clusters with the same totals are interchangeable: how often each kind is drawn is multinomial. Of yes/no
    # outcomes there are few kinds; where there are many, drawing the clusters themselves is faster.
    width = sums.shape[1]
    kinds, members = np.unique(np.hstack([sums, sizes]), axis=0, return_counts=True)
    if len(kinds) * _PER_KIND <= len(sums):
        blocks = iter([rng.multinomial(len(sums), members / len(sums), size=resamples).astype(np.float64)])
    else:
        kinds, blocks = np.hstack([sums, sizes]), draw_counts(len(sums), resamples, rng)
    totals = np.concatenate([counts @ kinds for counts in blocks])
    draws = ratios(totals[:, :width], totals[:, width:])
    return draws[~np.isnan(draws)]


def _bca_tails(draws: Floats, value: float, jackknife: Floats, tails: Floats) -> Floats:
    below = (np.mean(draws < value) + np.mean(draws <= value)) / 2
    bias = normal_ppf(float(np.clip(below, 1 / (2 * draws.size), 1 - 1 / (2 * draws.size))))
    left = jackknife[~np.isnan(jackknife)]
    deviations = left.mean() - left
    spread = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    shifted = [bias + normal_ppf(float(tail)) for tail in tails]
    return np.array([normal_cdf(bias + shift / (1 - acceleration * shift)) for shift in shifted])


def mcnemar(only_first: int, only_second: int, *, method: Literal["exact", "mid-p", "chi2"] = "mid-p") -> Test:
    """McNemar's test from the two discordant counts of paired yes/no outcomes.

    Args:
        only_first: pairs that are "yes" only in the first arm.
        only_second: pairs that are "yes" only in the second arm.
        method: "exact" (binomial), "mid-p" (default: less conservative, keeps its level in practice), or
            "chi2" (asymptotic, no continuity correction).
    """
    n = only_first + only_second
    name = f"McNemar ({method})"
    if n == 0:
        return Test(p=None, n=0, method=name, reason="no discordant pairs")
    statistic = (only_first - only_second) ** 2 / n
    if method == "chi2":
        p = 2 * normal_cdf(-math.sqrt(statistic))
    else:
        fewer = min(only_first, only_second)
        p = 1.0 if only_first == only_second else 2 * fair_coin_cdf(fewer, n)
        if method == "mid-p":
            # Twice the tail with half the observed point; exactly 1 when both counts are equal.
            p = 1.0 if only_first == only_second else p - fair_coin_pmf(fewer, n)
    return Test(p=min(1.0, p), statistic=statistic, n=n, method=name)


def paired_permutation(
    differences: npt.ArrayLike, clusters: Sequence[Hashable], *, resamples: int = 9999, seed: int = 0
) -> Test:
    """Paired permutation test of "mean difference is zero", flipping the sign of whole clusters.

    Exact when 2 to the number of clusters is at most `resamples` (clusters whose differences sum to zero don't
    count); otherwise Monte Carlo with the observed arrangement included, so p is never 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    method = "paired permutation by cluster"
    if values.size == 0:
        return Test(p=None, method=method, reason="no pairs")
    codes, count = factorise(clusters)
    sums = cluster_totals(values[:, None], codes, count)[:, 0]
    mean = float(values.mean())
    sums = sums[np.abs(sums) > 1e-12 * max(1.0, float(np.abs(values).max()))]
    if sums.size == 0:
        return Test(p=None, statistic=mean, n=values.size, method=method, reason="no differences")
    p = _exact_flips(sums) if 2**sums.size <= resamples else _random_flips(sums, resamples, seed)
    return Test(p=p, statistic=mean, n=values.size, method=method)


# SciPy's permutation_test gives the same p (a test compares them) but takes ten times as long on 546 clusters.
def _exact_flips(sums: Floats) -> float:
    flips = (np.arange(2**sums.size)[:, None] >> np.arange(sums.size)) & 1
    return float(np.mean(_as_extreme(flips.astype(np.float64), sums)))


def _random_flips(sums: Floats, resamples: int, seed: int) -> float:
    rng, hits = np.random.default_rng(seed), 0
    block = max(1, _CELLS // sums.size)
    for start in range(0, resamples, block):
        flips = rng.integers(0, 2, size=(min(block, resamples - start), sums.size), dtype=np.int8)
        hits += int(np.count_nonzero(_as_extreme(flips.astype(np.float64), sums)))
    return (hits + 1) / (resamples + 1)


def _as_extreme(flips: Floats, sums: Floats) -> npt.NDArray[np.bool_]:
    total = float(sums.sum())
    return np.abs(total - 2 * (flips @ sums)) >= abs(total) - 1e-12 * float(np.abs(sums).sum())


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment, in the order given; None (an undefined test) stays None and isn't counted."""
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    floor = 0.0
    for rank, (p, index) in enumerate(known):
        floor = max(floor, min(1.0, p * (len(known) - rank)))
        adjusted[index] = floor
    return adjusted
