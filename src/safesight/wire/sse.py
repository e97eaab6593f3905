"""Server-sent events in, data payloads out; sans-IO, on bytes, so split UTF-8 needs no care.

Follows the WHATWG event-stream rules (CR, LF and CRLF line ends, comments, multi-line data); `event`,
`id` and `retry` fields carry nothing in the OpenAI protocol and are passed over.
"""

from __future__ import annotations

import re
from typing import Final

MAX_EVENT_BYTES: Final = 16 * 2**20
_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


class EventTooLong(ValueError):
    """One event or line is longer than MAX_EVENT_BYTES: this is no event stream."""


class EventReader:
    """Collects the data payload of each event."""

    def __init__(self) -> None:
        self._partial: list[bytes] = []  # an unfinished line, in pieces
        self._size = 0
        self._data: list[bytes] = []
        self._first = True
        self.comments = 0
        """Comment lines so far: servers keep a silent stream alive with them."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; returns the payloads of the events they complete.

        Raises:
            EventTooLong: bytes keep coming and no event ends.
        """
        if not chunk:
            return []
        if b"\n" not in chunk and b"\r" not in chunk:
            self._keep(chunk)
            return []
        buffer = b"".join((*self._partial, chunk))
        self._partial = []
        events: list[bytes] = []
        start = 0
        for match in _LINE_END.finditer(buffer):
            if match.group() == b"\r" and match.end() == len(buffer):
                break  # its LF may be in the next chunk
            self._line(buffer[start : match.start()], events)
            start = match.end()
        self._size = sum(map(len, self._data))
        self._keep(buffer[start:])
        return events

    def flush(self) -> list[bytes]:
        """End of stream: a last event without its blank line still counts, as servers often omit it."""
        events: list[bytes] = []
        rest = b"".join(self._partial)
        self._partial = []
        for line in (*_LINE_END.split(rest), b""):
            self._line(line, events)
        return events

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._partial.append(rest)
        self._size += len(rest)
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLong(f"expected server-sent events, got over {MAX_EVENT_BYTES >> 20} MiB without an end.")

    def _line(self, line: bytes, events: list[bytes]) -> None:
        if self._first:
            line = line.removeprefix(_BOM)
            self._first = False
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b":"):
            self.comments += 1
        elif not line and self._data:
            events.append(b"\n".join(self._data))
            self._data = []
