"""The upstream client over real sockets: what servers may send, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from safesight.core.errors import ConfigError
from safesight.proxy import pool as pools
from safesight.proxy.pool import Pool
from safesight.proxy.reply import BUFFERED, BrokenReplyError, Reply

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"


@asynccontextmanager
async def served(serve: Serve, *, idle_s: float = 5.0, total_s: float = 30.0) -> AsyncGenerator[tuple[Pool, list[int]]]:
    """A pool, and the server it asks; the list counts connections."""
    connections: list[int] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pool = Pool(f"http://127.0.0.1:{port}/v1/", connect_s=5, idle_s=idle_s, total_s=total_s)
    try:
        yield pool, connections
    finally:
        await pool.aclose()
        server.close()


def answers(*replies: bytes, piece: int = 0, then: str = "close") -> Serve:
    """Give one reply a request, in pieces of so many bytes; then close, or hang."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            size = piece or len(reply) or 1
            for start in range(0, len(reply), size):
                writer.write(reply[start : start + size])
                await writer.drain()
                if piece:
                    await asyncio.sleep(0)
        if then == "hang":
            await reader.read()

    return serve


async def post(pool: Pool, body: bytes = b"{}") -> Reply:
    return await pool.request(b"POST", "/chat/completions", [(b"x-one", b"1")], body)


async def body_of(reply: Reply) -> bytes:
    async with reply:
        return b"".join([data async for data in reply])


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("reply", [LENGTH, CHUNKED, CLOSED, b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH])
async def test_every_framing_is_read_whole_however_it_is_cut(reply: bytes, piece: int) -> None:
    async with served(answers(reply, piece=piece)) as (pool, _):
        found = await post(pool)
        assert (found.status, await body_of(found), found.at_end) == (200, b"hello", True)


async def test_the_request_is_what_was_asked() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(LENGTH)

    async with served(serve) as (pool, _):
        await body_of(await post(pool, b"abc"))
    head, _, body = got[0].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert (first, body) == (b"POST /v1/chat/completions HTTP/1.1", b"abc")
    assert fields[0].startswith(b"host: 127.0.0.1:")
    assert fields[1:] == [b"x-one: 1", b"content-length: 3"]


async def test_a_kept_connection_serves_the_next_and_mixes_nothing() -> None:
    other = LENGTH.replace(b"hello", b"other")
    async with served(answers(LENGTH, other, LENGTH, then="hang")) as (pool, connections):
        first = await post(pool)
        await asyncio.sleep(0.1)
        assert first.complete
        second = await post(pool)
        assert (await body_of(second), await body_of(first)) == (b"other", b"hello")
        assert (len(connections), pool.kept) == (1, 1)


async def test_a_connection_that_may_not_be_kept_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    closing = LENGTH.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n")
    async with served(answers(closing, then="hang")) as (pool, connections):
        for _ in range(2):
            await body_of(await post(pool))
        assert (len(connections), pool.kept) == (2, 0)
    monkeypatch.setattr(pools, "KEPT_S", 0.0)
    async with served(answers(LENGTH, LENGTH, then="hang")) as (pool, connections):
        for _ in range(2):
            await body_of(await post(pool))
        assert len(connections) == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        LENGTH.replace(b"OK\r\n", b"OK\r\ncontent-encoding: gzip\r\n"),
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (i, b"y" * 1000) for i in range(200)) + b"\r\n",
    ],
)
async def test_what_is_no_reply_is_an_error(reply: bytes) -> None:
    async with served(answers(reply)) as (pool, _):
        with pytest.raises(BrokenReplyError):
            await post(pool)
        assert pool.kept == 0


@pytest.mark.parametrize("reply", [LENGTH[:-2], CHUNKED[:-7], CHUNKED[:-12] + b"zz\r\n"])
async def test_a_reply_that_breaks_off_never_ends_as_if_it_were_whole(reply: bytes) -> None:
    async with served(answers(reply)) as (pool, _):
        found = await post(pool)
        with pytest.raises(BrokenReplyError):
            await body_of(found)
        assert pool.kept == 0


async def test_silence_and_endless_replies_are_given_up() -> None:
    async with served(answers(b"HTTP/1.1 200 OK\r\n\r\nx", then="hang"), idle_s=0.1) as (pool, _):
        found = await post(pool)
        with pytest.raises(TimeoutError):
            await body_of(found)
    async with served(answers(b"", then="hang"), idle_s=0.1) as (pool, _):
        with pytest.raises(TimeoutError):
            await post(pool)

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with served(drips, idle_s=5, total_s=0.3) as (pool, _):
        found = await post(pool)
        with pytest.raises(TimeoutError):
            await body_of(found)


async def test_a_body_of_no_stated_length_ends_by_the_servers_word_alone() -> None:
    async with served(answers(CLOSED, then="hang")) as (pool, _):
        found = await post(pool)
        await asyncio.sleep(0.05)
        await pool.aclose()
        await asyncio.sleep(0.05)
        assert await anext(found) == b"hello"
        with pytest.raises(BrokenReplyError):
            await anext(found)
        assert not found.complete


async def test_a_slow_reader_holds_the_server_back_and_is_no_silence() -> None:
    sent = 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 64 * 2**20:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with served(pours, idle_s=0.2) as (pool, _):
        found = await post(pool)
        await asyncio.sleep(0.6)
        assert sent < 32 * 2**20, "what nobody reads is not taken in"
        assert len(await anext(found)) < 4 * BUFFERED
        assert len(await body_of(found)) > 32 * 2**20


async def test_leaving_early_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(CHUNKED[:-7])
        await reader.read()
        closed.set()

    async with served(serve) as (pool, _):
        async with await post(pool) as found:
            assert await anext(found)
        await asyncio.wait_for(closed.wait(), 5)
        assert pool.kept == 0


async def test_what_comes_unasked_closes_the_connection() -> None:
    async with served(answers(LENGTH + LENGTH, then="hang")) as (pool, _):
        assert await body_of(await post(pool)) == b"hello"
        await asyncio.sleep(0.05)
        assert pool.kept == 0


async def test_nobody_listens() -> None:
    pool = Pool("http://127.0.0.1:1/v1", connect_s=5, idle_s=5, total_s=5)
    with pytest.raises(BrokenReplyError):
        await post(pool)


@pytest.mark.parametrize("base", ["ftp://x/v1", "http://", "http://x:port/v1", "127.0.0.1:8000", "http://é/v1"])
def test_a_base_url_that_is_none(base: str) -> None:
    with pytest.raises(ConfigError, match="expected an http"):
        Pool(base, connect_s=1, idle_s=1, total_s=1)
