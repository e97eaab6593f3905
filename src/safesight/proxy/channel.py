"""What a guarded streamed reply is made of: choices, their channels, and the events that wait for verdicts. Sans-IO."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NamedTuple

from safesight.guard.actions import Stop
from safesight.guard.stream import StreamGuard

MEMORY: Final = 1_000
"""Characters of a channel that the guard of its continuation reads first."""


@dataclass(slots=True, eq=False)
class Channel:
    """One guarded text of one choice: its guard, how much came in, how much may leave, how much left."""

    name: str
    choice: ChoiceGuard
    guard: StreamGuard
    fed: int = 0
    released: int = 0
    sent: int = 0
    through: int = 0
    """Where the next release of the present guard begins."""
    recent: list[str] = field(default_factory=list[str])
    """The last pieces, at least `MEMORY` characters where there were so many."""
    kept: list[str] | None = None
    """Every piece, where an audit wants the text."""

    def remember(self, text: str) -> None:
        """Keep a piece for the guard of a continuation."""
        recent = self.recent
        recent.append(text)
        if len(recent) > 256 or len(text) > MEMORY:
            recent[:] = ["".join(recent)[-MEMORY:]]
        if self.kept is not None:
            self.kept.append(text)


class Need(NamedTuple):
    """The position a channel must have released before an event may leave, and the text the event adds to it."""

    channel: Channel
    upto: int
    text: str


class Event:
    """One event that waits."""

    __slots__ = ("_payload", "needs")

    def __init__(self, payload: bytes, needs: tuple[Need, ...]) -> None:
        self._payload = payload
        self.needs = needs
        """What must be released before this event, the first that waits, may leave."""

    def leave(self, out: list[bytes]) -> bool:
        """Move to `out` what may leave; True when nothing is left."""
        for channel, upto, _ in self.needs:
            if channel.released < upto:
                return False
        for channel, upto, _ in self.needs:
            channel.sent = max(channel.sent, upto)
        out.append(self._payload)
        return True


class Run:
    """Events in a row that each add a text to one channel and nothing else: waiting for a read of them costs as much
    as for one."""

    __slots__ = ("_channel", "_ends", "_next", "_payloads", "_texts")

    def __init__(self, channel: Channel, payloads: Sequence[bytes], texts: Sequence[str]) -> None:
        self._channel = channel
        self._payloads = payloads
        self._texts = texts
        self._ends = list(accumulate(map(len, texts), initial=channel.fed))
        self._next = 0
        channel.fed = self._ends[-1]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What must be released before the first that waits may leave."""
        return (Need(self._channel, self._ends[self._next + 1], self._texts[self._next]),)

    def leave(self, out: list[bytes]) -> bool:
        """Move to `out` what may leave; True when nothing is left."""
        channel, first = self._channel, self._next
        last = bisect_right(self._ends, channel.released, lo=first + 1) - 1
        if last > first:
            out += self._payloads[first:last]
            channel.sent = max(channel.sent, self._ends[last])
            self._next = last
        return last == len(self._payloads)


@dataclass(slots=True, eq=False)
class ChoiceGuard:
    """One choice: its channels, and the events that wait."""

    index: int
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])
    current: Channel | None = None
    """The channel that speaks; the others were flushed when it began."""
    waiting: deque[Event | Run] = field(default_factory=deque[Event | Run])
    stop: Stop | None = None
