"""The few distributions that intervals and tests need: normal, Student's t, the fair coin, and ranks with ties.

SciPy has them all and is what the tests compare with, but it would be half of the base install
(docs/adr/0007-small-base.md). Invariant: relative error below 1e-10 over what is asked here (t from half a degree of
freedom up, tails down to 1e-9).

Sources: the incomplete beta function's continued fraction, DLMF 8.17.22, by Lentz's method (Thompson and Barnett 1986);
for many degrees of freedom the Cornish-Fisher expansion, Abramowitz and Stegun 26.7.5.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

_NORMAL: Final = NormalDist()
_MANY: Final = 5000
"""From so many degrees of freedom on, the expansion's four terms are exact to twelve digits."""
_TINY: Final = 1e-300


def normal_cdf(x: float) -> float:
    """P(Z <= x), to full precision in both tails."""
    return math.erfc(-x / math.sqrt(2)) / 2


def normal_ppf(p: float) -> float:
    """The x with P(Z <= x) = p, for p in (0, 1)."""
    return _NORMAL.inv_cdf(p)


def student_ppf(p: float, df: float) -> float:
    """The t with P(T <= t) = p, for p in (0, 1) and any positive number of degrees of freedom."""
    if p == 0.5:
        return 0.0
    return -_upper_student(p, df) if p < 0.5 else _upper_student(1 - p, df)


def _upper_student(wanted: float, df: float) -> float:
    """The t with P(T > t) = `wanted`, for `wanted` below one half."""
    z = -normal_ppf(wanted)
    if df >= _MANY:
        return _expanded(z, df)
    # The tail is convex, and the normal quantile lies left of the answer: Newton's steps never overshoot.
    t = z
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    for _ in range(500):
        step = (_student_tail(t, df) - wanted) / (scale * (1 + t * t / df) ** (-(df + 1) / 2))
        t += step
        if abs(step) <= 1e-13 * t:
            break
    return t


def _expanded(z: float, df: float) -> float:
    s = z * z
    terms = (
        (s + 1) / 4,
        ((5 * s + 16) * s + 3) / 96,
        (((3 * s + 19) * s + 17) * s - 15) / 384,
        ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160,
    )
    return z + z * sum(term / df ** (i + 1) for i, term in enumerate(terms))


def _student_tail(t: float, df: float) -> float:
    """P(T > t) for t > 0: half the regularised incomplete beta function I_x(df/2, 1/2) at x = df / (df + t^2)."""
    x, a, b = df / (df + t * t), df / 2, 0.5
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)) * x**a * (t * t / (df + t * t)) ** b
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / (2 * a)
    return (1 - front * _beta_fraction(b, a, 1 - x) / b) / 2


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), _TINY)
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY


def fair_coin_cdf(heads: int, tosses: int) -> float:
    """P(at most so many heads), in whole numbers until the last division."""
    total = term = 1
    for i in range(1, heads + 1):
        term = term * (tosses - i + 1) // i
        total += term
    return total / (1 << tosses)


def fair_coin_pmf(heads: int, tosses: int) -> float:
    """P(exactly so many heads)."""
    return math.comb(tosses, heads) / (1 << tosses)


def mid_ranks(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Ranks from 1 along the last axis; tied values share the mean of theirs. The shape stays."""
    table = np.asarray(values, dtype=np.float64)
    rows = table.reshape(-1, table.shape[-1])
    order = np.argsort(rows, axis=1, kind="stable")
    ranked = np.take_along_axis(rows, order, axis=1)
    place = np.arange(rows.shape[1])
    opens = np.ones(rows.shape, dtype=bool)
    opens[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    closes = np.roll(opens, -1, axis=1)
    closes[:, -1:] = True
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(closes, place, rows.shape[1])[:, ::-1], axis=1)[:, ::-1]
    found = np.empty(rows.shape)
    np.put_along_axis(found, order, (first + last) / 2 + 1, axis=1)
    return found.reshape(table.shape)
