"""Work that is begun at once: results, errors and cancellation are those of plain awaiting."""

from __future__ import annotations

import asyncio

import pytest

from safesight.core.eager import Eager


async def adds(one: int, other: int, *, waits: int = 0) -> int:
    for _ in range(waits):
        await asyncio.sleep(0)
    return one + other


async def test_what_never_waits_is_done_and_what_waits_is_awaited() -> None:
    at_once = Eager(adds(1, 2))
    assert at_once.done
    assert await at_once == await at_once == 3
    later = Eager(adds(1, 2, waits=3))
    assert not later.done
    assert await later == 3


async def test_errors_come_where_they_arise() -> None:
    async def fails(*, waits: bool) -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Eager(fails(waits=False))
    begun = Eager(fails(waits=True))
    with pytest.raises(ValueError, match="no"):
        await begun


async def test_a_deadline_and_a_cancellation_reach_the_work() -> None:
    ended: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cleaned up")

    begun = Eager(hangs())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await begun
    task = asyncio.create_task(asyncio.wait_for(_awaits(hangs), 3600))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cleaned up"] * 2


async def _awaits(work) -> None:
    await Eager(work())


async def test_work_that_is_given_up_is_closed() -> None:
    ended: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("closed")

    Eager(hangs()).close()
    assert ended == ["closed"]
