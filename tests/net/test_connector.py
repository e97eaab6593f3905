"""Heads of replies are counted while they come, by a server that never ends one."""

from __future__ import annotations

import asyncio

import pytest

from safesight.net.client import Client, Patience
from safesight.net.connector import MAX_HEAD, HeadTooLongError
from tests.net.test_client import HELLO, served

PATIENT = Patience(connect_s=30, total_s=60)
LINE = b"x-long: " + b"a" * 30_000 + b"\r\n"


@pytest.mark.parametrize("kept", [False, True])
async def test_a_head_that_does_not_end_is_broken_off_at_its_bound(kept: bool) -> None:
    """128 such lines are as many as the client library takes: 4 MiB."""
    got = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await reader.readuntil(b"\r\n\r\n")
        if kept:
            writer.write(HELLO)
            await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            writer.write(LINE)
            await writer.drain()
            got += len(LINE)
            await asyncio.sleep(0.01)
        await reader.read()

    async with served(serve) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", patience=PATIENT)
        try:
            if kept:
                async with await client.send("GET", "/models") as response:
                    assert await response.read() == b"hello"
            with pytest.raises(HeadTooLongError, match="over 128 KiB") as caught:
                await client.send("GET", "/models")
            assert "over 128 KiB" in client.says(caught.value)
        finally:
            await client.aclose()
    assert MAX_HEAD - len(LINE) <= got < 100 * len(LINE)


async def test_a_long_head_passes_and_each_of_the_informational_ones_before_it() -> None:
    lines = LINE * (MAX_HEAD // len(LINE) - 1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            writer.write(b"HTTP/1.1 103 Early Hints\r\n" + lines + b"\r\n")
            await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n" + lines + b"\r\n" + b"a" * 1_000_000)
        await writer.drain()

    async with served(serve) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", patience=PATIENT)
        try:
            async with await client.send("GET", "/models") as response:
                assert len(await response.read()) == 1_000_000
        finally:
            await client.aclose()
