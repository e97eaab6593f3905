"""What a run may cost and how long it may ask: checked before each request, so that only what is in flight goes over.

Cost counts every answer of the run file (an interrupted run does not get its money twice), not what judges cost; time
counts this call, from the first request. What was answered by then is still judged.
"""

from __future__ import annotations

import re
import time
from typing import Final

import msgspec

from safesight.core.errors import ConfigError

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN: Final = re.compile(r"(?:(\d+(?:\.\d+)?)\s*([smh]))+", re.IGNORECASE)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])", re.IGNORECASE)


class Budget(msgspec.Struct, kw_only=True):
    """Limits of one call; None is no limit."""

    max_cost_usd: float | None = None
    max_seconds: float | None = None
    spent_before_usd: float = 0.0
    """What the run file had cost when this call began."""
    started: float = msgspec.field(default_factory=time.monotonic)

    def begin(self, *, spent_usd: float) -> None:
        """Start the clock; `spent_usd` is what the run file has cost so far."""
        self.spent_before_usd, self.started = spent_usd, time.monotonic()

    def reached(self, spent_usd: float) -> str:
        """Which limit is reached, in words, when this call has spent `spent_usd`; "" while none is."""
        total = self.spent_before_usd + spent_usd
        if self.max_cost_usd is not None and total >= self.max_cost_usd:
            return f"--max-cost: ${total:.2f} of ${self.max_cost_usd:.2f} spent"
        if self.max_seconds is not None and time.monotonic() - self.started >= self.max_seconds:
            return f"--max-time: {self.max_seconds:g} s are over"
        return ""


def read_budget(*, max_cost: float | None, max_time: str | None, priced: bool) -> Budget:
    """Read `--max-cost USD` and `--max-time 90s|30m|1h30m`.

    Raises:
        ConfigError: a limit is not positive, or a cost is limited that nobody can know (`priced` is False).
    """
    if max_cost is not None and not 0 < max_cost < float("inf"):
        raise ConfigError(f"--max-cost: expected US dollars above 0, got {max_cost}.")
    if max_cost is not None and not priced:
        raise ConfigError(
            "--max-cost: the model's prices are not known. Name them with the model: "
            "?price_in=USD&price_out=USD per million tokens."
        )
    return Budget(max_cost_usd=max_cost, max_seconds=None if max_time is None else seconds(max_time))


def seconds(text: str) -> float:
    """Seconds in "90s", "30m", "1h30m" or a bare number of seconds.

    Raises:
        ConfigError: it is none of these, or not positive.
    """
    plain = text.strip()
    bare = f"{plain}s" if plain.replace(".", "", 1).isdecimal() else plain
    value = sum(float(n) * _UNITS[unit.lower()] for n, unit in _PART.findall(bare)) if _SPAN.fullmatch(bare) else 0.0
    if value <= 0:
        raise ConfigError(f"--max-time: expected a span such as 90s, 30m or 1h30m, got {text!r}.")
    return value
