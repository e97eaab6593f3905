"""What requests cost, from prices the user gives; for an estimate alone, from a list with its date (prices.toml)."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.records import Usage
from safesight.models.openai.image_tokens import ImageRule


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


class ListedPrices(msgspec.Struct, frozen=True):
    """A provider's list prices, and when they were read."""

    date: str
    models: dict[str, tuple[float, float]]


@cache
def listed_prices() -> ListedPrices:
    """The list that ships."""
    text = files("safesight.models.openai").joinpath("prices.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), ListedPrices)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider publishes of a model's cost, for estimates; nothing here is ever counted as spent."""

    listed: Prices | None = None
    date: str = ""
    """When the list prices were read."""
    image_rule: ImageRule | None = None


def expected(model: str, *, at_openai: bool, share: float, image_rule: ImageRule | None) -> Expected:
    """A model's list prices (its batch's, where `share` says so) and its rule for images."""
    known = listed_prices()
    found = known.models.get(model) if at_openai else None
    return Expected(
        listed=Prices(*found).at(share) if found else None, date=known.date if found else "", image_rule=image_rule
    )


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
