"""Clients that leave before their answer is complete: the exchange is cancelled at once, and the upstream with it."""

from __future__ import annotations

import asyncio

from safesight.proxy.asgi import Receive
from safesight.proxy.chat import ChatExchange
from safesight.proxy.errors import ClientGoneError

_PATIENCE_S = 0.1
"""Answers that take no longer are not watched for clients that leave; a watcher costs as much as a short check."""


async def unless_gone(exchange: ChatExchange, receive: Receive) -> int:
    """Run an exchange; when the client leaves before its answer is complete, cancel it at once (and the upstream's)."""
    task, gone = asyncio.current_task(), False
    watcher: asyncio.Task[None] | None = None

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        if task is not None and not exchange.answered:
            gone = True
            task.cancel()

    def begin() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    timer = asyncio.get_running_loop().call_later(_PATIENCE_S, begin)
    try:
        return await exchange.run()
    except asyncio.CancelledError:
        if task is None or not gone:
            raise
        task.uncancel()
        raise ClientGoneError from None
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
