from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.net.retry import Backoff, retry_after_s

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
    backoff = Backoff(base_s=1.0, cap_s=10.0)
    assert backoff.wait_s(1, 4.0, uniform=low) == 4
    assert backoff.wait_s(1, 4.0, uniform=high) == 5
    assert backoff.wait_s(1, 3600.0, uniform=low) == 10


@given(st.integers(1, 200), st.none() | st.floats(0, 1e9))
def test_no_wait_is_negative_or_over_the_cap(attempt: int, asked: float | None):
    assert 0 <= Backoff().wait_s(attempt, asked) <= Backoff().cap_s
