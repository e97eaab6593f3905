"""Every string of a decoded reply that is not the protocol's own, and what strings say that spell others. Sans-IO."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from safesight.wire.places import KEYS, MEDIA, WORDS, holds_media, is_media, names_media
from safesight.wire.reply_json import readable


class UnjudgedError(ValueError):
    """A reply carries what cannot be judged."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the reply carries {name!r}, which this guard cannot judge, so it is not let through")


class Text(NamedTuple):
    """A string with its channel; `place` tells apart the strings of one channel that are not one text."""

    channel: str
    place: str
    text: str


def walk(value: object, place: str, *, named: bool = True) -> list[Text]:
    """Every string and key of a value that is not the protocol's own; the place is its path without list indices.

    `named`: fields may hold media by their name, as those of a call's input do not.
    """
    found: list[Text] = []
    _gather(value, place, named, found)
    return found


def _gather(value: object, place: str, named: bool, found: list[Text]) -> None:
    if isinstance(value, str):
        if value and value not in WORDS:
            if is_media(value):
                raise UnjudgedError("media")
            found.append(Text("other", place, readable(value)))
    elif isinstance(value, list):
        for item in value:
            _gather(item, place, named, found)
    elif isinstance(value, dict):
        _gather_fields(value, place, named, found)


def _gather_fields(fields: dict[str, Any], place: str, named: bool, found: list[Text]) -> None:
    if named:
        refuse_media(fields)
    known = KEYS.issuperset(fields)
    for name, item in fields.items():
        if not known and name not in KEYS:
            found.append(Text("other", f"{place}.{{key}}", readable(name)))
        if isinstance(item, (str, list, dict)):
            _gather(item, f"{place}.{name}", named, found)


def refuse_media(fields: dict[str, Any]) -> None:
    """Raise where a field by its name holds what cannot be judged."""
    if MEDIA.isdisjoint(fields):
        return
    for name, value in fields.items():
        if holds_media(name, value):
            raise UnjudgedError(name)


def strings(value: object) -> list[str]:
    """Every string and key of a value that is not the protocol's own, in order.

    Raises:
        UnjudgedError: one of them is media.
    """
    return [text.text for text in walk(value, "", named=False)]


def letters(value: object) -> Iterator[str]:
    """What lists of numbers spell that could be letters; the ids of tokens are larger."""
    if isinstance(value, dict):
        for item in value.values():
            yield from letters(item)
    elif isinstance(value, list):
        codes = [_letter(item) for item in value]
        if len(codes) >= _SPELT and all(codes):
            yield "".join(codes)
        else:
            for item in value:
                yield from letters(item)


def _letter(number: Any) -> str:
    """The letter of a code, which may stand in a list of its own; "" where it is none."""
    if isinstance(number, list) and len(number) == 1:
        number = number[0]
    return chr(int(number)) if isinstance(number, (int, float)) and 9 <= number < 127 else ""


_SPELT: Final = 4
"""So many numbers in a row are read as letters."""


def shows_media(text: str) -> bool:
    """Whether a piece of an answer's text holds a data URL."""
    return "data:" in text and names_media(text)


def unescaped(text: str) -> list[str]:
    """The strings that JSON in a text spells with escapes, decoded, and the JSON in those; [] where it has none.

    What is no JSON as a whole is read as if it stood between quotes.
    """
    found: list[str] = []
    todo = [text]
    for _ in range(_NESTED):
        todo = [inner for outer in todo if "\\" in outer for inner in _decoded(outer)]
        found += todo
    return found


_NESTED: Final = 4
"""How often a text may be escaped."""


def _decoded(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _ESCAPE.sub(_escaped, text)
    found = [value] if isinstance(value, str) else list(_leaves(value))
    return [readable(string) for string in found if string and string != text]


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _leaves(item)


_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _escaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])
