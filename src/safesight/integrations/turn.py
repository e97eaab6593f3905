"""One question and its answer under a guard, for frameworks whose messages can be told in the chat protocol's shape.

    turn = await Turn.ask(guard, messages, tools=tools)
    if turn.refusal is None: ... the model answers ...; said = await turn.answer(text, calls)

Everything is judged as the proxy judges it. A text that is None may stand as it is; any other stands in its place.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Self, TypeVar

from safesight.core.errors import DataError
from safesight.guard.findings import Request
from safesight.guard.guard import Guard
from safesight.proxy.errors import BadRequestError
from safesight.proxy.hooks import Hook, HookVerdict
from safesight.proxy.settings import Limits

T = TypeVar("T")


class Turn:
    """A request that was judged, and the judging of what answers it. `refusal` is None where it may be answered."""

    def __init__(self, guard: Guard, hook: Hook, verdict: HookVerdict, request: Request) -> None:
        self.guard = guard
        self.refusal = _said(verdict)
        self._hook = hook
        self._request = request

    @classmethod
    async def ask(cls, guard: Guard, messages: Sequence[Any], *, tools: Sequence[Any] = ()) -> Self:
        """Judge a conversation: OpenAI's message objects, and the tools offered with it.

        Raises:
            DataError: it holds what cannot be judged (audio, remote images).
        """
        hook = Hook(guard, Limits(), fetcher=None, client=None)
        try:
            verdict, request = await hook.request(messages, {"tools": list(tools)} if tools else {})
        except BadRequestError as error:
            raise DataError(str(error)) from None
        return cls(guard, hook, verdict, request)

    async def answer(self, text: str, calls: object = None) -> str | None:
        """Judge a whole answer and its tool calls, which go or stay together."""
        verdict = await self._hook.answer(self._request, text) if text else HookVerdict()
        if verdict.decision is None and calls:
            verdict = await self._hook.calls(self._request, calls)
        return _said(verdict)

    def stream(self) -> TurnStream:
        """The guard of an answer's text as it comes."""
        return TurnStream(self.guard, self._request)


class TurnStream:
    """A text under guard as it comes: feed it, and show what comes back; once `stopped`, nothing more is wanted."""

    def __init__(self, guard: Guard, request: Request) -> None:
        self.stopped = False
        self._guard = guard
        self._request = request
        self._drive = guard.drive(request.question, images=request.images, turns=request.turns)
        self._shown = False

    async def feed(self, text: str) -> str:
        """Take the next piece; returns what may be shown."""
        return await self._settled(self._drive.feed(text))

    async def end(self) -> str:
        """The text is complete; returns the rest of it, or what stands in its place."""
        return "" if self.stopped else await self._settled(self._drive.flush())

    async def _settled(self, out: str) -> str:
        out += await self._drive.settle()
        self._shown = self._shown or bool(out)
        stop, request = self._drive.stop, self._request
        if stop is None:
            return out
        self.stopped = True
        made = await self._guard.replace(stop, question=request.question, images=request.images, turns=request.turns)
        return out + (made.below(shown=self._shown) if made.text else "")


class BackgroundLoop:
    """An event loop in a thread of its own, for calls that are not asynchronous; what a guard opens stays in it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="safesight", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _said(verdict: HookVerdict) -> str | None:
    return None if verdict.decision is None else verdict.text or "(stopped by the guard)"
