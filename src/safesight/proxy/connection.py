"""uvicorn's HTTP protocol, but an answer's head leaves with the first of its body, and a request's head may not dawdle.

uvicorn hands the head to the socket by itself; on a short answer that second system call costs as much as half the
proxy's own work. And it waits for ever for the rest of a head, which lets a few slow clients hold every connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Callable


class JoinedTransport:
    """A transport that holds a written head for what follows it, at most until the loop's next turn."""

    __slots__ = ("_head", "_later", "_transport")

    def __init__(self, transport: asyncio.Transport, later: Callable[[Callable[[], None]], object]) -> None:
        self._transport = transport
        self._later = later
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, or hold a head."""
        head = self._head
        if head:
            self._head = b""
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._later(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close once everything is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


HEAD_TIMEOUT_S = 30.0
"""Longest time between a connection and its first request, and between the first and the last byte of any head."""


class Connection(HttpToolsProtocol):
    """Serves one connection."""

    _late: asyncio.TimerHandle | None = None
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        super().connection_made(cast("asyncio.Transport", JoinedTransport(transport, self.loop.call_soon)))
        self._late = self.loop.call_later(HEAD_TIMEOUT_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is not whole by now has only so long."""
        super().data_received(data)
        if self._in_head and self._late is None:
            self._late = self.loop.call_later(HEAD_TIMEOUT_S, self._too_late)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._in_time()
        super().on_headers_complete()

    def _in_time(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late.cancel()

    def _too_late(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()
