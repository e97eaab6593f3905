"""The joint for tracing: who wraps the application leaves a trace in the scope, and the exchange tells it its end.

Invariant: no text of prompts or replies is told, only models, actions, scores, counts and times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from safesight.core.records import GuardEvent

TRACE: Final = "safesight.trace"
"""The scope's key for a `Trace`; without one nothing is told, and a request costs a look into a dictionary more."""


class TracedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """A chat request, and what became of it."""

    model: str
    stream: bool
    choices: int
    action: str
    events: Sequence[GuardEvent]
    guard_s: float
    released_chars: int
    withheld_chars: int
    replacement_chars: int
    cancelled: bool
    """The client left before its answer was complete."""


class Trace(Protocol):
    """One request's trace."""

    def tell(self, exchange: TracedExchange) -> None:
        """Hear what became of the request; called once, when all of it is known."""
        ...
