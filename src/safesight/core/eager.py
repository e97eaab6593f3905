"""Eager work, that may never wait: run to its first wait at once, so that what needs none costs no task and no timer.

Most checks are a few microseconds of arithmetic behind an asynchronous interface; a deadline around each of them costs
more than the check. Whoever begins work awaits it or closes it, in the task that began it.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Eager(Generic[T]):
    """A coroutine that has run up to its first wait, or to its end (`done`); awaiting gives its result.

    What it raises before its first wait is raised here, what it raises later by `await`.
    """

    __slots__ = ("_result", "_waits_for", "_work", "done")

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._waits_for: object = None
        self._result: list[T] = []
        self.done = False
        self._step(work.send, None)

    def __await__(self) -> Generator[Any, Any, T]:
        while not self.done:
            try:
                sent = yield self._waits_for
            except GeneratorExit:
                self.close()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it is, cancellation too, is the work's own to handle
                self._step(self._work.throw, error)
            else:
                self._step(self._work.send, sent)
        return self._result[0]

    def close(self) -> None:
        """Give the work up, if it is under way."""
        self._work.close()

    def _step(self, go_on: Any, value: object) -> None:
        try:
            self._waits_for = go_on(value)
        except StopIteration as end:
            self._result.append(end.value)
            self.done = True
