"""Measures judges on starter's gold answers and notes what was found in a run file that they judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from safesight.benchmarks.starter_gold import gold_cases, gold_revision
from safesight.core.protocols import Judge
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.judges.calibration import Calibration, calibrate, note_name
from safesight.runner.judging import row_name


async def calibrate_judges(judges: Sequence[str | Judge], *, path: Path | None = None) -> dict[str, Calibration]:
    """Each judge's hits on the gold answers; with a run file, kept there beside its verdicts.

    Raises:
        JudgeError: a judge can never answer.
        StoreError: the path is no run file.
    """
    gold = tuple(gold_cases())
    found: dict[str, Calibration] = {}
    for named in judges:
        judge: Judge = open_plugin("judges", named) if isinstance(named, str) else named
        try:
            found[judge.name] = await calibrate(judge, gold)
            if path is not None:
                with RunStore.open(path) as store:
                    note = note_name(row_name(store, judge), gold_revision())
                    store.note(note, msgspec.json.encode(found[judge.name]).decode())
        finally:
            if isinstance(named, str):
                await judge.aclose()
    return found
