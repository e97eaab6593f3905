"""The queue's order, bounds and dropping, with jobs that wait for the test's word: nothing is timed."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from safesight.core.errors import Overloaded
from safesight.media.fair_queue import FairQueue, Ticket


class Held:
    """Jobs that note their name and hold their thread until told to go on."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def job(self, name: str):
        def work(ticket: Ticket[str]) -> str:
            self.begun.release()
            assert self.go.acquire(timeout=60)
            ticket.check()
            self.done.append(name)
            return name

        return work


def test_clients_take_turns() -> None:
    held, queue = Held(), FairQueue[str](1, capacity=20, name="t")
    first = queue.submit("heavy", held.job("h0"))
    assert held.begun.acquire(timeout=60)
    tickets = [queue.submit("heavy", held.job(f"h{k}")) for k in range(1, 5)]
    tickets += [queue.submit("light", held.job(f"l{k}")) for k in range(2)] + [queue.submit(None, held.job("own"))]
    for _ in range(8):
        held.go.release()
    assert [ticket.future.result(60) for ticket in (first, *tickets)]
    assert held.done == ["h0", "h1", "l0", "own", "h2", "l1", "h3", "h4"]


def test_a_full_queue_refuses_who_holds_most_and_makes_room_for_others() -> None:
    held, queue = Held(), FairQueue[str](1, capacity=4, name="t")
    queue.submit("heavy", held.job("running"))
    assert held.begun.acquire(timeout=60)
    waiting = [queue.submit("heavy", held.job(f"h{k}")) for k in range(4)]
    with pytest.raises(Overloaded) as refused:
        queue.submit("heavy", held.job("h4"))
    assert refused.value.own
    light = queue.submit("light", held.job("l0"))
    with pytest.raises(Overloaded, match="other clients"):
        waiting[-1].future.result(60)
    second = queue.submit("third", held.job("t0"))
    with pytest.raises(Overloaded) as busy:
        queue.submit("light", held.job("l1"))
    assert not busy.value.own
    for _ in range(9):
        held.go.release()
    assert (light.future.result(60), second.future.result(60)) == ("l0", "t0")
    assert held.done[:3] == ["running", "h0", "l0"]


def test_those_without_a_name_are_never_refused() -> None:
    held, queue = Held(), FairQueue[str](1, capacity=1, name="t")
    tickets = [queue.submit(None, held.job(f"{k}")) for k in range(9)]
    for _ in tickets:
        held.go.release()
    assert [ticket.future.result(60) for ticket in tickets] == [f"{k}" for k in range(9)]


def test_what_nobody_waits_for_is_dropped_waiting_or_running() -> None:
    held, queue = Held(), FairQueue[str](1, capacity=9, name="t")
    running = queue.submit("a", held.job("running"))
    assert held.begun.acquire(timeout=60)
    waiting = queue.submit("a", held.job("waiting"))
    last = queue.submit("b", held.job("last"))
    queue.drop(waiting)
    queue.drop(running)
    assert queue.waiting == 1
    for _ in range(3):
        held.go.release()
    assert last.future.result(60) == "last"
    assert held.done == ["last"]
    for ticket in (waiting, running):
        with pytest.raises(CancelledError):
            ticket.future.result(60)


def test_a_job_that_fails_fails_alone() -> None:
    queue = FairQueue[int](1, capacity=9, name="t")

    def broken(ticket: Ticket[int]) -> int:
        raise ZeroDivisionError

    bad, good = queue.submit("a", broken), queue.submit("a", lambda _: 7)
    with pytest.raises(ZeroDivisionError):
        bad.future.result(60)
    assert good.future.result(60) == 7
