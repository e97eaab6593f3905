"""The windows of a text: where they end, and those that wait for verdicts, settled in the order of the text.

Whether a window ends after a character depends only on that window's text up to it, never on how the text
was cut into chunks; that is what makes a guard's decision independent of the transport. Windows end at sentence
ends, or after so many characters, whichever comes first. Detectors that keep no running score are asked about a window
after at most `context_chars` of the text before it; `end` tiers are asked about the whole text, or about stretches of
`max_held_chars` that cover it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from safesight.core.errors import ConfigError
from safesight.guard.actions import Check
from safesight.guard.policy import StreamRule
from safesight.guard.rules import Outcome, Tiers

# Looks back at most two characters: with min_chars >= 3 they always lie in the same window.
_SENTENCE_END: Final = re.compile(r"""(?<=[.!?])\s|(?<=[.!?]["')\]”’])\s|[。！？\n]""")
_UNSPACED: Final = re.compile(r"[\s\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""White space, and scripts that write words without it."""
_WORD_CHARS: Final = 32
"""The longest word that is not cut."""


class Cutter:
    """Finds window ends in a buffer whose first characters may have been looked at before."""

    __slots__ = ("_least", "_search", "_size")

    def __init__(self, rule: StreamRule) -> None:
        """Take window lengths from a stream rule; `full` windows end only at the longest text held."""
        self._size = rule.max_held_chars if rule.windows == "full" else rule.window_chars
        self._least = rule.min_chars - 1
        self._search = None if rule.windows in ("full", "window") else _SENTENCE_END.search

    def cut(self, buffer: str, start: int, scanned: int) -> int:
        """The end of the window that begins at `start`, or 0 while it has none.

        Characters before `scanned` are known to end no window and are not looked at again.
        """
        limit = start + self._size
        if self._search is not None:
            begin = start + self._least
            if scanned > begin:
                begin = scanned
            if begin < len(buffer):
                found = self._search(buffer, begin, limit)
                if found is not None:
                    return found.end()
        return limit if len(buffer) >= limit else 0


def word_end(text: str, end: int) -> int:
    """The last place up to `end` where a word of `text` has ended; `end` itself within a word longer than 32."""
    first = max(0, end - _WORD_CHARS)
    blank = text.rfind(" ", first, end) + 1
    if blank and (word := text[blank:end]).isascii() and word.isprintable():
        return blank
    for place in range(end, first, -1):
        if _UNSPACED.match(text, place - 1):
            return place
    return end if end > _WORD_CHARS else 0


class Window:
    """A window, what its running detectors said (`scores`), and the outcomes that count so far."""

    __slots__ = ("answer", "closes", "final", "outcomes", "ready", "scores", "start", "text", "whole")

    def __init__(
        self,
        text: str,
        start: int,
        *,
        final: bool,
        closes: bool,
        answer: str,
        whole: str | None,
        scores: list[Outcome | None],
    ) -> None:
        self.text = text
        self.start = start
        self.final = final
        """The answer ends with it."""
        self.closes = closes
        """What is held is let out with it: the answer ends or pauses here."""
        self.answer = answer
        self.whole = whole
        """The text that `end` tiers judge with this window; None where they are not asked."""
        self.scores = scores
        self.outcomes: list[Outcome | None] = [None] * len(scores)
        self.ready = False


class WaitingWindows:
    """Opens windows, turns what they need into checks, and hands them back in order once they have it."""

    __slots__ = (
        "_before",
        "_context",
        "_limit",
        "_next",
        "_queue",
        "_scores",
        "_tiers",
        "_unread",
        "_waiting",
        "_whole",
        "_whole_chars",
        "chars",
    )

    def __init__(self, tiers: Tiers, rule: StreamRule) -> None:
        self._tiers = tiers
        self._before = rule.context_chars
        self._limit = rule.max_held_chars
        self._context = ""
        self._whole: list[str] = []
        self._whole_chars = 0
        self._unread = False
        self._scores: list[Outcome | None] = [None] * len(tiers.tiers)
        """What running detectors said last."""
        self._queue: deque[Window] = deque()
        self._waiting: dict[int, tuple[Window, tuple[int, ...]]] = {}
        self._next = 0
        self.chars = 0
        """Characters of the windows that wait."""

    def open(self, text: str, start: int, *, final: bool, closes: bool) -> Check | None:
        """Add the next window; returns the check it needs, None when it needs none."""
        tiers = self._tiers
        if text:
            self._scores = tiers.feed(text)
        answer = self._context + text if tiers.asks_late else ""
        if answer and self._before:
            self._context = answer[-self._before :]
        whole = self._ends(text, closes=closes) if tiers.asks_end else None
        window = Window(text, start, final=final, closes=closes, answer=answer, whole=whole, scores=self._scores)
        self._queue.append(window)
        self.chars += len(text)
        if text or whole is not None:
            return self._ask(window)
        window.ready = True
        return None

    def _ends(self, text: str, *, closes: bool) -> str | None:
        """The text that `end` tiers judge now; None while the answer goes on and is not too long to be held."""
        if text:
            self._whole.append(text)
            self._unread = True
        self._whole_chars += len(text)
        full = self._whole_chars >= self._limit
        if not full and not (closes and self._unread):
            return None
        self._unread = False
        whole = "".join(self._whole)
        kept = whole[max(0, len(whole) - self._before) :] if full else whole
        self._whole, self._whole_chars = [kept], 0 if full else len(kept)
        return whole

    def answer(self, check_id: int, outcomes: Sequence[Outcome]) -> Check | None:
        """Take a check's outcomes; returns the next check its window needs, if any.

        Raises:
            ConfigError: there is no such open check, or the number of outcomes differs from its asks.
        """
        window, asks = self._waiting.pop(check_id, (None, ()))
        if window is None or len(asks) != len(outcomes):
            raise ConfigError(
                f"check {check_id}: expected {len(asks)} outcomes for an open check, got {len(outcomes)}."
            )
        for index, outcome in zip(asks, outcomes, strict=True):
            window.outcomes[index] = outcome
        return self._ask(window)

    def settled(self) -> Iterator[Window]:
        """Take windows off the front as long as the first has all it needs."""
        while self._queue and self._queue[0].ready:
            window = self._queue.popleft()
            self.chars -= len(window.text)
            yield window

    def clear(self) -> None:
        """Forget every window."""
        self._context = ""
        self._whole.clear()
        self._queue.clear()
        self._waiting.clear()
        self.chars = 0

    def _ask(self, window: Window) -> Check | None:
        asks = self._asks(window)
        if not asks:
            window.ready = True
            return None
        ends = self._tiers.tiers[asks[0]].when == "end"
        check = Check(
            id=self._next,
            asks=asks,
            answer=(window.whole or "") if ends else window.answer,
            start=window.start,
            end=window.start + len(window.text),
            final=window.final,
        )
        self._next += 1
        self._waiting[check.id] = (window, check.asks)
        return check

    def _asks(self, window: Window) -> tuple[int, ...]:
        """Who is to be asked next: those that read the window, and once they have answered those that read all."""
        asks: list[int] = []
        whole = window.whole is not None
        for index, tier in enumerate(self._tiers.tiers):
            answered = window.outcomes[index] is not None
            if answered or not self._tiers.wants(index, window.outcomes, text=window.text, whole=whole):
                continue
            if tier.session is None:
                asks.append(index)
            else:
                window.outcomes[index] = window.scores[index]
        tiers = self._tiers.tiers
        return tuple(i for i in asks if tiers[i].when != "end") or tuple(asks)
