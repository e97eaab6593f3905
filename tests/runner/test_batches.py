"""Batches: nothing is paid for twice, whatever ends, breaks or is killed; against the API on a real HTTP server."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from safesight.core.errors import ConfigError, CorruptData, ModelError
from safesight.core.protocols import BrokenItem
from safesight.core.records import Case, Decoding, Sample
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.runner.batches import underway
from safesight.runner.budget import Budget
from safesight.runner.generate import generate
from safesight.runner.job import Job
from safesight.runner.plan import estimate, manifest, open_or_create
from safesight.runner.progress import Progress
from tests.models.batch_provider import BatchProvider, Seen, chat_completion
from tests.support import Samples, make_sample

SAMPLES = [make_sample(i) for i in range(12)]


def said(body: dict[str, Any]) -> str:
    """What the provider answers: the question itself, so that answers can be told apart."""
    content = body["messages"][-1]["content"]
    return f"answer to {content if isinstance(content, str) else content[-1]['text']}"


def job(
    server: BatchProvider, options: str = "", samples: Sequence[Sample | BrokenItem] = SAMPLES, **settings: Any
) -> Job:
    model = open_plugin("models", f"{server.url}#mock?batch=1&batch_poll_s=0.02&retries=1{options}")
    return Job(dataset=Samples(samples), model=model, **settings)


async def run(
    work: Job, path: Path, *, stop: asyncio.Event | None = None, budget: Budget | None = None, on: Any = None
) -> Progress:
    progress = Progress(stage="generate")
    try:
        with open_or_create(path, manifest(work, benchmark="test", arm="")) as store:
            await generate(work, store, progress=progress, stop=stop, budget=budget, on_progress=on)
    finally:
        await work.model.aclose()
    return progress


def cases(path: Path) -> list[Case]:
    with RunStore.open(path, readonly=True) as store:
        return list(store.cases())


def waiting(path: Path) -> int:
    with RunStore.open(path, readonly=True) as store:
        return len(underway(store))


async def test_every_sample_gets_its_own_answer_at_half_the_price(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said) as server:
        work = job(server, "&price_in=2&price_out=10", decoding=Decoding(max_tokens=100))
        full = open_plugin("models", f"{server.url}#mock?price_in=2&price_out=10")
        at_full = estimate(Job(dataset=Samples(SAMPLES), model=full, decoding=work.decoding)).cost_usd
        assert at_full is not None
        assert estimate(work).cost_usd == pytest.approx(at_full / 2)
        progress = await run(work, path)
        assert work.model.fingerprint == full.fingerprint
    found = cases(path)
    assert [case.response.reply.text for case in found] == [f"answer to {s.question}" for s in SAMPLES]
    assert {case.response.reply.status for case in found} == {"ok"}
    # 100 tokens in at $2 and 10 out at $10 a million, halved.
    assert [case.response.reply.usage.cost_usd for case in found] == [pytest.approx(0.00015)] * 12
    assert (progress.done, progress.total, progress.resumed, len(server.batches)) == (12, 12, 0, 1)
    assert all(body["max_tokens"] == 100 and body["model"] == "mock" for body in server.bodies)
    assert all(count == 1 for count in server.asked.values())
    assert waiting(path) == 0


async def test_files_hold_as_many_requests_as_was_said(tmp_path: Path) -> None:
    async with BatchProvider(said) as server:
        await run(job(server, "&batch_size=5"), tmp_path / "a.sqlite")
        assert sorted(len(batch.lines) for batch in server.batches.values()) == [2, 5, 5]
    assert len(cases(tmp_path / "a.sqlite")) == 12


async def test_a_finished_run_asks_nothing_and_a_grown_one_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said) as server:
        await run(job(server, samples=SAMPLES[:4]), path)
        progress = await run(job(server, samples=SAMPLES[:4]), path)
        assert (progress.resumed, progress.done, len(server.batches)) == (4, 0, 1)
        progress = await run(job(server, samples=SAMPLES), path)
        assert (progress.resumed, progress.done) == (4, 8)
        assert set(server.asked.values()) == {1}


async def test_a_stopped_run_leaves_at_once_and_the_next_takes_the_same_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said, steps=4) as server:
        stop = asyncio.Event()
        first = await run(job(server), path, stop=stop, on=lambda p: stop.set() if "of 12" in p.note else None)
        assert (first.done, waiting(path), cases(path)) == (0, 1, [])
        timed = await run(job(server), path, budget=Budget(max_seconds=1e-6))
        assert timed.stopped.startswith("--max-time")
        assert waiting(path) == 1
        second = await run(job(server), path)
        assert (second.done, second.resumed, len(server.batches)) == (12, 0, 1)
        assert set(server.asked.values()) == {1}


async def test_a_run_that_waits_for_a_batch_is_not_asked_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said, steps=4) as server:
        stop = asyncio.Event()
        await run(job(server), path, stop=stop, on=lambda p: stop.set() if p.note else None)
        plain = Job(dataset=Samples(SAMPLES), model=open_plugin("models", f"{server.url}#mock"))
        with pytest.raises(ConfigError, match=r"batch_1 at the provider.*\?batch=1"):
            await run(plain, path)


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.runner.test_batches import job, run
class Server:
    url = sys.argv[1]
asyncio.run(run(job(Server, "&batch_size=5"), Path(sys.argv[2])))
"""


async def killed(server: BatchProvider, path: Path) -> int | None:
    """Run in a process of its own, which the server may kill."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, server.url, str(path))
    server_kills.append(process)
    return await asyncio.wait_for(process.wait(), 120)


server_kills: list[asyncio.subprocess.Process] = []


@pytest.mark.parametrize(
    ("method", "end", "nth"),
    [("POST", "/files", 1), ("POST", "/batches", 1), ("POST", "/batches", 2), ("GET", "/batches/batch_1", 2)],
)
async def test_kill_nine_at_any_step_pays_for_nothing_twice(tmp_path: Path, method: str, end: str, nth: int) -> None:
    path = tmp_path / "a.sqlite"
    count = itertools.count(1)

    def kill(seen: Seen) -> str | None:
        if seen.method == method and seen.path.endswith(end) and next(count) == nth:
            server_kills[-1].kill()
            return "abort"  # the request was carried out, and nobody hears of it
        return None

    async with BatchProvider(said) as server:
        server.before = kill
        assert await killed(server, path) == -9
        server.before = lambda seen: None
        assert await killed(server, path) == 0
        assert len(server.asked) == 12
        assert set(server.asked.values()) == {1}
    assert [case.response.reply.text for case in cases(path)] == [f"answer to {s.question}" for s in SAMPLES]


async def test_a_connection_that_breaks_while_a_batch_is_created_makes_no_second(tmp_path: Path) -> None:
    count = itertools.count(1)
    async with BatchProvider(said) as server:
        server.before = lambda seen: (
            "abort" if (seen.method, seen.path) == ("POST", "/v1/batches") and next(count) == 1 else None
        )
        await run(job(server), tmp_path / "a.sqlite")
        assert (len(server.batches), set(server.asked.values())) == (1, {1})


async def test_what_an_expired_batch_left_goes_into_the_next(tmp_path: Path) -> None:
    async with BatchProvider(said) as server:
        server.ends = ["expired"]
        progress = await run(job(server), tmp_path / "a.sqlite")
        assert [len(batch.lines) for batch in server.batches.values()] == [12, 6]
        assert (progress.done, set(server.asked.values())) == (12, {1})


async def test_what_never_gets_done_is_an_error_with_its_reason_and_is_tried_by_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said) as server:
        server.ends = ["expired"] * 4
        progress = await run(job(server), path)
        assert [len(batch.lines) for batch in server.batches.values()] == [12, 6, 3]
        assert progress.failed == {"error": 2}
        (reason,) = progress.reasons
        assert "completion window expired" in reason
        server.ends = []
        await run(job(server), path)
        assert {case.response.reply.status for case in cases(path)} == {"ok"}
        assert set(server.asked.values()) == {1}


async def test_failures_of_single_requests_are_told_apart(tmp_path: Path) -> None:
    """Blocks are blocks, refused requests errors, a busy server is asked again: as of single requests."""
    busy = itertools.count()

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        number = int(said(body).rstrip("?").split()[-1])
        if number == 0:
            return {"status_code": 400, "body": {"error": {"message": "no", "code": "content_policy_violation"}}}
        if number == 1:
            return {"status_code": 200, "body": chat_completion(None, finish_reason="content_filter")}
        if number == 2:
            return {"status_code": 400, "body": {"error": {"message": "image too large", "code": "invalid_image"}}}
        if number == 3 and next(busy) == 0:
            return {"status_code": 503, "body": {"error": {"message": "overloaded"}}}
        if number == 4:
            return {"status_code": 200, "body": chat_completion("half", finish_reason="length")}
        return said(body)

    path = tmp_path / "a.sqlite"
    async with BatchProvider(answer) as server:
        await run(job(server), path)
    statuses = [case.response.reply.status for case in cases(path)]
    assert statuses == ["blocked", "blocked", "error", "ok", "truncated", *["ok"] * 7]
    assert len(server.batches) == 2


async def test_a_setting_the_provider_refuses_is_left_out_of_the_next_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        if "temperature" not in body:
            return said(body)
        problem = {"message": "Unsupported value: 'temperature' does not support 0.0", "param": "temperature"}
        return {"status_code": 400, "body": {"error": {**problem, "code": "unsupported_value"}}}

    async with BatchProvider(answer) as server:
        await run(job(server, decoding=Decoding(temperature=0.0)), path)
    assert {case.response.reply.status for case in cases(path)} == {"ok"}
    with RunStore.open(path, readonly=True) as store:
        assert "temperature" in store.notes()["settings_left_out:model"]


async def test_no_credit_stops_the_run_and_keeps_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        if int(said(body).rstrip("?").split()[-1]) < 5:
            return said(body)
        return {"status_code": 429, "body": {"error": {"message": "quota", "code": "insufficient_quota"}}}

    async with BatchProvider(answer) as server:
        with pytest.raises(ModelError, match="no credit left"):
            await run(job(server), path)
        assert len(cases(path)) == 5
        server.answer = said
        progress = await run(job(server), path)
        assert (progress.resumed, progress.done) == (5, 7)


@pytest.mark.parametrize(
    ("end", "says"), [("failed", "refused by the provider: no such model"), ("cancelled", "cancel")]
)
async def test_a_batch_that_was_refused_or_cancelled_stops_with_a_sentence(tmp_path: Path, end: str, says: str) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said) as server:
        server.ends = [end]
        with pytest.raises(ModelError, match=says):
            await run(job(server), path)
        assert len(cases(path)) == (6 if end == "cancelled" else 0)
        await run(job(server), path)
        assert set(server.asked.values()) == {1}
    assert len(cases(path)) == 12


async def test_more_than_the_account_may_have_under_way_waits_or_shrinks(tmp_path: Path) -> None:
    async with BatchProvider(said, capacity=4) as server:
        await run(job(server), tmp_path / "a.sqlite")  # 12, 6, 3: halved until one fits
        assert set(server.asked.values()) == {1}
        assert max(len(b.lines) for b in server.batches.values() if b.object["status"] == "completed") <= 4
    assert {case.response.reply.status for case in cases(tmp_path / "a.sqlite")} == {"ok"}
    async with BatchProvider(said, capacity=0) as server:
        with pytest.raises(ModelError, match="Enqueued token limit"):
            await run(job(server), tmp_path / "b.sqlite")


async def test_a_budget_in_dollars_is_looked_at_between_batches(tmp_path: Path) -> None:
    async with BatchProvider(said) as server:
        work = job(server, "&batch_size=4&price_in=2&price_out=10")
        progress = await run(work, tmp_path / "a.sqlite", budget=Budget(max_cost_usd=0.001))
        assert progress.stopped.startswith("--max-cost")
        assert len(server.asked) == 8  # $0.0006 a batch: the second passes the limit, the third is not asked


async def test_what_cannot_be_read_or_fits_into_no_batch_is_an_error_beside_the_others(tmp_path: Path) -> None:
    items = [SAMPLES[0], BrokenItem(item="row 1", error=CorruptData("row 1 is broken"), benign=False), SAMPLES[2]]
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said) as server:
        work = job(server, samples=items)
        progress = await run(work, path)
        assert [case.response.reply.status for case in cases(path)] == ["ok", "error", "ok"]
        assert (progress.done, progress.reasons) == (3, {"row 1 is broken": 1})
        small = job(server, samples=items[:1], decoding=Decoding(max_tokens=5))
        small.model.batch_bytes = 64  # type: ignore[attr-defined]
        await run(small, tmp_path / "b.sqlite")
    (case,) = cases(tmp_path / "b.sqlite")
    assert "a batch takes" in case.response.reply.error


async def test_a_server_without_batches_says_so(tmp_path: Path) -> None:
    async with BatchProvider(said) as server:
        server.before = lambda seen: web.json_response({"detail": "Not Found"}, status=404)
        with pytest.raises(ModelError, match="HTTP 404"):
            await run(job(server), tmp_path / "a.sqlite")
        server.before = lambda seen: web.json_response({"hello": "world"})
        with pytest.raises(ModelError, match=r"Leave out \?batch=1"):
            await run(job(server), tmp_path / "b.sqlite")


async def test_a_provider_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    away = itertools.count()

    def before(seen: Seen) -> web.Response | None:
        gone = seen.path == "/v1/batches/batch_1" and 1 <= next(away) <= 4
        return web.json_response({"error": {"message": "bad gateway"}}, status=502) if gone else None

    async with BatchProvider(said) as server:
        server.before = before
        progress = await run(job(server), tmp_path / "a.sqlite")
        assert (progress.done, len(server.batches)) == (12, 1)


async def test_a_defence_is_refused(tmp_path: Path) -> None:
    async with BatchProvider(said) as server:
        work = job(server, defence=open_plugin("defences", "safety_prompt"))
        with pytest.raises(ConfigError, match="defence needs each answer at once"):
            await run(work, tmp_path / "a.sqlite")


async def test_the_command_line_tells_what_goes_on_without_it(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with BatchProvider(said, steps=400) as server:
        model = f"{server.url}#mock?batch=1&batch_poll_s=0.02"
        arguments = ["run", "starter", "--limit", "2", "--model", model, "--run", str(path), "--max-time", "1s"]

        async def safesight() -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "safesight", *arguments, "--judge", "refusal",
                env=os.environ | {"COLUMNS": "200"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(process.communicate(), 120)
            return process.returncode, out.decode()

        status, out = await safesight()
        assert (status, "batch_1 (2 requests) goes on at the provider" in out) == (4, True), out
        server.batches["batch_1"].steps = []
        status, out = await safesight()
        assert (status, server.asked and set(server.asked.values())) == (0, {1}), out
