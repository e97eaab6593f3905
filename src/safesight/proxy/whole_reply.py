"""Replies in one piece: guarded whole, unchanged bytes where nothing fires; and replies to refused requests."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

import msgspec

from safesight.core.records import GuardEvent
from safesight.guard.actions import Stop
from safesight.guard.rules import Decision
from safesight.proxy.held import BOUNDARY, MOST_CHOICES, MOST_TEXTS, reads_as_json
from safesight.proxy.judging import Judging
from safesight.wire.channels import ChoicePiece, Event
from safesight.wire.dialect import Replaced
from safesight.wire.reply_json import encode
from safesight.wire.strings import Text, UnjudgedError, shows_media, unescaped


class WholeReply(msgspec.Struct, frozen=True):
    """What the client gets."""

    status: int
    body: bytes


async def guard_whole(judging: Judging, raw: bytes) -> WholeReply:
    """Guard a reply that came in one piece.

    Raises:
        UpstreamError: it is not a chat completion, or carries what cannot be judged.
    """
    started = time.perf_counter()
    lenient = not judging.guard.policy.holds
    try:
        event = judging.dialect.read_whole(raw)
        _refuse_media(event)
        if len(event.pieces) > MOST_CHOICES or sum(len(piece.texts) for piece in event.pieces) > MOST_TEXTS:
            raise ValueError(f"it has over {MOST_CHOICES} choices, or over {MOST_TEXTS} texts")
    except ValueError as error:
        if lenient:
            judging.note([GuardEvent(kind="error", action="release", detail="unreadable reply")])
            return WholeReply(200, raw)
        raise judging.failed(f"the upstream's reply is not understood: {error}.") from None
    if event.error is not None:
        judging.tally.action = "error"
        return WholeReply(_status(event.error), (await judging.failure(event.value)).body)
    if not event.pieces:
        raise judging.failed(f"the upstream's reply is not understood: expected {judging.dialect.expects}.")
    body = await _Whole(judging, event, raw).run()
    judging.tally.guard_s += time.perf_counter() - started
    return WholeReply(200, body)


def _refuse_media(event: Event) -> None:
    if any(shows_media(text.text) for piece in event.pieces for text in (*piece.texts, *piece.copies)):
        raise UnjudgedError("a data URL")


def _status(error: object) -> int:
    """The HTTP status of an error told inside a 200: the one it names, else 502."""
    code = error.get("code") or error.get("status") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else 502


class _Whole:
    """One reply on its way through the guard."""

    def __init__(self, judging: Judging, event: Event, raw: bytes) -> None:
        self._judging = judging
        self._event = event
        self._raw = raw
        self._structured = judging.asked.structured
        self._released: Counter[tuple[int, str]] = Counter()
        self._withheld = False

    async def run(self) -> bytes:
        event = self._event
        stops = [await self._judge(place, piece) for place, piece in enumerate(event.pieces)]
        spelt = event.spelt or any(piece.spelt for piece in event.pieces)
        if not any(stops) and event.plain and not spelt and not self._withheld:
            self._judging.learn({text.text for text in event.beside if text.place in _SELF})
            body = self._raw
        else:
            body = encode(await self._rebuilt(stops))
        self._judging.dialect.left([body])
        if self._judging.guard.policy.holds:
            self._judging.tally.leaked_chars += self._judging.dialect.beyond(self._released)
        return body

    async def _judge(self, place: int, piece: ChoicePiece) -> Stop | None:
        """Judge one choice with all that stands beside it; None lets it pass."""
        tally = self._judging.tally
        size = sum(len(text.text) for text in piece.texts)
        tally.answer += "".join(text.text for text in piece.texts) if self._judging.keep_text else ""
        withholds = self._judging.guard.policy.reasoning == "withhold"
        for text in piece.texts:
            stop = await self._judge_text(text)
            if stop is not None and text.channel == "reasoning" and withholds:
                self._judging.dialect.leave_out_reasoning(self._event.value, place)
                self._withheld = True
            elif stop is not None:
                tally.withheld_chars += size
                return stop
            else:
                self._released[piece.choice, text.channel] += len(text.text)
        stop = await self._judge_joined(piece) or await self._judge_beside(piece)
        if stop is not None:
            tally.withheld_chars += size
            return stop
        tally.released_chars += size
        return None

    async def _judge_text(self, text: Text) -> Stop | None:
        stop = await self._judging.judge(text.text, text.channel)
        if stop is None and self._is_machines(text):
            spelt = BOUNDARY.join(unescaped(text.text))
            stop = await self._judging.judge(spelt, text.channel) if spelt else None
        return stop

    async def _judge_joined(self, piece: ChoicePiece) -> Stop | None:
        """Parts of an answer, judged each by itself, as clients put them together."""
        parts = [text.text for text in piece.texts if text.channel == "content"]
        return await self._judging.judge("".join(parts), "other") if len(parts) > 1 else None

    async def _judge_beside(self, piece: ChoicePiece) -> Stop | None:
        known = self._judging.known
        found = [t.text for t in (*self._event.beside, *piece.beside, *piece.copies) if t.text not in known]
        beside = BOUNDARY.join(string for text in dict.fromkeys(found) for string in (text, *unescaped(text)))
        return await self._judging.judge(beside, "other") if beside else None

    def _is_machines(self, text: Text) -> bool:
        said = text.channel == "content" and (self._structured or reads_as_json(text.text))
        return said or text.channel.startswith("tool")

    async def _rebuilt(self, stops: list[Stop | None]) -> dict[str, Any]:
        told = [None if stop is None else Replaced(*await self._judging.replacement(stop)) for stop in stops]
        return self._judging.dialect.rebuilt(self._event, told)


_SELF: Final = frozenset({".model", ".provider", ".service_tier", ".system_fingerprint"})


async def refuse(judging: Judging, decision: Decision, *, stream: bool) -> list[bytes] | bytes:
    """The reply to a request that was itself stopped: events, or one body."""
    told = await judging.replacement(Stop(decision=decision, held="", context="", start=0, end=0))
    return judging.dialect.refusal(Replaced(*told), stream=stream)
