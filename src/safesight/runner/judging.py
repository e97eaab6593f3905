"""Judging: any number of judges over a run's answers; nothing is generated and nothing judged twice.

A judge keeps its own row under its name. The same name with another fingerprint (an edited prompt, other
weights) is another judge and gets its own row, never silently mixed into the old one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from safesight.analysis.provenance import JUDGE, LICENCE
from safesight.core.abilities import LicensedPlugin
from safesight.core.errors import SafeSightError, told
from safesight.core.protocols import Judge
from safesight.core.records import Case, Verdict, content_hash
from safesight.core.store import RunStore
from safesight.runner.job import note_settings
from safesight.runner.progress import Progress

BATCH = 8


async def judge_run(
    store: RunStore,
    judge: Judge,
    *,
    progress: Progress,
    concurrency: int = 8,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> str:
    """Judge every judgeable answer this judge has not judged; return the row name its verdicts have.

    Verdicts whose call broke (`error` set) are kept, counted, and tried again by the next call.

    Raises:
        SafeSightError: the judge can never answer (its model is unknown, its key is wrong).
    """
    stop = stop or asyncio.Event()
    row = row_name(store, judge)
    pending = store.unjudged(row)
    progress.total = len(pending)
    batches: Iterator[list[str]] = (pending[i : i + BATCH] for i in range(0, len(pending), BATCH))

    async def worker() -> None:
        for keys in batches:
            if stop.is_set():
                return
            cases = list(store.cases(row, only=keys))
            verdicts = await _judge(judge, cases)
            store.add(verdicts=(msgspec.structs.replace(v, judge=row) for v in verdicts))
            progress.done += len(verdicts)
            for verdict in verdicts:
                if verdict.error:
                    progress.fail("error", verdict.error)
            if on_progress is not None:
                on_progress(progress)

    tasks = [asyncio.create_task(worker()) for _ in range(max(1, concurrency))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        note_settings(store, row, judge)
    return row


def row_name(store: RunStore, judge: Judge) -> str:
    """The name this judge's verdicts have in this run; notes its fingerprint."""
    notes = store.notes()
    name = next(
        name for name in _names(judge, notes) if notes.get(f"{JUDGE}{name}", judge.fingerprint) == judge.fingerprint
    )
    store.note(f"{JUDGE}{name}", judge.fingerprint)
    if isinstance(judge, LicensedPlugin) and judge.licence:
        store.note(f"{LICENCE}{JUDGE}{name}", judge.licence)
    return name


def _names(judge: Judge, notes: Mapping[str, str]) -> Iterator[str]:
    """The judge's own name, then names that tell it from others of that name."""
    yield judge.name
    # Files of earlier versions: fingerprints begin alike where they are no hashes, so none is named so any more.
    if f"{JUDGE}{(before := f'{judge.name}@{judge.fingerprint[:8]}')}" in notes:
        yield before
    digest = content_hash(judge.fingerprint)
    yield from (f"{judge.name}@{digest[:length]}" for length in range(8, len(digest) + 1))


async def _judge(judge: Judge, cases: Sequence[Case]) -> list[Verdict]:
    try:
        verdicts = await judge.judge(cases)
    except SafeSightError:
        raise
    except Exception as error:  # noqa: BLE001  # a judge's bug is a counted failure, not the end of the run
        return [_broken(case, judge.name, error) for case in cases]
    if len(verdicts) != len(cases):
        error = ValueError(f"expected {len(cases)} verdicts, got {len(verdicts)}")
        return [_broken(case, judge.name, error) for case in cases]
    return verdicts


def _broken(case: Case, judge: str, error: Exception) -> Verdict:
    return Verdict(
        response_key=case.response.key,
        sample_key=case.sample.key,
        judge=judge,
        label="unparsed",
        error=told(error),
    )
