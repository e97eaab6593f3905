"""Intervals of a benchmark's own figures (MLLMGuard's ASD and PAR, MM-SafetyBench's averages)."""

from __future__ import annotations

import numpy as np

from safesight.analysis.proportions import bounded_mean
from safesight.analysis.stats import Estimate
from safesight.core.protocols import Metric


def figure_interval(metric: Metric, *, level: float = 0.95) -> Estimate:
    """The interval of a figure that is a weighted mean of means; without a value or terms, a reason."""
    terms = metric.terms
    if metric.value is None or not terms:
        return Estimate(value=metric.value, n=metric.n, level=level, reason=metric.note or "no interval is defined")
    column = np.repeat(np.arange(len(terms)), [len(term.values) for term in terms])
    counted = np.eye(len(terms))[column]
    values = np.concatenate([np.asarray(term.values, dtype=np.float64) for term in terms])
    return bounded_mean(
        counted * values[:, None],
        [cluster for term in terms for cluster in term.clusters],
        denominators=counted,
        weights=[term.weight for term in terms],
        level=level,
    )
