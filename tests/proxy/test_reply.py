"""The upstream over real sockets: what servers may send, and what becomes of it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from safesight.core.errors import ConfigError
from safesight.proxy.errors import BrokenReplyError, LateReplyError, UpstreamError
from safesight.proxy.reply import UpstreamReply
from safesight.proxy.settings import Limits, ProxySettings
from safesight.proxy.upstream import Upstream

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"
ZIPPED = gzip.compress(b"hello", mtime=0)
PATIENT = Limits(connect_timeout_s=5, idle_timeout_s=60, total_timeout_s=60)


@asynccontextmanager
async def served(serve: Serve, limits: Limits = PATIENT) -> AsyncGenerator[tuple[Upstream, list[int]]]:
    """An upstream, and the connections that were made to it."""
    connections: list[int] = []

    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        connections.append(1)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(ProxySettings(upstream=f"http://127.0.0.1:{port}/v1/", limits=limits))
    try:
        yield upstream, connections
    finally:
        await upstream.aclose()
        server.close()
        for writer in writers:
            # A close waits for a client that reads no more, and would be left to the garbage collector.
            writer.transport.abort()
        await asyncio.sleep(0)


async def request(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def answers(*replies: bytes, piece: int = 0, then: str = "close") -> Serve:
    """Give one reply a request, in pieces of so many bytes; then close, or hang."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await request(reader)
            size = piece or len(reply) or 1
            for start in range(0, len(reply), size):
                writer.write(reply[start : start + size])
                await writer.drain()
                if piece:
                    await asyncio.sleep(0)
        if then == "hang":
            await reader.read()

    return serve


async def post(upstream: Upstream, body: bytes = b"{}", *headers: tuple[bytes, bytes]) -> UpstreamReply:
    return await upstream.post("/chat/completions", {"headers": [(b"x-one", b"1"), *headers]}, body)


async def body_of(reply: UpstreamReply) -> bytes:
    async with reply:
        return b"".join([data async for data in reply])


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize(
    "reply",
    [
        LENGTH,
        CHUNKED,
        CLOSED,
        b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(ZIPPED), ZIPPED),
    ],
)
async def test_every_framing_is_read_whole_however_it_is_cut(reply: bytes, piece: int) -> None:
    async with served(answers(reply, piece=piece)) as (upstream, _):
        found = await post(upstream)
        assert (found.status, await body_of(found), found.at_end) == (200, b"hello", True)


async def test_the_request_is_what_was_asked() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await request(reader))
        writer.write(LENGTH)

    hop = (b"connection", b"keep-alive, X-Secret"), (b"x-secret", b"1"), (b"te", b"trailers")
    async with served(serve) as (upstream, _):
        await body_of(await post(upstream, b"abc", (b"x-name", "Zoë".encode()), *hop))
    head, _, body = got[0].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert (first, body) == (b"POST /v1/chat/completions HTTP/1.1", b"abc")
    names = {field.partition(b":")[0].lower() for field in fields}
    assert names == {b"host", b"x-one", b"x-name", b"accept-encoding", b"content-length"}
    assert "x-name: Zoë".encode() in fields


async def test_a_kept_connection_serves_the_next() -> None:
    async with served(answers(LENGTH, LENGTH, LENGTH, then="hang")) as (upstream, connections):
        for _ in range(3):
            assert await body_of(await post(upstream)) == b"hello"
        assert len(connections) == 1


async def test_a_connection_that_may_not_be_kept_is_not() -> None:
    closing = LENGTH.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n")
    async with served(answers(closing, then="hang")) as (upstream, connections):
        for _ in range(2):
            await body_of(await post(upstream))
        assert len(connections) == 2


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_kept_connection_that_was_closed_is_replaced_once_and_a_fresh_one_is_not(how: str) -> None:
    """What came over the wire is the oracle: a request that a server may have begun to answer is not sent twice."""
    seen: list[int] = []
    bad = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(connections)
        while True:
            await request(reader)
            seen.append(number)
            # A second request on one connection, and any while the server is bad, meets a closed door.
            if bad or seen.count(number) > 1:
                if how == "resets":
                    writer.transport.abort()
                return
            writer.write(LENGTH)
            await writer.drain()

    async with served(serve) as (upstream, connections):
        for _ in range(3):
            assert await body_of(await post(upstream)) == b"hello"
        assert seen == [1, 1, 2, 3] or seen == [1, 1, 2, 2, 3]
        bad = True
        before = len(seen)
        await upstream.aclose()
        with pytest.raises(UpstreamError, match=r"without an answer|broke"):
            await post(upstream)
        assert len(seen) == before + 1


async def test_a_kept_connection_that_broke_inside_a_head_is_not_asked_again() -> None:
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        for reply in (LENGTH, b"HTTP/1.1 200 OK\r\ncontent-le"):
            await request(reader)
            seen += 1
            writer.write(reply)
            await writer.drain()

    async with served(serve) as (upstream, _):
        await body_of(await post(upstream))
        with pytest.raises(UpstreamError):
            await post(upstream)
    assert seen == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        LENGTH.replace(b"OK\r\n", b"OK\r\ncontent-encoding: snappy\r\n"),
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (i, b"y" * 1000) for i in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (i, b"y" * 30_000) for i in range(5)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2**17 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_reply_is_an_error(reply: bytes) -> None:
    async with served(answers(reply)) as (upstream, _):
        with pytest.raises(UpstreamError) as found:
            await post(upstream)
        assert found.value.status == 502


@pytest.mark.parametrize("reply", [LENGTH[:-2], CHUNKED[:-7], CHUNKED[:-12] + b"zz\r\n"])
async def test_a_reply_that_breaks_off_never_ends_as_if_it_were_whole(reply: bytes) -> None:
    async with served(answers(reply)) as (upstream, _):
        with pytest.raises((BrokenReplyError, UpstreamError)):
            await body_of(await post(upstream))


async def test_silence_counts_once_the_body_has_begun() -> None:
    go_on = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.write(b"x")
        await go_on.wait()

    async with served(waits, Limits(idle_timeout_s=0.2, total_timeout_s=60)) as (upstream, _):
        found = await post(upstream)
        assert await anext(found) == b"x"
        with pytest.raises(LateReplyError, match=r"sent nothing for 0\.2 s \(--idle-timeout-s\)"):
            await anext(found)
        go_on.set()


async def test_what_takes_too_long_in_all_is_given_up_and_says_so() -> None:
    async with served(answers(b"", then="hang"), Limits(total_timeout_s=0.2)) as (upstream, _):
        with pytest.raises(UpstreamError, match=r"no answer within 0\.2 s") as late:
            await post(upstream)
        assert (late.value.status, late.value.kind) == (504, "upstream_timeout")

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with served(drips, Limits(idle_timeout_s=60, total_timeout_s=0.5)) as (upstream, _):
        found = await post(upstream)
        with pytest.raises(LateReplyError, match=r"not done after 0\.5 s \(--total-timeout-s\)"):
            await body_of(found)


async def test_a_body_of_no_stated_length_ends_by_the_servers_word_alone() -> None:
    async with served(answers(CLOSED, then="hang")) as (upstream, _):
        found = await post(upstream)
        assert await anext(found) == b"hello"
        await upstream.aclose()
        with pytest.raises(BrokenReplyError):
            await anext(found)


async def test_a_slow_reader_holds_the_server_back_and_is_no_silence() -> None:
    sent = 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 64 * 2**20:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with served(pours, Limits(idle_timeout_s=0.2)) as (upstream, _):
        found = await post(upstream)
        assert await anext(found)
        await asyncio.sleep(0.6)
        assert sent < 32 * 2**20, "what nobody reads is not taken in"
        assert len(await body_of(found)) > 32 * 2**20


async def test_leaving_early_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(CHUNKED[:-7])
        await reader.read()
        closed.set()

    async with served(serve) as (upstream, _):
        async with await post(upstream) as found:
            assert await anext(found)
        await asyncio.wait_for(closed.wait(), 30)


async def test_nobody_listens() -> None:
    upstream = Upstream(ProxySettings(upstream="http://127.0.0.1:1/v1"))
    with pytest.raises(UpstreamError, match="cannot be reached: cannot connect"):
        await post(upstream)
    await upstream.aclose()


@pytest.mark.parametrize("base", ["ftp://x/v1", "http://", "http://x:port/v1", "127.0.0.1:8000", "http://é/v1"])
def test_a_base_url_that_is_none(base: str) -> None:
    with pytest.raises(ConfigError, match="expected an http"):
        Upstream(ProxySettings(upstream=base))
