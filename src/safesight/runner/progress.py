"""What a run has done so far, as numbers; the command line draws it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from safesight.core.records import Reply


@dataclass(slots=True)
class Progress:
    """Counts of one stage (generation, or one judge). Times are monotonic seconds."""

    stage: str
    total: int | None = None
    done: int = 0
    """Finished in this session."""
    resumed: int = 0
    """Found finished from an earlier session."""
    failed: dict[str, int] = field(default_factory=dict[str, int])
    """Finished without a judgeable answer, by status."""
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    """Why they failed, in the order in which each reason was first met."""
    stopped: str = ""
    """Which limit of the budget ended this stage; "" while none has."""
    note: str = ""
    """What the stage waits for, in words."""
    cost_usd: float | None = None
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)
    ended: bool = False
    """The stage is over: nothing more will be counted."""

    @property
    def rate_per_s(self) -> float:
        """Finished per second in this session."""
        return self.done / max(time.monotonic() - self.started, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end; None while nothing is known."""
        if self.total is None or self.done == 0:
            return None
        return max(self.total - self.done - self.resumed, 0) / self.rate_per_s

    def count(self, reply: Reply) -> None:
        """Add one finished reply."""
        self.done += 1
        if reply.status not in ("ok", "truncated"):
            self.fail(reply.status, reply.error)
        self.tokens += reply.usage.prompt_tokens + reply.usage.completion_tokens
        if reply.usage.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + reply.usage.cost_usd

    def fail(self, status: str, reason: str, count: int = 1) -> None:
        """Add failures of one kind."""
        self.failed[status] = self.failed.get(status, 0) + count
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + count
