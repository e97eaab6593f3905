"""A stream to a client that is never silent for long, so that nobody on the way takes its connection for dead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from safesight.wire.sse_relay import COMMENT

Push = Callable[[list[bytes]], Awaitable[None]]
"""Sends payloads of events to a client."""


class Pulse:
    """Pushes to a client, and a comment whenever nothing was pushed for so many seconds."""

    def __init__(self, push: Push, seconds: float) -> None:
        self._push = push
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._pushing = False
        self._beat: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(seconds, self._tick)

    async def push(self, payloads: list[bytes]) -> None:
        """Send payloads."""
        if not payloads:
            return
        self._pushing = True
        try:
            await self._push(payloads)
        finally:
            self._pushing = False
            self._last = self._loop.time()

    def _tick(self) -> None:
        silent = self._loop.time() - self._last
        if silent >= self._seconds and not self._pushing:
            self._beat = self._loop.create_task(self.push([COMMENT]))
            silent = 0.0
        self._timer = self._loop.call_later(max(0.05, self._seconds - silent), self._tick)

    async def stop(self) -> None:
        """Send no more comments."""
        self._timer.cancel()
        if self._beat is not None:
            await asyncio.gather(self._beat, return_exceptions=True)
