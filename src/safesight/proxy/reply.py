"""A reply of the upstream as it is read: head, then the body in the pieces that came. No socket of its own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Final, Protocol

BUFFERED: Final = 2**18
"""Bytes that may wait for a slow reader before the upstream is read no further."""


class BrokenReplyError(Exception):
    """The server refused the connection, broke off, or sent what is no HTTP."""


class Line(Protocol):
    """The connection a reply comes over."""

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


class Reply:
    """One reply; iterating gives the body as it comes. Under `async with`, leaving early closes the connection.

    Invariant: one that broke off or was given up raises when what came is read; it never ends as if it were whole.
    """

    __slots__ = ("_body", "_error", "_line", "_waiter", "_waiting", "asked", "complete", "headers", "status", "waits")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._body: deque[bytes] = deque()
        self._waiting = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.status = 0
        """0 until the head is there."""
        self.headers: list[tuple[bytes, bytes]] = []
        """Names in lower case."""
        self.complete = False
        self.asked = time.monotonic()
        self.waits = 0.0
        """Since when its reader has waited; 0.0 while it doesn't."""

    def header(self, name: bytes) -> bytes:
        """A header by its lower-case name; b"" where it is missing."""
        return next((value for key, value in self.headers if key == name), b"")

    @property
    def framed(self) -> bool:
        """Whether the head says where the body ends."""
        stated = (b"content-length", b"transfer-encoding")
        return self.status in (204, 304) or any(name in stated for name, _ in self.headers)

    @property
    def at_end(self) -> bool:
        """Whether the whole body was read."""
        return self.complete and not self._body

    def add(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(data)
        self._waiting += len(data)
        if self._waiting > BUFFERED:
            self._line.pause(paused=True)

    def end(self) -> None:
        """The body is whole, unless it was given up before."""
        self.complete = self._error is None
        self.wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come."""
        if self._error is None and not self.complete:
            self._error = error
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def close(self) -> None:
        """Break it off at once; a complete one has given its connection back already."""
        if not self.complete:
            self._line.abort()

    async def head(self) -> None:
        """Wait for status and headers.

        Raises:
            BrokenReplyError, TimeoutError: they did not come.
        """
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    def __aiter__(self) -> Reply:
        return self

    async def __anext__(self) -> bytes:
        while not self._body:
            if self.complete:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            await self._wait()
        data = self._body.popleft() if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        if self._waiting > BUFFERED and not self.complete:
            self._line.pause(paused=False)
        self._waiting = 0
        return data

    async def __aenter__(self) -> Reply:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        self.waits = time.monotonic()
        try:
            await self._waiter
        finally:
            self.waits = 0.0
