"""A chat reply as the proxy judges it: every string a client could see, assigned to a guarded text of its choice.

Known fields have a channel of their own: `content`, `refusal`, `reasoning`, `tool:N` (name and input of a call). All
other strings and keys are *beside* the answer, each with the place it stands in; only the exact places of
`wire.places` are passed over. Text in numbers is named (`spelt`), so that it leaves only with the text it stands for.
Sans-IO. Follows the OpenAI API reference (chat completions, streaming) and what servers add to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from safesight.wire.places import UNFINISHED, sane_id
from safesight.wire.reply_json import decode, readable
from safesight.wire.strings import Text, letters, refuse_media, walk

DONE: Final = b"[DONE]"
FILTERED: Final = "content_filter"


class ChoicePiece(msgspec.Struct, frozen=True, gc=False):
    """What one event, or a whole reply, adds to one choice."""

    choice: int
    texts: tuple[Text, ...] = ()
    """In channels of the answer, in order."""
    beside: tuple[Text, ...] = ()
    """Everything else; channel `other`, or `logprobs` where log-probabilities spell what is not shown."""
    copies: tuple[Text, ...] = ()
    """The answer so far, said again as a whole `message` beside the `delta`."""
    ends: bool = False
    field: str = ""
    """The field that is all that the event adds to this choice, where it may be sent in part; "" else."""
    spelt: tuple[str, ...] = ()
    """Paths in the choice of numbers that spell text, where the event shows no text they could stand for."""
    echoed: bool = False
    """Whether log-probabilities spell the text too."""


class Event(msgspec.Struct, frozen=True):
    """One event or whole reply, taken apart."""

    value: dict[str, Any]
    pieces: tuple[ChoicePiece, ...]
    beside: tuple[Text, ...]
    """Strings beside the choices: every choice's copy carries them."""
    plain: bool
    """Whether the bytes may leave as they came."""
    spelt: tuple[str, ...] = ()
    """As of a piece, beside the choices."""
    fails: bool = False
    """Whether all of it is an error."""

    @property
    def error(self) -> Any:
        """The error it reports instead of choices; None where it reports none."""
        if self.fails:
            return self.value
        if self.pieces:
            return None
        return self.value.get("error") or (self.value if self.value.get("object") == "error" else None)


def read_event(raw: bytes) -> Event:
    """Take one streamed event, or a whole reply, apart.

    Raises:
        ValueError: it is no JSON object with a list of choices, or carries what cannot be judged (media).
    """
    value, plain = decode(raw)
    if not isinstance(value, dict):
        raise ValueError("expected a chat completion")
    numbers = _NUMBERS.search(raw) is not None or not plain
    choices = value.get("choices")
    if choices is not None and not isinstance(choices, list):
        raise ValueError("expected a chat completion with a list of choices")
    pieces = tuple(_piece(choice, place, numbers=numbers) for place, choice in enumerate(choices or ()))
    top = {name: item for name, item in value.items() if name != "choices"}
    shows = any(piece.texts for piece in pieces)
    beside, spelt = _beside(top, shows=shows, numbers=numbers)
    return Event(value=value, pieces=pieces, beside=beside, plain=plain, spelt=spelt)


_NUMBERS: Final = re.compile(rb"[\[,]\s*-?\d")
"""Where no number stands in a list, none spells anything."""


def _piece(choice: object, place: int, *, numbers: bool) -> ChoicePiece:
    if not isinstance(choice, dict):
        raise ValueError("expected every choice to be an object")
    index = choice.get("index")
    if index is None:
        index = place
    if not isinstance(index, int) or isinstance(index, bool):
        raise ValueError("expected a choice's index to be a number")
    rest = {name: item for name, item in choice.items() if name not in _SAID}
    texts, beside, copies = _said(choice, rest, numbers=numbers)
    shown = _shown(texts)
    found, spelt = _beside(rest, shows=bool(texts), numbers=numbers)
    beside += found
    if numbers and not texts:
        spelt = (*spelt, *_numbers_said(choice))
    if (logprobs := choice.get("logprobs")) is not None:
        if texts:
            beside += _logprobs(logprobs, shown)
        elif _has_entries(logprobs):
            spelt = (*spelt, "logprobs")
    beside = [text for text in beside if text.text not in shown]
    finish = choice.get("finish_reason")
    if finish is not None and not isinstance(finish, str):
        raise ValueError("expected a choice's finish_reason to be a string")
    return ChoicePiece(
        choice=index,
        texts=tuple(texts),
        beside=tuple(beside),
        copies=tuple(copies),
        ends=finish is not None and finish not in UNFINISHED,
        field=_field(choice, texts),
        spelt=spelt,
        echoed=bool(texts and logprobs),
    )


_SAID: Final = frozenset({"index", "delta", "message", "text", "logprobs"})


def _shown(texts: list[Text]) -> set[str]:
    """What an answer says: each of its texts, and those of a channel together."""
    if len(texts) < 2:
        return {"", *(text.text for text in texts)}
    return {text.text for text in texts} | {"".join(t.text for t in texts if t.channel == c) for c in _CHANNELS}


_CHANNELS: Final = ("content", "refusal", "reasoning")
_FIELDS: Final = {
    "content": "content",
    "refusal": "refusal",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
}


def _field(choice: dict[str, Any], texts: list[Text]) -> str:
    delta = choice.get("delta")
    if len(texts) != 1 or not isinstance(delta, dict):
        return ""
    place = texts[0].place
    return place if isinstance(delta.get(place), str) else ""


def _said(choice: dict[str, Any], rest: dict[str, Any], *, numbers: bool) -> tuple[list[Text], list[Text], list[Text]]:
    """The texts of a choice's answer, what stands beside them in its message, and copies of the answer so far."""
    delta, message, legacy = choice.get("delta"), choice.get("message"), choice.get("text")
    texts: list[Text] = []
    beside: list[Text] = []
    copies: list[Text] = []
    for name, said in (("delta", delta), ("message", message)):
        if said is None:
            continue
        if not isinstance(said, dict):
            rest[name] = said
            continue
        found, other = _message(said, numbers=numbers)
        beside += other
        if name == "message" and delta is not None:
            copies += found
        else:
            texts += found
    if legacy is None:
        pass
    elif isinstance(legacy, str) and not texts and delta is None:
        texts.append(Text("content", "text", readable(legacy)))
    elif isinstance(legacy, str):
        beside += walk(legacy, "text")
    else:
        rest["text"] = legacy
    return texts, beside, copies


def _message(message: dict[str, Any], *, numbers: bool) -> tuple[list[Text], list[Text]]:
    texts: list[Text] = []
    rest: dict[str, Any] = {}
    refuse_media(message)
    for name, value in message.items():
        channel = _FIELDS.get(name)
        if channel and isinstance(value, str):
            if value:
                texts.append(Text(channel, name, readable(value)))
        elif channel == "content" and isinstance(value, list):
            texts += _parts(value)
        elif name == "tool_calls" and isinstance(value, list):
            texts += _calls(value)
        elif name == "function_call" and isinstance(value, dict):
            texts += _call(value, "tool:function")
        else:
            rest[name] = value
    beside = walk(rest, "") if rest else []
    if numbers:
        beside += [Text("other", "numbers", text) for text in letters(rest)]
    reasoning = [t for t in texts if t.channel == "reasoning"] if len(texts) > 1 else []
    if len(reasoning) < 2:
        return texts, beside
    # The same thoughts under two names are one text; others are beside the first.
    extra = [t._replace(channel="other") for t in reasoning[1:] if t.text != reasoning[0].text]
    texts = [t for t in texts if t.channel != "reasoning" or t is reasoning[0]]
    return texts, extra + beside


def _parts(parts: list[Any]) -> Iterator[Text]:
    """A content list: text and thinking parts, and any others as texts of their own."""
    for place, part in enumerate(parts):
        thinks = isinstance(part, dict) and part.get("type") in ("thinking", "reasoning")
        for text in walk(part, f"content.{place}"):
            yield text._replace(channel="reasoning" if thinks else "content")


def _calls(calls: list[Any]) -> Iterator[Text]:
    for place, call in enumerate(calls):
        index = call.get("index") if isinstance(call, dict) else None
        yield from _call(call, f"tool:{place if not isinstance(index, int) else index}")


def _call(call: object, channel: str) -> Iterator[Text]:
    if isinstance(call, dict) and sane_id(call.get("id")):
        call = {name: value for name, value in call.items() if name != "id"}
    for text in walk(call, "", named=False):
        yield text._replace(channel=channel)


def _beside(fields: dict[str, Any], *, shows: bool, numbers: bool) -> tuple[tuple[Text, ...], tuple[str, ...]]:
    """The strings of fields beside the answer, and the fields whose numbers spell text that is not shown."""
    for name in ("id", "system_fingerprint"):
        if sane_id(fields.get(name)):
            fields = {**fields}
            del fields[name]
    if not numbers:
        return tuple(walk(fields, "")), ()
    spelt = () if shows else tuple(name for name, value in fields.items() if _has_numbers(value))
    fields = {name: value for name, value in fields.items() if name not in spelt}
    told = [Text("other", "numbers", text) for text in letters(fields)] if shows else []
    return (*walk(fields, ""), *told), spelt


def _numbers_said(choice: dict[str, Any]) -> list[str]:
    """The fields of a choice's message that hold lists of numbers, by their paths in the choice."""
    said = [(name, fields) for name in ("delta", "message") if isinstance(fields := choice.get(name), dict)]
    return [f"{name}.{field}" for name, fields in said for field, value in fields.items() if _has_numbers(value)]


def _has_numbers(value: object) -> bool:
    """Whether a value holds a list of numbers, at any depth."""
    if isinstance(value, list):
        return any(isinstance(item, (int, float)) and not isinstance(item, bool) for item in value) or any(
            map(_has_numbers, value)
        )
    return isinstance(value, dict) and any(map(_has_numbers, value.values()))


def _has_entries(logprobs: object) -> bool:
    if isinstance(logprobs, dict):
        return any(map(bool, logprobs.values()))
    return bool(logprobs)


def _logprobs(logprobs: object, shown: set[str]) -> list[Text]:
    """What log-probabilities spell besides the text shown; alternatives are judged each by itself."""
    if not logprobs:
        return []
    if not isinstance(logprobs, dict):
        return [text._replace(channel="logprobs") for text in walk(logprobs, "logprobs")]
    texts: list[Text] = []
    for name, entries in logprobs.items():
        if name in ("content", "refusal") and isinstance(entries, list):
            texts += _spelt(entries, shown)
        elif name == "tokens" and isinstance(entries, list) and "".join(map(str, entries)) in shown:
            continue
        else:
            texts += walk({name: entries}, "logprobs")
    return texts


def _spelt(entries: list[Any], shown: set[str]) -> Iterator[Text]:
    tokens: list[str] = []
    octets: list[int] = []
    for entry in entries:
        if not isinstance(entry, dict):
            yield from walk(entry, "logprobs")
            continue
        tokens.append(str(entry.get("token") or ""))
        octets += _octets(entry)
        for other in entry.get("top_logprobs") or ():
            if isinstance(other, dict):
                yield from walk(other.get("token"), "logprobs.top")
                yield from walk(bytes(_octets(other)).decode("utf-8", "replace"), "logprobs.top")
        yield from walk({n: v for n, v in entry.items() if n not in ("token", "bytes", "top_logprobs")}, "logprobs")
    for spelt in ("".join(tokens), bytes(octets).decode("utf-8", "replace")):
        if spelt and spelt not in shown:
            yield Text("logprobs", "logprobs", readable(spelt))


def _octets(entry: dict[str, Any]) -> list[int]:
    found = entry.get("bytes")
    if not isinstance(found, list):
        return []
    return [octet for octet in found if isinstance(octet, int) and 0 <= octet < 256]


def logprobs_beside(entries: list[Any], shown: set[str]) -> list[Text]:
    """What the log-probabilities of a text's tokens spell besides what is shown."""
    return _logprobs({"content": entries}, shown)
