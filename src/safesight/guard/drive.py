"""The one driver of a guarded text: it feeds a `StreamGuard`, has its checks answered, and records what was decided.

Whole answers and live streams of the library, the proxy's replies and the runner's defences all decide through `Drive`,
so that they decide alike (property-tested in tests/guard/test_one_driver.py). `GuardedStream` drives a whole reply:
its request is read and judged while the upstream already works, and nothing is passed on before its verdict. On a stop
the upstream is closed first, then the replacement is made. When the upstream breaks or the consumer leaves, what is
held is dropped: it was never verified.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from safesight.core.messages import Image, Message
from safesight.core.protocols import Delta
from safesight.core.records import GuardEvent
from safesight.guard.actions import Check, Note, Stop, StreamAction
from safesight.guard.detoxify import Replacement
from safesight.guard.findings import Checked, Request, decision_event
from safesight.guard.policy import Policy
from safesight.guard.rules import Decision, graver
from safesight.guard.stream import StreamGuard

FILTERED: Final = "content_filter"
SLICE: Final = 4_096
"""Characters of a whole answer that are judged in one go; a long answer must not keep other streams waiting."""

Answer = Callable[[StreamGuard, Sequence[Check]], Awaitable[Sequence[StreamAction]]]
"""Has a stream's checks answered; returns what the stream then says."""


class Drive:
    """One text of a reply under guard: feed it, settle its checks, and take what may be shown.

    `released` grows by what may leave; `stop` says that nothing more will. Neither feeding nor pausing waits; checks
    that are open after them are answered by `settle`.
    """

    __slots__ = (
        "_answer",
        "_asked",
        "_open",
        "_started",
        "channel",
        "decision",
        "events",
        "fed",
        "guard",
        "released",
        "stop",
    )

    def __init__(self, guard: StreamGuard, answer: Answer, *, channel: str = "content") -> None:
        """Drive `guard`; `channel` names the text in events."""
        self.guard = guard
        self.channel = channel
        self.events: list[GuardEvent] = []
        self.stop: Stop | None = None
        self.decision: Decision | None = None
        """The gravest decision so far, carried out or not; None while nothing was decided but to let pass."""
        self.fed = 0
        """Characters taken in."""
        self.released = 0
        """Characters that may leave."""
        self._answer = answer
        self._open: list[Check] = []
        self._asked = 0
        self._started = time.perf_counter()

    @property
    def waits(self) -> bool:
        """Whether checks are open."""
        return bool(self._open)

    @property
    def settled(self) -> bool:
        """Whether every check was answered."""
        return not self._open and not self._asked

    def feed(self, text: str) -> str:
        """Take the next piece; returns what may be shown at once."""
        self.fed += len(text)
        return self._carry(self.guard.feed(text))

    def pause(self) -> str:
        """Another text of the reply begins; what came so far is judged and may leave."""
        return self._carry(self.guard.pause())

    def flush(self) -> str:
        """The text is complete."""
        return self._carry(self.guard.flush())

    async def settle(self) -> str:
        """Answer the open checks, and those that follow from them; returns what may then be shown."""
        shown: list[str] = []
        while self._open and self.stop is None:
            checks, self._open = self._open, []
            self._asked += 1
            try:
                shown.append(self._carry(await self._answer(self.guard, checks)))
            finally:
                self._asked -= 1
        self._open.clear()
        return "".join(shown)

    async def whole(self, text: str) -> None:
        """Judge a text that is complete, as it would be judged piece by piece; a flag ends the reading."""
        for start in range(0, len(text), SLICE):
            self.feed(text[start : start + SLICE])
            if self._open:
                await self.settle()
            if self.stop is not None:
                return
            if start:
                await asyncio.sleep(0)
        self.flush()
        if self._open:
            await self.settle()

    def end(self) -> None:
        """Record that the text was let through, unless it was stopped or there was none."""
        if self.stop is None and self.fed:
            harm = self.guard.peak
            self.events.append(
                GuardEvent(
                    kind="final",
                    action="release",
                    channel=self.channel,
                    harm=harm.harm if harm else None,
                    end=self.fed,
                    latency_ms=1e3 * (time.perf_counter() - self._started),
                    detail="not judged: no detector knows the language" if self.guard.unjudged else "",
                    unjudged=self.guard.unjudged,
                )
            )

    def checked(self) -> Checked:
        """The verdict on a text that was judged whole."""
        peak = self.guard.peak
        return Checked(
            decision=self.decision,
            outcomes=(peak,) if peak else (),
            latency_ms=1e3 * (time.perf_counter() - self._started),
        )

    def _carry(self, actions: Sequence[StreamAction]) -> str:
        shown: list[str] = []
        for action in actions:
            if isinstance(action, Check):
                self._open.append(action)
            elif isinstance(action, (Note, Stop)):
                self._record(action)
            else:
                shown.append(action.text)
        text = "".join(shown)
        self.released += len(text)
        return text

    def _record(self, action: Note | Stop) -> None:
        would = isinstance(action, Note) and action.would
        event = decision_event(action.decision, action.start, action.end, channel=self.channel, would=would)
        self.events.append(event)
        if graver(action.decision, self.decision):
            self.decision = action.decision
        if isinstance(action, Stop):
            self.stop = msgspec.structs.replace(action, channel=self.channel)


class Guarding(Protocol):
    """What driving a reply needs of a guard."""

    policy: Policy

    def stops(self, decision: Decision | None) -> bool:
        """Whether a decision keeps a text from leaving."""
        ...

    async def read(self, messages: Sequence[Message]) -> Request:
        """Read a request and judge it."""
        ...

    def drive(
        self,
        question: str,
        *,
        images: Sequence[Image] = (),
        turns: Sequence[Message] = (),
        channel: str = "content",
    ) -> Drive:
        """Open the driver of one text."""
        ...

    async def replace(
        self, stop: Stop, *, question: str, images: Sequence[Image] = (), turns: Sequence[Message] = ()
    ) -> Replacement:
        """What to say in place of a stopped text."""
        ...


def withheld(event: GuardEvent, policy: Policy) -> GuardEvent:
    """The record of a flag in the reasoning, where the policy leaves the reasoning out and lets the reply go on."""
    if policy.reasoning == "stop" or event.channel != "reasoning" or not event.carried_out:
        return event
    return msgspec.structs.replace(event, action="withhold") if event.action in _ENDS else event


_ENDS: Final = frozenset({"refuse", "rewrite", "halt"})


class GuardedStream:
    """An asynchronous iterator of the deltas that may be shown; `events` says what was decided.

    Reasoning is guarded like the answer, each on its own: when the model turns from one to the other, what is held
    of the first is judged and released. A flag in the answer ends the reply; one in the reasoning does as the policy
    says.
    """

    def __init__(self, guard: Guarding, messages: Sequence[Message], deltas: AsyncIterator[Delta]) -> None:
        self.events: list[GuardEvent] = []
        self.stop: Stop | None = None
        self._guard = guard
        self._messages = messages
        self._deltas = deltas
        self._request: Request | None = None
        self._drives: dict[str, Drive] = {}
        self._speaks = ""
        self._shown = False
        self._last = Delta()
        """Finish reason, usage and model, passed on once the whole text is verified."""
        self._behind: list[asyncio.Task[str]] = []

    def __aiter__(self) -> AsyncGenerator[Delta]:
        return self._run()

    async def _run(self) -> AsyncGenerator[Delta]:
        first = asyncio.ensure_future(anext(self._deltas, None))
        try:
            request = self._request = await self._guard.read(self._messages)
            self.events.append(request.checked.event("input", shadow=self._guard.policy.shadow))
            refused = request.checked.decision
            if refused is not None and self._guard.stops(refused):
                self.stop = Stop(decision=refused, held="", context="", start=0, end=0)
            else:
                delta = await first
                while delta is not None and self.stop is None:
                    for piece in await self._take(delta):
                        yield piece
                    delta = await anext(self._deltas, None) if self.stop is None else None
                for piece in await self._finish():
                    yield piece
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await self._close()
            self._tell()
        if self.stop is None:
            yield self._last
            return
        for piece in await self._replace(self.stop):
            yield piece

    async def _take(self, delta: Delta) -> list[Delta]:
        pieces: list[Delta] = []
        for channel, text in (("reasoning", delta.reasoning), ("content", delta.text)):
            if text and self.stop is None:
                pieces += await self._turn(channel)
                drive = self._drive(channel)
                if drive.stop is None and self.stop is None:
                    pieces += await self._show(drive, drive.feed(text))
        self._last = Delta(
            finish_reason=delta.finish_reason or self._last.finish_reason,
            usage=delta.usage or self._last.usage,
            provider_model=delta.provider_model or self._last.provider_model,
        )
        return pieces

    def _drive(self, channel: str) -> Drive:
        drive = self._drives.get(channel)
        if drive is None:
            request = self._request
            question, images, turns = (request.question, request.images, request.turns) if request else ("", (), ())
            drive = self._guard.drive(question, images=images, turns=turns, channel=channel)
            self._drives[channel] = drive
        return drive

    async def _turn(self, channel: str) -> list[Delta]:
        """The channel that speaks now; what is held of the other leaves first."""
        before, self._speaks = self._speaks, channel
        if not before or before == channel:
            return []
        drive = self._drive(before)
        return await self._show(drive, drive.pause())

    async def _finish(self) -> list[Delta]:
        pieces: list[Delta] = []
        for drive in self._drives.values():
            if self.stop is None:
                pieces += await self._show(drive, drive.flush())
        for task in self._behind:
            await task
        self._behind.clear()
        for drive in self._drives.values():
            drive.end()
        return pieces

    async def _show(self, drive: Drive, text: str) -> list[Delta]:
        """What may be shown of a text after its checks; where nothing is held they are answered behind it."""
        if drive.waits:
            if self._guard.policy.holds:
                text += await drive.settle()
            else:
                self._behind.append(asyncio.ensure_future(drive.settle()))
        if drive.stop is not None and (drive.channel == "content" or self._guard.policy.reasoning == "stop"):
            self.stop = self.stop or drive.stop
        if not text:
            return []
        if drive.channel == "reasoning":
            return [Delta(reasoning=text)]
        self._shown = True
        return [Delta(text=text)]

    def _tell(self) -> None:
        for drive in self._drives.values():
            self.events += [withheld(event, self._guard.policy) for event in drive.events]

    async def _replace(self, stop: Stop) -> list[Delta]:
        request = self._request
        question, images, turns = (request.question, request.images, request.turns) if request else ("", (), ())
        made = await self._guard.replace(stop, question=question, images=images, turns=turns)
        self.events.extend(made.events)
        if made.action != stop.decision.action:
            self.events.append(GuardEvent(kind="final", action=made.action, categories=stop.decision.categories))
        end = msgspec.structs.replace(self._last, finish_reason=FILTERED)
        return [Delta(text=made.below(shown=self._shown)), end] if made.text else [end]

    async def _close(self) -> None:
        for task in self._behind:
            task.cancel()
        close = getattr(self._deltas, "aclose", None)
        if close is not None:
            await close()
