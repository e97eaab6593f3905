"""What two published rates say about a paired difference, and what they can't.

A paper prints one rate with one image and one with several, over the same n seeds. The difference follows exactly;
the paired test doesn't, since it needs to know how many seeds changed in each direction. But rates and n bound that:
the fewest possible changes are all in one direction, the most are limited by the margins. Every figure here is
given at both ends, through the same functions as our own runs (`analysis.paired`).
"""

from __future__ import annotations

import msgspec

from safesight.analysis.paired import paired_difference
from safesight.analysis.stats import Estimate, Test, mcnemar, wilson
from safesight.core.errors import ConfigError
from safesight.explain.reference import published


class PairedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which the pairs could have come out."""

    only_single: int
    only_multi: int
    delta: Estimate
    test: Test


class RateContrast(msgspec.Struct, frozen=True, kw_only=True):
    """Several images minus one image, from two rates over the same seeds. Rates are shares in [0, 1]."""

    model: str
    seeds: int
    single: Estimate
    multi: Estimate
    delta: float
    """Multi minus single, from the rates as printed."""
    whole: bool
    """Both printed rates are whole counts out of `seeds`, to the printed decimal."""
    fewest: PairedOutcome
    """As few seeds as possible changed: the most certain the difference could be."""
    most: PairedOutcome
    """As many as possible changed: the least certain."""


def contrast_from_rates(model: str, *, single: float, multi: float, seeds: int) -> RateContrast:
    """Bound the paired difference behind two percentages over the same seeds.

    Args:
        model: for the table.
        single: rate with one image, in percent.
        multi: rate with several images, in percent.
        seeds: pairs.

    Raises:
        ConfigError: a rate is not a percentage or there are no seeds.
    """
    if seeds < 1 or not all(0 <= rate <= 100 for rate in (single, multi)):
        raise ConfigError(f"{model}: expected two percentages over one or more seeds, got {single}, {multi}, {seeds}.")
    one, several = round(single * seeds / 100), round(multi * seeds / 100)
    fewer, more = max(0, one - several), max(0, several - one)
    extra = min(one - fewer, seeds - one - more)
    return RateContrast(
        model=model,
        seeds=seeds,
        single=wilson(one, seeds),
        multi=wilson(several, seeds),
        delta=(multi - single) / 100,
        whole=all(abs(100 * n / seeds - rate) <= 0.05 + 1e-9 for n, rate in ((one, single), (several, multi))),
        fewest=_pairing(fewer, more, seeds),
        most=_pairing(fewer + extra, more + extra, seeds),
    )


def _pairing(only_single: int, only_multi: int, seeds: int) -> PairedOutcome:
    differences = [-1.0] * only_single + [1.0] * only_multi + [0.0] * (seeds - only_single - only_multi)
    return PairedOutcome(
        only_single=only_single,
        only_multi=only_multi,
        delta=paired_difference(differences, range(seeds)),
        test=mcnemar(only_single, only_multi),
    )


def published_contrasts() -> list[RateContrast]:
    """The paper's control table, model by model."""
    tables = published()
    return [
        contrast_from_rates(row.model, single=row.single, multi=row.multi, seeds=tables.control_seeds)
        for row in tables.control
    ]
