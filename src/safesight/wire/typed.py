"""Replies of typed events (Anthropic's messages, OpenAI's responses): framing, and reading their parts. Sans-IO.

Each event names itself twice, in its `event:` line and in its `type`; the line is written anew from the type that was
judged. A reply has one answer, so it is one choice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from safesight.wire.channels import DONE
from safesight.wire.places import holds_media, is_media, sane_id
from safesight.wire.reply_json import decode, readable
from safesight.wire.sse_relay import COMMENT
from safesight.wire.strings import Text, UnjudgedError


def words(text: str) -> frozenset[str]:
    """A closed list."""
    return frozenset(text.split())


class _Typed(msgspec.Struct):
    type: str = ""


_decode_type = msgspec.json.Decoder(_Typed).decode


def left_as(payload: bytes) -> dict[str, Any]:
    """An event that leaves; {} for what is none, which a policy that holds nothing back lets pass."""
    try:
        return object_of(decode(payload).value)
    except ValueError:
        return {}


def type_of(payload: bytes) -> str:
    """The type an event names; "" where it names none."""
    try:
        return _decode_type(payload).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def frame(payloads: Sequence[bytes], beat: bytes) -> bytes:
    """Events as bytes of a stream, each named by the type that was judged with it; a comment goes out as `beat`."""
    out: list[bytes] = []
    for payload in payloads:
        if payload == COMMENT:
            out.append(beat)
            continue
        name = type_of(payload)
        out.append(b"event: %b\n" % name.encode() if _NAME.fullmatch(name) else b"")
        out.append(b"data: %b\n\n" % payload)
    return b"".join(out)


_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,80}")


def end_of(payloads: Sequence[bytes], last: Collection[str]) -> int | None:
    """How many events belong to a reply that one of the types `last` ends; None where none does."""
    for count, payload in enumerate(payloads):
        if payload == DONE:
            return count
        if any(name.encode() in payload for name in last) and type_of(payload) in last:
            return count + 1
    return None


class Walker:
    """Every string and key of a value that is not the API's own, as `wire.channels` walks chat completions."""

    def __init__(self, keys: frozenset[str], words: frozenset[str]) -> None:
        """Pass over names of fields (`keys`), and values of closed lists (`words`)."""
        self._keys = keys
        self._words = words

    def walk(self, value: object, place: str, *, channel: str = "other", named: bool = True) -> Iterator[Text]:
        """The strings of a value with their places.

        Raises:
            UnjudgedError: one is media.
        """
        if isinstance(value, str):
            if value and value not in self._words:
                if is_media(value):
                    raise UnjudgedError("media")
                yield Text(channel, place, readable(value))
        elif isinstance(value, list):
            yield from self._list(value, place, channel=channel, named=named)
        elif isinstance(value, dict):
            for name, item in value.items():
                if named and holds_media(name, item):
                    raise UnjudgedError(name)
                if name not in self._keys:
                    yield Text(channel, f"{place}.{{key}}", readable(name))
                if name in _IDS and sane_id(item):
                    continue
                yield from self.walk(item, f"{place}.{name}", channel=channel, named=named)

    def _list(self, value: list[Any], place: str, *, channel: str, named: bool) -> Iterator[Text]:
        if len(value) >= _SPELT and all(type(item) is int and 9 <= item < 0x110000 for item in value):
            # Numbers that could be letters are read as such: there is no other place for numbers in these APIs.
            yield Text(channel, place, readable("".join(map(chr, value))))
        for item in value:
            yield from self.walk(item, place, channel=channel, named=named)


_IDS: Final = frozenset({"id", "item_id", "call_id", "tool_use_id", "previous_response_id"})
_SPELT: Final = 4


def object_of(value: object) -> dict[str, Any]:
    """A value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def without(value: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """An object without some of its fields."""
    dropped = frozenset(names)
    return {name: item for name, item in value.items() if name not in dropped}


def text_of(value: object) -> str:
    """A string, readable; "" for anything else."""
    return readable(value) if isinstance(value, str) else ""


def as_event(value: object, what: str) -> dict[str, Any]:
    """A decoded event.

    Raises:
        ValueError: it is no object.
    """
    if not isinstance(value, dict):
        raise ValueError(f"expected {what}")
    return value
