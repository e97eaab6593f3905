"""Does showing a case over several images raise the risk? The same items under different arms, item by item.

Invariant: arms are only compared within one benchmark, data revision, model, defence and decoding, paired by item;
what is not paired or not judged in both arms is counted, never guessed (`analysis.compare`). Every contrast is
reference minus other, so a positive one means that the reference arm (several images) is riskier. p values are
adjusted over the arms (Holm). The published table's counterpart is in `control_published`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from safesight.analysis.compare import Comparison, Difference, compare
from safesight.analysis.rates import Rate, rate_table
from safesight.analysis.stats import holm
from safesight.benchmarks.arms import ARMS
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.records import Case, Manifest, content_hash

REFERENCE: Final = ARMS[0]
CasesOf = Callable[[], Iterable[Case]]
"""Reads an arm's cases anew; they are read once for its rate and once for each contrast."""


class ArmSet(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one model that differ only in their arm."""

    title: str
    arms: dict[str, Path]
    reference: str
    missing: tuple[str, ...]
    """Arms of multi-image cases that nobody ran."""


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """The reference arm minus another, over the items judged in both."""

    arm: str
    reference: str
    comparison: Comparison
    risk: Difference | None
    """Attack success; None when no pair of unsafe cases exists at all."""
    p_holm: float | None = None


class ControlTable(msgspec.Struct, frozen=True, kw_only=True):
    """Each arm's own rate, and each contrast with the reference."""

    judge: str
    rates: dict[str, Rate]
    contrasts: tuple[Contrast, ...]


def arm_sets(runs: Sequence[tuple[Path, Manifest]], *, reference: str = "") -> list[ArmSet]:
    """Put runs together that differ in nothing but their arm.

    Args:
        runs: run files with their manifests.
        reference: the arm to set others against; "" takes `multi`, or the first run's where there is no `multi`.

    Raises:
        ConfigError: two runs have the same arm and everything else in common.
        UnknownName: no run of a set has the reference arm.
    """
    groups: dict[str, dict[str, Path]] = {}
    titles: dict[str, Manifest] = {}
    for path, manifest in runs:
        key = _identity(manifest)
        arms = groups.setdefault(key, {})
        titles.setdefault(key, manifest)
        arm = manifest.arm or "default"
        if arm in arms:
            raise ConfigError(f"{path} and {arms[arm]} are both arm {arm!r} of {manifest.model}: name one of them.")
        arms[arm] = path
    return [_arm_set(titles[key], arms, reference) for key, arms in groups.items()]


def _identity(manifest: Manifest) -> str:
    return content_hash(
        manifest.benchmark,
        manifest.data_revision,
        manifest.model_fingerprint,
        manifest.defence_fingerprint,
        manifest.decoding,
    )


def _arm_set(manifest: Manifest, arms: dict[str, Path], reference: str) -> ArmSet:
    if reference and reference not in arms:
        raise UnknownName(f"arm among the runs of {manifest.model}", reference, arms)
    guard = "" if manifest.defence == "none" else f" + {manifest.defence}"
    return ArmSet(
        title=f"{manifest.benchmark} · {manifest.model}{guard}",
        arms={arm: arms[arm] for arm in (*ARMS, *arms) if arm in arms},
        reference=reference or (REFERENCE if REFERENCE in arms else next(iter(arms))),
        missing=tuple(arm for arm in ARMS if arm not in arms) if set(arms) & set(ARMS) else (),
    )


def control_table(
    arms: Mapping[str, CasesOf],
    *,
    reference: str = REFERENCE,
    judge: str = "",
    self_graded: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> ControlTable:
    """Set every arm against the reference, paired by item.

    Args:
        arms: arm to a reader of its cases with one judge's verdicts.
        reference: the arm that others are taken from; with it missing there are no contrasts.
        judge: the judge's name, for the table.
        self_graded: the judge is one of a guard's own detectors.
        level: confidence level.
        seed: seeds the permutations.
    """
    contrasts: list[Contrast] = []
    for arm in arms if reference in arms else ():
        if arm != reference:
            found = compare(
                arms[arm](),
                arms[reference](),
                names=(arm, reference),
                pair_by="item",
                level=level,
                seed=seed,
                self_graded=self_graded,
            )
            risk = next((row for row in found.overall if row.metric == "attack_success"), None)
            contrasts.append(Contrast(arm=arm, reference=reference, comparison=found, risk=risk))
    adjusted = holm([c.risk.cluster_test.p if c.risk else None for c in contrasts])
    return ControlTable(
        judge=judge,
        rates={arm: rate_table(read(), judge=judge, level=level).overall for arm, read in arms.items()},
        contrasts=tuple(msgspec.structs.replace(c, p_holm=p) for c, p in zip(contrasts, adjusted, strict=True)),
    )


_SOUND: Final = ("stitched", "text", "shuffled")
"""Contrasts that keep everything a case says, the one to quote first; `single` leaves images out."""


def headline(table: ControlTable) -> Contrast | None:
    """The contrast to quote: several images against the same ones joined, else the next that keeps what is said."""
    found = {contrast.arm: contrast for contrast in table.contrasts}
    return next((found[arm] for arm in _SOUND if arm in found), None)
