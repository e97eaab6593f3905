"""What requests cost, from prices the user gives: no price list is built in, it would be wrong within weeks."""

from __future__ import annotations

import math

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.records import Usage


class Prices(msgspec.Struct, frozen=True):
    """US dollars per million tokens, in and out; reasoning tokens are billed as completion tokens."""

    per_million_in: float
    per_million_out: float

    def cost_usd(self, usage: Usage) -> float:
        """The price of one reply."""
        return (usage.prompt_tokens * self.per_million_in + usage.completion_tokens * self.per_million_out) / 1e6

    def at(self, share: float) -> Prices:
        """A share of these prices."""
        return Prices(self.per_million_in * share, self.per_million_out * share)


def read_prices(price_in: float | None, price_out: float | None, *, where: str) -> Prices | None:
    """Prices from options; None when none are given.

    Raises:
        ConfigError: only one is given, or one is negative or not a number.
    """
    if price_in is None and price_out is None:
        return None
    if price_in is None or price_out is None:
        raise ConfigError(f"{where}: expected both price_in and price_out (USD per million tokens), got only one.")
    for name, price in (("price_in", price_in), ("price_out", price_out)):
        if not math.isfinite(price) or price < 0:
            raise ConfigError(f"{where}: expected {name} as USD per million tokens, 0 or more, got {price!r}.")
    return Prices(price_in, price_out)
