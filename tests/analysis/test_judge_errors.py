"""Rogan-Gladen against published figures and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from safesight.analysis.judge_errors import Errors, correct_rate

from .helpers import bounds, width


def test_rogan_gladen_published_example():
    # epiR's epi.prev: 23 of 150 positive, sensitivity .96, specificity .89 -> 5.1 % true.
    got = correct_rate([True] * 23 + [False] * 127, Errors(sensitivity=0.96, specificity=0.89))
    assert got.value == pytest.approx(0.051, abs=5e-4)
    assert bounds(got)[0] == 0.0
    assert bounds(got)[2] == pytest.approx(0.13, abs=0.005)


def test_a_perfect_judge_changes_nothing():
    got = correct_rate([True] * 30 + [False] * 70, Errors(sensitivity=1.0, specificity=1.0))
    assert bounds(got) == pytest.approx((0.2189, 0.3, 0.3958), abs=1e-4)


def test_uncertain_error_rates_widen_the_interval_and_cover():
    known = correct_rate([True] * 120 + [False] * 180, Errors(sensitivity=0.9, specificity=0.85))
    estimated = correct_rate(
        [True] * 120 + [False] * 180, Errors(sensitivity=0.9, specificity=0.85, unsafe_items=60, safe_items=60)
    )
    assert width(estimated) > width(known)
    rng, hits = np.random.default_rng(2), 0
    for _ in range(300):
        se, sp = rng.binomial(80, 0.9) / 80, rng.binomial(80, 0.85) / 80
        flagged = int(rng.binomial(400, 0.3 * 0.9 + 0.7 * 0.15))
        low, _, high = bounds(
            correct_rate(
                [i < flagged for i in range(400)],
                Errors(sensitivity=se, specificity=sp, unsafe_items=80, safe_items=80),
            )
        )
        hits += low <= 0.3 <= high
    assert 274 <= hits <= 297


@pytest.mark.parametrize(("unsafe", "value"), [(0, 0.0), (10, 1.0)])
def test_correction_stays_a_share(unsafe: int, value: float):
    errors = Errors(sensitivity=0.8, specificity=0.8, unsafe_items=50, safe_items=50)
    low, middle, high = bounds(correct_rate([True] * unsafe + [False] * (10 - unsafe), errors))
    assert middle == value
    assert 0 <= low <= high <= 1


def test_correction_of_degenerate_input():
    assert correct_rate([], Errors(sensitivity=0.9, specificity=0.9)).reason == "no samples"
    useless = correct_rate([True] * 3 + [False] * 7, Errors(sensitivity=0.5, specificity=0.5))
    assert useless.value is None
    assert "no better than chance" in useless.reason


def test_answers_of_one_seed_count_for_less():
    errors = Errors(sensitivity=0.9, specificity=0.85, unsafe_items=60, safe_items=60)
    hits = [seed % 3 == 0 for seed in range(60) for _ in range(5)]
    alike = correct_rate(hits, errors, clusters=[seed for seed in range(60) for _ in range(5)])
    assert alike.value == correct_rate(hits, errors).value
    assert width(alike) > 1.5 * width(correct_rate(hits, errors))
    assert correct_rate(hits, errors, clusters=[0] * 300).reason == "fewer than two clusters"
