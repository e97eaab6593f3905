"""Simulated coverage of every interval, in the cells where the methods they replaced failed (`bench/coverage.py`)."""

from __future__ import annotations

import math

import pytest
from bench import coverage


@pytest.mark.slow
def test_intervals_cover_and_tests_keep_their_level():
    for cell in coverage.quick():
        noise = 2.6 * math.sqrt(0.05 * 0.95 / cell.trials)
        if cell.is_test:
            assert cell.share <= 0.05 + 1.5 * noise, cell
        elif not (cell.what == "rate" and " x 1," in cell.setting):  # Wilson's own dips are said under the tables
            assert cell.share >= 0.95 - 1.5 * noise, cell
