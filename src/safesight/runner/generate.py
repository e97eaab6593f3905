"""Generation: a bounded number of requests in flight, answers committed before they are counted.

Invariants: what is in the run file is never asked again (unless it failed); a kill loses at most the
requests in flight; memory holds the samples in flight and nothing that grows with the data set.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from safesight.core.batches import BatchingModel
from safesight.core.errors import DataError, SafeSightError, StoreError, told
from safesight.core.protocols import ThrottledModel
from safesight.core.records import Reply, Response, Sample
from safesight.core.store import RunStore
from safesight.runner.batches import generate_batched, refuse_underway
from safesight.runner.budget import Budget
from safesight.runner.job import Job, Work, note_settings, settle_unreadable
from safesight.runner.limiter import AdaptiveLimit
from safesight.runner.progress import Progress

COMMIT_WINDOW_S = 0.005
"""Answers that finish this close together share a transaction; far below any model's latency."""


async def generate(
    job: Job,
    store: RunStore,
    *,
    progress: Progress,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    budget: Budget | None = None,
) -> None:
    """Answer every selected sample that the run file has no answer for.

    Setting `stop`, or reaching the `budget`, lets what is in flight finish and returns; cancelling the task loses only
    what is in flight.

    Raises:
        ModelError: the model can never answer. What was answered before is committed.
        ConfigError: the run file waits for a batch, and the model is not asked in batches.
        StoreError: the run file cannot be written.
    """
    stop = stop or asyncio.Event()
    budget = budget or Budget()
    if isinstance(job.model, BatchingModel):
        await generate_batched(
            job, job.model, store, progress=progress, on_progress=on_progress, stop=stop, budget=budget
        )
        return
    refuse_underway(store)
    limit = AdaptiveLimit(min(job.concurrency, job.model.max_concurrency or job.concurrency))
    if isinstance(job.model, ThrottledModel):
        job.model.pressure = limit.pressure
    store.forget_broken()
    work = Work(job, store, progress)
    await work.open()
    writer = _Writer(store)

    async def worker() -> None:
        while not (stop.is_set() or progress.stopped):
            async with limit:
                progress.stopped = budget.reached(progress.cost_usd or 0.0)
                if progress.stopped:
                    return
                item = await work.next()
                if item is None:
                    return
                position, sample, failure = item
                reply = failure or await _answer(job, sample)
            await writer.add(position, sample, Response(key=job.key(sample), sample_key=sample.key, reply=reply))
            progress.count(reply)
            if on_progress is not None:
                on_progress(progress)

    tasks = [asyncio.create_task(worker()) for _ in range(limit.maximum)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        note_settings(store, "model", job.model)
        settle_unreadable(store)


async def _answer(job: Job, sample: Sample) -> Reply:
    started = time.monotonic()
    try:
        if job.defence is not None:
            return _delivered(await job.defence.respond(job.model, sample, decoding=job.decoding))
        return _delivered(await job.model.generate(sample.messages, decoding=job.decoding))
    except SafeSightError as error:
        # One unreadable image costs one answer; anything else deliberate would fail every sample alike.
        if not isinstance(error, DataError):
            raise
        return _failed(error, started)
    except Exception as error:  # noqa: BLE001  # a plugin's bug must not take the other answers with it
        return _failed(error, started)


def _delivered(reply: Reply) -> Reply:
    """Text that stands before a provider's cut was delivered, whatever a model plugin calls it: it is judged."""
    cut = reply.status == "blocked" and reply.text.strip() and not reply.guard_events
    return msgspec.structs.replace(reply, status="truncated") if cut else reply


def _failed(error: Exception, started: float) -> Reply:
    return Reply(status="error", error=told(error), latency_ms=(time.monotonic() - started) * 1e3)


class _Writer:
    """Group commit: answers that finish within `COMMIT_WINDOW_S` share one transaction.

    `add` returns once the answer is on disk, so an answer that was counted is never lost to a kill.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._rows: list[tuple[int, Sample, Response]] = []
        self._committed: asyncio.Future[None] | None = None

    async def add(self, position: int, sample: Sample, response: Response) -> None:
        self._rows.append((position, sample, response))
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._committed = loop.create_future()
            loop.call_later(COMMIT_WINDOW_S, self._commit, self._committed)
        await asyncio.shield(self._committed)

    def _commit(self, committed: asyncio.Future[None]) -> None:
        rows, self._rows, self._committed = self._rows, [], None
        try:
            self._store.add(samples=((i, sample) for i, sample, _ in rows), responses=(r for _, _, r in rows))
        except StoreError as error:
            committed.set_exception(error)
        else:
            committed.set_result(None)
