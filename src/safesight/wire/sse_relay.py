"""Server-sent events in and out; reading follows `wire.sse`, with a shortcut for whole plain events. Sans-IO."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from safesight.wire.sse import EventReader, EventTooLong

__all__ = ["COMMENT", "EventTooLong", "RelayReader", "encode"]

COMMENT: Final = b": keep-alive"
"""A payload that is no event: what keeps a silent connection open."""


class RelayReader:
    """Payloads of the events in a stream of bytes.

    Most reads hold whole events of one `data: ` line each; those are split, all others go through `EventReader`.
    """

    __slots__ = ("_reader", "_rest")

    def __init__(self) -> None:
        self._reader = EventReader()
        self._rest: bytes | None = b""
        """The beginning of an event that was split; None while the reader stands within one."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; returns the payloads of the events they complete.

        Raises:
            EventTooLong: bytes keep coming and no event ends.
        """
        if self._rest is not None:
            data = self._rest + chunk if self._rest else chunk
            end = data.rfind(b"\n\n")
            if end > 0 and data.startswith(b"data: ") and b"\r" not in data:
                payloads = data[6:end].split(b"\n\ndata: ")
                if data.count(b"\n", 0, end) == 2 * len(payloads) - 2:
                    self._rest = data[end + 2 :]
                    return payloads
            chunk = data
        found = self._reader.feed(chunk)
        self._rest = b"" if chunk.endswith(b"\n\n") and b"\r" not in chunk else None
        return found

    @property
    def comments(self) -> int:
        """Comment lines so far."""
        return self._reader.comments

    def flush(self) -> list[bytes]:
        """End of stream: a last event without its blank line still counts."""
        rest, self._rest = self._rest or b"", None
        return [*self._reader.feed(rest), *self._reader.flush()]


def encode(payloads: Iterable[bytes]) -> bytes:
    """Frame payloads as one run of events."""
    payloads = list(payloads)
    if payloads == [COMMENT]:
        return COMMENT + b"\n\n"
    return b"data: " + b"\n\ndata: ".join(payloads) + b"\n\n"
