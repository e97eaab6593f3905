"""Intervals of shares: what the audit asked for, SciPy's Wilson for independent rows, and nothing crashes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from safesight.analysis.proportions import bounded_mean, effective_sample, share

from .helpers import bounds, width


def test_no_hit_from_twenty_seeds_is_not_no_hit_from_a_hundred_rows():
    low, value, high = bounds(share([False] * 100, [i // 5 for i in range(100)]))
    assert (low, value) == (0.0, 0.0)
    # Wilson for 0 of 20, as statsmodels and R's prop.test(correct = FALSE) give it: 16 %, where 0 of 100 is 3.7 %.
    assert high == pytest.approx(0.1611, abs=5e-5)


@pytest.mark.parametrize(("hits", "seeds"), [([True] * 50, 10), ([False] * 8, 2), ([True, False] * 10, 10)])
def test_seeds_that_do_not_differ_count_once_each(hits: list[bool], seeds: int):
    found = effective_sample(hits, [i * seeds // len(hits) for i in range(len(hits))])
    assert found.effective == seeds


def test_one_seed_gives_no_interval():
    found = share([True, False, True], "aaa")
    assert (found.low, found.reason) == (None, "fewer than two clusters")
    assert share([], []).reason == "no samples"


@given(st.integers(1, 300), st.data())
def test_independent_rows_have_scipys_wilson_interval(n: int, data: st.DataObject):
    k = data.draw(st.integers(0, n))
    reference = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
    got = share([i < k for i in range(n)], range(n))
    assert (got.low, got.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_seeds_that_share_their_fate_are_worth_one_row_each():
    hits = np.repeat(np.arange(300) % 2 == 0, 5)
    found = effective_sample(hits, np.repeat(np.arange(300), 5).tolist())
    assert found.effective == pytest.approx(300, rel=0.01)
    assert found.df == 299


def test_a_macro_mean_weighs_groups_alike():
    # Group a: 9 of 9, group b: 0 of 1.
    columns = np.eye(2)[[0] * 9 + [1]]
    found = bounded_mean(columns * np.array([[1.0, 0.0]]), range(10), denominators=columns)
    assert found.value == 0.5
    assert width(found) > 0.4
    absent = bounded_mean(np.zeros((4, 2)), range(4), denominators=np.eye(2)[[0] * 4])
    assert (absent.value, absent.n) == (0.0, 4)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abcd"), st.integers(0, 2)), max_size=20))
def test_any_scores_in_any_clusters_give_an_interval_around_the_mean_or_a_reason(rows: list[tuple[float, str, int]]):
    columns = np.eye(3)[[g for _, _, g in rows]].reshape(len(rows), 3)
    for values, below in (
        ([v for v, _, _ in rows], None),
        (columns * np.array([v for v, _, _ in rows]).reshape(-1, 1), columns),
    ):
        found = bounded_mean(values, [c for _, c, _ in rows], denominators=below)
        if found.low is None:
            assert found.reason
        else:
            low, value, high = bounds(found)
            assert -1e-9 <= low <= value + 1e-9 <= high + 2e-9 <= 1 + 3e-9
