"""Reads the body of an HTTP reply, within a limit that no answer of a model comes near."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

from safesight.net.faults import Fault

MAX_REPLY_BYTES: Final = 64 * 2**20
_LINGER_S: Final = 0.5


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, up to MAX_REPLY_BYTES.

    Raises:
        Fault: it is longer than any answer.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise Fault("failed", f"{response.url}: the answer is over {MAX_REPLY_BYTES >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


async def linger(response: aiohttp.ClientResponse) -> None:
    """Wait briefly for the end after `[DONE]`: a connection read to its end is used again."""
    try:
        async with asyncio.timeout(_LINGER_S):
            while not response.content.at_eof():
                await response.content.readany()
    except (TimeoutError, aiohttp.ClientError):
        return
