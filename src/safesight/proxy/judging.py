"""What guarding any reply to one request needs: drivers of its texts, what replaces them, and the tally of it all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from safesight.core.records import GuardEvent
from safesight.guard.actions import Stop
from safesight.guard.drive import Drive, withheld
from safesight.guard.findings import Request
from safesight.guard.guard import Guard
from safesight.guard.rules import Decision
from safesight.proxy.errors import UpstreamError
from safesight.wire.channels import FILTERED
from safesight.wire.chat_dialect import ChatDialect
from safesight.wire.dialect import Dialect
from safesight.wire.reply_json import encode
from safesight.wire.strings import strings

_KNOWN: WeakKeyDictionary[Guard, set[str]] = WeakKeyDictionary()
"""What servers say of themselves in every reply, judged once a guard."""
_MOST_KNOWN = 1_024


class AskedReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked for, as far as the reply depends on it."""

    model: str = ""
    choices: int = 1
    structured: bool = False
    """The answer is JSON (`response_format`)."""
    tells_usage: bool = False
    """It asked for a usage event."""

    def dialect(self) -> ChatDialect:
        """The dialect of a reply of chat completions."""
        return ChatDialect(
            model=self.model, choices=self.choices, structured=self.structured, tells_usage=self.tells_usage
        )


@dataclass(slots=True)
class Tally:
    """What became of one reply, for metrics and audit."""

    action: str = "release"
    events: list[GuardEvent] = field(default_factory=list[GuardEvent])
    released_chars: int = 0
    withheld_chars: int = 0
    replacement_chars: int = 0
    unverified_chars: int = 0
    leaked_chars: int = 0
    guard_s: float = 0.0
    answer: str = ""


class Told(NamedTuple):
    """The body of an error as it is told, and whether it is the upstream's."""

    passed: bool
    body: bytes


def reason(decision: Decision, action: str) -> dict[str, object]:
    """Why an answer ended, for machines: the `safesight` field of its last event.

    The detector is left to the audit log: its name may be an address inside.
    """
    return {
        "action": action,
        "cause": decision.cause,
        "harm": decision.harm,
        "categories": list(decision.categories),
    }


class Judging:
    """What guarding any reply to one request needs: its drives, its replacements, and the tally."""

    def __init__(
        self,
        guard: Guard,
        request: Request,
        tally: Tally,
        asked: AskedReply,
        *,
        dialect: Dialect | None = None,
        keep_text: bool = False,
    ) -> None:
        self.guard = guard
        self.request = request
        self.tally = tally
        self.asked = asked
        self.dialect: Dialect = dialect or asked.dialect()
        self.keep_text = keep_text

    @property
    def known(self) -> set[str]:
        """Strings that need no verdict any more."""
        return _KNOWN.get(self.guard, set()) | {self.asked.model}

    def learn(self, passed: set[str]) -> None:
        """Remember what servers say of themselves."""
        known = _KNOWN.setdefault(self.guard, set())
        if len(known) < _MOST_KNOWN:
            known |= passed

    def open(self, channel: str) -> Drive:
        """The driver of one text."""
        asked = self.request
        return self.guard.drive(asked.question, images=asked.images, turns=asked.turns, channel=channel)

    async def judge(self, text: str, channel: str) -> Stop | None:
        """Judge a whole text; the stop says that all of it is at stake, not only the window that fired."""
        drive = self.open(channel)
        await drive.whole(text)
        if channel != "other":
            drive.end()
        self.note(drive.events)
        self.tally.unverified_chars += drive.guard.unverified_chars
        if drive.stop is None:
            return None
        return Stop(decision=drive.stop.decision, held=text, context="", start=0, end=len(text), channel=channel)

    def note(self, events: list[GuardEvent]) -> None:
        """Record what was decided."""
        self.tally.events += [withheld(event, self.guard.policy) for event in events]

    async def replacement(self, stop: Stop) -> tuple[str, dict[str, object]]:
        """What to say in place of what was stopped, and why."""
        asked = self.request
        made = await self.guard.replace(stop, question=asked.question, images=asked.images, turns=asked.turns)
        self.tally.action = made.action
        self.tally.events.extend(made.events)
        self.tally.replacement_chars += len(made.text)
        return made.text, reason(stop.decision, made.action)

    async def failure(self, value: object) -> Told:
        """An upstream's error, which may quote the model: what was judged, or a message of ours."""
        try:
            text = value.decode() if isinstance(value, bytes) else "\n".join(strings(value))
        except ValueError:
            pass  # no text, or media
        else:
            stop = await self.judge(text, "other")
            if stop is None:
                return Told(True, value if isinstance(value, bytes) else encode(value))
            self.tally.action = stop.decision.action
            self.tally.withheld_chars += len(text)
        withheld = self.dialect.error(
            "the upstream failed; its message was withheld.", kind="upstream_error", code=FILTERED
        )
        return Told(False, withheld)

    def failed(self, message: str) -> UpstreamError:
        """The error of an upstream that broke off or is not understood."""
        self.tally.action = "error"
        return UpstreamError(message, status=502, kind="upstream_error")
