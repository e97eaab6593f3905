"""What a guard found out about one text: the decision, every detector's outcome, and the record of both."""

from __future__ import annotations

import msgspec

from safesight.core.messages import Image, Message
from safesight.core.records import GuardEvent, Harm
from safesight.guard.rules import Decision, Outcome


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one text: what to do (None: let it pass), and what every detector said."""

    decision: Decision | None
    outcomes: tuple[Outcome, ...]
    latency_ms: float

    @property
    def harm(self) -> float | None:
        """The highest score; None when no detector gave one."""
        return max((o.harm for o in self.outcomes if isinstance(o, Harm)), default=None)

    @property
    def categories(self) -> dict[str, float]:
        """The highest score of each category."""
        found: dict[str, float] = {}
        for outcome in self.outcomes:
            for code, score in outcome.categories.items() if isinstance(outcome, Harm) else ():
                found[code] = max(score, found.get(code, 0.0))
        return found

    def event(self, kind: str, *, end: int = 0, channel: str = "request", shadow: bool = False) -> GuardEvent:
        """The verdict as a record."""
        decision = self.decision
        if decision is None:
            return GuardEvent(
                kind=kind, action="release", channel=channel, harm=self.harm, end=end, latency_ms=self.latency_ms
            )
        event = decision_event(decision, 0, end, kind=kind, channel=channel, would=shadow)
        return msgspec.structs.replace(event, latency_ms=self.latency_ms)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the guard read it: the question with the images' text, and the verdict on it."""

    question: str
    images: tuple[Image, ...]
    checked: Checked
    turns: tuple[Message, ...] = ()
    """The conversation as text, its latest characters, for detectors that read one."""


def decision_event(
    decision: Decision, start: int, end: int, *, channel: str, kind: str = "window", would: bool = False
) -> GuardEvent:
    """A decision on a text as a record; `would`: shadow or audit mode kept it from happening."""
    return GuardEvent(
        kind="error" if decision.cause == "error" else kind,
        action=decision.action,
        channel=channel,
        carried_out=not would,
        harm=decision.harm,
        categories=decision.categories,
        detector=decision.detector,
        start=start,
        end=end,
        detail=decision.detail,
    )
