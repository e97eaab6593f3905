"""Groups concurrent requests into batches for one worker thread.

Invariant: every submitted item gets a result or an exception, whatever fails. An item that breaks its batch is
found by running the batch's items one by one, so it fails alone; a load failure reaches every item at once, and
all later ones (the official MIR code hangs for ever there, and loses a batch of 256 to one bad item).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from safesight.core.errors import MissingExtra, ModelError

Item = TypeVar("Item")
Result = TypeVar("Result")


class MicroBatcher(Generic[Item, Result]):
    """Runs `run` over groups of up to `size` items with equal `key`, in submission order.

    Args:
        run: Called in the worker thread with one batch; returns one result per item, in order.
        failed: Makes an item's result from the exception it raised when run alone.
        key: Items with different keys never share a batch.
        size: Largest batch.
        linger_s: How long the first item of a batch waits for others.

    `ModelError` and `MissingExtra` out of `run` are no item's fault: they are raised to every waiting caller.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        failed: Callable[[Exception], Result],
        key: Callable[[Item], Hashable],
        size: int,
        linger_s: float = 0.01,
    ) -> None:
        self._run = run
        self._failed = failed
        self._key = key
        self._size = size
        self._linger_s = linger_s
        self._queue: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
        self._waiting: tuple[Item, Future[Result]] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, item: Item) -> Future[Result]:
        """Queue an item; cancelling the future before its batch starts drops the item.

        Raises:
            ModelError: the batcher is closed.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise ModelError("the model was closed and cannot be asked any more.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hf-batch", daemon=True)
                self._thread.start()
            self._queue.put((item, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then end the worker; blocks until it has."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while batch := self._gather():
            futures = [future for _, future in batch]
            for future, outcome in zip(futures, self._outcomes([item for item, _ in batch]), strict=True):
                if isinstance(outcome, (ModelError, MissingExtra)):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _gather(self) -> list[tuple[Item, Future[Result]]]:
        """The next batch; empty when the batcher is closed and nothing is left."""
        batch: list[tuple[Item, Future[Result]]] = []
        while len(batch) < self._size:
            try:
                # The first item is waited for without end, the others for a moment.
                entry = self._waiting or self._queue.get(timeout=self._linger_s if batch else None)
            except queue.Empty:
                break
            self._waiting = None
            if entry is None:
                self._queue.put(None)
                break
            if batch and self._key(entry[0]) != self._key(batch[0][0]):
                self._waiting = entry
                break
            if entry[1].set_running_or_notify_cancel():
                batch.append(entry)
        return batch

    def _outcomes(self, items: Sequence[Item]) -> Sequence[Result | ModelError | MissingExtra]:
        try:
            results = self._run(items)
            if len(results) != len(items):
                raise RuntimeError(f"a batch of {len(items)} gave {len(results)} results")
            return results
        except (ModelError, MissingExtra) as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001 - worker boundary
            if len(items) == 1:
                return [self._failed(error)]
            return [self._outcomes([item])[0] for item in items]
