"""Safe-versus-unsafe gaps: right on made data, at level under no effect, alive on degenerate input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from safesight.explain.entropy.gap import gaps, length_bins, scalar


def test_the_gap_is_safe_minus_unsafe() -> None:
    found = gaps([1.0, 2.0, 5.0, 6.0], [True, True, False, False], ["a", "b", "c", "d"])
    assert found.gap == [4.0]
    assert (found.safe, found.unsafe) == (2, 2)


def test_p_agrees_with_every_permutation_for_independent_answers() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=9)
    unsafe = [True] * 4 + [False] * 5
    values[:4] -= 1
    exact = permutation_test(
        (values[4:], values[:4]), lambda x, y: x.mean() - y.mean(), permutation_type="independent", n_resamples=10_000
    )
    found = gaps(values, unsafe, list(range(9)), permutations=20_000)
    assert found.p[0] == pytest.approx(exact.pvalue, abs=0.01)
    assert found.p_adjusted == found.p


def test_whole_clusters_move_together() -> None:
    """Four seeds of three like-labelled answers each: only 6 arrangements exist, so p cannot be small."""
    values = [10.0, 10.1, 10.2, 9.0, 9.1, 9.2, 1.0, 1.1, 1.2, 2.0, 2.1, 2.2]
    unsafe = [False] * 6 + [True] * 6
    clusters = [seed for seed in "abcd" for _ in range(3)]
    by_seed = gaps(values, unsafe, clusters, permutations=5000)
    alone = gaps(values, unsafe, list(range(12)), permutations=5000)
    assert by_seed.p[0] == pytest.approx(2 / 6, abs=0.03)
    assert alone.p[0] is not None
    assert alone.p[0] < 0.02


def test_like_length_takes_away_what_length_explains() -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(10, 200, 300).astype(float)
    unsafe = (rng.random(300) < lengths / 250).tolist()
    values = np.log(lengths) + rng.normal(0, 0.01, 300)
    plain = scalar("entropy", values.tolist(), unsafe, list(range(300)), lengths.tolist(), permutations=500)
    assert plain.gap.value is not None
    assert plain.matched_gap is not None
    assert plain.gap.value < -0.3
    assert abs(plain.matched_gap) < abs(plain.gap.value) / 50
    real = scalar(
        "entropy", (values - np.array(unsafe)).tolist(), unsafe, list(range(300)), lengths.tolist(), permutations=500
    )
    assert real.matched_gap == pytest.approx(1.0, abs=0.15)
    assert real.matched_p == pytest.approx(1 / 501)


def test_the_fixed_effects_gap_is_the_regression_coefficient() -> None:
    rng = np.random.default_rng(2)
    values, lengths = rng.normal(size=40), rng.integers(1, 30, 40).astype(float)
    unsafe = rng.random(40) < 0.5
    bins = length_bins(lengths.tolist(), 3)
    design = np.column_stack([unsafe, np.log(lengths), *(bins == b for b in np.unique(bins))]).astype(float)
    slope = np.linalg.lstsq(design, values, rcond=None)[0][0]
    found = gaps(values, unsafe.tolist(), list(range(40)), lengths=lengths.tolist(), bins=3, permutations=10)
    assert found.gap[0] == pytest.approx(-slope)


def test_many_heads_at_once_keep_the_false_alarm_rate() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(60):
        values = rng.normal(size=(24, 30))
        found = gaps(values, [True] * 12 + [False] * 12, list(range(24)), permutations=199)
        smallest = min(p for p in found.p_adjusted if p is not None)
        alarms += smallest <= 0.05
        assert all(a >= p for a, p in zip(found.p_adjusted, found.p, strict=True) if a is not None and p is not None)
    # 60 draws at a true rate of 5 %: more than 9 has probability below 0.2 %.
    assert alarms <= 9


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 8),
    labels=st.sampled_from(["safe", "unsafe", "mixed"]),
    seeds=st.sampled_from(["one", "own", "two"]),
    values=st.sampled_from(["equal", "spread", "nan"]),
    data=st.data(),
)
def test_degenerate_input_is_answered_and_not_raised(
    n: int, labels: str, seeds: str, values: str, data: st.DataObject
) -> None:
    unsafe = {"safe": [False] * n, "unsafe": [True] * n, "mixed": [i % 2 == 0 for i in range(n)]}[labels]
    clusters = {"one": ["s"] * n, "own": list(map(str, range(n))), "two": [str(i % 2) for i in range(n)]}[seeds]
    numbers = {"equal": [1.0] * n, "spread": [float(i) for i in range(n)], "nan": [float("nan")] * n}[values]
    lengths = data.draw(st.lists(st.integers(1, 9).map(float), min_size=n, max_size=n))
    found = scalar("x", numbers, unsafe, clusters, lengths, permutations=20)
    if labels != "mixed" or n < 2 or values == "nan":
        assert found.gap.value is None
        assert found.p is None
        assert found.matched_gap is None
    else:
        assert found.gap.value is not None
    for p in (found.p, found.matched_p):
        assert p is None or 0 < p <= 1
    if values == "equal":
        assert found.p is None


def test_length_bins_keep_equal_lengths_together() -> None:
    bins = length_bins([5, 5, 5, 5, 9, 9, 30, 31], 4)
    assert len(set(bins[:4].tolist())) == 1
    assert all(a <= b for a, b in itertools.pairwise(bins.tolist()))
    assert length_bins([], 4).size == 0
