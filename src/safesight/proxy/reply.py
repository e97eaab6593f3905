"""A reply of the upstream as it is read: head, then the body in the pieces that came.

Invariant: one that broke off, dawdled or was given up raises; it never ends as if it were whole.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

import aiohttp

from safesight.net.client import BROKEN, Client
from safesight.proxy.errors import BrokenReplyError, LateReplyError

_PLAIN: Final = frozenset({"", "identity", "gzip", "deflate"})
"""Encodings that the client undoes; any other body could not be judged."""


class UpstreamReply:
    """One reply; iterating gives the body as it comes. Under `async with`, leaving early closes the connection."""

    __slots__ = ("_begun", "_client", "_idle_s", "_response", "_silent", "_timer", "_total_s", "_waits", "status")

    def __init__(self, response: aiohttp.ClientResponse, client: Client, *, idle_s: float, total_s: float) -> None:
        """Read a response to `client`: at most `idle_s` of silence once its body has begun; `total_s` is for words.

        Raises:
            BrokenReplyError: its status is none of HTTP's, or its body is encoded in a way that cannot be read.
        """
        if not 200 <= response.status < 600:
            response.close()
            raise BrokenReplyError(f"answered with the status {response.status}")
        if (encoding := response.headers.get("content-encoding", "").lower()) not in _PLAIN:
            response.close()
            raise BrokenReplyError(f"sent a body encoded as {encoding[:40]!r}, which this proxy did not ask for")
        self._response = response
        self._client = client
        self._idle_s = idle_s
        self._total_s = total_s
        self._timer: asyncio.TimerHandle | None = None
        self._waits = 0.0
        """Since when a piece is awaited; 0.0 while none is."""
        self._begun = False
        self._silent = False
        self.status = response.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case, and values."""
        return [(name.lower(), value) for name, value in self._response.raw_headers]

    def header(self, name: bytes) -> bytes:
        """A header by its lower-case name; b"" where it is missing."""
        return self._response.headers.get(name.decode(), "").encode("utf-8", "surrogateescape")

    @property
    def at_end(self) -> bool:
        """Whether the whole body was read."""
        return self._response.content.at_eof()

    def close(self) -> None:
        """Break it off at once; a complete one has given its connection back already."""
        self._rest()
        if not self._response.content.at_eof():
            self._response.close()

    def __aiter__(self) -> UpstreamReply:
        return self

    async def __anext__(self) -> bytes:
        content = self._response.content
        if self._begun:
            self._watch()
        try:
            data = await content.readany()
        except BROKEN as error:
            self._rest()
            raise self._late(error) or BrokenReplyError("broke off its reply") from None
        self._waits = 0.0
        self._begun = True
        if not data:
            self._rest()
            if self._silent:
                raise self._too_silent()
            if self._client.closed:
                raise BrokenReplyError("was given up")
            raise StopAsyncIteration
        return data

    async def __aenter__(self) -> UpstreamReply:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._waits = loop.time()
        # One timer a reply, set again when it rings too early: a deadline a read would cost more than most reads.
        if self._timer is None:
            self._timer = loop.call_later(self._idle_s, self._ring)

    def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        silent_s = loop.time() - self._waits if self._waits else 0.0
        if silent_s < self._idle_s:
            self._timer = loop.call_later(self._idle_s - silent_s, self._ring)
            return
        self._timer, self._silent = None, True
        self._response.close()

    def _rest(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _late(self, error: BaseException) -> LateReplyError | None:
        if self._silent:
            return self._too_silent()
        if isinstance(error, TimeoutError):
            return LateReplyError(f"was not done after {self._total_s:g} s (--total-timeout-s)")
        return None

    def _too_silent(self) -> LateReplyError:
        return LateReplyError(f"sent nothing for {self._idle_s:g} s (--idle-timeout-s)")
