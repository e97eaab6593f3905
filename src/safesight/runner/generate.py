"""Generation: a bounded number of requests in flight, answers committed before they are counted.

Invariants: what is in the run file is never asked again (unless it failed); a kill loses at most the
requests in flight; memory holds the samples in flight and nothing that grows with the data set.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from safesight.core.errors import DataError, SafeSightError, StoreError
from safesight.core.protocols import BrokenItem, Dataset, Defence, Model, SettingsLearner, ThrottledModel
from safesight.core.records import Decoding, Reply, Response, Sample, response_key, sample_key
from safesight.core.store import RunStore
from safesight.runner.budget import Budget
from safesight.runner.limiter import AdaptiveLimit
from safesight.runner.progress import Progress
from safesight.runner.select import Selection, choose

COMMIT_WINDOW_S = 0.005
"""Answers that finish this close together share a transaction; far below any model's latency."""
_READ_AHEAD = 8


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides one run's answers, opened and ready."""

    dataset: Dataset
    model: Model
    defence: Defence | None = None
    decoding: Decoding = Decoding()
    selection: Selection = Selection()
    seed: int = 0
    concurrency: int = 16


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
        StoreError: the run file cannot be written.
    """
    stop = stop or asyncio.Event()
    budget = budget or Budget()
    limit = AdaptiveLimit(min(job.concurrency, job.model.max_concurrency or job.concurrency))
    if isinstance(job.model, ThrottledModel):
        job.model.pressure = limit.pressure
    store.forget_broken()
    work = _Work(job, store, progress)
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
            key = response_key(sample.key, job.model.fingerprint, job.decoding, _fingerprint(job.defence))
            await writer.add(position, sample, Response(key=key, sample_key=sample.key, reply=reply))
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
        _settle_unreadable(store)


def _settle_unreadable(store: RunStore) -> None:
    """Unreadable items of a set whose readable ones are all benign are benign too: no attack was tried with them."""
    unknown: list[Sample] = []
    readable = 0
    for sample in store.samples():
        if sample.meta.get("kind") == "unknown":
            unknown.append(msgspec.structs.replace(sample, benign=True))
        elif not sample.benign:
            return
        else:
            readable += "broken" not in sample.meta
    if readable and unknown:
        places = store.positions()
        store.add(samples=((places[sample.key], sample) for sample in unknown))


def note_settings(store: RunStore, who: str, asked: object) -> None:
    """Keep what a provider refused to be sent, so that nobody takes an answer for one at temperature 0."""
    refused = asked.settings_left_out if isinstance(asked, SettingsLearner) else {}
    if refused:
        store.note(f"settings_left_out:{who}", "; ".join(f"{name} ({why})" for name, why in sorted(refused.items())))


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
    name = "" if isinstance(error, SafeSightError) else f"{type(error).__name__}: "
    return Reply(status="error", error=f"{name}{error}", latency_ms=(time.monotonic() - started) * 1e3)


def _fingerprint(defence: Defence | None) -> str:
    return "" if defence is None else defence.fingerprint


class _Work:
    """Hands out samples that still need an answer, reading a few ahead in a thread."""

    def __init__(self, job: Job, store: RunStore, progress: Progress) -> None:
        self._job = job
        self._store = store
        self._progress = progress
        self._lock = asyncio.Lock()
        self._buffer: deque[tuple[int, Sample | BrokenItem]] = deque()
        self._items: Iterator[tuple[int, Sample | BrokenItem]] = iter(())
        self._done = store.done()
        self._positions = store.positions()

    async def open(self) -> None:
        chosen = await asyncio.to_thread(_chosen, self._job)
        self._progress.total = _total(self._job, chosen)
        self._items = _selected(self._job, chosen)

    async def next(self) -> tuple[int, Sample, Reply | None] | None:
        while True:
            async with self._lock:
                if not self._buffer:
                    self._buffer.extend(
                        await asyncio.to_thread(lambda: list(itertools.islice(self._items, _READ_AHEAD)))
                    )
                if not self._buffer:
                    return None
                position, item = self._buffer.popleft()
            if isinstance(item, BrokenItem):
                return position, _placeholder(item, self._job), Reply(status="error", error=str(item.error))
            if not self._answered(position, item):
                return position, item, None

    def _answered(self, position: int, sample: Sample) -> bool:
        job = self._job
        key = response_key(sample.key, job.model.fingerprint, job.decoding, _fingerprint(job.defence))
        if key not in self._done:
            return False
        if self._positions.get(sample.key) != position:
            self._store.add(samples=[(position, sample)])
        self._progress.resumed += 1
        return True


def taken(job: Job) -> Iterator[tuple[int, Sample | BrokenItem]]:
    """The selected samples and unreadable items with their positions, lazily, in data-set order."""
    return _selected(job, _chosen(job))


def _chosen(job: Job) -> frozenset[str] | None:
    return choose((s for s in job.dataset if isinstance(s, Sample)), job.selection, seed=job.seed)


def _selected(job: Job, chosen: frozenset[str] | None) -> Iterator[tuple[int, Sample | BrokenItem]]:
    pairs = (pair for pair in enumerate(job.dataset) if _taken(pair[1], chosen, job.selection))
    return itertools.islice(pairs, job.selection.limit)


def _taken(item: Sample | BrokenItem, chosen: frozenset[str] | None, selection: Selection) -> bool:
    if isinstance(item, BrokenItem):
        # What cannot be read belongs to no stratum; a whole run reports it, a sampled one passes it by.
        return chosen is None and not selection.groups
    if chosen is not None:
        return item.key in chosen
    return not selection.groups or item.group in selection.groups


def _total(job: Job, chosen: frozenset[str] | None) -> int | None:
    if chosen is not None:
        return len(chosen)
    if job.selection.groups:
        return None
    return min(len(job.dataset), job.selection.limit or len(job.dataset))


def _placeholder(item: BrokenItem, job: Job) -> Sample:
    """A sample without content, so that what could not be read is counted beside the rates."""
    name = type(job.dataset).__name__
    return Sample(
        key=sample_key("broken", name, item.item),
        benchmark=name,
        messages=(),
        question="",
        category="(unreadable)",
        group="(unreadable)",
        cluster=item.item,
        benign=bool(item.benign),
        meta={"broken": item.item} | ({"kind": "unknown"} if item.benign is None else {}),
    )


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
