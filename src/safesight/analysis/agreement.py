"""Whether judges agree: kappa with an interval, over the responses that both (or all) could label.

Invariant: an unparsed or broken verdict is not an opinion; it is left out and counted. Judge choice moves attack
success by tens of points, so every table with two judges should carry this one beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import msgspec

from safesight.analysis.kappa import cohen_kappa, fleiss_kappa
from safesight.analysis.proportions import share
from safesight.analysis.stats import Estimate
from safesight.core.records import Label, Verdict

_KINDS: tuple[Label, Label] = ("safe", "unsafe")


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two judges over the responses both labelled safe or unsafe."""

    first: str
    second: str
    n: int
    left_out: int
    """Responses that both saw but at least one could not label."""
    agree: Estimate
    """Share labelled alike."""
    kappa: Estimate
    first_only: int
    """Unsafe by the first judge alone."""
    second_only: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Every pair of judges, and all together when there are three or more."""

    pairs: tuple[PairAgreement, ...]
    fleiss: Estimate | None = None


def agreement(
    verdicts: Mapping[str, Iterable[Verdict]],
    *,
    clusters: Mapping[str, str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Compare judges of the same responses.

    Args:
        verdicts: judge name to its verdicts, in any order.
        clusters: sample key to seed cluster; intervals then resample clusters.
        level: confidence level.
        seed: seeds the bootstrap.
    """
    tables = {name: {v.response_key: v for v in said} for name, said in verdicts.items()}
    return Agreement(
        pairs=tuple(_pair(a, b, tables, clusters or {}, level, seed) for a, b in combinations(tables, 2)),
        fleiss=_all(tables, clusters or {}, level) if len(tables) > 2 else None,
    )


def _labelled(verdict: Verdict) -> bool:
    return not verdict.error and verdict.label in _KINDS


def _pair(
    first: str,
    second: str,
    tables: Mapping[str, Mapping[str, Verdict]],
    clusters: Mapping[str, str],
    level: float,
    seed: int,
) -> PairAgreement:
    seen = [(verdict, tables[second][key]) for key, verdict in tables[first].items() if key in tables[second]]
    both = [(a, b) for a, b in seen if _labelled(a) and _labelled(b)]
    labels = [a.label for a, _ in both], [b.label for _, b in both]
    groups = [clusters.get(a.sample_key, a.sample_key) for a, _ in both]
    return PairAgreement(
        first=first,
        second=second,
        n=len(both),
        left_out=len(seen) - len(both),
        agree=share([a.label == b.label for a, b in both], groups, level=level),
        kappa=cohen_kappa(*labels, clusters=groups if clusters else None, level=level, seed=seed),
        first_only=sum(a.label == "unsafe" and b.label == "safe" for a, b in both),
        second_only=sum(a.label == "safe" and b.label == "unsafe" for a, b in both),
    )


def _all(tables: Mapping[str, Mapping[str, Verdict]], clusters: Mapping[str, str], level: float) -> Estimate:
    every = list(tables.values())
    common = [key for key in every[0] if all(key in table and _labelled(table[key]) for table in every)]
    counts = [[sum(table[key].label == kind for table in every) for kind in _KINDS] for key in common]
    seeds = [clusters.get(every[0][key].sample_key, every[0][key].sample_key) for key in common]
    return fleiss_kappa(counts, clusters=seeds, level=level)
