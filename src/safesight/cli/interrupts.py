"""Ctrl-C and SIGTERM, where they can be heard: the first finishes what is in flight, the second drops it.

Windows' loops know no signal handlers, and no thread but the main one may set any (notebooks, Ray, a web worker): there
the loop's owner gets the KeyboardInterrupt, and what was committed is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator
from typing import Final

from safesight.cli.printer import console

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S: Final = 4.0
"""How long what is dropped may take to end: a model in this process may hold the interpreter for its whole answer."""
INTERRUPTED: Final = 130
_FINISHING: Final = (
    "finishing what is in flight: at most a request's time limit (?timeout_s=, 600 s unless set); "
    "press Ctrl-C again to drop it within 5 s"
)


@contextlib.contextmanager
def interruptible() -> Generator[asyncio.Event]:
    """An event that the first signal sets; the second cancels the current task."""
    stop = asyncio.Event()
    task = asyncio.current_task()
    end = threading.Timer(_PATIENCE_S, os._exit, (INTERRUPTED,))
    end.daemon = True

    def interrupt() -> None:
        if not stop.is_set():
            stop.set()
            console().print(_FINISHING, style="yellow")
        elif task is not None and not task.cancelling():
            console().print("dropping what is in flight; what was answered is kept", style="yellow")
            task.cancel()
            # Nothing is lost by a hard end: what was committed is on the disk.
            end.start()

    with on_signals(interrupt):
        yield stop


@contextlib.contextmanager
def on_signals(call: Callable[[], object]) -> Generator[None]:
    """Call `call` in the running loop at each Ctrl-C or SIGTERM, as far as the platform and the thread allow."""
    with contextlib.ExitStack() as undo:
        for number in _SIGNALS:
            if not _by_loop(number, call, undo):
                _by_process(number, call, undo)
        yield


def _by_loop(number: signal.Signals, call: Callable[[], object], undo: contextlib.ExitStack) -> bool:
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, call)
    except (NotImplementedError, RuntimeError, ValueError):
        return False
    undo.callback(loop.remove_signal_handler, number)
    return True


def _by_process(number: signal.Signals, call: Callable[[], object], undo: contextlib.ExitStack) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(call))
    undo.callback(signal.signal, number, before)
