"""What a guarded streamed reply is made of: choices, their channels, and the events that wait for verdicts. Sans-IO."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from safesight.guard.actions import Stop
from safesight.guard.drive import Drive


@dataclass(slots=True, eq=False)
class Channel:
    """One guarded text of one choice: its driver, and how much of it left."""

    name: str
    choice: ChoiceGuard
    drive: Drive
    sent: int = 0
    kept: list[str] | None = None
    """Every piece, where an audit wants the text."""

    @property
    def released(self) -> int:
        """Characters that may leave."""
        return self.drive.released

    def remember(self, text: str) -> None:
        """Keep a piece for the audit."""
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
        self._ends = list(accumulate(map(len, texts), initial=channel.drive.fed))
        self._next = 0

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
