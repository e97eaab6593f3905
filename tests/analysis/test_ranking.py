"""AUROC against scikit-learn, and its interval against a worked DeLong variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as scipy_t
from sklearn.metrics import roc_auc_score

from safesight.analysis.ranking import auroc

from .helpers import bounds, width


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=50))
def test_auroc_is_scikit_learns(rows: list[tuple[bool, int]]):
    labels, scores = [r[0] for r in rows], [r[1] for r in rows]
    got = auroc(labels, scores)
    if len(set(labels)) == 1:
        assert got.value is None
        assert got.reason == "only one of the two labels is present"
        return
    assert got.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    if got.low is not None:
        low, value, high = bounds(got)
        assert 0 <= low <= value <= high <= 1


def test_auroc_interval_is_wilsons_at_delongs_variance():
    labels = [True, True, True, False, False, False]
    scores = [0.9, 0.6, 0.4, 0.5, 0.3, 0.1]
    # Placements: positives 1, 1, 2/3; negatives 2/3, 1, 1 -> DeLong's variance 1/27 of each, over three answers each.
    variance = 2 / 27 / 3
    # Squared parts: two of (2/9)^2 and four of (1/9)^2: Satterthwaite's (2 x 4 + 4)^2 / (2 x 16 + 4) equal ones.
    t = float(scipy_t.ppf(0.975, min(5, 1.25 * 12**2 / 36)))
    p, n = 8 / 9, (8 / 9) * (1 / 9) / variance
    roots = np.sort(np.roots([n + t**2, -(2 * n * p + t**2), n * p**2]).real)
    low, value, high = bounds(auroc(labels, scores))
    assert value == pytest.approx(8 / 9)
    assert (low, high) == pytest.approx(tuple(roots), abs=1e-6)


def test_seeds_widen_the_interval_of_auroc():
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(40) % 2 == 0, 5)
    scores = np.repeat(rng.normal(size=40) + (np.arange(40) % 2 == 0), 5)
    alike, apart = (
        auroc(labels.tolist(), scores, clusters=np.repeat(np.arange(40), 5).tolist()),
        auroc(labels.tolist(), scores),
    )
    assert width(alike) > 1.8 * width(apart)


def test_auroc_of_degenerate_input():
    assert auroc([], []).reason == "no samples"
    assert auroc([True, False], [0.1, float("nan")]).reason == "a score is missing"
    assert auroc([True, False], [0.2, 0.1]).reason == "fewer than two seeds with one of the labels"
    assert bounds(auroc([True, True, False, False], [2, 2, 1, 1]))[2] == 1.0
