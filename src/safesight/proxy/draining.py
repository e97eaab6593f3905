"""Ends what is in flight when a stop has waited long enough: each answer still ends as its protocol says."""

from __future__ import annotations

import asyncio
from typing import Any


class Draining:
    """The requests in flight, and whether their time is over."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Let what is in flight go on for so many seconds."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def enter(self) -> asyncio.Task[Any] | None:
        """Watch the running task, which begins to answer a request, until it leaves."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        return task

    def leave(self, task: asyncio.Task[Any] | None) -> None:
        """A task that entered has answered."""
        if task is not None:
            self._tasks.discard(task)
            self._ended.discard(task)

    def claims(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task was cancelled because its time is over; it may then go on, to end its answer."""
        if task is None or task not in self._ended:
            return False
        self._ended.discard(task)
        task.uncancel()
        return True

    def _end(self) -> None:
        for task in self._tasks:
            self._ended.add(task)
            task.cancel()
