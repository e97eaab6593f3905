"""The live progress line: rate, failures, spend and time left; plain lines when not on a terminal."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator

from rich.live import Live
from rich.text import Text

from safesight.cli.printer import console
from safesight.runner.progress import Progress

_PLAIN_EVERY_S = 15.0
_REASONS = 3
"""Reasons told while a stage runs."""
_LONGEST = 500


def shorter(reason: str) -> str:
    """A reason on one line, cut where a server would not stop."""
    text = " ".join(reason.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


@contextlib.contextmanager
def live() -> Generator[Callable[[Progress], None]]:
    """Show whatever progress the yielded function is called with, until the block ends.

    The first reasons for failures are printed when they are met: nobody need wait for the end to learn of a typo.
    """
    out = console()
    line = _Line()
    if not out.is_terminal:
        yield line.plain
        return
    with Live(get_renderable=line.text, console=out.rich, refresh_per_second=4):
        yield line.drawn


class _Line:
    """The stage that is shown now."""

    def __init__(self) -> None:
        self._now: Progress | None = None
        self._printed = time.monotonic()
        self._told = 0

    def _tell(self, now: Progress) -> None:
        if now is not self._now:
            self._now, self._told = now, 0
        for reason in itertools.islice(now.reasons, self._told, _REASONS):
            self._told += 1
            console().print(f"{now.stage} failed: {shorter(reason)}", style="yellow")

    def text(self) -> Text:
        return Text("" if self._now is None or self._now.ended else describe(self._now))

    def drawn(self, now: Progress) -> None:
        """On a terminal the line redraws itself; a stage that ended stays above it."""
        self._tell(now)
        if now.ended:
            console().print(describe(now))

    def plain(self, now: Progress) -> None:
        """Elsewhere a line is printed now and then, and when a stage ends."""
        self._tell(now)
        whole = now.done + now.resumed == now.total  # the stage's end says so in a moment
        if now.ended or (not whole and time.monotonic() - self._printed >= _PLAIN_EVERY_S):
            self._printed = time.monotonic()
            console().print(describe(now))


def describe(progress: Progress) -> str:
    """One line: stage, done of total, rate, failures, tokens, spend, time left."""
    done = progress.done + progress.resumed
    words = [f"{progress.stage}: {done}/{progress.total if progress.total is not None else '?'}"]
    if progress.resumed:
        words.append(f"{progress.resumed} resumed")
    words.append(f"{progress.rate_per_s:.1f}/s")
    words += [f"{count} {status}" for status, count in sorted(progress.failed.items())]
    if progress.tokens:
        words.append(f"{progress.tokens:,} tokens")
    if progress.cost_usd is not None:
        words.append(f"${progress.cost_usd:.2f}")
    left = progress.seconds_left
    if left:
        words.append(f"{int(left // 60)}:{int(left % 60):02d} left")
    if progress.note:
        words.append(progress.note)
    return " · ".join(words)
