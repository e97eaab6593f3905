"""A live reply under guard: the asynchronous driver of `guard.stream` over a model's deltas.

The request is read and judged while the upstream already works; nothing is passed on before its verdict. On a
stop the upstream is closed first, then the replacement is made. When the upstream breaks or the consumer leaves,
what is held is dropped: it was never verified.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from safesight.core.messages import Image, Message
from safesight.core.protocols import Delta
from safesight.core.records import GuardEvent
from safesight.guard.actions import Check, Note, Release, Stop, StreamAction
from safesight.guard.findings import window_event
from safesight.guard.policy import Decision
from safesight.guard.stream import StreamGuard

if TYPE_CHECKING:
    from safesight.guard.guard import Guard

FILTERED = "content_filter"


class GuardedStream:
    """An asynchronous iterator of the deltas that may be shown; `events` says what was decided.

    Reasoning is guarded like the answer, each on its own: when the model turns from one to the other, what is held
    of the first is judged and released, and a flag in either ends the reply.
    """

    def __init__(self, guard: Guard, messages: Sequence[Message], deltas: AsyncIterator[Delta]) -> None:
        self.events: list[GuardEvent] = []
        self.stop: Stop | None = None
        self._guard = guard
        self._messages = messages
        self._deltas = deltas
        self._question = ""
        self._images: tuple[Image, ...] = ()
        self._reasoning: StreamGuard | None = None
        self._last = Delta()
        """Finish reason, usage and model, passed on once the whole text is verified."""
        self._behind: list[asyncio.Task[list[StreamAction]]] = []

    def __aiter__(self) -> AsyncGenerator[Delta]:
        return self._run()

    async def _run(self) -> AsyncGenerator[Delta]:
        first = asyncio.ensure_future(anext(self._deltas, None))
        try:
            refused = await self._read()
            if refused is not None:
                self.stop = Stop(decision=refused, held="", context="", start=0, end=0)
            else:
                text = self._guard.open_stream(self._question)
                delta = await first
                while delta is not None and self.stop is None:
                    for piece in await self._take(text, delta):
                        yield piece
                    delta = await anext(self._deltas, None) if self.stop is None else None
                for piece in await self._finish(text):
                    yield piece
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await self._close()
        if self.stop is None:
            yield self._last
            return
        for piece in await self._replace(self.stop):
            yield piece

    async def _read(self) -> Decision | None:
        request = await self._guard.read(self._messages)
        self._question, self._images = request.question, request.images
        self.events.append(request.checked.event("input", shadow=self._guard.policy.shadow))
        return request.checked.decision if self._guard.stops(request.checked.decision) else None

    async def _take(self, text: StreamGuard, delta: Delta) -> list[Delta]:
        pieces: list[Delta] = []
        if delta.reasoning:
            self._reasoning = self._reasoning or self._guard.open_stream(self._question)
            released = await self._carry(self._reasoning, self._reasoning.feed(delta.reasoning))
            pieces += [Delta(reasoning=release.text) for release in released]
        if delta.text:
            pieces += await self._end_reasoning()
            if self.stop is None:
                pieces += [Delta(text=release.text) for release in await self._carry(text, text.feed(delta.text))]
        self._last = Delta(
            finish_reason=delta.finish_reason or self._last.finish_reason,
            usage=delta.usage or self._last.usage,
            provider_model=delta.provider_model or self._last.provider_model,
        )
        return pieces

    async def _finish(self, text: StreamGuard) -> list[Delta]:
        pieces = await self._end_reasoning()
        if self.stop is None:
            pieces += [Delta(text=release.text) for release in await self._carry(text, text.flush())]
        for task in self._behind:
            self._note(await task)
        self._behind.clear()
        return pieces

    async def _end_reasoning(self) -> list[Delta]:
        guard, self._reasoning = self._reasoning, None
        if guard is None or self.stop is not None:
            return []
        return [Delta(reasoning=release.text) for release in await self._carry(guard, guard.flush())]

    async def _carry(self, guard: StreamGuard, actions: Sequence[StreamAction]) -> list[Release]:
        """Carry out a stream's actions until none is left to do; returns what may be shown."""
        released = self._note(actions)
        checks = [action for action in actions if isinstance(action, Check)]
        if not checks:
            return released
        asking = self._guard.verdicts(guard, checks, question=self._question, images=self._images)
        if self._guard.policy.holds:
            return released + self._note(await asking)
        self._behind.append(asyncio.ensure_future(asking))
        return released

    def _note(self, actions: Iterable[StreamAction]) -> list[Release]:
        released: list[Release] = []
        for action in actions:
            if isinstance(action, Release):
                released.append(action)
            elif isinstance(action, Note):
                self.events.append(window_event(action.decision, action.start, action.end, would=action.would))
            elif isinstance(action, Stop):
                self.stop = action
                self.events.append(window_event(action.decision, action.start, action.end))
        return released

    async def _replace(self, stop: Stop) -> list[Delta]:
        made = await self._guard.replace(stop, question=self._question, images=self._images)
        self.events.extend(made.events)
        if made.action != stop.decision.action:
            self.events.append(GuardEvent(kind="final", action=made.action, categories=stop.decision.categories))
        end = msgspec.structs.replace(self._last, finish_reason=FILTERED)
        return [Delta(text=made.text), end] if made.text else [end]

    async def _close(self) -> None:
        for task in self._behind:
            task.cancel()
        close = getattr(self._deltas, "aclose", None)
        if close is not None:
            await close()
