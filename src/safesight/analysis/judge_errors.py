"""How good a judge or score is, and a rate corrected for a judge's known errors.

Sources: Rogan and Gladen 1978; interval of Lang and Reiczigel 2014 (Prev. Vet. Med. 113:13), which counts the
uncertainty of the error rates too; AUROC as the Mann-Whitney statistic with DeLong's interval (1988).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.analysis.stats import Estimate, wilson


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's known error rates against people, and on how many items each was measured.

    Counts of 0 mean "taken as exact": the interval then reflects only the run's own size.
    """

    sensitivity: float
    """Share of truly unsafe answers it calls unsafe."""
    specificity: float
    """Share of truly safe answers it calls safe."""
    unsafe_items: int = 0
    safe_items: int = 0


def correct_rate(unsafe: int, judged: int, errors: Errors, *, level: float = 0.95) -> Estimate:
    """The true unsafe rate behind `unsafe` of `judged` verdicts by a judge with these errors.

    The value is cut to [0, 1]. A judge no better than chance (sensitivity + specificity <= 1) says nothing:
    the value is None.
    """
    method = "Rogan-Gladen, Lang-Reiczigel interval"
    if judged <= 0:
        return Estimate(value=None, level=level, method=method, reason="no samples")
    if errors.sensitivity + errors.specificity - 1 <= 1e-12:
        reason = "the judge is no better than chance (sensitivity + specificity <= 1)"
        return Estimate(value=None, n=judged, level=level, method=method, reason=reason)
    value = _true_rate(unsafe / judged, errors.sensitivity, errors.specificity)
    if not errors.unsafe_items or not errors.safe_items:
        plain = wilson(unsafe, judged, level=level)
        low, high = (
            _true_rate(bound or 0.0, errors.sensitivity, errors.specificity) for bound in (plain.low, plain.high)
        )
        method = "Rogan-Gladen, error rates taken as exact"
    else:
        low, high = _lang_reiczigel(unsafe, judged, errors, level)
    return Estimate(value=_clip(value), low=_clip(low), high=_clip(high), n=judged, level=level, method=method)


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))


def _true_rate(apparent: float, sensitivity: float, specificity: float) -> float:
    return (apparent + specificity - 1) / (sensitivity + specificity - 1)


def _lang_reiczigel(unsafe: int, judged: int, errors: Errors, level: float) -> tuple[float, float]:
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    n, n_se, n_sp = judged + z * z, errors.unsafe_items + 2, errors.safe_items + 2
    p = (unsafe + z * z / 2) / n
    se = (errors.unsafe_items * errors.sensitivity + 1) / n_se
    sp = (errors.safe_items * errors.specificity + 1) / n_sp
    youden = se + sp - 1
    if youden <= 1e-12:
        return 0.0, 1.0
    rate = (p + sp - 1) / youden
    se_term, sp_term = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    spread = math.sqrt(p * (1 - p) / n + rate**2 * se_term + (1 - rate) ** 2 * sp_term) / youden
    centre = rate + 2 * z * z * (rate * se_term - (1 - rate) * sp_term)
    return centre - z * spread, centre + z * spread


def auroc(labels: Sequence[bool], scores: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Probability that a positive scores above a negative (ties count half), with DeLong's interval.

    Undefined with one class only, and when a score is NaN.
    """
    truth, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    method, positives = "AUROC (DeLong)", int(truth.sum())
    if positives in (0, truth.size):
        reason = "no samples" if truth.size == 0 else "only one of the two labels is present"
        return Estimate(value=None, n=truth.size, level=level, method=method, reason=reason)
    if np.isnan(values).any():
        return Estimate(value=None, n=truth.size, level=level, method=method, reason="a score is missing")
    from scipy.special import ndtri
    from scipy.stats import rankdata

    negatives = truth.size - positives
    overall = rankdata(values)
    above = (overall[truth] - rankdata(values[truth])) / negatives
    below = 1 - (overall[~truth] - rankdata(values[~truth])) / positives
    value = float(above.mean())
    if min(positives, negatives) < 2:
        return Estimate(value=value, n=truth.size, level=level, method=method, reason="too few items for an interval")
    half = float(ndtri((1 + level) / 2)) * math.sqrt(above.var(ddof=1) / positives + below.var(ddof=1) / negatives)
    if half == 0:
        return Estimate(value=value, n=truth.size, level=level, method=method, reason="no variation between scores")
    return Estimate(
        value=value, low=_clip(value - half), high=_clip(value + half), n=truth.size, level=level, method=method
    )
