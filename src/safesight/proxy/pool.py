"""A small HTTP/1.1 client for one server, with kept connections. docs/adr/0005-upstream-client.md says why.

Only what a proxy of one JSON API needs: no redirects, cookies, compression or retries. Invariant: a connection serves
one request at a time, and another only after a whole reply that allows it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

from safesight.core.errors import ConfigError
from safesight.proxy.reply import BrokenReplyError, Reply

KEPT_S: Final = 4.0
"""Under the five seconds after which uvicorn (vLLM and others) closes an idle connection."""
_MAX_HEAD: Final = 2**17


class _OddHeadError(Exception):
    """What no reply to this client may have: too long a head, compression, another protocol; or nobody asked."""


class _Connection(asyncio.Protocol):
    """One connection, and the reply it is reading."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._head_bytes = 0
        self.reply: Reply | None = None
        self.kept_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> Reply:
        """Send a request; its reply is on its way."""
        self.reply = reply = Reply(self)
        self._parser = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        if self._transport is not None:
            self._transport.write(request)
        return reply

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading."""
        if self._transport is None or paused == self._paused or self._transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once; what of a reply has not come never will."""
        if self.reply is not None:
            self.reply.fail(BrokenReplyError("given up"))
            self.reply = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        reply = self.reply
        if reply is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            reply.fail(BrokenReplyError("no HTTP"))
            self.abort()
        reply.wake()

    def eof_received(self) -> None:
        """The server closes: that ends a body of no stated length."""
        reply = self.reply
        if reply is not None and reply.status and not reply.framed:
            self.reply = None
            reply.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and with it what of its reply has not come."""
        self._pool.forget(self)
        reply, self.reply = self.reply, None
        if reply is not None:
            reply.fail(BrokenReplyError("broke off"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._head_bytes += len(name) + len(value)
        if self.reply is None or self._head_bytes > _MAX_HEAD:
            raise _OddHeadError
        self.reply.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole; that of an interim reply is passed over."""
        status, reply = self._parser.get_status_code(), self.reply
        if reply is None or status == 101 or reply.header(b"content-encoding") not in (b"", b"identity"):
            raise _OddHeadError
        if status < 200:
            reply.headers = []
        else:
            reply.status = status

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self.reply is None:
            raise _OddHeadError
        self.reply.add(data)

    def on_message_complete(self) -> None:
        """The reply is whole, and the connection free for the next."""
        reply = self.reply
        if reply is None or not reply.status:
            return
        self.reply = None
        reply.end()
        self.pause(paused=False)
        if reply.framed and self._parser.should_keep_alive():
            self._pool.keep(self)
        else:
            self.abort()


class Pool:
    """Connections to one server."""

    def __init__(self, base: str, *, connect_s: float, idle_s: float, total_s: float) -> None:
        """Connect to the server of a base URL when asked to.

        Raises:
            ConfigError: it is no http(s) URL.
        """
        parts = urlsplit(base)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or not base.isascii():
            raise ConfigError(f"--upstream: expected an http(s) URL such as http://127.0.0.1:8000/v1, got {base!r}.")
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, port or (443 if self._tls else 80)
        self._before = parts.path.rstrip("/").encode()
        self._after = b" HTTP/1.1\r\nhost: %b\r\n" % parts.netloc.rpartition("@")[2].encode()
        self._connect_s, self._idle_s, self._total_s = connect_s, idle_s, total_s
        self._kept: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def kept(self) -> int:
        """Idle connections."""
        return len(self._kept)

    async def request(
        self, method: bytes, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        """Send a request; returns when the reply's head is there.

        Raises:
            BrokenReplyError: no connection, or no reply.
            TimeoutError: not in time.
        """
        line = self._idle() or await self._connect()
        self._busy.add(line)
        fields = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        length = b"" if body is None else b"content-length: %d\r\n" % len(body)
        head = b"%b %b%b%b%b%b\r\n" % (method, self._before, path.encode(), self._after, fields, length)
        reply = line.send(head + (body or b""))
        self._watch()
        try:
            await reply.head()
        except BaseException:
            reply.close()
            raise
        return reply

    def keep(self, line: _Connection) -> None:
        """Take a connection back."""
        self._busy.discard(line)
        line.kept_since = time.monotonic()
        self._kept.append(line)

    def forget(self, line: _Connection) -> None:
        """A connection is gone."""
        self._busy.discard(line)
        if line in self._kept:
            self._kept.remove(line)

    async def aclose(self) -> None:
        """Close every connection."""
        for line in (*self._kept, *self._busy):
            line.abort()
        # Transports close on the loop's next turn.
        await asyncio.sleep(0)
        if self._sweep is not None:
            self._sweep.cancel()

    def _idle(self) -> _Connection | None:
        # The one used last: the others grow cold and are closed.
        while self._kept:
            line = self._kept.pop()
            if line.usable and time.monotonic() - line.kept_since < KEPT_S:
                return line
            line.abort()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_s):
                _, line = await loop.create_connection(
                    lambda: _Connection(self), self._host, self._port, ssl=self._tls or None
                )
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise BrokenReplyError(type(error).__name__) from None
        return line

    def _watch(self) -> None:
        # One timer watches every reply: a deadline for each would cost more than most replies.
        if self._sweep is None:
            every = min(1.0, self._idle_s / 4, self._total_s / 4)
            self._sweep = asyncio.get_running_loop().call_later(every, self._sweep_once)

    def _sweep_once(self) -> None:
        self._sweep = None
        now = time.monotonic()
        for line in tuple(self._busy):
            reply = line.reply
            if reply is None:
                continue
            silent = reply.waits and now - reply.waits > self._idle_s
            if silent or now - reply.asked > self._total_s:
                reply.fail(TimeoutError())
                line.abort()
        while self._kept and now - self._kept[0].kept_since > KEPT_S:
            self._kept.pop(0).abort()
        if self._busy or self._kept:
            self._watch()
