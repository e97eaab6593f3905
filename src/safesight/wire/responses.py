"""OpenAI's responses as a dialect: one answer of output items, streamed as typed events with sequence numbers.

    output_text        one text of the answer (`content`), over all parts and items
    refusal            `refusal`
    reasoning          `reasoning`: its text and its summary, each a text of its own
    calls that clients carry out   `tool:INDEX`: leave whole, once the answer has ended and all of it is verified
    all else           judged beside the answer, but for what repeats what was judged, and the request's own words

Most text comes several times (`delta`, `done`, the item, the whole response): what is no repetition is judged too.
Follows OpenAI's API reference (responses, streaming events); llama.cpp, vLLM, Ollama and LM Studio serve it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from safesight.wire.channels import ChoicePiece, Event, logprobs_beside
from safesight.wire.chat_dialect import error_body
from safesight.wire.departed import Departed, Left
from safesight.wire.dialect import Replaced
from safesight.wire.places import sane_id
from safesight.wire.reply_json import decode, encode
from safesight.wire.response_fields import CALLS, DELTAS, ECHOED, KEYS, LAST, PARTS, WORDS
from safesight.wire.response_shown import ShownResponse
from safesight.wire.sse_relay import COMMENT
from safesight.wire.strings import Text
from safesight.wire.typed import Walker, as_event, end_of, frame, left_as, object_of, objects, text_of, type_of, without

_walk = Walker(KEYS, WORDS).walk
_Place = tuple[str, object, object]
"""A channel, an item's index, and the index of a part in it: what repeats is compared place by place."""


class ResponsesDialect:
    """One reply of responses."""

    alike: bool = False
    expects: str = "a response with a list of output items"

    def __init__(
        self, *, model: str = "", structured: bool = False, echoed: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        """Speak of `model`; `structured`: refusals stand in `refusal`; `echoed`: the request's strings by field."""
        self._structured = structured
        self._echoed = echoed or {}
        self._departed = Departed()
        self._said: dict[_Place, str] = {}
        self._spoke = 0
        self._shown = ShownResponse(model)

    def read(self, payload: bytes) -> Event:
        value, plain = decode(payload)
        value = as_event(value, self.expects)
        kind = text_of(value.get("type"))
        if kind == "error" or (not kind and value.get("error")):
            return Event(value=value, pieces=(), beside=(), plain=plain, fails=True)
        rest = without(value, ("type",)) if kind in WORDS else dict(value)
        texts: list[Text] = []
        beside: list[Text] = []
        field = ""
        if kind in DELTAS and isinstance(value.get("delta"), str):
            channel, part = DELTAS[kind]
            texts, beside = self._delta(value, channel, value.get(part))
            rest = without(rest, ("delta", "logprobs"))
            alone = kind == "response.output_text.delta" and not value.get("logprobs")
            field = f"{value.get('output_index')}:{value.get('content_index')}" if alone else ""
        elif isinstance(value.get("response"), dict):
            texts, beside = self._response(rest.pop("response"))
        elif isinstance(value.get("item"), dict):
            texts, beside = self._item(rest.pop("item"), _index(value))
        else:
            texts, beside = self._part(rest, kind, value)
        self._spoke += bool(texts)
        beside += _walk(rest, "")
        ends = kind in LAST
        piece = ChoicePiece(
            choice=0,
            texts=tuple(texts),
            beside=tuple(beside),
            field=field,
            ends=ends,
            echoed=bool(texts and value.get("logprobs")),
        )
        return Event(value=value, pieces=(piece,), beside=(), plain=plain)

    def _delta(self, value: dict[str, Any], channel: str, part: object) -> tuple[list[Text], list[Text]]:
        said, index = text_of(value["delta"]), _index(value)
        self._add(channel, index, part, said)
        entries = value.get("logprobs")
        beside = logprobs_beside(entries, {said}) if isinstance(entries, list) else list(_walk(entries, "logprobs"))
        return ([_spoken(channel, index, said, part)] if said else []), beside

    def _add(self, channel: str, index: object, part: object, said: str) -> None:
        place = (channel, _hashable(index), _hashable(part))
        self._said[place] = self._said.get(place, "") + said

    def _part(self, rest: dict[str, Any], kind: str, value: dict[str, Any]) -> tuple[list[Text], list[Text]]:
        """A part that begins or ends, or the whole of a text at its end."""
        index = _index(value)
        held = object_of(value.get("part"))
        channel, name = PARTS.get(text_of(held.get("type")), ("", ""))
        if kind.startswith("response.reasoning_summary_part"):
            channel, name = "reasoning.summary", "text"
        if channel:
            del rest["part"]
            at = value.get("summary_index") if channel == "reasoning.summary" else value.get("content_index")
            texts, beside = self._known(channel, index, at, held.get(name))
            return texts, [*beside, *self._beside_part(held, name)]
        channel, part = DELTAS.get(kind.removesuffix(".done") + ".delta", ("", ""))
        texts, beside = [], []
        for name in ("text", "refusal", "arguments", "input", "code") if channel and kind.endswith(".done") else ():
            if isinstance(value.get(name), str):
                texts, beside = self._known(channel, index, value.get(part), rest.pop(name))
        if channel and isinstance(value.get("logprobs"), list):
            shown = {text for place, text in self._said.items() if place[0] == channel}
            beside += logprobs_beside(rest.pop("logprobs"), shown)
        return texts, beside

    def _beside_part(self, part: dict[str, Any], name: str) -> list[Text]:
        rest = without(part, (name, "logprobs"))
        entries = part.get("logprobs")
        told = logprobs_beside(entries, set(self._said.values())) if isinstance(entries, list) else []
        return [*told, *_walk(rest, "part")]

    def _known(self, channel: str, index: object, part: object, said: object) -> tuple[list[Text], list[Text]]:
        """A text that may repeat what was said in its place: nothing; the text itself where none was; else beside."""
        if not isinstance(said, str):
            return [], list(_walk(said, channel))
        text = text_of(said)
        before = self._said.get((channel, _hashable(index), _hashable(part)))
        # Servers number items in ways of their own, so what is read as one text is repeated wherever it stands.
        again = channel != "tool" and any(said == text for place, said in self._said.items() if place[0] == channel)
        if not text or before == text or again:
            return [], []
        if before:
            return [], [Text("other", f"copy of {channel}", text)]
        self._add(channel, index, part, text)
        return [_spoken(channel, index, text, part)], []

    def _item(self, item: dict[str, Any], index: object) -> tuple[list[Text], list[Text]]:
        """The texts of an output item that were not said yet, and what stands beside them."""
        kind = text_of(item.get("type"))
        texts: list[Text] = []
        beside: list[Text] = []
        if kind in ("message", "reasoning"):
            for name in ("content", "summary"):
                for at, part in enumerate(objects(item.get(name))):
                    channel, field = PARTS.get(text_of(part.get("type")), ("", ""))
                    said, other = self._known(channel, index, at, part.get(field)) if channel else ([], [])
                    texts += said
                    beside += [*other, *(self._beside_part(part, field) if channel else _walk(part, "part"))]
            odd = {n: v for n, v in item.items() if n not in ("content", "summary") or not isinstance(v, list)}
            return texts, [*beside, *_walk(odd, "item")]
        if kind not in CALLS and kind in WORDS:
            return [], list(_walk(item, "item"))
        # An argument at a time: the order and the framing of fields change nothing.
        ids = [name for name in ("id", "call_id") if sane_id(item.get(name))]
        for name, value in without(item, ("type", "status", *ids) if kind in WORDS else ("status", *ids)).items():
            for text in (value,) if isinstance(value, str) else [t.text for t in _walk(value, name, named=False)]:
                part = None if name in ("arguments", "input", "code") else name
                said, other = self._known("tool", index, part, text) if text not in WORDS else ([], [])
                texts += said
                beside += other
            if name not in KEYS:
                texts.append(Text(f"tool:{index}", "key", name))
        if isinstance(item.get("status"), str):
            beside += _walk(item["status"], "status")
        return texts, beside

    def _response(self, response: dict[str, Any]) -> tuple[list[Text], list[Text]]:
        """What a whole response says that was not said yet, and what stands beside it."""
        texts: list[Text] = []
        beside: list[Text] = []
        output = response.get("output")
        for index, item in enumerate(objects(output)):
            said, other = self._item(item, index)
            texts += said
            beside += other
        odd = [item for item in output if not isinstance(item, dict)] if isinstance(output, list) else output
        beside += _walk(odd, "output")
        for name, value in response.items():
            if name == "output":
                continue
            known = self._echoed.get(name, frozenset()) if name in ECHOED else frozenset[str]()
            beside += (text for text in _walk({name: value}, "response") if text.text not in known)
        return texts, beside

    def read_whole(self, raw: bytes) -> Event:
        value, plain = decode(raw)
        value = as_event(value, self.expects)
        if value.get("object") != "response" and value.get("error"):
            return Event(value=value, pieces=(), beside=(), plain=plain)
        if not isinstance(value.get("output"), list):
            raise ValueError(f"expected {self.expects}")
        texts, beside = self._response(value)
        channels = list(dict.fromkeys((text.channel, text.place) for text in texts))
        joined = [
            Text(channel, place, "".join(text.text for text in texts if (text.channel, text.place) == (channel, place)))
            for channel, place in channels
        ]
        self._shown.count(value.get("usage"))
        piece = ChoicePiece(choice=0, texts=tuple(joined), beside=tuple(beside), ends=True)
        return Event(value=value, pieces=(piece,), beside=(), plain=plain)

    def end_of(self, payloads: Sequence[bytes]) -> int | None:
        return end_of(payloads, LAST)

    def without_spelt(self, payload: bytes, event: Event, place: int | None = None) -> bytes:
        return payload if event.plain else encode(event.value)

    def without_reasoning(self, payload: bytes) -> bytes:
        """The event with empty reasoning: items keep their numbers, which clients count on."""
        value = decode(payload).value
        if text_of(value.get("type")).startswith("response.reasoning"):
            value |= {name: "" for name in ("delta", "text") if isinstance(value.get(name), str)}
            if isinstance(value.get("part"), dict):
                value["part"] = {**value["part"], "text": ""}
        items = [value.get("item"), *objects(object_of(value.get("response")).get("output"))]
        for item in items:
            if isinstance(item, dict) and item.get("type") == "reasoning":
                _empty(item)
        return encode(value)

    def leave_out_reasoning(self, value: dict[str, Any], place: int) -> None:
        value["output"] = [item for item in value["output"] if object_of(item).get("type") != "reasoning"]

    def met(self, payload: bytes) -> None:
        """Nothing: `left` follows what the response says of itself."""

    def left(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            value = left_as(payload)
            self._shown.follow(value)
            for channel, chars in self._shown.departing(value):
                self._departed.add(0, channel, chars)

    def beyond(self, released: Mapping[Left, int]) -> int:
        return self._departed.beyond(released)

    def part(self, choice: int, field: str, text: str) -> bytes:
        index, part = (int(place) if place.isdigit() else 0 for place in field.split(":"))
        return encode(self._shown.delta(index, part, text))

    def ending(self, choice: int, text: str, *, shown: bool, reason: dict[str, object]) -> list[bytes]:
        said = f"\n\n{text}" if shown and text else text
        self._departed.allow(0, "refusal" if self._structured else "content", len(said))
        events = self._shown.end(said, refusal=self._structured, reason=reason, tokens=self._spoke)
        return [encode(event) for event in events]

    def usage(self, payload: bytes | None, *, events: int) -> bytes:
        """No event of its own: usage stands in the event that ends a response."""
        raise NotImplementedError

    def closing(self) -> list[bytes]:
        return []

    def refusal(self, told: Replaced, *, stream: bool) -> list[bytes] | bytes:
        if stream:
            return self.ending(0, told.text, shown=False, reason=told.reason)
        return encode(self._stopped(told))

    def rebuilt(self, event: Event, told: Sequence[Replaced | None]) -> dict[str, Any]:
        if told[0] is None:
            return event.value
        stopped = self._stopped(told[0])
        created = event.value.get("created_at")
        return {
            **stopped,
            "id": event.value["id"] if sane_id(event.value.get("id")) else stopped["id"],
            "created_at": created if type(created) in (int, float) else stopped["created_at"],
        }

    def _stopped(self, told: Replaced) -> dict[str, Any]:
        self._departed.allow(0, "refusal" if self._structured else "content", len(told.text))
        return self._shown.stopped(told.text, refusal=self._structured, reason=told.reason)

    def error(self, message: str, *, kind: str, code: str) -> bytes:
        if not self._shown.begun:
            return error_body(message, kind=kind, code=code)
        # Clients look for `error` in any event, the API's own event says it beside.
        told = {"message": message, "type": kind, "param": None, "code": code}
        return encode(
            self._shown.numbered({"type": "error", "code": code, "message": message, "param": None, "error": told})
        )

    def frame(self, payloads: Sequence[bytes]) -> bytes:
        return frame(payloads, COMMENT + b"\n\n")

    def is_last(self, payloads: Sequence[bytes]) -> bool:
        return type_of(payloads[-1]) in LAST


def _index(event: dict[str, Any]) -> object:
    """The item that an event is about: its number, or its id where the server numbers nothing."""
    index = event.get("output_index")
    return event.get("item_id") or object_of(event.get("item")).get("id") if index is None else index


def _spoken(channel: str, index: object, said: str, part: object) -> Text:
    if channel == "tool":
        return Text(f"tool:{index}", str(part or "input"), said)
    return Text(channel.partition(".")[0], channel, said)


def _hashable(value: object) -> object:
    return value if isinstance(value, (int, str)) else None


def _empty(item: dict[str, Any]) -> None:
    for name in ("content", "summary"):
        for part in objects(item.get(name)):
            part["text"] = ""
    if item.get("encrypted_content"):
        item["encrypted_content"] = None
