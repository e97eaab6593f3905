"""Against SciPy, which has every one of these, and against printed tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from safesight.analysis.distributions import (
    fair_coin_cdf,
    fair_coin_pmf,
    mid_ranks,
    normal_cdf,
    normal_ppf,
    student_ppf,
)


@given(st.floats(-35, 8))
def test_normal_probabilities_are_scipys_deep_into_the_tail(x: float) -> None:
    assert normal_cdf(x) == pytest.approx(special.ndtr(x), rel=1e-12)


@given(st.floats(1e-12, 1 - 1e-12))
def test_normal_quantiles_are_scipys(p: float) -> None:
    assert normal_ppf(p) == pytest.approx(special.ndtri(p), rel=1e-11, abs=1e-14)


@given(st.floats(1e-9, 1 - 1e-9), st.one_of(st.floats(0.5, 50), st.floats(50, 1e7), st.integers(1, 6000)))
def test_students_quantiles_are_scipys(p: float, df: float) -> None:
    # Near the middle both are ill-conditioned in p, not in t.
    assert student_ppf(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize(
    ("df", "printed"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)]
)
def test_students_975_quantiles_are_those_printed_in_textbooks(df: int, printed: float) -> None:
    assert round(student_ppf(0.975, df), 3) == printed
    assert round(student_ppf(0.025, df), 3) == -printed


@given(st.data(), st.integers(0, 3000))
def test_a_fair_coins_tails_are_scipys(data: st.DataObject, tosses: int) -> None:
    heads = data.draw(st.integers(0, tosses))
    assert fair_coin_cdf(heads, tosses) == pytest.approx(stats.binom.cdf(heads, tosses, 0.5), rel=1e-9, abs=1e-300)
    assert fair_coin_pmf(heads, tosses) == pytest.approx(stats.binom.pmf(heads, tosses, 0.5), rel=1e-9, abs=1e-300)


@given(
    st.lists(st.lists(st.sampled_from([-1.5, 0.0, 0.25, 2.0, 9.0]), min_size=5, max_size=5), min_size=1, max_size=6),
)
def test_ranks_are_scipys_with_ties_by_row_and_alone(rows: list[list[float]]) -> None:
    np.testing.assert_array_equal(mid_ranks(rows), stats.rankdata(rows, axis=1))
    np.testing.assert_array_equal(mid_ranks(rows[0]), stats.rankdata(rows[0]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_ranks_of_any_numbers_are_scipys(values: list[float]) -> None:
    np.testing.assert_array_equal(mid_ranks(values), stats.rankdata(values))
