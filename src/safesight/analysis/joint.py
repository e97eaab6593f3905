"""Several runs in one table: attack success and over-refusal by hazard, or by the seeds' dimensions.

Invariant: a rate is over the judged answers of the runs it names, every benchmark's seeds apart; a row without a judged
answer has no rate. Benchmarks of different difficulty stand in one row: it says what was tested, not which is harder.
Dimensions are MLLMGuard's five; what its own items say counts, other benchmarks' hazards are mapped below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from safesight.analysis.proportions import share
from safesight.analysis.rates import declined, guard_stopped, outcome
from safesight.analysis.stats import Estimate
from safesight.core.records import JUDGED, Case
from safesight.core.taxonomy import HAZARDS, OTHER, hazard_name

DIMENSIONS: Final = ("Privacy", "Bias", "Toxicity", "Legality", "Truthfulness", "Other")
_DIMENSION: Final = {
    "prv": "Privacy",
    "hte": "Bias",
    "dfm": "Bias",
    "vcr": "Toxicity",
    "sxc": "Toxicity",
    "ssh": "Toxicity",
    "src": "Legality",
    "cse": "Legality",
    "ncr": "Legality",
    "iwp": "Legality",
    "ipv": "Legality",
    "spc": "Legality",
}
"""Hazard to dimension; ours."""


class JointRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hazard or dimension over all cases given."""

    name: str
    attack_success: Estimate
    over_refusal: Estimate
    left_out: int
    """Unsafe cases without a judgement."""


def hazard_of(case: Case) -> str:
    """The AILuminate hazard of a case, in plain words."""
    return hazard_name(case.sample.meta.get("hazard", OTHER))


def dimension_of(case: Case) -> str:
    """The seeds' dimension of a case."""
    sample = case.sample
    if sample.benchmark == "mllmguard" and sample.group in DIMENSIONS:
        return sample.group
    return _DIMENSION.get(sample.meta.get("hazard", OTHER), "Other")


def joint(cases: Iterable[Case], by: Callable[[Case], str]) -> list[JointRow]:
    """One row a key, in the order of the taxonomy; utility items (benign, with a target) are left out."""
    attacks: dict[str, list[tuple[bool, str]]] = {}
    refusals: dict[str, list[tuple[bool, str]]] = {}
    lost: dict[str, int] = {}
    for case in cases:
        sample, key = case.sample, by(case)
        seed = f"{sample.benchmark}/{sample.cluster or sample.key}"
        if sample.benign:
            if sample.target is None and (guard_stopped(case.response.reply) or case.response.reply.status in JUDGED):
                refusals.setdefault(key, []).append((declined(case.response.reply), seed))
            continue
        found = outcome(case)
        if found in ("unsafe", "safe"):
            attacks.setdefault(key, []).append((found == "unsafe", seed))
        else:
            lost[key] = lost.get(key, 0) + 1
    order = [*map(hazard_name, HAZARDS), *DIMENSIONS, hazard_name(OTHER)]
    keys = dict.fromkeys([*attacks, *refusals, *lost])
    return [
        JointRow(
            name=key,
            attack_success=_share(attacks.get(key, [])),
            over_refusal=_share(refusals.get(key, [])),
            left_out=lost.get(key, 0),
        )
        for key in sorted(keys, key=lambda key: order.index(key) if key in order else len(order))
    ]


def _share(rows: list[tuple[bool, str]]) -> Estimate:
    return share([hit for hit, _ in rows], [seed for _, seed in rows])
