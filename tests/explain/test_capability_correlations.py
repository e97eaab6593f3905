import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from safesight.explain.capability.correlations import STATISTICS, correlate, correlation_test, partial_correlation
from tests.explain.build import number, width

REFERENCE = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
NUMBERS = st.lists(st.integers(-5, 5), min_size=3, max_size=12)


@pytest.mark.parametrize("method", STATISTICS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_values_are_scipys_with_ties_too(method: str, data: st.DataObject):
    x = data.draw(NUMBERS)
    y = data.draw(st.lists(st.integers(-5, 5), min_size=len(x), max_size=len(x)))
    found = correlate(x, y, method=method, resamples=20).value
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(float(REFERENCE[method](x, y)[0]), abs=1e-12)


@pytest.mark.parametrize("method", STATISTICS)
@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([], [], "fewer than 3 models"),
        ([1.0, 2.0], [3.0, 1.0], "fewer than 3 models"),
        ([0.1, 0.1, 0.1, 0.1], [1.0, 2.0, 3.0, 4.0], "a column is all alike"),
        ([1.0, 2.0, 3.0], [0.3, 0.3, 0.3], "a column is all alike"),
    ],
)
def test_degenerate_input_has_no_coefficient_but_a_reason(method: str, x: list[float], y: list[float], reason: str):
    assert (correlate(x, y, method=method).value, correlate(x, y, method=method).reason) == (None, reason)
    assert (correlation_test(x, y, method=method).p, correlation_test(x, y, method=method).reason) == (None, reason)


def test_permutation_p_is_exact_for_few_models():
    # Of 3! orders, two are as extreme as a perfect one; of 5!, two.
    assert correlation_test([1, 2, 3], [1, 2, 3]).p == pytest.approx(2 / 6)
    assert correlation_test([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], method="kendall").p == pytest.approx(2 / 120)


def test_intervals_cover_the_truth_and_are_seeded():
    covered = 0
    for trial in range(30):
        rng = np.random.default_rng(trial)
        x = rng.normal(size=25)
        y = 0.6 * x + 0.8 * rng.normal(size=25)
        found = correlate(list(x), list(y), method="pearson", resamples=400)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.6 <= found.high
        assert found == correlate(list(x), list(y), method="pearson", resamples=400)
    assert covered >= 25


def test_more_models_narrow_the_interval():
    x = list(np.linspace(0, 1, 8))
    y = [0.1, 0.5, 0.2, 0.6, 0.4, 0.9, 0.5, 0.8]
    assert width(correlate(x * 4, y * 4)) < width(correlate(x, y))


def test_partial_correlation_is_that_of_residuals():
    rng = np.random.default_rng(0)
    z = rng.normal(size=40)
    x, y = z + 0.3 * rng.normal(size=40), z + 0.3 * rng.normal(size=40)
    residuals = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    found = partial_correlation(list(x), list(y), list(z), method="pearson")
    assert found.value == pytest.approx(float(stats.pearsonr(*residuals)[0]), abs=1e-9)
    # Both follow size and nothing else, so holding it fixed takes the correlation away.
    assert number(correlate(list(x), list(y))) > 0.7 > 0.4 > abs(number(found))


@pytest.mark.parametrize("n", [0, 1, 3])
def test_partial_needs_four_models(n: int):
    numbers = [float(i) for i in range(n)]
    assert partial_correlation(numbers, numbers, numbers).reason == "fewer than 4 models"


def test_partial_of_a_column_that_is_the_fixed_one_is_not_defined():
    size = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = partial_correlation(size, [2.0, 1.0, 4.0, 3.0, 5.0], size)
    assert found.value is None
    assert "follows the fixed one" in found.reason


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=0, max_size=8))
def test_no_input_crashes_or_leaves_the_range(rows: list[tuple[int, int, int]]):
    x, y, z = ([float(row[i]) for row in rows] for i in range(3))
    for found in (correlate(x, y, resamples=50), partial_correlation(x, y, z, resamples=50)):
        assert (found.value is None) == bool(found.reason and found.low is None and "interval" not in found.reason)
        assert found.value is None or (math.isfinite(found.value) and -1 - 1e-9 <= found.value <= 1 + 1e-9)


@pytest.mark.parametrize("method", STATISTICS)
@pytest.mark.parametrize(("n", "within"), [(3, 1e-12), (5, 1e-12), (9, 4 * 2 * (0.25 / 999) ** 0.5)])
def test_permutation_p_is_scipys(method: str, n: int, within: float):
    x, y = np.random.default_rng(n).normal(size=(2, n))
    found = correlation_test(list(x), list(y), method=method).p
    reference = stats.permutation_test(
        (x,),
        lambda dealt: REFERENCE[method](dealt, y)[0],
        permutation_type="pairings",
        n_resamples=999,
        rng=np.random.default_rng(1),
    ).pvalue
    # Few models: every deal is counted. Nine: SciPy draws 999, and four standard errors are allowed.
    assert found == pytest.approx(reference, abs=within)
