"""One guarded streamed reply, from the upstream's bytes to the client's events.

Nothing leaves before its verdict. On a stop the upstream is aborted first, then the replacement is made. Where the
upstream breaks or is not understood, what was verified leaves and what is held is dropped. While nothing leaves for
long a comment does, so that nobody on the way takes the connection for dead.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Literal, Protocol

from safesight.proxy.errors import BrokenReplyError, LateReplyError
from safesight.proxy.held import GuardedText
from safesight.proxy.judging import Judging
from safesight.proxy.pulse import Pulse, Push
from safesight.proxy.reply_guard import ReplyGuard
from safesight.wire.channels import Event
from safesight.wire.sse import MAX_EVENT_BYTES
from safesight.wire.sse_relay import COMMENT, EventTooLong, RelayReader


class ReplyBody(Protocol):
    """A reply's body as it comes."""

    @property
    def at_end(self) -> bool:
        """Whether all of it was read."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """Break it off."""
        ...


class Relay:
    """Guards one streamed reply."""

    def __init__(self, judging: Judging, *, silence_s: float = 10.0) -> None:
        """Guard a reply; after `silence_s` without an event a comment is sent."""
        self._judging = judging
        self._tally = judging.tally
        self._silence_s = silence_s
        self._behind: deque[asyncio.Task[None]] = deque()
        self._fault = ""
        self._json: list[bytes] | Literal[False] | None = None
        """The body where it is JSON; False where it is not, None before its first byte."""
        policy = judging.guard.policy
        self._holds = policy.holds
        self._reply = ReplyGuard(
            judging.open,
            judging.dialect,
            choices=judging.asked.choices,
            structured=judging.asked.structured,
            withholds=policy.reasoning == "withhold",
            lenient=not policy.holds,
            known=judging.known,
        )

    async def stream(self, body: ReplyBody, push: Push) -> None:
        """Guard a streamed reply; `push` sends event payloads to the client.

        Raises:
            UpstreamError: the upstream broke off or sent what is no stream; what was held is dropped.
        """
        pulse = Pulse(push, self._silence_s)
        try:
            await self._pump(body, pulse.push)
        finally:
            await pulse.stop()
            for task in self._behind:
                task.cancel()
            self._count()

    async def _pump(self, body: ReplyBody, push: Push) -> None:
        reply, reader, done, comments = self._reply, RelayReader(), False, 0
        try:
            async for data in body:
                done = self._feed(reader, data)
                if reply.waiting or reply.stopped:
                    await self._settle(body, push)
                out = reply.take()
                if out or reader.comments != comments:
                    await push(out or [COMMENT])
                    comments = reader.comments
                if done or self._ends:
                    break
                if self._behind:
                    await self._keep_up()
        except (BrokenReplyError, LateReplyError) as error:
            raise self._judging.failed(f"the upstream {error}.") from None
        if not done and not self._ends:
            done = self._feed(reader, b"")
        await self._end(body, push, done=done)

    @property
    def _ends(self) -> bool:
        return bool(self._fault) or self._reply.over or self._reply.error is not None

    async def _end(self, body: ReplyBody, push: Push, *, done: bool) -> None:
        reply = self._reply
        whole = done or reply.over or (reply.finished and not self._fault and reply.error is None)
        if whole:
            # Servers leave out [DONE]; a body that ended well after every choice has finished is whole.
            reply.end()
        await self._settle(body, push)
        ends = reply.usage() if reply.over and self._judging.asked.tells_usage else []
        out = [*reply.take(), *(await self._error(reply.error)), *ends]
        await push([*out, *(self._judging.dialect.closing() if whole or reply.error else [])])
        while self._behind:
            await self._behind.popleft()
        if whole:
            reply.close()
            self._judging.learn(reply.passed)
        elif reply.error is None:
            raise self._judging.failed(self._fault or "the upstream broke off its stream.")
        if whole and not reply.over:
            await _read_out(body)

    async def _error(self, error: Event | None) -> list[bytes]:
        if error is None:
            return []
        told = await self._judging.failure(error.value)
        self._tally.action = "error"
        return [told.body]

    def _feed(self, reader: RelayReader, data: bytes) -> bool:
        """Guard the events in `data` (b"" at the end of the stream); True when the stream says it is done."""
        started = time.perf_counter()
        done = False
        try:
            if self._is_json(data):
                return False
            payloads = reader.feed(data) if data else reader.flush()
            end = self._judging.dialect.end_of(payloads)
            done = end is not None
            self._reply.feed(*payloads[:end])
        except EventTooLong as error:
            self._fault = f"the upstream sent no valid stream: {error}"
        except ValueError as error:
            self._fault = f"the upstream sent what this guard cannot read: {error}."
        finally:
            self._tally.guard_s += time.perf_counter() - started
        return done and not self._fault

    def _is_json(self, data: bytes) -> bool:
        """Whether the body is no stream: then the error it reports is taken, and no answer."""
        if self._json is None:
            self._json = [] if data.lstrip().startswith(b"{") else False
        if self._json is False:
            return False
        self._json.append(data)
        if sum(map(len, self._json)) > MAX_EVENT_BYTES:
            raise ValueError("expected server-sent events, got JSON")
        if not data:
            self._reply.feed(b"".join(self._json))
            if self._reply.error is None:
                raise ValueError("expected server-sent events, got JSON")
        return True

    async def _keep_up(self) -> None:
        """Verdicts that come behind the text may not fall further behind than the policy's longest held text."""
        while self._behind and (self._reply.full or self._behind[0].done()):
            await self._behind.popleft()

    async def _settle(self, body: ReplyBody, push: Push) -> None:
        reply = self._reply
        while reply.waiting or reply.stopped:
            waiting, reply.waiting = reply.waiting, {}
            for text in waiting.values():
                if self._holds:
                    await self._ask(text)
                else:
                    self._behind.append(asyncio.create_task(self._ask(text)))
            if reply.waiting or not reply.stopped:
                continue
            if reply.over:
                body.close()
            await push(reply.take())
            for choice in list(reply.stopped):
                if choice.stop is not None:
                    text, why = await self._judging.replacement(choice.stop)
                    reply.replace(choice, text, reason=why)

    async def _ask(self, text: GuardedText) -> None:
        started = time.perf_counter()
        for drive in (text.drive, text.decoded):
            if drive is not None:
                await drive.settle()
        self._tally.guard_s += time.perf_counter() - started
        self._reply.settled(text)

    def _count(self) -> None:
        tally = self._tally
        self._judging.note(self._reply.records)
        for text in self._reply.texts:
            tally.unverified_chars += text.drive.guard.unverified_chars
            if text.beside:
                continue
            tally.released_chars += text.sent
            tally.withheld_chars += text.drive.fed - text.sent
            tally.answer += "".join(text.said) if self._judging.keep_text else ""
        tally.leaked_chars += self._reply.leaked_chars


async def _read_out(body: ReplyBody) -> None:
    """Read a finished stream to its last byte, so that its connection can be used again; one that dawdles is closed."""
    if body.at_end:
        return
    try:
        async with asyncio.timeout(0.05):
            async for _ in body:
                pass
    except (TimeoutError, BrokenReplyError):
        body.close()
