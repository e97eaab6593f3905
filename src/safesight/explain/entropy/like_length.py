"""The gap between safe and unsafe answers of like length: a regression, and a test that keeps its level.

value = gap x label + one level per length bin + slope x ln(length) + error. Bins alone leave the slope within a bin:
where labels go with length, the old test of bins rejected a true null in 9.5-23 % of simulations at a nominal 5 %.
Test: residuals under "no gap" (Freedman and Lane 1983) keep their seed's unknown dependence by changing sign seed by
seed (the wild cluster bootstrap of Cameron, Gelbach and Miller 2008), and the statistic is studentised by the variance
between seeds, so unequal seeds do no harm. `python -m bench coverage` prints its level.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from safesight.analysis.stats import cluster_totals

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_CELLS: Final = 4_000_000
"""Entries of the largest array held at once."""
_TINY: Final = 1e-12


class LikeLength(NamedTuple):
    """Of each column: the gap (safe minus unsafe), p, and p against the largest statistic of all columns; NaN where
    it is not defined."""

    gap: Floats
    p: Floats
    p_adjusted: Floats


class _Pieces(NamedTuple):
    """What a draw of signs needs, by cluster: the statistic is linear in the signs, so no draw touches the answers."""

    own: Floats
    """(clusters, columns): label residual times value residual."""
    nuisance: Floats
    """(clusters, terms, columns): nuisance terms times value residual, solved."""
    cross: Floats
    """(clusters, terms): label residual times nuisance terms."""
    square: Floats
    """(clusters,): label residual squared."""


def like_length(
    table: Floats, unsafe: Floats, codes: Ints, bins: Ints, lengths: Floats, *, draws: int, seed: int
) -> LikeLength:
    """Regress and test every column.

    Args:
        table: (answers, columns).
        unsafe: (answers,) of 0 and 1.
        codes: (answers,) seed of each answer, numbered from 0.
        bins: (answers,) length bin of each answer, numbered from 0.
        lengths: (answers,) in tokens.
        draws: sign draws.
        seed: of the draws.
    """
    terms = _nuisance(bins, lengths)
    label = _residuals(terms, unsafe[:, None])[:, 0]
    spread = float(label @ label)
    columns = table.shape[1]
    nothing = np.full(columns, np.nan)
    if spread < _TINY:
        return LikeLength(nothing, nothing, nothing)
    gap = -(label @ table) / spread
    pieces = _pieces(terms, label, _residuals(terms, table), codes)
    clusters = len(pieces.own)
    if np.count_nonzero(np.abs(pieces.own).max(axis=1) > _TINY) < 2:
        return LikeLength(gap, nothing, nothing)
    observed = _statistics(np.ones((1, clusters)), pieces, spread)[0]
    rng, hits, high = np.random.default_rng(seed), np.zeros(columns), np.zeros(columns)
    block = max(1, _CELLS // max(1, clusters * columns))
    for start in range(0, draws, block):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(min(block, draws - start), clusters))
        drawn = np.nan_to_num(_statistics(signs, pieces, spread), nan=0.0)
        hits += (drawn >= observed - 1e-9).sum(axis=0)
        high += (drawn.max(axis=1, initial=0.0)[:, None] >= observed - 1e-9).sum(axis=0)
    known = np.isfinite(observed)
    p, adjusted = (np.where(known, (count + 1) / (draws + 1), np.nan) for count in (hits, high))
    return LikeLength(gap, p, adjusted)


def _nuisance(bins: Ints, lengths: Floats) -> Floats:
    """(answers, terms): an orthonormal basis of the bins' levels and the slope of ln(length) within them."""
    levels = np.eye(int(bins.max()) + 1)[bins]
    slope = np.log(np.maximum(lengths, 1.0))
    within = slope - (levels @ ((levels.T @ slope) / levels.sum(axis=0)))
    levels = levels / np.sqrt(levels.sum(axis=0))
    size = float(np.sqrt(within @ within))
    return np.column_stack([levels, within / size]) if size > 1e-9 else levels


def _residuals(terms: Floats, values: Floats) -> Floats:
    return values - terms @ (terms.T @ values)


def _pieces(terms: Floats, label: Floats, values: Floats, codes: Ints) -> _Pieces:
    count = int(codes.max()) + 1
    width, columns = terms.shape[1], values.shape[1]
    products = (terms[:, :, None] * values[:, None, :]).reshape(len(terms), width * columns)
    return _Pieces(
        own=cluster_totals(label[:, None] * values, codes, count),
        nuisance=cluster_totals(products, codes, count).reshape(count, width, columns),
        cross=cluster_totals(label[:, None] * terms, codes, count),
        square=cluster_totals((label**2)[:, None], codes, count)[:, 0],
    )


def _statistics(signs: Floats, pieces: _Pieces, spread: float) -> Floats:
    """|gap| over its standard error between clusters, for each row of signs: (rows, columns)."""
    sums = signs @ pieces.own
    count, width, columns = pieces.nuisance.shape
    fitted = (signs @ pieces.nuisance.reshape(count, width * columns)).reshape(len(signs), width, columns)
    scores = signs[:, :, None] * pieces.own[None]
    scores -= np.einsum("gw,rwc->rgc", pieces.cross, fitted, optimize=True)
    scores -= pieces.square[None, :, None] * (sums / spread)[:, None, :]
    error = np.sqrt((scores**2).sum(axis=1))
    return np.divide(np.abs(sums), error, out=np.full(sums.shape, np.nan), where=error > _TINY)
