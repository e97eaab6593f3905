"""What the stream guard tells its driver to do; `guard.stream` emits these and does no I/O itself."""

from __future__ import annotations

import msgspec

from safesight.guard.rules import Decision


class Check(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A window needs verdicts: answer with `StreamGuard.verdict(check.id, outcomes)`."""

    id: int
    asks: tuple[int, ...]
    """Positions (in the guard's tiers) of the detectors to ask."""
    answer: str
    """The window after at most `context_chars` of the answer before it; for `end` tiers the whole answer."""
    start: int
    end: int
    """The window's character span in the answer."""
    final: bool


class Release(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Text that may leave. `verified` is False in audit and shadow mode."""

    text: str
    verified: bool = True


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something to record that changes nothing; `would` marks what shadow or audit mode kept from happening."""

    decision: Decision
    start: int
    end: int
    would: bool = False


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The answer ends here: abort the upstream, then refuse, rewrite or say nothing (`decision.action`)."""

    decision: Decision
    held: str
    """The text that must not leave: all that is unreleased, up to the end of the window that fired; "" when the
    request was at fault."""
    context: str
    """The last released text (at most `context_chars`); kept only where the policy rewrites."""
    start: int
    end: int
    channel: str = "content"
    """Which text of the reply was at fault."""


StreamAction = Check | Release | Note | Stop
