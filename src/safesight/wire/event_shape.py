"""A shortcut for events that differ in several strings: the answer's, and padding or copies beside it. Sans-IO.

Sound for the reason that `event_shortcut` is: an event whose every byte but some string bodies is that of a learned
one, and whose bodies are valid JSON strings, parses to the same event with those strings in their places. No key is
such a body, and no string that decides how the event is read (finish reasons): those are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from safesight.wire.channels import ChoicePiece, Event, read_event
from safesight.wire.foreign import UNDECODABLE
from safesight.wire.places import WORDS, is_media
from safesight.wire.strings import Text, UnjudgedError

_STRING: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_decode_text = msgspec.json.Decoder(str).decode
_TRIES: Final = 4


class EventShape:
    """The shape of a stream's events, learned from two that are alike."""

    __slots__ = ("_fixed", "_holes", "_last", "_template", "_tries")

    def __init__(self) -> None:
        self._last: list[bytes] = []
        self._fixed: list[bytes] = []
        """What is compared, "" in the holes."""
        self._holes: dict[str, int] = {}
        """Where in the parts of an event each string of the template stands, by the string that marks it."""
        self._template: Event | None = None
        self._tries = _TRIES

    def read(self, payload: bytes) -> Event | None:
        """Take an event of the learned shape apart; None where it has to be read in full.

        Raises:
            UnjudgedError: a string in it is media.
        """
        template = self._template
        if template is None:
            return None
        parts = _STRING.split(payload)
        found: dict[str, str] = {}
        if len(parts) != len(self._fixed):
            return None
        try:
            for mark, place in self._holes.items():
                found[mark] = _decode_text(b'"%b"' % parts[place])
                if not found[mark]:
                    return None
                parts[place] = b""
        except UNDECODABLE:
            return None
        if parts != self._fixed:
            return None
        piece = template.pieces[0]
        [said] = piece.texts
        text = found[said.text]
        read = msgspec.structs.replace(
            piece,
            texts=(said._replace(text=text),),
            # What the answer says too is no other text, as in full reading.
            beside=tuple(other for other in _filled(piece.beside, found) if other.text != text),
            copies=_filled(piece.copies, found, beside=False),
        )
        return msgspec.structs.replace(template, pieces=(read,), beside=_filled(template.beside, found))

    def learn(self, payload: bytes, event: Event) -> None:
        """Take an event that was read in full; what differs from the one before may differ in the next."""
        if not self._tries or not _is_simple(event):
            return
        parts = _STRING.split(payload)
        last, self._last = self._last, parts
        if len(last) != len(parts) or last[::2] != parts[::2]:
            return
        places = [i for i in range(1, len(parts), 2) if parts[i] != last[i] or i in self._holes.values()]
        if not places or any(parts[i + 1].lstrip().startswith(b":") for i in places):
            return
        self._tries -= 1
        holes = {f"hole number {i} here": i for i in places}
        fixed = list(parts)
        for mark, i in holes.items():
            fixed[i] = mark.encode()
        template = read_event(b'"'.join(fixed))
        if not _is_simple(template) or not _holds_once(template, holes):
            return
        for i in places:
            fixed[i] = b""
        self._fixed, self._holes, self._template = fixed, holes, template


def _is_simple(event: Event) -> bool:
    """Whether an event is plain and adds one string to one choice, whatever stands beside it."""
    if not event.plain or event.spelt or len(event.pieces) != 1:
        return False
    piece = event.pieces[0]
    return len(piece.texts) == 1 and piece.field != "" and not (piece.ends or piece.spelt)


def _holds_once(template: Event, holes: Iterable[str]) -> bool:
    """Whether each hole is one whole string of the event, and the answer's string one of them."""
    piece: ChoicePiece = template.pieces[0]
    told = [text.text for text in (*piece.texts, *piece.beside, *piece.copies, *template.beside)]
    return all(told.count(mark) == 1 for mark in holes) and piece.texts[0].text in holes


def _filled(texts: tuple[Text, ...], found: dict[str, str], *, beside: bool = True) -> tuple[Text, ...]:
    """A template's strings with what stands in their places."""
    filled: list[Text] = []
    for text in texts:
        said = found.get(text.text)
        if said is None:
            filled.append(text)
            continue
        if beside and is_media(said):
            raise UnjudgedError("media")
        if said not in WORDS or not beside:
            filled.append(text._replace(text=said))
    return tuple(filled)
