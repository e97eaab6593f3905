import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ConfigError
from safesight.explain.control.published import contrast_from_rates, published_contrasts
from tests.explain.build import p_value, width


def test_the_papers_control_table_is_reproduced():
    found = {row.model: row for row in published_contrasts()}
    assert {name: round(100 * row.delta, 1) for name, row in found.items()} == {
        "Llama3-LLaVA-NeXT-8B": 31.2,
        "GPT-4o": 45.8,
        "Gemini-2.5-Flash": 33.3,
        "Qwen2.5-VL-32B": 44.9,
        "GLM-4.1V-9B-Thinking": 25.2,
    }
    assert all(row.whole and row.seeds == 546 for row in found.values())
    assert all(p_value(row.most.test) < 1e-6 for row in found.values())


def test_bounds_by_hand():
    # 2 and 5 of 10: at least three only with several images; at most two more each way.
    row = contrast_from_rates("m", single=20.0, multi=50.0, seeds=10)
    assert (row.fewest.only_single, row.fewest.only_multi) == (0, 3)
    assert (row.most.only_single, row.most.only_multi) == (2, 5)
    assert p_value(row.fewest.test) < p_value(row.most.test)
    assert row.delta == pytest.approx(0.3)


def test_a_rate_that_is_no_count_of_the_seeds_says_so():
    assert not contrast_from_rates("m", single=20.0, multi=47.3, seeds=10).whole


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_every_pairing_keeps_the_margins(numbers: tuple[int, int, int]):
    seeds, one, several = numbers
    row = contrast_from_rates("m", single=100 * one / seeds, multi=100 * several / seeds, seeds=seeds)
    for end in (row.fewest, row.most):
        assert end.only_multi - end.only_single == several - one
        assert 0 <= end.only_single <= one
        assert 0 <= end.only_multi <= seeds - one
        assert end.delta.value == pytest.approx(row.delta)
    if row.fewest.delta.low is not None and row.most.delta.low is not None:
        assert width(row.most.delta) >= width(row.fewest.delta) - 0.1


@pytest.mark.parametrize(("single", "multi", "seeds"), [(-1, 5, 10), (5, 101, 10), (5, 5, 0)])
def test_impossible_rates_are_refused(single: float, multi: float, seeds: int):
    with pytest.raises(ConfigError):
        contrast_from_rates("m", single=single, multi=multi, seeds=seeds)
