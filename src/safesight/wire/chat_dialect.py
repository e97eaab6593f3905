"""Chat completions as a dialect: replies of one or more choices, whose events are chunks that end with `[DONE]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from safesight.wire.channels import DONE, FILTERED, Event, read_event
from safesight.wire.departed import Departed, Left
from safesight.wire.dialect import Replaced
from safesight.wire.events import StreamHead, ToldUsage, read_usage
from safesight.wire.places import sane_id
from safesight.wire.sse_relay import encode
from safesight.wire.trimming import leave_out_reasoning, without_fields, without_reasoning, without_spelt

_COUNTS: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def error_body(message: str, *, kind: str, code: str) -> bytes:
    """An error in OpenAI's shape."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


class ChatDialect:
    """One reply of chat completions."""

    alike: bool = True
    expects: str = "a chat completion with choices"
    whole_object: ClassVar[str] = "chat.completion"

    def __init__(
        self, *, model: str = "", choices: int = 1, structured: bool = False, tells_usage: bool = False
    ) -> None:
        """Speak of `model`, in so many choices; `structured`: refusals stand in `refusal`, where nobody parses them."""
        self._model = model
        self._choices = choices
        self._structured = structured
        self._tells_usage = tells_usage
        self._head = StreamHead.fresh(model=model)
        self._departed = Departed()

    def read(self, payload: bytes) -> Event:
        return read_event(payload)

    def read_whole(self, raw: bytes) -> Event:
        return read_event(raw)

    def end_of(self, payloads: Sequence[bytes]) -> int | None:
        return payloads.index(DONE) if DONE in payloads else None

    def without_spelt(self, payload: bytes, event: Event, place: int | None = None) -> bytes:
        return without_spelt(payload, event, place)

    def without_reasoning(self, payload: bytes) -> bytes:
        return without_reasoning(payload)

    def leave_out_reasoning(self, value: dict[str, Any], place: int) -> None:
        leave_out_reasoning(value["choices"][place])

    def met(self, payload: bytes) -> None:
        self._head = self._head.met(payload)

    def left(self, payloads: Sequence[bytes]) -> None:
        self._departed.count(payloads)

    def beyond(self, released: Mapping[Left, int]) -> int:
        return self._departed.beyond(released)

    def part(self, choice: int, field: str, text: str) -> bytes:
        return self._head.chunk(choice, {field: text})

    def ending(self, choice: int, text: str, *, shown: bool, reason: dict[str, object]) -> list[bytes]:
        said = f"\n\n{text}" if shown else text
        self._departed.allow(choice, self._field, len(said))
        events = [self.part(choice, self._field, said)] if text else []
        return [*events, self._end(choice, reason)]

    def _end(self, choice: int, reason: dict[str, object]) -> bytes:
        return self._head.chunk(choice, {}, FILTERED, safesight=reason)

    @property
    def _field(self) -> str:
        return "refusal" if self._structured else "content"

    def usage(self, payload: bytes | None, *, events: int) -> bytes:
        return self._head.usage(read_usage(payload) if payload else None, events=events)

    def closing(self) -> list[bytes]:
        return [DONE]

    def refusal(self, told: Replaced, *, stream: bool) -> list[bytes] | bytes:
        if not stream:
            choices = [self.stopped(index, told) for index in range(self._choices)]
            body = {"id": self._head.id, "object": self.whole_object, "created": self._head.created}
            return msgspec.json.encode({**body, "model": self._model, "choices": choices, "usage": ToldUsage()})
        events: list[bytes] = []
        for index in range(self._choices):
            events += self._opening(index, told.text)
            events.append(self._end(index, told.reason))
        return [*events, *([self.usage(None, events=0)] if self._tells_usage else []), DONE]

    def _opening(self, index: int, text: str) -> list[bytes]:
        return [self._head.chunk(index, {"role": "assistant", self._field: text})] if text else []

    def rebuilt(self, event: Event, told: Sequence[Replaced | None]) -> dict[str, Any]:
        choices: list[Any] = []
        for piece, choice, one in zip(event.pieces, event.value["choices"], told, strict=True):
            if one is None:
                choices.append(without_fields(choice, piece.spelt))
                continue
            self._departed.allow(piece.choice, self._field, len(one.text))
            choices.append(self.stopped(piece.choice, one))
        if not any(told):
            return {**{n: item for n, item in event.value.items() if n not in event.spelt}, "choices": choices}
        # What stands beside the choices was judged with each of them; it goes with any that is stopped.
        return {**self._envelope(event.value), "choices": choices}

    def stopped(self, index: int, told: Replaced) -> dict[str, object]:
        """What a stopped choice of a whole reply becomes: nothing of the original is kept."""
        said = {"content": None, "refusal": told.text} if self._structured else {"content": told.text}
        message = {"role": "assistant", **said}
        end = {"logprobs": None, "finish_reason": FILTERED, "safesight": told.reason}
        return {"index": index, "message": message, **end}

    def _envelope(self, value: dict[str, Any]) -> dict[str, Any]:
        """The protocol's own fields of a reply, without a word that the upstream might have written."""
        created = value.get("created")
        kept = {
            "id": value["id"] if sane_id(value.get("id")) else self._head.id,
            "object": self.whole_object,
            "created": created if isinstance(created, int) else self._head.created,
            "model": self._model,
        }
        usage = value.get("usage")
        if isinstance(usage, dict):
            kept["usage"] = {name: count for name, count in usage.items() if isinstance(count, int) and name in _COUNTS}
        return kept

    def error(self, message: str, *, kind: str, code: str) -> bytes:
        return error_body(message, kind=kind, code=code)

    def frame(self, payloads: Sequence[bytes]) -> bytes:
        return encode(payloads)

    def is_last(self, payloads: Sequence[bytes]) -> bool:
        return payloads[-1] is DONE
