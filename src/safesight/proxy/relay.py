"""One guarded chat request: the upstream works while the request is judged; nothing leaves before its verdict.

On a stop the upstream is aborted first, then the replacement is made. Where the upstream breaks or is not
understood, what is held is dropped: it was never verified.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from safesight.core.records import GuardEvent
from safesight.guard.actions import Stop
from safesight.guard.drive import Drive
from safesight.guard.findings import Request
from safesight.guard.guard import Guard
from safesight.guard.rules import Decision
from safesight.proxy.asgi import error_body
from safesight.proxy.choices import Channel, ReplyGuard
from safesight.proxy.reply import BrokenReplyError, LateReplyError, Reply
from safesight.proxy.upstream import UpstreamError
from safesight.wire.channels import DONE, ENVELOPE, FILTERED, read_reply, strings
from safesight.wire.events import Head
from safesight.wire.foreign import UNDECODABLE
from safesight.wire.sse_relay import EventTooLong, Reader

Push = Callable[[list[bytes]], Awaitable[None]]


@dataclass(slots=True)
class Tally:
    """What became of one reply, for metrics and audit."""

    action: str = "release"
    events: list[GuardEvent] = field(default_factory=list[GuardEvent])
    released_chars: int = 0
    withheld_chars: int = 0
    replacement_chars: int = 0
    unverified_chars: int = 0
    leaked_chars: int = 0
    guard_s: float = 0.0
    answer: str = ""


def reason(decision: Decision, action: str) -> dict[str, object]:
    """Why an answer ended, for machines: the `safesight` field of its last event.

    The detector is left to the audit log: its name may be an address inside.
    """
    return {
        "action": action,
        "cause": decision.cause,
        "harm": decision.harm,
        "categories": list(decision.categories),
    }


class Relay:
    """Guards the replies to one request."""

    def __init__(
        self, guard: Guard, request: Request, tally: Tally, *, keep_text: bool, tell_usage: bool = False
    ) -> None:
        """Guard replies to `request`; `tell_usage`: the client asked for a usage event, so a cut stream has one too."""
        self._tell_usage = tell_usage
        self._guard = guard
        self._request = request
        self._tally = tally
        self._keep_text = keep_text
        self._behind: deque[asyncio.Task[None]] = deque()

    async def stream(self, response: Reply, push: Push) -> None:
        """Guard a streamed reply; `push` sends event payloads to the client.

        Raises:
            UpstreamError: the upstream broke off or sent what is no stream; what was held is dropped.
        """
        reply = ReplyGuard(self._open, keep_text=self._keep_text, lenient=not self._guard.policy.holds)
        try:
            await self._pump(response, reply, push)
        finally:
            for task in self._behind:
                task.cancel()
            self._count(reply)

    async def _pump(self, response: Reply, reply: ReplyGuard, push: Push) -> None:
        reader, done = Reader(), False
        try:
            async for data in response:
                done = self._feed(reply, reader, data)
                if reply.waiting or reply.stopped:
                    await self._settle(reply, response, push)
                if out := reply.take():
                    await push(out)
                if done or reply.over:
                    break
                if self._behind:
                    await self._keep_up(reply)
        except (BrokenReplyError, LateReplyError) as error:
            raise self._failed(f"the upstream {error}.") from None
        done = done or reply.over or self._feed(reply, reader, b"")
        if not done:
            raise self._failed("the upstream broke off its stream.")
        reply.end()
        await self._settle(reply, response, push)
        ends = reply.usage() if reply.over and self._tell_usage else []
        await push([*reply.take(), *ends, DONE])
        while self._behind:
            await self._behind.popleft()
        reply.close()
        if not reply.over:
            await _read_out(response)

    def _feed(self, reply: ReplyGuard, reader: Reader, data: bytes) -> bool:
        """Guard the events in `data` (b"" at the end of the stream); True when the stream says it is done."""
        started = time.perf_counter()
        try:
            payloads = reader.feed(data) if data else reader.flush()
            done = DONE in payloads
            reply.feed(*(payloads[: payloads.index(DONE)] if done else payloads))
        except EventTooLong as error:
            raise self._failed(f"the upstream sent no valid stream: {error}") from None
        except ValueError as error:
            raise self._failed(f"the upstream sent what this guard cannot read: {error}.") from None
        finally:
            self._tally.guard_s += time.perf_counter() - started
        return done

    def _failed(self, message: str) -> UpstreamError:
        self._tally.action = "error"
        return UpstreamError(message, status=502, kind="upstream_error")

    async def _keep_up(self, reply: ReplyGuard) -> None:
        """Verdicts that come behind the text may not fall further behind than the policy's longest held text."""
        while self._behind and (reply.full or self._behind[0].done()):
            await self._behind.popleft()

    async def _settle(self, reply: ReplyGuard, response: Reply, push: Push) -> None:
        while reply.waiting or reply.stopped:
            waiting, reply.waiting = reply.waiting, {}
            for channel in waiting.values():
                if self._guard.policy.holds:
                    await self._ask(reply, channel)
                else:
                    self._behind.append(asyncio.create_task(self._ask(reply, channel)))
            if not reply.stopped:
                continue
            if reply.over:
                response.close()
            await push(reply.take())
            for choice in list(reply.stopped):
                text, why = await self._replacement(choice.stop)
                reply.replace(choice, text, reason=why)

    async def _ask(self, reply: ReplyGuard, channel: Channel) -> None:
        started = time.perf_counter()
        await channel.drive.settle()
        self._tally.guard_s += time.perf_counter() - started
        reply.settled(channel)

    async def _replacement(self, stop: Stop | None) -> tuple[str, dict[str, object]]:
        if stop is None:
            raise RuntimeError("a choice was listed as stopped without a stop")
        made = await self._guard.replace(stop, question=self._request.question, images=self._request.images)
        self._tally.action = made.action
        self._tally.events.extend(made.events)
        self._tally.replacement_chars += len(made.text)
        return made.text, reason(stop.decision, made.action)

    def _open(self, channel: str) -> Drive:
        return self._guard.drive(self._request.question, images=self._request.images, channel=channel)

    def _count(self, reply: ReplyGuard) -> None:
        tally = self._tally
        tally.events.extend(reply.records)
        for channel in reply.channels:
            tally.released_chars += channel.sent
            tally.withheld_chars += channel.drive.fed - channel.sent
            tally.unverified_chars += channel.drive.guard.unverified_chars
            tally.answer += "".join(channel.kept or ())
        tally.leaked_chars += reply.leaked_chars

    async def whole(self, raw: bytes) -> bytes:
        """Guard a reply that came in one piece; unchanged bytes when nothing fires.

        Raises:
            UpstreamError: it is not a chat completion.
        """
        started = time.perf_counter()
        try:
            reply, pieces = read_reply(raw)
        except ValueError as error:
            raise self._failed(f"the upstream's reply is not understood: {error}.") from None
        changed = False
        for at, piece in enumerate(pieces):
            stop = None
            for channel, text in piece.texts:
                stop = stop or await self._judge(text, channel)
            size = sum(len(text) for _, text in piece.texts)
            if self._keep_text:
                self._tally.answer += "".join(text for _, text in piece.texts)
            if stop is None:
                self._tally.released_chars += size
                continue
            changed = True
            self._tally.withheld_chars += size
            text, why = await self._replacement(stop)
            reply["choices"][at] = _stopped_choice(piece.choice, text, why)
        self._tally.guard_s += time.perf_counter() - started
        if not changed:
            return raw
        # What stands beside the choices (citations ...) was judged with the first; it goes with any that is stopped.
        return msgspec.json.encode({name: value for name, value in reply.items() if name in ENVELOPE})

    async def failure(self, raw: bytes) -> bytes:
        """Guard the body of an upstream's error, which may quote the model: unchanged, or a message of ours."""
        try:
            text = "".join(strings(msgspec.json.decode(raw)))
        except UNDECODABLE:
            text = raw.decode("utf-8", "replace")
        stop = await self._judge(text, "other")
        if stop is None:
            return raw
        self._tally.action = stop.decision.action
        self._tally.withheld_chars += len(text)
        return error_body("the upstream failed; its message was withheld.", kind="upstream_error", code=FILTERED)

    async def _judge(self, text: str, channel: str) -> Stop | None:
        drive = self._open(channel)
        await drive.whole(text)
        drive.end()
        self._tally.events += drive.events
        self._tally.unverified_chars += drive.guard.unverified_chars
        if drive.stop is None:
            return None
        # Nothing of a whole answer has left, so all of it is at stake, not only the window that fired.
        return msgspec.structs.replace(drive.stop, held=text, context="")

    async def refuse(self, decision: Decision, *, model: str, stream: bool) -> list[bytes] | bytes:
        """The reply to a request that was itself stopped: events, or one body."""
        text, why = await self._replacement(Stop(decision=decision, held="", context="", start=0, end=0))
        head = Head(created=int(time.time()), model=model)
        if stream:
            first = [head.chunk(0, {"role": "assistant", "content": text})] if text else []
            usage = [head.usage(None, events=0)] if self._tell_usage else []
            return [*first, head.chunk(0, {}, FILTERED, safesight=why), *usage, DONE]
        choices = [_stopped_choice(0, text, why)]
        return msgspec.json.encode(
            {"id": head.id, "object": "chat.completion", "created": head.created, "model": model, "choices": choices}
        )


def _stopped_choice(index: int, text: str, why: dict[str, object]) -> dict[str, object]:
    """What a stopped choice of a whole reply becomes: nothing of the original is kept."""
    message = {"role": "assistant", "content": text}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": FILTERED, "safesight": why}


async def _read_out(response: Reply) -> None:
    """Read a finished stream to its last byte, so that its connection can be used again; one that dawdles is closed."""
    if response.at_end:
        return
    try:
        async with asyncio.timeout(0.05):
            async for _ in response:
                pass
    except (TimeoutError, BrokenReplyError):
        response.close()
