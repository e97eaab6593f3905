"""When to ask again, and after how long: full jitter with a cap, and the server's own `Retry-After`.

Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) spreads the
requests of a run over the whole wait, so that they don't all come back at once.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, cast

import msgspec

LONGEST_TOLD_S: Final = 900.0
"""A longer wait is not sat out: the run stops and says when to go on."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "秒": 1.0, "分": 60.0}
_SPAN: Final = (
    r"(?:\d+(?:\.\d+)?\s*(?:milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|ms|s|m|h|d)(?![a-z]),?\s*)+"
)
_TOLD: Final = re.compile(
    rf"\b(?:(?:re)?try(?:ing)?(?: your request| this request)?(?: again)?|resets?|(?:allowed|available)(?: again)?),?"
    rf"\s*(?:in|after):?\s*(?:about |approximately )?({_SPAN})"
    r"|\bretry[- ]after:?\s*(\d+(?:\.\d+)?)(?![\w.])"
    rf"|\bwait(?: for)?(?: about| at least| approximately)?\s*({_SPAN})|请(?:在|等待)?\s*(\d+\s*(?:秒|分钟))",
    re.IGNORECASE,
)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|s|m|h|d|秒|分)", re.IGNORECASE)
_FIELDS: Final = {
    "retryDelay": 1.0,
    "retry_delay": 1.0,
    "retry_after": 1.0,
    "retryAfter": 1.0,
    "retry-after": 1.0,
    "retry_after_seconds": 1.0,
    "retry_after_ms": 0.001,
    "retryAfterMs": 0.001,
}


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long to wait between attempts of one request."""

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 60.0
    """No step of our own is longer."""
    told_cap_s: float = LONGEST_TOLD_S
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
        return min(self.told_cap_s, retry_after_s + draw(0.0, self.base_s))


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


def told_wait_s(error: object) -> float | None:
    """Seconds that an error's body asks to wait; None when it does not say.

    Fields first (Gemini's RetryInfo `retryDelay`, `retry_after` and its kin, at any depth), then the sentence
    ("Please try again in 1m2.5s", "retry after 20 seconds").
    """
    said = _field_wait(error, 0)
    if said is not None:
        return said
    text = error if isinstance(error, str) else _message(error)
    found = _TOLD.search(text)
    return None if found is None else span_s(next(group for group in found.groups() if group))


def span_s(text: str) -> float | None:
    """Seconds in a span such as "25s", "1m30s", "250 ms", "2 hours"; a bare number is seconds."""
    bare = _number(text.strip())
    if bare is not None:
        return bare
    parts = _PART.findall(text)
    if not parts:
        return None
    return sum(float(number) * _UNITS["ms" if unit.lower() == "milli" else unit.lower()] for number, unit in parts)


def _field_wait(value: object, depth: int) -> float | None:
    if depth > 5:
        return None
    if isinstance(value, list):
        children = cast("list[object]", value)
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        for name, unit in _FIELDS.items():
            if (found := _as_seconds(fields.get(name))) is not None:
                return found * unit
        children = list(fields.values())
    else:
        return None
    return next((found for child in children if (found := _field_wait(child, depth + 1)) is not None), None)


def _as_seconds(value: object) -> float | None:
    if isinstance(value, dict):  # a protobuf Duration spelt out
        value = cast("dict[str, object]", value).get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return span_s(str(value))


def _message(error: object) -> str:
    if not isinstance(error, dict):
        return ""
    found = cast("dict[str, object]", error)
    said = found.get("message") or found.get("detail") or found.get("msg")
    return said if isinstance(said, str) else ""
