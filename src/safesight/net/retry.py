"""When to ask again, and after how long: full jitter with a cap, and the server's own `Retry-After`.

Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) spreads the
requests of a run over the whole wait, so that they don't all come back at once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long to wait between attempts of one request."""

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 60.0
    """No single wait is longer, whatever the server asks."""

    def wait_s(
        self,
        attempt: int,
        retry_after_s: float | None = None,
        *,
        uniform: Callable[[float, float], float] | None = None,
    ) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 1).

        The server's wish is a floor, with jitter on top; without one the whole exponential step is jittered.
        """
        draw = uniform or random.uniform
        # 2.0**1024 overflows, and any cap is met long before.
        step = min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 60))
        if retry_after_s is None:
            return draw(0.0, step)
        return min(self.cap_s, retry_after_s + draw(0.0, self.base_s))


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds the server asks to wait, from `retry-after-ms` or `Retry-After` (seconds or an HTTP date).

    None when it does not say, or says something else (RFC 9110, section 10.2.3).
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None:
            return seconds / unit
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
