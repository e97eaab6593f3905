"""A shortcut for reading streamed events: most differ from the one before in their text alone. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from safesight.wire.channels import Event, read_event
from safesight.wire.foreign import UNDECODABLE


class EventPattern:
    """What stays the same around the text of a stream's events, learned from them: reading one costs a comparison.

    Sound because a payload that begins and ends like a learned one, with a valid JSON string body between, parses
    to the same event with that string for its content; anything else is read in full.
    """

    __slots__ = ("_after", "_around", "_before", "_tries", "choice", "like")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._around = 0
        self._tries = 4
        self.choice = 0
        self.like: Event | None = None
        """The event that was learned."""

    def forget(self) -> None:
        """Read every event in full from now on."""
        self._before, self._tries = b"", 0

    def texts(self, payloads: Sequence[bytes], start: int = 0) -> list[str]:
        """The contents that events from `start` on add to `choice`; [] where that one has to be read in full."""
        before, after, around = self._before, self._after, self._around
        if not before:
            return []
        payloads = payloads[start:] if start else payloads
        if bodies := self._bodies(payloads):
            with suppress(*UNDECODABLE):
                return _decode_bodies(bodies)
        end = 0
        for payload in payloads:
            if not (payload.startswith(before) and payload.endswith(after) and len(payload) >= around):
                break
            end += 1
        if not end:
            return []
        run = payloads[:end]
        with suppress(*UNDECODABLE):
            return _decode_bodies([payload[len(before) : -len(after)] for payload in run])
        # Some string is none; what comes before it may still be read so.
        found = _decode_first(payload[len(before) : -len(after)] for payload in run)
        if not found:
            self._before = b""
        return found

    def _bodies(self, payloads: Sequence[bytes]) -> list[bytes]:
        """What stands in the place of the text, where every payload is like the learned one; [] where one is not."""
        before, after = self._before, self._after
        joined = b"\n".join(payloads)
        if not (joined.startswith(before) and joined.endswith(after) and len(joined) >= self._around):
            return []
        bodies = joined[len(before) : -len(after)].split(after + b"\n" + before)
        # As many bodies and line ends as payloads: each line end is one between two payloads.
        whole = len(bodies) == len(payloads) and joined.count(b"\n") == len(payloads) - 1
        return bodies if whole else []

    def learn(self, payload: bytes, event: Event) -> None:
        """Take an event that was read in full as the pattern, where it is a plain one; gives up after a few."""
        if not self._tries or not _adds_content_alone(event):
            return
        found = _CONTENT.search(payload)
        if found is None:
            return
        self._tries -= 1
        before, after = payload[: found.end(1)], payload[found.start(2) :]
        # The pattern must hold with other words too: a text that quotes an event could fool the search.
        other = read_event(before + b"x" + after)
        if not _adds_content_alone(other) or other.pieces[0].texts[0].text != "x":
            return
        if (other.beside, other.pieces[0].beside) == (event.beside, event.pieces[0].beside):
            self._before, self._after, self._around = before, after, len(before) + len(after)
            self.choice, self.like = event.pieces[0].choice, event


def _adds_content_alone(event: Event) -> bool:
    """Whether an event is plain and adds a string to the content of one choice, and no other text of an answer."""
    if not event.plain or event.spelt or len(event.pieces) != 1:
        return False
    piece = event.pieces[0]
    return piece.field == "content" and not (piece.ends or piece.copies or piece.spelt)


_CONTENT: Final = re.compile(rb'("content": ?")(?:[^"\\]|\\.)*(")')
_decode_text = msgspec.json.Decoder(str).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode


def _decode_bodies(bodies: list[bytes]) -> list[str]:
    """Decode what stands between the quotes of JSON strings: all together where none holds a quote or an escape."""
    joined = b'","'.join(bodies)
    if b"\\" in joined or joined.count(b'"') != 2 * len(bodies) - 2:
        return [_decode_text(b'"%b"' % body) for body in bodies]
    return _decode_texts(b'["%b"]' % joined)


def _decode_first(bodies: Iterable[bytes]) -> list[str]:
    found: list[str] = []
    with suppress(*UNDECODABLE):
        # What was decoded before one that cannot be stays.
        found.extend(_decode_text(b'"%b"' % body) for body in bodies)
    return found
