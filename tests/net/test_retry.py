from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.net.retry import Backoff, retry_after_s, told_wait_s

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def low(a: float, b: float) -> float:
    return a


def high(a: float, b: float) -> float:
    return b


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sunday, 01-Mar-26 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Sun, 99 Mar 2026 12:00:30 GMT"}, None),
    ],
)
def test_reads_what_the_server_asks(headers: dict[str, str], seconds: float | None):
    assert retry_after_s(headers, now=NOW) == seconds


@given(st.text(max_size=30))
def test_no_header_breaks_it(value: str):
    seconds = retry_after_s({"retry-after": value}, now=NOW)
    assert seconds is None or seconds >= 0


def test_jitter_covers_the_whole_step_and_steps_double_to_the_cap():
    backoff = Backoff(base_s=1.0, cap_s=10.0)
    assert [backoff.wait_s(n, uniform=high) for n in (1, 2, 3, 4, 5, 9)] == [1, 2, 4, 8, 10, 10]
    assert [backoff.wait_s(n, uniform=low) for n in (1, 5)] == [0, 0]
    assert backoff.wait_s(100_000, uniform=high) == 10


def test_the_servers_wish_is_a_floor_under_the_cap():
    backoff = Backoff(base_s=1.0, cap_s=10.0, told_cap_s=60.0)
    assert backoff.wait_s(1, 4.0, uniform=low) == 4
    assert backoff.wait_s(1, 4.0, uniform=high) == 5
    assert backoff.wait_s(1, 25.0, uniform=low) == 25
    assert backoff.wait_s(1, 3600.0, uniform=low) == 60


@given(st.integers(1, 200), st.none() | st.floats(0, 1e9))
def test_no_wait_is_negative_or_over_the_cap(attempt: int, asked: float | None):
    longest = Backoff().cap_s if asked is None else Backoff().told_cap_s
    assert 0 <= Backoff().wait_s(attempt, asked) <= longest


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        # Gemini: https://ai.google.dev/gemini-api/docs/rate-limits (google.rpc.RetryInfo)
        ({"message": "Quota exceeded.", "details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "25s"}]}, 25.0),
        ({"details": [{"retryDelay": {"seconds": 7}}]}, 7.0),
        ({"details": [{"retryDelay": "0.5s"}]}, 0.5),
        ({"message": "Please retry in 31.7s."}, 31.7),
        # OpenAI and Groq
        ({"message": "Rate limit reached for m in o on requests per min. Please try again in 6s. Visit ..."}, 6.0),
        ({"message": "Limit 30, Used 30. Please try again in 1m2.5s."}, 62.5),
        ({"message": "Please try again in 250ms."}, 0.25),
        # Azure
        ({"message": "Requests have exceeded the limit. Please retry after 20 seconds."}, 20.0),
        ("rate limited, retry after 3 seconds", 3.0),
        ("Rate limit exceeded. Retry-After: 7", 7.0),
        ({"message": "Too many requests, limit resets in 12 seconds."}, 12.0),
        ({"message": "Next request allowed in 4.2 s"}, 4.2),
        ({"message": "请求过于频繁，请在 5 分钟后重试"}, 300.0),
        ({"message": "请60秒后重试"}, 60.0),
        ({"message": "Please wait 2 minutes before the next call"}, 120.0),
        ({"retry_after": 4}, 4.0),
        ({"error": {"retry_after_ms": 1500}}, 1.5),
        ({"metadata": {"retry_after_seconds": 9.5}}, 9.5),
        ({"message": "请在 15 秒后重试"}, 15.0),
        ({"message": "Too many requests"}, None),
        ({"message": "Try again later"}, None),
        ({"message": "limit of 3 per 10 s"}, None),
        ({"retry_after": True}, None),
        ({"retry_after": "soon"}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_wait_told_in_the_body_is_read(error: object, seconds: float | None):
    assert told_wait_s(error) == pytest.approx(seconds)
