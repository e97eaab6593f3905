"""Kappa against scikit-learn and the published worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from safesight.analysis.kappa import cohen_kappa, fleiss_kappa

from .helpers import bounds, width

FLEISS_1971 = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def _spread(table: list[list[int]]) -> tuple[list[int], list[int]]:
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def test_cohen_kappa_worked_example():
    # Fleiss, Levin and Paik, "Statistical methods for rates and proportions", 3rd ed., table 18.1 and eq. 18.13.
    first, second = _spread([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    got = cohen_kappa(first, second)
    assert got.value == pytest.approx(0.676, abs=5e-4)
    assert width(got) / 2 / 1.959964 == pytest.approx(0.088, abs=5e-4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60))
def test_cohen_kappa_is_scikit_learns(pairs: list[tuple[str, str]]):
    first, second = [p[0] for p in pairs], [p[1] for p in pairs]
    got = cohen_kappa(first, second)
    if len(set(first + second)) == 1:
        assert got.value is None
        assert got.reason == "both gave one and the same label"
    else:
        assert got.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
        if got.low is None:
            assert got.reason == "no variation between items"
            return
        low, value, high = bounds(got)
        assert -1 <= low <= value <= high <= 1


def test_clustered_kappa_interval_agrees_with_theory_for_singletons_and_widens_for_clusters():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 2, 400)
    second = np.where(rng.random(400) < 0.85, first, 1 - first)
    plain = cohen_kappa(first.tolist(), second.tolist())
    single = cohen_kappa(first.tolist(), second.tolist(), clusters=range(400))
    assert single.low == pytest.approx(plain.low, abs=0.02)
    assert single.high == pytest.approx(plain.high, abs=0.02)
    copies = cohen_kappa(
        np.repeat(first, 4).tolist(), np.repeat(second, 4).tolist(), clusters=[i // 4 for i in range(1600)]
    )
    assert width(copies) == pytest.approx(width(single), abs=0.02)


def test_fleiss_kappa_published_example():
    got = fleiss_kappa(FLEISS_1971)
    assert got.value == pytest.approx(0.210, abs=5e-4)
    low, value, high = bounds(got)
    assert low < value < high


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([], "no common items"),
        ([[1, 0]], "needs the same raters, two or more, per item"),
        ([[2, 0], [2, 1]], "needs the same raters, two or more, per item"),
        ([[3, 0], [3, 0]], "every rater gave one and the same label"),
        ([[3, 0], [0, 3]], "too few clusters for an interval"),
    ],
)
def test_fleiss_kappa_of_degenerate_input(counts: list[list[int]], reason: str):
    got = fleiss_kappa(counts)
    assert got.reason == reason
    assert got.low is None


def test_cohen_kappa_of_degenerate_input():
    assert cohen_kappa([], []).reason == "no common items"
    assert cohen_kappa([1, 0], [0, 1], clusters="aa").reason == "fewer than two clusters"
    assert cohen_kappa([1, 1, 1], [0, 0, 0], clusters="abc").reason == "no variation between clusters"
    assert cohen_kappa([1, 0, 1], [1, 0, 1]).reason == "no variation between items"
