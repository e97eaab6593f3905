"""One run file, read once and asked by whoever shows it: rates, verdicts, labels, probes, and tables as frames.

Invariant: reading never writes. A run nobody judged, labelled or probed is read all the same; whoever shows it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from safesight.analysis.judge_errors import Quality
from safesight.analysis.provenance import JUDGE, LICENCE, self_graded_judges
from safesight.analysis.rates import Rate, RateTable, rate_table, silence
from safesight.core.doors import require
from safesight.core.errors import UnknownName
from safesight.core.protocols import Benchmark, Labelled, Metric
from safesight.core.records import Case, Manifest, ModeLabel, Probe, Verdict
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.runner.gold import Correction, correct, known_qualities
from safesight.runner.notes import HUMAN

if TYPE_CHECKING:
    import polars as pl


class Results:
    """What a run file says. Each part is read when it is first asked for, and kept.

    Args:
        path: A run file.
        name: What people call the run; by default its model, defence and arm.

    Raises:
        StoreError: the path is no run file, or a newer SafeSight made it.
    """

    def __init__(self, path: Path | str, *, name: str = "") -> None:
        self.path = Path(path)
        with RunStore.open(self.path, readonly=True) as store:
            self.manifest: Manifest = store.manifest
            self.notes: Mapping[str, str] = store.notes()
            self.judges: tuple[str, ...] = tuple(store.judges())
        self.self_graded: frozenset[str] = frozenset(self_graded_judges(self.notes))
        self.name = name or run_name(self.manifest)

    def __repr__(self) -> str:
        rates = ", ".join(f"{judge}: {_share(self.tables[judge].overall)}" for judge in self.judges) or "not judged"
        return f"Results({self.manifest.benchmark}, {self.name}; attack success {rates}; {self.path})"

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Samples with their responses, in data-set order, without verdicts."""
        with RunStore.open(self.path, readonly=True) as store:
            return tuple(store.cases())

    @cached_property
    def verdicts(self) -> Mapping[str, tuple[Verdict, ...]]:
        """Every judge's verdict on a response, by the response's key."""
        found: dict[str, tuple[Verdict, ...]] = {}
        with RunStore.open(self.path, readonly=True) as store:
            for verdict in store.verdicts():
                found[verdict.response_key] = (*found.get(verdict.response_key, ()), verdict)
        return found

    @cached_property
    def modes(self) -> tuple[ModeLabel, ...]:
        """Every response-mode label."""
        with RunStore.open(self.path, readonly=True) as store:
            return tuple(store.modes())

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe record."""
        with RunStore.open(self.path, readonly=True) as store:
            return tuple(store.probes())

    @cached_property
    def tables(self) -> Mapping[str, RateTable]:
        """Judge to rates; under "" for a run that nobody judged. Reads case by case: no answer is kept for it."""
        with RunStore.open(self.path, readonly=True) as store:
            found = {
                judge: rate_table(
                    store.cases(judge),
                    judge=judge,
                    stratified=is_stratified(self.manifest),
                    self_graded=judge in self.self_graded,
                )
                for judge in self.judges or ("",)
            }
        return {judge: self._with_errors(self._licensed(table)) for judge, table in found.items()}

    def _licensed(self, table: RateTable) -> RateTable:
        """A rate that other terms than the package's hang on says so."""
        held = {"judge": f"{LICENCE}{JUDGE}{table.judge}", "defence": f"{LICENCE}defence"}
        told = tuple(
            f"weights of the {part} are under {self.notes[note]}" for part, note in held.items() if note in self.notes
        )
        return msgspec.structs.replace(table, notes=(*table.notes, *told)) if told else table

    def _with_errors(self, table: RateTable) -> RateTable:
        """A table carries what is known of its judge; the rates of one that misses too much are not given."""
        held = self.qualities.get(table.judge)
        if held is not None and not held.carries_a_rate:
            return silence(table, held.told(table.judge))
        if held is not None:
            return msgspec.structs.replace(table, notes=(*table.notes, held.told(table.judge)))
        if table.judge in ("", HUMAN) or not isinstance(self.benchmark, Labelled):
            return table
        how = f"safesight judge {self.path} --judge NAME --benchmark {self.manifest.benchmark}"
        return msgspec.structs.replace(table, notes=(*table.notes, f"errors on gold answers not measured: {how}"))

    @cached_property
    def qualities(self) -> Mapping[str, Quality]:
        """What is known of this run's judges' errors (`runner.gold`)."""
        return known_qualities(self.path)

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        """Attack success behind the errors of every judge whose errors are known."""
        found = (
            correct(judge, known, self.judged(judge), stratified=self.tables[judge].stratified)
            for judge, known in self.qualities.items()
        )
        return tuple(one for one in found if one is not None)

    @property
    def silenced(self) -> frozenset[str]:
        """Judges whose rates are not given: they miss too much."""
        return frozenset(judge for judge, known in self.qualities.items() if not known.carries_a_rate)

    @property
    def credible(self) -> tuple[str, ...]:
        """Judges whose verdicts count where they differ."""
        return tuple(judge for judge in self.judges if judge not in self.silenced)

    @cached_property
    def benchmark(self) -> Benchmark | None:
        """The run's benchmark; None for a plugin's run read on a machine without the plugin."""
        try:
            return open_plugin("benchmarks", self.manifest.benchmark)
        except UnknownName:
            return None

    @property
    def paper_count(self) -> str:
        """As in `core.protocols.Benchmark`; "" where the benchmark is not installed."""
        return self.benchmark.paper_count if self.benchmark else ""

    def judged(self, judge: str) -> Iterator[Case]:
        """The cases with the verdicts of one judge."""
        for case in self.cases:
            found = next((v for v in self.verdicts.get(case.response.key, ()) if v.judge == judge), None)
            yield Case(sample=case.sample, response=case.response, verdict=found)

    def metrics(self, judge: str) -> list[Metric]:
        """The benchmark's own figures under one judge; [] where it has none, is not installed, or the judge is
        silenced."""
        if self.benchmark is None or judge in self.silenced:
            return []
        return self.benchmark.metrics(list(self.judged(judge)))

    def rates(self) -> pl.DataFrame:
        """Attack success, one row a judge and group.

        Columns: judge, rows ("group", "overall" or "benign"), name, n, judged, unsafe, asr, low, high (a 95 % interval;
        null where undefined), self_graded.
        """
        require("polars", "tables")
        import polars as pl

        return pl.DataFrame([row for judge in self.tables for row in self._rate_rows(judge)], infer_schema_length=None)

    def _rate_rows(self, judge: str) -> Iterator[dict[str, object]]:
        table = self.tables[judge]
        kinds = [("group", rate) for rate in table.groups] + [("overall", table.overall)]
        for kind, rate in [*kinds, *([("benign", table.benign)] if table.benign else [])]:
            yield {
                "judge": judge,
                "rows": kind,
                "name": rate.name,
                "n": rate.n,
                "judged": rate.judged,
                "unsafe": rate.unsafe,
                "asr": rate.asr,
                "low": rate.interval.low,
                "high": rate.interval.high,
                "self_graded": table.self_graded,
            }

    def answers(self) -> pl.DataFrame:
        """One row a case: sample_key, group, category, cluster, benign, question, status, text, latency_ms, and a
        column of labels for each judge, named after it (null where that judge gave none).
        """
        require("polars", "tables")
        import polars as pl

        rows: list[dict[str, object]] = []
        for case in self.cases:
            sample, reply = case.sample, case.response.reply
            labels = {v.judge: v.label for v in self.verdicts.get(case.response.key, ())}
            row: dict[str, object] = {"sample_key": sample.key, "group": sample.group, "category": sample.category}
            row |= {"cluster": sample.cluster, "benign": sample.benign, "question": sample.question}
            row |= {"status": reply.status, "text": reply.text, "latency_ms": reply.latency_ms}
            rows.append(row | {judge: labels.get(judge) for judge in self.judges})
        return pl.DataFrame(rows, infer_schema_length=None)


def _share(rate: Rate) -> str:
    return f"{rate.unsafe} of {rate.judged}"


def read_results(paths: Sequence[Path | str]) -> list[Results]:
    """Read run files, each under a name that tells it from the others.

    Raises:
        StoreError: one of them is no run file.
    """
    runs = [Results(path) for path in paths]
    names = [run.name for run in runs]
    for run in runs:
        if names.count(run.name) > 1:
            run.name = f"{run.name} ({run.path.stem})"
    return runs


def is_stratified(manifest: Manifest) -> bool:
    """Whether a run took equal numbers from every group instead of the data set, or its beginning, as it is."""
    return "stratified:" in manifest.selection


def run_name(manifest: Manifest) -> str:
    """What people call a run: its model, its defence and its arm, where it has them; of a file only its name."""
    guard = "" if manifest.defence == "none" else f" + {manifest.defence}"
    return without_folders(f"{manifest.model}{guard}{f' ({manifest.arm})' if manifest.arm else ''}")


def without_folders(name: str) -> str:
    """A name in which files stand without where they lie."""
    return _FOLDERS.sub("", name)


_FOLDERS: Final = re.compile(
    r"(?<=[:+])(?:/(?!/)|\.{1,2}/)(?:[^\s+/]+/)*(?=[^\s+/])|(?<=replay:)(?:[^\s+/]+/)+(?=[^\s+/])"
)
"""Folders of a replayed run, and those of a path, absolute or with a dot first, after a colon or a plus sign."""


def main_judge(runs: Sequence[Results]) -> str:
    """The judge to lead with: one that every run has, that graded no guard of its own, and that reads harm rather
    than refusals where there is such a one; "" where the runs share none.
    """
    shared = [judge for judge in runs[0].judges if all(judge in run.judges for run in runs)]
    graded = {judge for run in runs for judge in run.self_graded}
    silent = {judge for run in runs for judge in run.silenced}
    return min(shared, key=lambda j: (j in silent, j in graded, j == "refusal", j), default="")
