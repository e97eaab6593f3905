"""Do unsafe answers attend differently from safe ones? The gap by layer and head, tested and controlled.

Gap = mean over safe answers minus mean over unsafe ones (MIR-SafetyBench, Figure 4); positive entropy gaps mean
that unsafe answers attend more narrowly. Cases that share a seed are not independent, so the permutation test
moves the labels of whole clusters among clusters of the same size (order within a cluster shuffled). The control
compares answers of like length only (`like_length`: length bins and ln length held fixed). Many heads are tested at
once, so p values by head are also given adjusted by the largest statistic of each draw (Westfall and Young 1993).
The figures correlate; they show no cause.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.analysis.ranking import auroc
from safesight.analysis.stats import Estimate, expanded_tails, factorise
from safesight.explain.entropy.like_length import like_length

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

PERMUTATIONS: Final = 4999
LENGTH_BINS: Final = 5
_CELLS: Final = 4_000_000
"""Label matrix entries held at once."""


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """Gaps of several measures (columns) over the same answers; None where not defined, `reason` says why."""

    gap: list[float | None]
    p: list[float | None]
    p_adjusted: list[float | None]
    """Against the largest statistic over all columns."""
    safe: int
    unsafe: int
    reason: str = ""


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """One number per answer: its gap, the same at like length, and how well it alone tells the labels apart."""

    name: str
    safe_mean: float | None
    unsafe_mean: float | None
    gap: Estimate
    p: float | None
    matched_gap: float | None
    matched_p: float | None
    matched_n: int
    """Answers in length bins that hold both labels."""
    auroc: Estimate
    """Of low values for unsafe: above 0.5, unsafe answers are lower."""


def gaps(
    values: npt.ArrayLike,
    unsafe: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    lengths: Sequence[float] | None = None,
    bins: int = LENGTH_BINS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Gaps:
    """Safe-minus-unsafe gap of each column, with a permutation test clustered by seed.

    Args:
        values: (answers, columns); a column with a NaN is undefined.
        unsafe: The label of each answer.
        clusters: The seed of each answer.
        lengths: Answer lengths; given, the gap is among answers of like length.
        bins: Length bins (quantiles); one that holds a single label is left out.
        permutations: Of the labels.
        seed: Of the permutations.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    flags = np.asarray(unsafe, dtype=np.float64)
    codes, _ = factorise(clusters)
    strata = np.zeros(len(flags), dtype=np.intp) if lengths is None else length_bins(lengths, bins)
    keep = _both_labels(strata, flags)
    table, flags, codes, strata = table[keep], flags[keep], codes[keep], _renumbered(strata[keep])
    counted = {"safe": int((flags == 0).sum()), "unsafe": int(flags.sum())}
    columns = table.shape[1]
    if not flags.size:
        none: list[float | None] = [None] * columns
        reason = "only one of the two labels is present" if lengths is None else "no length has both labels"
        return Gaps(gap=none, p=none, p_adjusted=none, reason=reason, **counted)
    if lengths is not None:
        kept = np.asarray(lengths, dtype=np.float64)[keep]
        found = like_length(table, flags, _renumbered(codes), strata, kept, draws=permutations, seed=seed)
        reason = "" if np.isfinite(found.p).any() else "too few seeds, or length settles the label"
        gap, p, adjusted = map(_plain, found)
        return Gaps(gap=gap, p=p, p_adjusted=adjusted, reason=reason, **counted)
    return _permutation_gaps(table, flags, codes, counted, permutations, seed)


def _permutation_gaps(
    table: Floats, flags: Floats, codes: Ints, counted: dict[str, int], permutations: int, seed: int
) -> Gaps:
    columns = table.shape[1]
    centred = table - table.mean(0)
    gap = _differences(flags[None], centred)[0]
    scale = np.sqrt((centred**2).mean(0))
    hits, high, done = np.zeros(columns), np.zeros(columns), 0
    standard = np.where(scale > 0, scale, np.nan)
    observed = np.abs(gap) / standard
    for labels in _permuted(flags, codes, permutations, np.random.default_rng(seed)):
        drawn = np.abs(_differences(labels, centred)) / standard
        hits += (drawn >= observed - 1e-12).sum(0)
        high += (np.nan_to_num(drawn, nan=0.0).max(axis=1, initial=0.0)[:, None] >= observed - 1e-12).sum(0)
        done += len(drawn)
    movable = done > 0 and _movable(flags, codes)
    tested = np.isfinite(observed) & movable
    p, adjusted = (hits + 1) / (done + 1), (high + 1) / (done + 1)
    return Gaps(
        gap=_plain(gap),
        p=_plain(np.where(tested, p, np.nan)),
        p_adjusted=_plain(np.where(tested, adjusted, np.nan)),
        reason="" if movable else "the labels cannot be exchanged between clusters",
        **counted,
    )


def scalar(
    name: str,
    values: Sequence[float],
    unsafe: Sequence[bool],
    clusters: Sequence[Hashable],
    lengths: Sequence[float],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Scalar:
    """Everything about one number per answer; answers where it is NaN are left out."""
    array, flags = np.asarray(values, dtype=np.float64), np.asarray(unsafe, dtype=bool)
    known = ~np.isnan(array)
    kept = [cluster for cluster, ok in zip(clusters, known, strict=True) if ok]
    array, flags, length = array[known], flags[known], np.asarray(lengths, dtype=np.float64)[known]
    labels = flags.tolist()
    plain = gaps(array, labels, kept, permutations=permutations, seed=seed)
    matched = gaps(array, labels, kept, lengths=length.tolist(), permutations=permutations, seed=seed)
    return Scalar(
        name=name,
        safe_mean=_mean(array[~flags]),
        unsafe_mean=_mean(array[flags]),
        gap=_gap_interval(array, flags, kept, seed=seed),
        p=plain.p[0],
        matched_gap=matched.gap[0],
        matched_p=matched.p[0],
        matched_n=matched.safe + matched.unsafe,
        auroc=auroc(labels, -array, clusters=kept),
    )


def length_bins(lengths: Sequence[float], bins: int) -> Ints:
    """Quantile bin of each length, from 0; equal lengths share a bin."""
    array = np.asarray(lengths, dtype=np.float64)
    if not array.size:
        return np.zeros(0, dtype=np.intp)
    edges = np.unique(np.quantile(array, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, array, side="right").astype(np.intp)


def _both_labels(strata: Ints, flags: Floats) -> npt.NDArray[np.bool_]:
    mixed = [stratum for stratum in np.unique(strata) if 0 < flags[strata == stratum].sum() < (strata == stratum).sum()]
    return np.isin(strata, mixed)


def _renumbered(strata: Ints) -> Ints:
    return np.unique(strata, return_inverse=True)[1].astype(np.intp)


def _differences(labels: Floats, centred: Floats) -> Floats:
    """Safe minus unsafe: (label rows, columns). Permuting keeps the counts, so no row is without a label."""
    count = labels.sum(1)
    return -(labels @ centred) / (count * (labels.shape[1] - count) / labels.shape[1])[:, None]


def _permuted(flags: Floats, codes: Ints, permutations: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Blocks of permuted labels: whole clusters change places with clusters of the same size."""
    groups: dict[int, list[Ints]] = {}
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        groups.setdefault(len(members), []).append(members)
    places = [np.stack(members) for members in groups.values()]
    block = max(1, _CELLS // max(1, flags.size))
    for start in range(0, permutations, block):
        rows = min(block, permutations - start)
        drawn = np.empty((rows, flags.size))
        for place in places:
            order = rng.random((rows, len(place))).argsort(1)
            moved = flags[place][order]
            drawn[:, place.ravel()] = rng.permuted(moved, axis=2).reshape(rows, -1)
        yield drawn


def _movable(flags: Floats, codes: Ints) -> bool:
    """False when no permutation can change anything."""
    totals: dict[int, set[float]] = {}
    for code in np.unique(codes):
        mine = flags[codes == code]
        if 0 < mine.sum() < mine.size:
            return True
        totals.setdefault(mine.size, set()).add(float(mine.sum()))
    return any(len(sums) > 1 for sums in totals.values())


def _gap_interval(
    values: Floats, unsafe: npt.NDArray[np.bool_], clusters: Sequence[Hashable], *, seed: int, resamples: int = 2000
) -> Estimate:
    """The gap with an interval from resampled clusters; none where one seed stands for a label."""
    method = "cluster bootstrap"
    if unsafe.all() or not unsafe.any():
        reason = "no answers" if not unsafe.size else "only one of the two labels is present"
        return Estimate(value=None, n=unsafe.size, method=method, reason=reason)
    codes, count = factorise(clusters)
    gap = float(values[~unsafe].mean() - values[unsafe].mean())
    if min(len(np.unique(codes[unsafe])), len(np.unique(codes[~unsafe]))) < 2:
        reason = "fewer than two seeds with one of the labels"
        return Estimate(value=gap, n=unsafe.size, method=method, reason=reason)
    sums = np.zeros((count, 4))
    rows = np.stack([values * ~unsafe, ~unsafe, values * unsafe, unsafe], axis=1).astype(np.float64)
    np.add.at(sums, codes, rows)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
    totals = weights @ sums
    whole = (totals[:, 1] > 0) & (totals[:, 3] > 0)
    draws = totals[whole, 0] / totals[whole, 1] - totals[whole, 2] / totals[whole, 3]
    low, high = np.quantile(draws, expanded_tails(count, 0.95))
    return Estimate(value=gap, low=float(low), high=float(high), n=unsafe.size, method=method)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if values.size else None


def _plain(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
