"""The rate tables of a run file: one per judge, self-graded ones marked."""

from __future__ import annotations

from collections.abc import Sequence

from safesight.analysis.provenance import self_graded_judges
from safesight.analysis.rates import RateTable, rate_table
from safesight.core.records import Manifest
from safesight.core.store import RunStore


def run_tables(store: RunStore, *, judges: Sequence[str] | None = None) -> list[RateTable]:
    """One rate table for each of the run's judges (or those named); a run nobody judged gives one without verdicts."""
    graded = self_graded_judges(store.notes())
    names = list(judges) if judges is not None else store.judges()
    return [
        rate_table(store.cases(name), judge=name, stratified=is_stratified(store.manifest), self_graded=name in graded)
        for name in names or [""]
    ]


def is_stratified(manifest: Manifest) -> bool:
    """Whether a run took equal numbers from every group instead of the data set, or its beginning, as it is."""
    return "stratified:" in manifest.selection
