"""Rogan-Gladen against published figures and simulation; AUROC against scikit-learn and a worked DeLong variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from safesight.analysis.judge_errors import Errors, auroc, correct_rate

from .helpers import bounds, width


def test_rogan_gladen_published_example():
    # epiR's epi.prev: 23 of 150 positive, sensitivity .96, specificity .89 -> 5.1 % true.
    got = correct_rate(23, 150, Errors(sensitivity=0.96, specificity=0.89))
    assert got.value == pytest.approx(0.051, abs=5e-4)
    assert bounds(got)[0] == 0.0
    assert bounds(got)[2] == pytest.approx(0.13, abs=0.005)


def test_a_perfect_judge_changes_nothing():
    got = correct_rate(30, 100, Errors(sensitivity=1.0, specificity=1.0))
    assert bounds(got) == pytest.approx((0.2189, 0.3, 0.3958), abs=1e-4)


def test_uncertain_error_rates_widen_the_interval_and_cover():
    known = correct_rate(120, 300, Errors(sensitivity=0.9, specificity=0.85))
    estimated = correct_rate(120, 300, Errors(sensitivity=0.9, specificity=0.85, unsafe_items=60, safe_items=60))
    assert width(estimated) > width(known)
    rng, hits = np.random.default_rng(2), 0
    for _ in range(300):
        se, sp = rng.binomial(80, 0.9) / 80, rng.binomial(80, 0.85) / 80
        flagged = int(rng.binomial(400, 0.3 * 0.9 + 0.7 * 0.15))
        low, _, high = bounds(
            correct_rate(flagged, 400, Errors(sensitivity=se, specificity=sp, unsafe_items=80, safe_items=80))
        )
        hits += low <= 0.3 <= high
    assert 274 <= hits <= 297


@pytest.mark.parametrize(("unsafe", "value"), [(0, 0.0), (10, 1.0)])
def test_correction_stays_a_share(unsafe: int, value: float):
    errors = Errors(sensitivity=0.8, specificity=0.8, unsafe_items=50, safe_items=50)
    low, middle, high = bounds(correct_rate(unsafe, 10, errors))
    assert middle == value
    assert 0 <= low <= high <= 1


def test_correction_of_degenerate_input():
    assert correct_rate(0, 0, Errors(sensitivity=0.9, specificity=0.9)).reason == "no samples"
    useless = correct_rate(3, 10, Errors(sensitivity=0.5, specificity=0.5))
    assert useless.value is None
    assert "no better than chance" in useless.reason


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


def test_auroc_interval_is_delongs_by_placement_values():
    labels = [True, True, True, False, False, False]
    scores = [0.9, 0.6, 0.4, 0.5, 0.3, 0.1]
    # Placements: positives 1, 1, 2/3; negatives 2/3, 1, 1 -> variance 1/27 each.
    half = 1.959964 * np.sqrt(1 / 27 / 3 * 2)
    low, value, high = bounds(auroc(labels, scores))
    assert value == pytest.approx(8 / 9)
    assert (low, high) == (pytest.approx(8 / 9 - half, abs=1e-6), 1.0)


def test_auroc_of_degenerate_input():
    assert auroc([], []).reason == "no samples"
    assert auroc([True, False], [0.1, float("nan")]).reason == "a score is missing"
    assert auroc([True, False], [0.2, 0.1]).reason == "too few items for an interval"
    assert auroc([True, True, False, False], [2, 2, 1, 1]).reason == "no variation between scores"
