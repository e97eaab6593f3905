"""Ctrl-C and SIGTERM, where they can be heard: the first finishes what is in flight, the second drops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Generator

from safesight.cli.tables import console

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> Generator[asyncio.Event]:
    """An event that the first signal sets; the second cancels the current task.

    Where an event loop takes no signal handlers (Windows, a thread, a notebook's kernel) the event is never set and
    Ctrl-C stops the process as it does any other: what was committed is kept.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        console().print("finishing what is in flight; press Ctrl-C again to drop it", style="yellow")
        stop.set()

    heard: list[signal.Signals] = []
    for number in _SIGNALS:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, interrupt)
            heard.append(number)
    try:
        yield stop
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
