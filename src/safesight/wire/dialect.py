"""What guarding a reply needs of the API that it belongs to: how it is read, and what is said in its name. Sans-IO.

One guard core (`proxy.reply_guard`, `proxy.whole_reply`) decides for every API; a dialect decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from safesight.wire.channels import Event
from safesight.wire.departed import Left


class Replaced(NamedTuple):
    """What stands in place of a stopped choice, and why, for machines."""

    text: str
    reason: dict[str, object]


class Dialect(Protocol):
    """One reply of one API; what is read and what left is remembered, as far as later events depend on it."""

    @property
    def alike(self) -> bool:
        """Whether events are chat completion chunks, most of which are alike (`wire.event_shortcut`)."""
        ...

    @property
    def expects(self) -> str:
        """What a reply is, for errors about what is none."""
        ...

    def read(self, payload: bytes) -> Event:
        """Take one streamed event apart; raises ValueError where it is none, or carries what cannot be judged."""
        ...

    def read_whole(self, raw: bytes) -> Event:
        """Take a whole reply apart; raises ValueError as `read`."""
        ...

    def end_of(self, payloads: Sequence[bytes]) -> int | None:
        """How many of these events belong to the reply, where it ends among them; else None."""
        ...

    def without_spelt(self, payload: bytes, event: Event, place: int | None = None) -> bytes:
        """An event for one of its choices, without numbers that spell what is not shown."""
        ...

    def without_reasoning(self, payload: bytes) -> bytes:
        """An event without the text of its reasoning."""
        ...

    def leave_out_reasoning(self, value: dict[str, Any], place: int) -> None:
        """Take the reasoning out of one choice of a whole reply."""
        ...

    def met(self, payload: bytes) -> None:
        """The first event of the upstream leaves: those of ours say the same of themselves."""
        ...

    def left(self, payloads: Sequence[bytes]) -> None:
        """These events leave, in order."""
        ...

    def beyond(self, released: Mapping[Left, int]) -> int:
        """Characters that left although no verdict released them."""
        ...

    def part(self, choice: int, field: str, text: str) -> bytes:
        """An event that adds the released beginning of what another adds to `field`."""
        ...

    def ending(self, choice: int, text: str, *, shown: bool, reason: dict[str, object]) -> list[bytes]:
        """Events that say `text` ("" for nothing) in place of the rest of a choice, and end it.

        `shown`: some of its answer left before.
        """
        ...

    def usage(self, payload: bytes | None, *, events: int) -> bytes:
        """The usage of a reply that was cut: what its upstream told last in `payload`, or an estimate."""
        ...

    def closing(self) -> list[bytes]:
        """What is still missing at the end of a stream whose last event left or was replaced."""
        ...

    def refusal(self, told: Replaced, *, stream: bool) -> list[bytes] | bytes:
        """The reply to a request that was refused."""
        ...

    def rebuilt(self, event: Event, told: Sequence[Replaced | None]) -> dict[str, Any]:
        """A whole reply with what stands in place of its stopped choices, and without text in numbers."""
        ...

    def error(self, message: str, *, kind: str, code: str) -> bytes:
        """An error, as a body or as an event."""
        ...

    def frame(self, payloads: Sequence[bytes]) -> bytes:
        """Events as bytes of a stream."""
        ...

    def is_last(self, payloads: Sequence[bytes]) -> bool:
        """Whether a client needs nothing after these events."""
        ...
