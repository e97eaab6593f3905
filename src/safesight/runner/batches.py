"""Generation by a provider's batch endpoint: requests in files, answers hours later, at a lower price.

Invariant: nothing is paid for twice. A batch is written down in the run file before it is created, so a killed run
finds it at the provider and takes its answers; samples are handed out again only when every batch that was begun has
ended. What a batch leaves unanswered (its time ran out, the provider was busy) goes into the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from safesight.core.batches import BatchingModel, BatchState
from safesight.core.errors import ConfigError, DataError, ModelError
from safesight.core.records import Reply, Response, Sample
from safesight.core.store import RunStore
from safesight.runner.budget import Budget
from safesight.runner.job import Job, Work, note_settings, settle_unreadable
from safesight.runner.progress import Progress

_ROUNDS: Final = 3
"""How often one call submits the same sample."""
_NOTE: Final = "batch:"
_COMMITTED: Final = 256
"""Answers in one transaction."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as the run file keeps it, by the provider's name for its file of requests."""

    file: str
    id: str = ""
    """"" until it is known that the batch was created."""
    requests: int = 0
    ended: bool = False
    said: str = ""


def underway(store: RunStore) -> list[Submitted]:
    """Batches of a run whose answers have not been taken yet."""
    kept = (value for name, value in store.notes().items() if name.startswith(_NOTE))
    return [found for value in kept if not (found := msgspec.json.decode(value, type=Submitted)).ended]


def refuse_underway(store: RunStore) -> None:
    """Raise ConfigError where a run waits for a batch: asking its samples one by one would pay for them twice."""
    if waiting := underway(store):
        raise ConfigError(
            f"{store.path} waits for {waiting[0].id or 'a batch'} at the provider. Name the model with ?batch=1 again "
            "to take its answers, or choose another --run."
        )


async def generate_batched(
    job: Job,
    model: BatchingModel,
    store: RunStore,
    *,
    progress: Progress,
    on_progress: Callable[[Progress], None] | None,
    stop: asyncio.Event,
    budget: Budget,
) -> None:
    """Answer every selected sample that the run file has no answer for, in batches.

    Setting `stop`, or reaching the budget's time, returns at once: batches go on at the provider, and the same run
    takes their answers later. A budget in dollars is looked at between two batches.

    Raises:
        ConfigError: a defence is asked for, which needs each answer when it is given.
        ModelError: the provider refused a batch, or nothing can ever be answered. What was answered is committed.
        StoreError: the run file cannot be written.
    """
    if job.defence is not None:
        raise ConfigError(
            f"{model.name}: a defence needs each answer at once, a batch gives them hours later. "
            "Leave out ?batch=1 or --defence."
        )
    store.forget_broken()
    try:
        await _Batches(job, model, store, progress, on_progress, stop, budget).run()
    finally:
        note_settings(store, "model", model)
        settle_unreadable(store)


class _Batches:
    """One call's dealings with a provider's batches."""

    def __init__(
        self,
        job: Job,
        model: BatchingModel,
        store: RunStore,
        progress: Progress,
        on_progress: Callable[[Progress], None] | None,
        stop: asyncio.Event,
        budget: Budget,
    ) -> None:
        self._job = job
        self._model = model
        self._store = store
        self._progress = progress
        self._on_progress = on_progress
        self._stop = stop
        self._budget = budget
        self._size = model.batch_size
        self._round = 0
        self._sent: dict[str, list[str]] = {}
        """Keys of what this call submitted, by file, until the batch has ended."""
        self._tries: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._recorded: set[str] = set()

    async def run(self) -> None:
        """Take what earlier calls began, then submit and take until nothing is unanswered."""
        while await self._settled() and await self._submit():
            self._round += 1

    async def _settled(self) -> bool:
        """Wait until no batch is under way; False when this call is over before that."""
        crowded = accepted = 0
        while waiting := underway(self._store):
            states = [(entry, await self._state(entry)) for entry in waiting]
            for entry, state in states:
                if state.status != "running":
                    await self._take(entry, state)
                    crowded = max(crowded, entry.requests * state.crowded)
                    accepted += not state.crowded
            running = [state for _, state in states if state.status == "running"]
            self._tell(running)
            if running:
                if self._over():
                    return False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self._model.poll_s)
        if crowded and not accepted:
            # Nothing of ours was in its way: it is too large for what the account may have under way.
            self._size = max(1, min(self._size, crowded) // 2)
        return not self._over()

    def _over(self) -> bool:
        self._progress.stopped = self._budget.reached(self._progress.cost_usd or 0.0)
        return self._stop.is_set() or bool(self._progress.stopped)

    async def _state(self, entry: Submitted) -> BatchState:
        if entry.id:
            return await self._model.read_batch(entry.id)
        # Killed between creating the batch and writing down its name, or before creating it.
        return await self._begin(entry, await self._model.find_batch(entry.file))

    async def _begin(self, entry: Submitted, found: BatchState | None = None) -> BatchState:
        state = found or await self._model.create_batch(entry.file)
        self._keep(msgspec.structs.replace(entry, id=state.id))
        return state

    def _keep(self, entry: Submitted) -> None:
        self._store.note(f"{_NOTE}{entry.file}", msgspec.json.encode(entry).decode())

    async def _take(self, entry: Submitted, state: BatchState) -> None:
        """Commit the answers of a batch that is no longer running, then write down that it has ended.

        Raises:
            ModelError: it was refused or cancelled, its answers cannot be fetched, or no request will ever be answered.
        """
        samples = {self._job.key(sample): sample for sample in self._store.samples()}
        rows: list[Response] = []
        fatal = ""
        async for found in self._model.batch_replies(state, decoding=self._job.decoding):
            fatal = fatal or found.fatal
            if found.again:
                self._reasons[found.key] = found.reply.error
            elif found.key in samples and not found.fatal:
                rows.append(Response(key=found.key, sample_key=samples[found.key].key, reply=found.reply))
            if len(rows) >= _COMMITTED:
                self._commit(rows)
        self._commit(rows)
        self._keep(msgspec.structs.replace(entry, id=state.id, ended=True, said=state.said))
        sent = self._sent.pop(entry.file, [])
        if fatal:
            raise ModelError(fatal)
        if state.status == "ended":
            self._tries.update(sent)
        elif state.status == "cancelled":
            raise ModelError(
                f"{state.id} was cancelled at the provider; what it had answered is kept. "
                "The same command submits the rest."
            )
        elif not state.crowded or entry.requests <= 1:
            raise ModelError(f"{state.id} was refused by the provider: {state.said.rstrip('.')}.")

    def _commit(self, rows: list[Response]) -> None:
        fresh = [row for row in rows if row.key not in self._recorded]
        rows.clear()
        self._store.add(responses=fresh)
        for row in fresh:
            self._recorded.add(row.key)
            self._progress.count(row.reply)

    async def _submit(self) -> bool:
        """Submit what is unanswered; False when nothing is, or this call is over."""
        counted = Progress(stage="")
        work = Work(self._job, self._store, counted)
        await work.open()
        self._progress.total = counted.total
        answered_here = self._progress.done
        chunk = _Chunk()
        submitted = False
        while not self._over() and (item := await work.next()) is not None:
            position, sample, failure = item
            line = failure or await self._line(sample)
            if isinstance(line, Reply):
                self._record(position, sample, line)
                continue
            if not line:
                continue
            if chunk.keys and not chunk.has_room(line, self._size, self._model.batch_bytes):
                await self._hand_over(chunk)
                submitted, chunk = True, _Chunk()
                if self._budget.max_cost_usd is not None and not await self._settled():
                    break
            chunk.add(self._job.key(sample), position, sample, line)
        if chunk.keys and not self._over():
            await self._hand_over(chunk)
            submitted = True
        if not self._round:
            self._progress.resumed = max(0, counted.resumed - answered_here)
        return submitted

    async def _line(self, sample: Sample) -> bytes | Reply:
        """A sample as a line of a batch; a reply where there will be none; nothing where one is recorded already."""
        key = self._job.key(sample)
        if key in self._recorded:
            return b""
        if self._tries[key] >= _ROUNDS:
            why = self._reasons.get(key, "no batch had an answer to it")
            return Reply(status="error", error=f"{why} (in {_ROUNDS} batches)", attempts=_ROUNDS)
        try:
            line = await self._model.batch_line(key, sample.messages, decoding=self._job.decoding)
        except DataError as error:
            return Reply(status="error", error=str(error))
        if len(line) > self._model.batch_bytes:
            return Reply(
                status="error",
                error=f"the request is {len(line) >> 20} MiB, a batch takes {self._model.batch_bytes >> 20}",
            )
        return line

    def _record(self, position: int, sample: Sample, reply: Reply) -> None:
        key = self._job.key(sample)
        if key not in self._recorded:
            self._store.add(samples=[(position, sample)])
            self._commit([Response(key=key, sample_key=sample.key, reply=reply)])
            self._tell([])

    async def _hand_over(self, chunk: _Chunk) -> None:
        """Upload requests and start their batch; each step is written down before the next may cost anything."""
        self._store.add(samples=chunk.samples)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "requests.jsonl"
            await asyncio.to_thread(chunk.write, path)
            file = await self._model.upload_batch(path)
        entry = Submitted(file=file, requests=len(chunk.keys))
        self._keep(entry)
        self._sent[file] = chunk.keys
        self._tell([await self._begin(entry)])

    def _tell(self, running: list[BatchState]) -> None:
        words = [f"{state.id} {state.said}, {state.done} of {state.total or '?'}" for state in running]
        self._progress.note = "; ".join(words)
        if self._on_progress is not None:
            self._on_progress(self._progress)


class _Chunk:
    """Requests that go into one batch."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.samples: list[tuple[int, Sample]] = []
        self._lines: list[bytes] = []
        self._bytes = 0

    def has_room(self, line: bytes, most: int, most_bytes: int) -> bool:
        """Whether one more request fits."""
        return len(self.keys) < most and self._bytes + len(line) <= most_bytes

    def add(self, key: str, position: int, sample: Sample, line: bytes) -> None:
        """Add a request."""
        self.keys.append(key)
        self.samples.append((position, sample.reference()))
        self._lines.append(line)
        self._bytes += len(line)

    def write(self, path: Path) -> None:
        """Write the requests, one a line."""
        path.write_bytes(b"".join(self._lines))
