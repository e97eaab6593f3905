"""Anthropic's messages as a dialect: one answer of content blocks, streamed as typed events.

    text blocks        one text of the answer (`content`), as clients join them
    thinking           `reasoning`
    tool_use           `tool:INDEX`: leaves whole, once the answer has ended and all of it is verified
    all else           judged beside the answer: signatures, citations, results of server tools, unknown fields

Follows Anthropic's API reference (messages, streaming) and its SDKs; llama.cpp and vLLM serve the same route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from safesight.wire.channels import ChoicePiece, Event
from safesight.wire.departed import Departed, Left
from safesight.wire.dialect import Replaced
from safesight.wire.places import sane_id
from safesight.wire.reply_json import decode, encode
from safesight.wire.strings import Text
from safesight.wire.typed import (
    Walker,
    as_event,
    end_of,
    frame,
    left_as,
    object_of,
    objects,
    text_of,
    type_of,
    without,
    words,
)

_TYPES: Final = words(
    """message_start content_block_start content_block_delta content_block_stop message_delta message_stop ping
error"""
)
_LAST: Final = frozenset({"message_stop", "error"})
_PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
_KEYS: Final = words(
    """type message id role content model stop_reason stop_sequence stop_details usage index content_block delta text
thinking signature partial_json name input citations citation error request_id input_tokens output_tokens
cache_creation_input_tokens cache_read_input_tokens cache_creation ephemeral_5m_input_tokens
ephemeral_1h_input_tokens server_tool_use web_search_requests service_tier container data title url
tool_use_id is_error cited_text document_index document_title start_char_index end_char_index
start_page_number end_page_number encrypted_index encrypted_content page_age caller context_management
inference_geo output_tokens_details category explanation safesight timings"""
)
_WORDS: Final = _TYPES | words(
    """message assistant text text_delta thinking thinking_delta signature_delta input_json_delta citations_delta
redacted_thinking tool_use server_tool_use end_turn max_tokens stop_sequence pause_turn refusal
model_context_window_exceeded standard priority batch web_search_tool_result web_search_result direct
web_search_result_location char_location page_location content_block_location not_available"""
)
_SPOKEN: Final = {"text_delta": ("text", "content"), "thinking_delta": ("thinking", "reasoning")}
_walk = Walker(_KEYS, _WORDS).walk


def anthropic_error(message: str, *, kind: str, code: str) -> bytes:
    """An error in Anthropic's shape; `code` is ours, beside its closed list of types."""
    told = {"type": _KINDS.get(kind, "api_error"), "message": message, "code": code}
    return msgspec.json.encode({"type": "error", "error": told})


_KINDS: Final = {
    name: name
    for name in (
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "timeout_error",
    )
} | {
    "request_too_large": "request_too_large",
    "rate_limit_exceeded": "rate_limit_error",
    "overloaded": "overloaded_error",
    "shutting_down": "overloaded_error",
    "upstream_timeout": "timeout_error",
    "request_timeout": "timeout_error",
}


class AnthropicDialect:
    """One reply of messages."""

    alike: bool = False
    expects: str = "an Anthropic message"

    def __init__(self, *, model: str = "", structured: bool = False) -> None:
        """Speak of `model`; `structured`: a refusal stands in `stop_details`, where nobody parses it."""
        self._model = model
        self._structured = structured
        self._id = f"msg_{uuid4().hex}"
        self._departed = Departed()
        self._usage: dict[str, int] = {}
        """What the upstream told last."""
        self._spoke = 0
        self._begun = False
        self._open: dict[int, str] = {}
        """Blocks that began and did not end, of what left."""
        self._next = 0
        self._finished = self._ended = False

    def read(self, payload: bytes) -> Event:
        value, plain = decode(payload)
        value = as_event(value, self.expects)
        kind = value.get("type")
        if kind == "error" or (kind is None and value.get("error")):
            return Event(value=value, pieces=(), beside=(), plain=plain)
        piece = _streamed(value)
        self._spoke += bool(piece.texts)
        self._count(object_of(value.get("message")).get("usage"))
        self._count(value.get("usage"))
        return Event(value=value, pieces=(piece,), beside=(), plain=plain)

    def read_whole(self, raw: bytes) -> Event:
        value, plain = decode(raw)
        value = as_event(value, self.expects)
        if value.get("type") == "error" or (value.get("type") is None and value.get("error")):
            return Event(value=value, pieces=(), beside=(), plain=plain)
        if not isinstance(value.get("content"), list):
            raise ValueError(f"expected {self.expects} with a list of content blocks")
        self._count(value.get("usage"))
        found: list[Text] = []
        beside = list(_walk(without(value, ("content",)), ""))
        for index, block in enumerate(value["content"]):
            said, other = _block(block, index)
            found += said
            beside += other
        joined = [
            Text(channel, channel, text)
            for channel in ("reasoning", "content")
            if (text := "".join(said.text for said in found if said.channel == channel))
        ]
        texts = (*joined, *(said for said in found if said.channel.startswith("tool")))
        piece = ChoicePiece(choice=0, texts=texts, beside=tuple(beside), ends=True)
        return Event(value=value, pieces=(piece,), beside=(), plain=plain)

    def _count(self, usage: object) -> None:
        told = object_of(usage).items()
        self._usage |= {name: count for name, count in told if type(count) is int and name in _KEYS}

    def end_of(self, payloads: Sequence[bytes]) -> int | None:
        return end_of(payloads, _LAST)

    def without_spelt(self, payload: bytes, event: Event, place: int | None = None) -> bytes:
        return payload if event.plain else encode(event.value)

    def without_reasoning(self, payload: bytes) -> bytes:
        """The event with empty thinking: blocks keep their numbers, which clients count on."""
        value = decode(payload).value
        held = value.get("delta") or value.get("content_block")
        for name in ("thinking", "signature") if isinstance(held, dict) else ():
            if held.get(name):
                held[name] = ""
        return encode(value)

    def leave_out_reasoning(self, value: dict[str, Any], place: int) -> None:
        value["content"] = [block for block in value["content"] if object_of(block).get("type") != "thinking"]

    def met(self, payload: bytes) -> None:
        """Nothing: every event of ours that repeats something comes after the `message_start` that says it."""

    def left(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            value = left_as(payload)
            kind, index = value.get("type"), value.get("index")
            block, delta = object_of(value.get("content_block")), object_of(value.get("delta"))
            self._begun = self._begun or kind == "message_start"
            self._finished = self._finished or (kind == "message_delta" and delta.get("stop_reason") is not None)
            self._ended = self._ended or kind in _LAST
            if isinstance(index, int) and kind == "content_block_start":
                self._open[index] = text_of(block.get("type"))
                self._next = max(self._next, index + 1)
            elif isinstance(index, int) and kind == "content_block_stop":
                self._open.pop(index, None)
            for shown in (block, delta, *objects(value.get("content"))):
                self._departed.add(0, "content", len(text_of(shown.get("text"))))
                self._departed.add(0, "reasoning", len(text_of(shown.get("thinking"))))
                if "partial_json" in shown or shown.get("type") == "tool_use":
                    said = (shown.get("name"), shown.get("partial_json"))
                    self._departed.add(0, "tool", sum(len(text_of(text)) for text in said))

    def beyond(self, released: Mapping[Left, int]) -> int:
        return self._departed.beyond(released)

    def part(self, choice: int, field: str, text: str) -> bytes:
        kind, _, index = field.partition(":")
        delta = {"type": kind, _SPOKEN[kind][0]: text}
        return encode({"type": "content_block_delta", "index": int(index), "delta": delta})

    def ending(self, choice: int, text: str, *, shown: bool, reason: dict[str, object]) -> list[bytes]:
        if self._finished:
            # Only what came after the end was flagged.
            return self.closing()
        said = f"\n\n{text}" if shown else text
        events: list[dict[str, Any]] = [] if self._begun else [self._start()]
        speaking = next((index for index, kind in self._open.items() if kind == "text"), None)
        stops = [{"type": "content_block_stop", "index": index} for index in self._open if index != speaking]
        if text and not self._structured:
            self._departed.allow(0, "content", len(said))
            if speaking is None:
                events, stops = [*events, *stops], []
                speaking = self._next
                block = {"type": "text", "text": ""}
                events.append({"type": "content_block_start", "index": speaking, "content_block": block})
            delta = {"type": "text_delta", "text": said}
            events.append({"type": "content_block_delta", "index": speaking, "delta": delta})
        events += stops
        if speaking is not None:
            events.append({"type": "content_block_stop", "index": speaking})
        usage = {"output_tokens": self._usage.get("output_tokens") or self._spoke}
        events.append({"type": "message_delta", "delta": self._stop(text), "usage": usage, "safesight": reason})
        events.append({"type": "message_stop"})
        return [encode(event) for event in events]

    def _stop(self, text: str) -> dict[str, object]:
        details = {"type": "refusal", "category": None, "explanation": text if text and self._structured else None}
        return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}

    def _start(self) -> dict[str, Any]:
        usage = {"input_tokens": 0, "output_tokens": 0}
        message = {"id": self._id, "type": "message", "role": "assistant", "model": self._model, "content": []}
        return {
            "type": "message_start",
            "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage},
        }

    def usage(self, payload: bytes | None, *, events: int) -> bytes:
        """No event of its own: usage stands in the event that ends a message."""
        raise NotImplementedError

    def closing(self) -> list[bytes]:
        return [encode({"type": "message_stop"})] if self._finished and not self._ended else []

    def refusal(self, told: Replaced, *, stream: bool) -> list[bytes] | bytes:
        if stream:
            return self.ending(0, told.text, shown=False, reason=told.reason)
        return encode(self._stopped(told))

    def rebuilt(self, event: Event, told: Sequence[Replaced | None]) -> dict[str, Any]:
        if told[0] is None:
            return event.value
        kept = event.value["id"] if sane_id(event.value.get("id")) else self._id
        return {**self._stopped(told[0]), "id": kept}

    def _stopped(self, told: Replaced) -> dict[str, Any]:
        says = bool(told.text) and not self._structured
        if says:
            self._departed.allow(0, "content", len(told.text))
        message = {"id": self._id, "type": "message", "role": "assistant", "model": self._model}
        usage = {"input_tokens": 0, "output_tokens": 0} | self._usage
        content = [{"type": "text", "text": told.text}] if says else []
        return {**message, "content": content, **self._stop(told.text), "usage": usage, "safesight": told.reason}

    def error(self, message: str, *, kind: str, code: str) -> bytes:
        return anthropic_error(message, kind=kind, code=code)

    def frame(self, payloads: Sequence[bytes]) -> bytes:
        return frame(payloads, _PING)

    def is_last(self, payloads: Sequence[bytes]) -> bool:
        return type_of(payloads[-1]) in _LAST


def _streamed(value: dict[str, Any]) -> ChoicePiece:
    """What one event adds to the answer."""
    kind, index = value.get("type"), value.get("index")
    place = index if isinstance(index, int) else 0
    texts: list[Text] = []
    field, ends = "", False
    rest = dict(value)
    beside: list[Text] = []
    delta = value.get("delta")
    if kind == "content_block_start":
        said, beside = _block(rest.pop("content_block", None), place)
        texts += said
    elif kind == "content_block_delta" and isinstance(delta, dict):
        texts, field = _delta(rest.pop("delta"), place, beside)
    elif kind == "message_start" and isinstance(value.get("message"), dict):
        for number, block in enumerate(objects(value["message"].get("content"))):
            said, other = _block(block, number)
            texts += said
            beside += other
        rest["message"] = without(value["message"], ("content",))
    elif kind == "message_delta":
        ends = object_of(delta).get("stop_reason") is not None
    beside += _walk(rest, "")
    return ChoicePiece(choice=0, texts=tuple(texts), beside=tuple(beside), field=field, ends=ends)


def _delta(delta: dict[str, Any], index: int, beside: list[Text]) -> tuple[list[Text], str]:
    """The text that a delta adds, and the field where part of it may be sent; what stands beside goes to `beside`."""
    kind = text_of(delta.get("type"))
    name, channel = _SPOKEN.get(kind, ("partial_json", f"tool:{index}"))
    said = delta.get(name) if kind in _SPOKEN or kind == "input_json_delta" else None
    if not isinstance(said, str):
        beside += _walk(delta, "delta")
        return [], ""
    beside += _walk(without(delta, (name,)), "delta")
    if not said:
        return [], ""
    alone = len(delta) == 2 and kind in _SPOKEN
    return [Text(channel, channel, text_of(said))], f"{kind}:{index}" if alone else ""


def _block(block: object, index: int) -> tuple[list[Text], list[Text]]:
    """The texts of a content block, and what stands beside them."""
    fields = object_of(block)
    kind = fields.get("type")
    if kind == "tool_use":
        call = without(fields, ("type", "id") if sane_id(fields.get("id")) else ("type",))
        return list(_walk(call, "", channel=f"tool:{index}", named=False)), []
    for name, spoken, channel in (("text", "text", "content"), ("thinking", "thinking", "reasoning")):
        if kind == spoken and isinstance(fields.get(name), str):
            said = [Text(channel, channel, text_of(fields[name]))] if fields[name] else []
            return said, list(_walk(without(fields, (name,)), "block"))
    return [], list(_walk(block, "block"))
