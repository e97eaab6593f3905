"""Paired differences: Tango's published interval, no discordant pair, and seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.analysis.paired import paired_difference, tango

from .helpers import bounds, width


def test_tango_published_interval():
    # Bentur et al.: 1 / 1 / 7 / 12 of 21 pairs; Fagerland, Lydersen and Laake 2014, table: (-0.517, -0.026).
    low, value, high = bounds(paired_difference([1] + [-1] * 7 + [0] * 13, range(21)))
    assert value == pytest.approx(-6 / 21)
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("n", [3, 20, 500])
def test_without_a_discordant_pair_the_score_interval_is_known(n: int):
    bound = 1.959964**2 / (n + 1.959964**2)
    assert tango(0, 0, n, quantile=1.959964) == pytest.approx((-bound, bound), abs=1e-6)


def test_unchanged_seeds_count_once_each():
    low, value, high = bounds(paired_difference([0] * 100, [i // 5 for i in range(100)]))
    assert value == 0
    assert (low, high) == pytest.approx((-0.1611, 0.1611), abs=5e-5)


def test_seeds_that_change_together_widen_the_interval():
    changes = np.repeat([-1, 0, 0, 0, -1, 1, 0, 0] * 5, 5)
    alike = paired_difference(changes, np.repeat(np.arange(40), 5).tolist())
    assert width(alike) > 1.8 * width(paired_difference(changes, range(200)))
    assert paired_difference([1, -1], "aa").reason == "fewer than two clusters"
    assert paired_difference([], []).reason == "no samples"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from("abcdef")), min_size=1, max_size=30))
def test_the_interval_holds_its_estimate_and_turns_with_its_sign(rows: list[tuple[int, str]]):
    values, clusters = [v for v, _ in rows], [c for _, c in rows]
    found, turned = paired_difference(values, clusters), paired_difference([-v for v in values], clusters)
    if found.low is None:
        assert found.reason
        return
    low, value, high = bounds(found)
    assert -1 <= low <= value + 1e-9
    assert value <= high + 1e-9 <= 1 + 1e-9
    assert bounds(turned) == pytest.approx((-high, -value, -low), abs=1e-9)
