"""Work for a few threads, bounded, shared fairly by those who ask for it, and dropped when nobody waits for it.

Clients take turns: each thread takes the oldest job of the client that was served longest ago, so that one client's
backlog delays its own work and nobody else's by more than the jobs that run. When the queue is full, a client that
holds less than another takes the place of that one's newest job. Jobs are asked to stop through `Ticket.stopped`.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Final, Generic, TypeVar

from safesight.core.errors import Overloaded

T = TypeVar("T")


class Ticket(Generic[T]):
    """One job: its result to come, and whether anybody still wants it."""

    def __init__(self, client: str | None, work: Callable[[Ticket[T]], T]) -> None:
        self.future: Future[T] = Future()
        self.client = client
        self.work = work
        self.stopped = False

    def check(self) -> None:
        """Raise `CancelledError` where nobody waits any more; jobs call it between their steps."""
        if self.stopped:
            raise CancelledError

    def run(self) -> None:
        """Do the work, and keep what came of it."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.check()
            self.future.set_result(self.work(self))
        except BaseException as error:  # noqa: BLE001 - a worker's boundary: it is raised where the result is awaited
            self.future.set_exception(error)


class FairQueue(Generic[T]):
    """`workers` threads, and at most `capacity` jobs waiting of clients that are named; others wait without bound."""

    def __init__(self, workers: int, *, capacity: int, name: str) -> None:
        self._workers = workers
        self._capacity = capacity
        self._name = name
        self._threads: list[threading.Thread] = []
        self._running: set[Ticket[T]] = set()
        self._idle = 0
        self._closed = False
        self._ready = threading.Condition()
        self._waiting: OrderedDict[str | None, deque[Ticket[T]]] = OrderedDict()
        """Jobs by client; the client served longest ago first."""
        _open_queues.add(self)

    def submit(self, client: str | None, work: Callable[[Ticket[T]], T]) -> Ticket[T]:
        """Queue a job.

        Raises:
            Overloaded: the queue is full, and no other client holds more of it.
        """
        ticket = Ticket(client, work)
        with self._ready:
            if client is not None:
                self._make_room(client)
            self._waiting.setdefault(client, deque()).append(ticket)
            if not self._idle and len(self._threads) < self._workers and not self._closed:
                name = f"{self._name}-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._serve, name=name, daemon=True))
                self._threads[-1].start()
            self._ready.notify()
        return ticket

    def drop(self, ticket: Ticket[T]) -> None:
        """Nobody waits for a job any more: it leaves the queue, or stops at its next step."""
        ticket.stopped = True
        with self._ready:
            jobs = self._waiting.get(ticket.client)
            if jobs is not None and ticket in jobs:
                jobs.remove(ticket)
                if not jobs:
                    del self._waiting[ticket.client]
        ticket.future.cancel()

    def close(self, *, wait_s: float) -> None:
        """Stop what runs at its next step, take up nothing more, and wait for the threads."""
        with self._ready:
            self._closed = True
            for ticket in self._running:
                ticket.stopped = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(wait_s)

    @property
    def waiting(self) -> int:
        """Jobs that wait for a thread."""
        with self._ready:
            return sum(map(len, self._waiting.values()))

    def _make_room(self, client: str) -> None:
        named = {name: len(jobs) for name, jobs in self._waiting.items() if name is not None}
        if sum(named.values()) < self._capacity:
            return
        own, heaviest = named.get(client, 0), max(named, key=lambda name: named[name])
        if own + 1 >= named[heaviest]:
            raise Overloaded("too many images wait to be read; try again soon.", own=own > 1 and own >= named[heaviest])
        last = self._waiting[heaviest].pop()
        last.future.set_exception(Overloaded("other clients' images came before this one; try again soon.", own=True))

    def _serve(self) -> None:
        while True:
            with self._ready:
                self._idle += 1
                while not self._waiting and not self._closed:
                    self._ready.wait()
                self._idle -= 1
                if self._closed:
                    return
                client, jobs = next(iter(self._waiting.items()))
                ticket = jobs.popleft()
                del self._waiting[client]
                if jobs:
                    self._waiting[client] = jobs  # at the end of the row
                self._running.add(ticket)
            ticket.run()
            with self._ready:
                self._running.discard(ticket)


_open_queues: weakref.WeakSet[FairQueue[Any]] = weakref.WeakSet()
_LONGEST_STEP_S: Final = 30.0


@atexit.register
def _close_all() -> None:
    """A thread that the interpreter ends inside a C++ library ends the whole process (SIGABRT)."""
    for queue in list(_open_queues):
        queue.close(wait_s=_LONGEST_STEP_S)
