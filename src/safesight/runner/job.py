"""One run's job: everything that decides its answers, and which samples still need one.

Invariant: what is in the run file is never handed out again (unless it failed); samples are read a few ahead, so memory
holds nothing that grows with the data set.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator

import msgspec

from safesight.core.protocols import BrokenItem, Dataset, Defence, Model, SettingsLearner
from safesight.core.records import Decoding, Reply, Sample, response_key, sample_key
from safesight.core.store import RunStore
from safesight.runner.progress import Progress
from safesight.runner.select import Selection, choose

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

    def key(self, sample: Sample) -> str:
        """The key of this job's answer to a sample."""
        defence = "" if self.defence is None else self.defence.fingerprint
        return response_key(sample.key, self.model.fingerprint, self.decoding, defence)


class Work:
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
        """Choose the samples; reads the data once where a sample of it is drawn."""
        chosen = await asyncio.to_thread(_chosen, self._job)
        self._progress.total = _total(self._job, chosen)
        self._items = _selected(self._job, chosen)

    async def next(self) -> tuple[int, Sample, Reply | None] | None:
        """Position and sample of what needs an answer, with the reply where there can be none; None at the end."""
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
        if self._job.key(sample) not in self._done:
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


def note_settings(store: RunStore, who: str, asked: object) -> None:
    """Keep what a provider refused to be sent, so that nobody takes an answer for one at temperature 0."""
    refused = asked.settings_left_out if isinstance(asked, SettingsLearner) else {}
    if refused:
        store.note(f"settings_left_out:{who}", "; ".join(f"{name} ({why})" for name, why in sorted(refused.items())))


def settle_unreadable(store: RunStore) -> None:
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
