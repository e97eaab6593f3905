"""Runs against a first run, pair by pair, under the judges they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec

from safesight.analysis.compare import Comparison, PairBy, compare
from safesight.core.errors import ConfigError, UnknownName
from safesight.runner.results import Results, without_folders

PAIRINGS: tuple[PairBy, ...] = get_args(PairBy)


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison and the judge it was made with."""

    judge: str
    after: int
    """Index of the later run."""
    found: Comparison


def comparisons(runs: Sequence[Results]) -> list[Pairing]:
    """Compare every later run of the same benchmark with the first; runs of another benchmark are left out."""
    first = runs[0]
    found: list[Pairing] = []
    for index, run in enumerate(runs[1:], start=1):
        if run.manifest.benchmark != first.manifest.benchmark:
            continue
        for judge in (name for name in first.judges if name in run.judges):
            pairs = _compared(first, run, judge, names=(first.name, run.name), pair_by="auto")
            if pairs.pairs:
                found.append(Pairing(judge=judge, after=index, found=pairs))
    return found


def compare_runs(
    before: Results, after: Results, *, judges: Sequence[str] | None = None, pair_by: str = "auto"
) -> dict[str, Comparison]:
    """Compare two runs under each of `judges`, or every judge they share.

    Raises:
        ConfigError: they share no judge.
        UnknownName: a named judge did not judge both, or `pair_by` is not a way of pairing.
    """
    if pair_by not in PAIRINGS:
        raise UnknownName("way of pairing", pair_by, PAIRINGS)
    shared = sorted(set(before.judges) & set(after.judges))
    for name in judges or ():
        if name not in shared:
            raise UnknownName("judge of both runs", name, shared)
    if not shared:
        raise ConfigError(f"{before.path} and {after.path} share no judge. Add one: safesight judge RUN --judge NAME.")
    names = (_difference(before, after), _difference(after, before))
    return {judge: _compared(before, after, judge, names=names, pair_by=pair_by) for judge in judges or shared}


def _compared(before: Results, after: Results, judge: str, *, names: tuple[str, str], pair_by: PairBy) -> Comparison:
    found = compare(
        before.judged(judge),
        after.judged(judge),
        names=names,
        pair_by=pair_by,
        self_graded=judge in before.self_graded | after.self_graded,
    )
    silent = [run for run in (before, after) if judge in run.silenced]
    if not silent:
        return found
    rest = tuple(row for row in found.overall if row.metric != "attack_success")
    why = silent[0].qualities[judge].told(judge)
    return msgspec.structs.replace(found, overall=rest, groups=(), notes=(*found.notes, why))


def _difference(run: Results, other: Results) -> str:
    """What tells a run from the other: its defence, arm or model, whichever differs first."""
    mine, theirs = run.manifest, other.manifest
    pairs = ((mine.defence, theirs.defence), (mine.model, theirs.model), (mine.arm, theirs.arm))
    return without_folders(next((ours for ours, its in pairs if ours != its), run.path.stem))
