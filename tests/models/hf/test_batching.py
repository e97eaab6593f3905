"""Every item gets its result or its error, whatever breaks, and never waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ModelError
from safesight.models.hf.batching import MicroBatcher

PATIENCE_S = 20


class Recorder:
    """Doubles numbers; negative ones break the batch they are in."""

    def __init__(self, *, hold: threading.Event | None = None) -> None:
        self.batches: list[list[int]] = []
        self.hold = hold

    def __call__(self, items: Sequence[int]) -> list[str]:
        if self.hold is not None:
            assert self.hold.wait(PATIENCE_S)
        self.batches.append(list(items))
        if any(item < 0 for item in items):
            raise ValueError("negative")
        return [f"{2 * item}" for item in items]


def batcher(run: Recorder, size: int = 4) -> MicroBatcher[int, str]:
    return MicroBatcher(run, failed=lambda error: f"failed: {error}", key=lambda item: item % 2, size=size)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 20), max_size=12), st.integers(1, 5))
def test_each_item_gets_its_own_result(items: list[int], size: int) -> None:
    run = Recorder()
    worker = batcher(run, size)
    futures = [worker.submit(item) for item in items]
    worker.close()
    assert [future.result(0) for future in futures] == ["failed: negative" if i < 0 else f"{2 * i}" for i in items]
    assert all(len(batch) <= size and len({i % 2 for i in batch}) == 1 for batch in run.batches)


def test_waiting_items_share_a_batch_and_a_bad_one_fails_alone() -> None:
    hold = threading.Event()
    run = Recorder(hold=hold)
    worker = batcher(run)
    first = worker.submit(100)
    futures = [worker.submit(item) for item in (2, 4, -6, 8)]
    hold.set()
    wait([first, *futures], PATIENCE_S)
    assert [future.result(0) for future in futures] == ["4", "8", "failed: negative", "16"]
    # The bad one may have met the first item's batch or the second's; either way all went again one by one.
    assert any(len(batch) > 1 for batch in run.batches)
    assert [-6] in run.batches
    worker.close()


def test_a_load_failure_reaches_everyone_at_once() -> None:
    def run(items: Sequence[int]) -> list[str]:
        raise ModelError("no weights")

    worker: MicroBatcher[int, str] = MicroBatcher(run, failed=str, key=lambda _: 0, size=2)
    futures = [worker.submit(item) for item in range(5)]
    for future in futures:
        with pytest.raises(ModelError, match="no weights"):
            future.result(PATIENCE_S)
    with pytest.raises(ModelError, match="no weights"):
        worker.submit(9).result(PATIENCE_S)
    worker.close()


def test_a_batch_of_the_wrong_length_is_an_error_not_a_shift() -> None:
    def run(items: Sequence[int]) -> list[str]:
        return ["x"] if len(items) > 1 else [str(items[0])]

    hold = threading.Event()
    worker: MicroBatcher[int, str] = MicroBatcher(
        lambda items: run(items) if hold.wait(PATIENCE_S) else [], failed=str, key=lambda _: 0, size=3
    )
    futures = [worker.submit(item) for item in range(3)]
    hold.set()
    assert [future.result(PATIENCE_S) for future in futures] == ["0", "1", "2"]
    worker.close()


def test_a_cancelled_item_is_not_run() -> None:
    hold = threading.Event()
    run = Recorder(hold=hold)
    worker = batcher(run, size=1)
    first, second = worker.submit(1), worker.submit(3)
    assert second.cancel()
    hold.set()
    worker.close()
    assert first.result(0) == "2"
    assert run.batches == [[1]]


def test_closing_finishes_what_is_queued_and_refuses_more() -> None:
    worker = batcher(Recorder())
    futures: list[Future[str]] = [worker.submit(item) for item in range(6)]
    worker.close()
    worker.close()
    assert [future.result(0) for future in futures] == [f"{2 * item}" for item in range(6)]
    with pytest.raises(ModelError, match="closed"):
        worker.submit(1)
