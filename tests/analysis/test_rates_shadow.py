"""A guard in shadow mode stops nothing, so nothing counts as stopped by it."""

from safesight.analysis.rates import declined, guard_stopped
from safesight.core.records import GuardEvent, Reply


def test_what_shadow_mode_would_have_refused_was_not_refused() -> None:
    event = GuardEvent(kind="window", action="refuse", carried_out=False)
    reply = Reply(status="ok", text="The picture shows a street.", guard_events=(event,))
    assert not guard_stopped(reply)
    assert not declined(reply)
    assert guard_stopped(Reply(status="ok", text="No.", guard_events=(GuardEvent(kind="window", action="refuse"),)))


def test_a_guard_that_broke_refused_nothing() -> None:
    event = GuardEvent(kind="error", action="halt", detail="no verdict on the request within 15000 ms")
    reply = Reply(status="error", error="guard: no verdict", guard_events=(event,))
    assert not guard_stopped(reply)
    assert not declined(reply)
