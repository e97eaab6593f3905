"""What a page needs of one run file: manifest, cases, verdicts, labels, probes and rate tables.

Invariant: reading never writes. A run nobody judged, labelled or probed is read all the same; the page then says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safesight.analysis.provenance import self_graded_judges
from safesight.analysis.rates import RateTable, rate_table
from safesight.analysis.tables import is_stratified
from safesight.core.errors import UnknownName
from safesight.core.records import Case, Manifest, ModeLabel, Probe, Verdict
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """One run, read whole. `verdicts` maps a response's key to every judge's verdict on it."""

    path: Path
    name: str
    manifest: Manifest
    notes: Mapping[str, str]
    judges: tuple[str, ...]
    self_graded: frozenset[str]
    cases: tuple[Case, ...]
    verdicts: Mapping[str, tuple[Verdict, ...]]
    modes: tuple[ModeLabel, ...]
    probes: tuple[Probe, ...]
    tables: Mapping[str, RateTable]
    """Judge to rates; under "" for a run that nobody judged."""
    paper_count: str
    """As in `core.protocols.Benchmark`."""

    def judged(self, judge: str) -> Iterator[Case]:
        """The cases with the verdicts of one judge."""
        return _judged(self.cases, self.verdicts, judge)


def read_runs(paths: Sequence[Path]) -> list[RunData]:
    """Read run files, each under a name that tells it from the others.

    Raises:
        StoreError: one of them is no run file.
    """
    runs = [_read(path) for path in paths]
    names = [run.name for run in runs]
    return [run if names.count(run.name) == 1 else _renamed(run, f"{run.name} ({run.path.stem})") for run in runs]


def run_name(manifest: Manifest) -> str:
    """What people call a run: its model, its defence and its arm, where it has them."""
    guard = "" if manifest.defence == "none" else f" + {manifest.defence}"
    return f"{manifest.model}{guard}{f' ({manifest.arm})' if manifest.arm else ''}"


def _read(path: Path) -> RunData:
    with RunStore.open(path, readonly=True) as store:
        cases = tuple(store.cases())
        verdicts: dict[str, tuple[Verdict, ...]] = {}
        for verdict in store.verdicts():
            verdicts[verdict.response_key] = (*verdicts.get(verdict.response_key, ()), verdict)
        notes, judges, manifest = store.notes(), store.judges(), store.manifest
        graded = frozenset(self_graded_judges(notes))
        return RunData(
            path=path,
            name=run_name(manifest),
            manifest=manifest,
            notes=notes,
            judges=tuple(judges),
            self_graded=graded,
            cases=cases,
            verdicts=verdicts,
            modes=tuple(store.modes()),
            probes=tuple(store.probes()),
            paper_count=_paper_count(manifest.benchmark),
            tables={
                judge: rate_table(
                    _judged(cases, verdicts, judge),
                    judge=judge,
                    stratified=is_stratified(manifest),
                    self_graded=judge in graded,
                )
                for judge in judges or [""]
            },
        )


def _judged(cases: Sequence[Case], verdicts: Mapping[str, Sequence[Verdict]], judge: str) -> Iterator[Case]:
    for case in cases:
        found = next((v for v in verdicts.get(case.response.key, ()) if v.judge == judge), None)
        yield Case(sample=case.sample, response=case.response, verdict=found)


def _paper_count(benchmark: str) -> str:
    try:
        return open_plugin("benchmarks", benchmark).paper_count
    except UnknownName:
        return ""  # a plugin's run read on a machine without the plugin


def _renamed(run: RunData, name: str) -> RunData:
    from dataclasses import replace

    return replace(run, name=name)


def main_judge(runs: Sequence[RunData]) -> str:
    """The judge that the page leads with: one that every run has, that graded no guard of its own, and that reads
    harm rather than refusals where there is such a one; "" where the runs share none.
    """
    shared = [judge for judge in runs[0].judges if all(judge in run.judges for run in runs)]
    graded = {judge for run in runs for judge in run.self_graded}
    return min(shared, key=lambda judge: (judge in graded, judge == "refusal", judge), default="")
