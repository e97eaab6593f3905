"""What a gateway's call asks of the guard: a verdict on a conversation, or on texts that a model wrote; no wire shapes.

Everything is judged as the proxy judges it: requests by the same reading of every string and image, answers by the
same driver. A gateway that streams asks again and again about a growing text; each time the whole of it is judged,
since nobody says which call is the last, and `held` tells how much of its end a longer text may still take back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from safesight.core.errors import Overloaded
from safesight.core.messages import Message
from safesight.guard.actions import Stop
from safesight.guard.drive import SLICE
from safesight.guard.findings import Checked, Request
from safesight.guard.guard import Guard
from safesight.guard.rules import Decision
from safesight.proxy.asgi import Scope
from safesight.proxy.audit import AuditEntry, now, sha256
from safesight.proxy.chat_request import ChatRequest, read_conversation
from safesight.proxy.conversation import texts, to_messages
from safesight.proxy.errors import BadRequestError
from safesight.proxy.held import BOUNDARY, reads_as_json
from safesight.proxy.images import overloaded, read_images
from safesight.proxy.judging import AskedReply, Judging, Tally
from safesight.proxy.settings import Limits, sent_keys
from safesight.wire.strings import unescaped

if TYPE_CHECKING:
    from safesight.proxy.fetch import Fetcher

REMEMBERED: Final = 1_000
"""Requests whose questions are kept for their answers."""


def hook_entry(scope: Scope, tally: Tally, *, tenant: str = "", policy: str = "") -> AuditEntry:
    """A gateway's call as the audit log keeps it."""
    token = next(iter(sent_keys(scope["headers"])), b"")
    return AuditEntry(
        time=now(),
        id=sha256(f"{id(tally)}-{now()}")[:16],
        route=str(scope["path"]),
        model="",
        stream=False,
        action=tally.action,
        client=sha256(token.decode("latin-1"))[:12] if token else "",
        tenant=tenant,
        policy=policy,
        events=tuple(tally.events),
        released_chars=tally.released_chars,
        withheld_chars=tally.withheld_chars,
    )


class HookVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one text, or of a request."""

    decision: Decision | None = None
    """What stopped it; None lets it pass."""
    text: str = ""
    """What to say in its place; "" where nothing is to be said."""
    why: dict[str, object] = {}
    """For machines: action, cause, harm, categories."""
    held: int = 0
    """Characters at its end that a longer text may still take back."""


class AskedBefore:
    """The questions of the last requests, by client and the id that their answers come under; the oldest are forgotten.

    An answer is judged with its question. Gateways show a guard one at a time, and name the call they belong to; one
    client's call is never another's.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str | None, str], Request] = OrderedDict()

    def keep(self, client: str | None, call: str, request: Request) -> None:
        """Remember a request's question and turns, without its images."""
        if call:
            self._known[client, call] = msgspec.structs.replace(request, images=(), checked=_UNCHECKED)
            self._known.move_to_end((client, call))
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def find(self, client: str | None, call: str) -> Request:
        """The request of an answer; an empty one where it is not known."""
        return self._known.get((client, call)) or NO_REQUEST


_UNCHECKED: Final = Checked(decision=None, outcomes=(), latency_ms=0.0)
NO_REQUEST: Final = Request(question="", images=(), checked=_UNCHECKED)
"""What an answer answers where nobody says what."""


class Hook:
    """One call of a gateway: what is judged for it, and the tally of it."""

    def __init__(self, guard: Guard, limits: Limits, *, fetcher: Fetcher | None, client: str | None) -> None:
        self.guard = guard
        self.tally = Tally()
        self._limits = limits
        self._fetcher = fetcher
        self.client = client

    async def request(self, messages: Sequence[Any], beside: Mapping[str, object]) -> tuple[HookVerdict, Request]:
        """Judge a conversation in the chat protocol's shape and the fields beside it (tools).

        Raises:
            BadRequestError: it holds what cannot be judged, or too much.
        """
        turns = [message for message in messages if isinstance(message, dict)]
        if len(turns) < len(messages):
            raise BadRequestError("expected messages as objects.")
        body = {"messages": turns, **beside}
        asked = ChatRequest(
            model="", stream=False, include_usage=False, choices=1, structured=False, body=body, messages=turns
        )
        try:
            conversation = read_conversation(asked)
        except ValueError as error:
            raise BadRequestError(str(error)) from None
        images = await read_images(conversation.turns, self._limits, fetcher=self._fetcher)
        return await self._read(to_messages(conversation, images))

    async def answer(self, request: Request, text: str, *, channel: str = "content") -> HookVerdict:
        """Judge what a model wrote so far, as if it were all."""
        judging = self._judging(request)
        drive = judging.open(channel)
        for start in range(0, len(text), SLICE):
            drive.feed(text[start : start + SLICE])
            await drive.settle()
            if drive.stop is not None:
                break
        held = len(text) - drive.released
        if drive.stop is None:
            drive.flush()
            await drive.settle()
        drive.end()
        judging.note(drive.events)
        stop = drive.stop
        if stop is None and reads_as_json(text) and (spelt := BOUNDARY.join(unescaped(text))):
            stop = await judging.judge(spelt, channel)
        if stop is None:
            self.tally.released_chars += len(text)
            return HookVerdict(held=held)
        self.tally.withheld_chars += len(text)
        whole = Stop(decision=stop.decision, held=text, context="", start=0, end=len(text), channel=channel)
        return await self._stopped(judging, whole)

    async def calls(self, request: Request, calls: object) -> HookVerdict:
        """Judge the tool calls of an answer: their names, and their arguments as they are and decoded."""
        try:
            said = BOUNDARY.join(dict.fromkeys(texts(calls, where="tool_calls")))
        except ValueError as error:
            raise BadRequestError(str(error)) from None
        return await self.answer(request, said, channel="tool:0") if said else HookVerdict()

    async def _read(self, messages: Sequence[Message]) -> tuple[HookVerdict, Request]:
        try:
            read = await self.guard.read(messages, client=self.client)
        except Overloaded as error:
            raise overloaded(error) from None
        self.tally.events.append(read.checked.event("input", shadow=self.guard.policy.shadow))
        decision = read.checked.decision
        if decision is None or not self.guard.stops(decision):
            return HookVerdict(), read
        stop = Stop(decision=decision, held="", context="", start=0, end=0)
        return await self._stopped(self._judging(read), stop), read

    async def _stopped(self, judging: Judging, stop: Stop) -> HookVerdict:
        text, why = await judging.replacement(stop)
        return HookVerdict(decision=stop.decision, text=text, why=why)

    def _judging(self, request: Request) -> Judging:
        return Judging(self.guard, request, self.tally, AskedReply())
