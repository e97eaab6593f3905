from __future__ import annotations

import pytest

from safesight.core.errors import ConfigError
from safesight.core.records import Usage
from safesight.models.openai.pricing import Prices, read_prices


def test_costs_are_per_million_tokens():
    usage = Usage(prompt_tokens=2_000, completion_tokens=500, reasoning_tokens=400)
    assert Prices(2.5, 10.0).cost_usd(usage) == pytest.approx(0.005 + 0.005)


def test_no_price_is_no_cost_and_zero_is_a_price():
    assert read_prices(None, None, where="m") is None
    assert read_prices(0.0, 0.0, where="m") == Prices(0.0, 0.0)


@pytest.mark.parametrize(
    ("price_in", "price_out", "says"),
    [(1.0, None, "both"), (None, 1.0, "both"), (-1.0, 1.0, "price_in"), (1.0, float("nan"), "price_out")],
)
def test_half_a_price_is_refused(price_in: float | None, price_out: float | None, says: str):
    with pytest.raises(ConfigError, match=says):
        read_prices(price_in, price_out, where="openai/x")
