"""Intervals and tests against SciPy, exact enumeration and textbook values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from safesight.analysis import stats

from .helpers import bounds, p_value, width


def test_wilson_textbook_value():
    # Newcombe 1998, table I: 81 of 263.
    interval = stats.wilson(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert interval.value == pytest.approx(81 / 263)


def test_wilson_at_the_edges_stays_inside_zero_and_one():
    assert stats.wilson(0, 10).low == 0.0
    assert stats.wilson(0, 10).high == pytest.approx(0.2775, abs=5e-5)
    assert stats.wilson(10, 10).high == 1.0
    empty = stats.wilson(0, 0)
    assert empty.value is None
    assert empty.reason == "no samples"


@given(st.integers(1, 400), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(n: int, data: st.DataObject, level: float):
    k = data.draw(st.integers(0, n))
    reference = scipy_stats.binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
    got = stats.wilson(k, n, level=level)
    assert (got.low, got.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_with_singleton_clusters_is_scipys(method: str):
    values = np.random.default_rng(5).exponential(size=60)
    mine = stats.cluster_bootstrap(values, range(60), method=method, resamples=20_000, seed=1)
    reference = scipy_stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        method={"percentile": "percentile", "bca": "BCa"}[method],
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert mine.value == pytest.approx(values.mean())
    assert mine.low == pytest.approx(reference.low, abs=0.01)
    assert mine.high == pytest.approx(reference.high, abs=0.01)


def test_bootstrap_of_a_ratio_equals_exhaustive_resampling():
    # Three clusters have 27 equally likely resamples: the percentiles are known exactly.
    sums, sizes = [1.0, 4.0, 2.0], [2.0, 5.0, 8.0]
    every = [sum(sums[i] for i in draw) / sum(sizes[i] for i in draw) for draw in itertools.product(range(3), repeat=3)]
    got = stats.cluster_bootstrap(sums, "abc", denominators=sizes, resamples=40_000, level=0.8)
    assert got.value == pytest.approx(7 / 15)
    assert got.low == pytest.approx(np.quantile(every, 0.1, method="inverted_cdf"), abs=1e-6)
    assert got.high == pytest.approx(np.quantile(every, 0.9, method="inverted_cdf"), abs=1e-6)


def test_clusters_widen_the_interval_when_members_agree():
    values = np.repeat(np.random.default_rng(0).integers(0, 2, 60), 5)
    apart = stats.cluster_bootstrap(values, range(300))
    together = stats.cluster_bootstrap(values, np.repeat(np.arange(60), 5).tolist())
    assert width(together) > 1.8 * width(apart)
    # Perfectly alike members carry no information beyond their cluster: sqrt(p q / 60).
    p = values.mean()
    assert width(together) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 60), rel=0.1)


def test_bootstrap_covers_at_its_level():
    rng, hits = np.random.default_rng(11), 0
    for trial in range(200):
        risk = rng.beta(2, 3, size=80)
        values = rng.binomial(1, np.repeat(risk, 4))
        got = stats.cluster_bootstrap(values, np.repeat(np.arange(80), 4).tolist(), resamples=400, seed=trial)
        low, _, high = bounds(got)
        hits += low <= 0.4 <= high
    assert 180 <= hits <= 199


def test_bootstrap_macro_mean_averages_columns_and_skips_empty_ones():
    top = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0]])
    bottom = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    got = stats.cluster_bootstrap(top, "abcd", denominators=bottom)
    assert got.value == pytest.approx((0.5 + 1.0) / 2)
    low, value, high = bounds(got)
    assert 0 <= low <= value <= high <= 1


def test_bootstrap_is_reproducible_and_seeded():
    values = np.random.default_rng(3).random(50)
    same = [stats.cluster_bootstrap(values, range(50), seed=s) for s in (7, 7, 8)]
    assert same[0] == same[1]
    assert same[0] != same[2]


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [
        ([], [], "no samples"),
        ([1.0], ["a"], "fewer than two clusters"),
        ([1.0, 0.0], ["a", "a"], "fewer than two clusters"),
        ([1.0, 1.0, 1.0], ["a", "b", "c"], "no variation between clusters"),
        ([0.0, 0.0], ["a", "b"], "no variation between clusters"),
    ],
)
def test_bootstrap_of_degenerate_input_says_why(method: str, values: list[float], clusters: list[str], reason: str):
    got = stats.cluster_bootstrap(values, clusters, method=method)
    assert (got.low, got.high) == (None, None)
    assert got.reason == reason


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 5)), max_size=30),
    st.sampled_from(["percentile", "bca"]),
)
def test_bootstrap_never_crashes_and_orders_its_bounds(rows: list[tuple[float, int]], method: str):
    got = stats.cluster_bootstrap([r[0] for r in rows], [r[1] for r in rows], method=method, resamples=200)
    if got.low is None:
        assert got.reason
    else:
        low, _, high = bounds(got)
        assert 0 <= low <= high <= 1


def test_mcnemar_textbook_values():
    # Fagerland, Lydersen, Laake 2013, airway hyper-responsiveness: 1 and 7 discordant pairs.
    assert stats.mcnemar(1, 7, method="exact").p == pytest.approx(0.0703, abs=5e-5)
    assert stats.mcnemar(1, 7, method="mid-p").p == pytest.approx(0.0391, abs=5e-5)
    assert stats.mcnemar(1, 7, method="chi2").p == pytest.approx(0.0339, abs=5e-5)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_mid_p_is_the_definition(b: int, c: int):
    got = stats.mcnemar(b, c)
    if b + c == 0:
        assert got.p is None
        assert got.reason == "no discordant pairs"
        return
    pmf = scipy_stats.binom.pmf(np.arange(b + c + 1), b + c, 0.5)
    low = min(b, c)
    assert got.p == pytest.approx(min(1.0, 2 * (pmf[:low].sum() + pmf[low] / 2)), abs=1e-9)
    assert got.p == stats.mcnemar(c, b).p


def test_paired_permutation_is_exact_for_few_clusters():
    differences = [1.0, 0.5, -0.25, 2.0, 1.5]
    signs = itertools.product([1, -1], repeat=5)
    sums = [sum(s * d for s, d in zip(row, differences, strict=True)) for row in signs]
    expected = np.mean(np.abs(sums) >= abs(sum(differences)) - 1e-12)
    assert stats.paired_permutation(differences, "abcde").p == pytest.approx(expected)


@pytest.mark.parametrize("clusters", [4, 12, 80])
def test_paired_permutation_is_scipys(clusters: int):
    differences = np.random.default_rng(clusters).normal(0.25, 1, size=clusters)
    reference = scipy_stats.permutation_test(
        (differences, np.zeros(clusters)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=9999,
        rng=np.random.default_rng(0),
    )
    # 80 clusters are sampled, not enumerated: two Monte Carlo estimates from 9,999 draws each.
    tolerance = 1e-9 if clusters < 14 else 0.03
    assert stats.paired_permutation(differences, range(clusters)).p == pytest.approx(reference.pvalue, abs=tolerance)


def test_paired_permutation_flips_whole_clusters():
    differences = [1.0] * 20
    assert p_value(stats.paired_permutation(differences, range(20))) < 0.001
    # Two clusters can be flipped in only four ways, two of which are as extreme.
    assert stats.paired_permutation(differences, [0] * 10 + [1] * 10).p == 0.5


def test_paired_permutation_is_uniform_under_the_null():
    rng = np.random.default_rng(4)
    p_values = [stats.paired_permutation(rng.normal(size=12), range(12), resamples=499).p for _ in range(200)]
    assert scipy_stats.kstest(p_values, "uniform").pvalue > 0.01


def test_paired_permutation_of_degenerate_input():
    assert stats.paired_permutation([], []).reason == "no pairs"
    assert stats.paired_permutation([0.0, 0.0], "ab").reason == "no differences"
    assert stats.paired_permutation([3.0], "a").p == 1.0


def test_holm_is_rs_p_adjust():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.01, None, 0.02]) == pytest.approx([0.02, None, 0.02])
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_never_lowers_p(p_values: list[float]):
    adjusted = stats.holm(p_values)
    assert all(a is not None and a >= p for a, p in zip(adjusted, p_values, strict=True))
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    in_order = [adjusted[i] or 0.0 for i in ranked]
    assert in_order == sorted(in_order)


def test_drawing_kinds_of_clusters_is_drawing_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = np.random.default_rng(1).binomial(5, 0.3, size=(400, 1)).astype(float)
    sizes = np.full_like(hits, 5)
    by_kind = np.sort(stats._replicates(hits, sizes, 20_000, np.random.default_rng(0)))
    monkeypatch.setattr(stats, "_PER_KIND", 10**9)
    one_by_one = np.sort(stats._replicates(hits, sizes, 20_000, np.random.default_rng(0)))
    assert not np.array_equal(by_kind, one_by_one)  # other random numbers: the other path
    assert by_kind.std() == pytest.approx(one_by_one.std(), rel=0.03)
    assert scipy_stats.ks_2samp(by_kind, one_by_one).pvalue > 0.01
