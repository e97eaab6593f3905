"""Generation: resumable by content, bounded, and honest about what failed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from safesight.analysis.rates import rate_table
from safesight.core.errors import ConfigError, CorruptData, ModelError
from safesight.core.messages import Message
from safesight.core.protocols import BrokenItem
from safesight.core.records import Reply, Sample
from safesight.core.store import RunStore
from safesight.models.scripted import Scripted, ScriptedModel
from safesight.runner.generate import generate
from safesight.runner.job import Job
from safesight.runner.plan import estimate, manifest, open_or_create, run_path
from safesight.runner.progress import Progress
from safesight.runner.select import Selection
from tests.support import Samples, make_sample

SAMPLES = [make_sample(i) for i in range(40)]


def echo(messages: Sequence[Message]) -> str:
    return f"answer to {messages[-1].text}"


def job(model: ScriptedModel, samples: Sequence[Sample | BrokenItem] = SAMPLES, **settings: object) -> Job:
    return Job(dataset=Samples(samples), model=model, **settings)


async def run(work: Job, path: Path, *, stop: asyncio.Event | None = None, on: Callable | None = None) -> Progress:
    progress = Progress(stage="generate")
    with open_or_create(path, manifest(work, benchmark="test", arm="")) as store:
        await generate(work, store, progress=progress, stop=stop, on_progress=on)
    return progress


def contents(path: Path) -> list[tuple[Sample, str, str]]:
    with RunStore.open(path, readonly=True) as store:
        return [(c.sample, c.response.key, c.response.reply.text) for c in store.cases()]


async def test_every_sample_is_answered_once_in_data_set_order(tmp_path: Path) -> None:
    model = ScriptedModel(echo, fingerprint="echo")
    progress = await run(job(model), tmp_path / "a.sqlite")
    assert progress.done == progress.total == 40
    assert [text for *_, text in contents(tmp_path / "a.sqlite")] == [echo(s.messages) for s in SAMPLES]
    assert len(model.calls) == 40


async def test_a_finished_run_asks_nothing_again_even_reordered(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    await run(job(ScriptedModel(echo, fingerprint="echo")), path)
    shuffled = random.Random(3).sample(SAMPLES, k=40)
    progress = await run(job(ScriptedModel([], fingerprint="echo", name="scripted"), shuffled), path)
    assert (progress.done, progress.resumed) == (0, 40)
    assert [sample.key for sample, *_ in contents(path)] == [s.key for s in shuffled]
    assert all(text == echo(sample.messages) for sample, _, text in contents(path))


async def test_an_interrupted_run_resumes_to_the_same_rows(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.sqlite", tmp_path / "cut.sqlite"
    await run(job(ScriptedModel(echo, fingerprint="echo")), whole)
    stop = asyncio.Event()
    work = job(ScriptedModel(echo, fingerprint="echo"), concurrency=2)
    first = await run(work, cut, stop=stop, on=lambda p: stop.set() if p.done == 7 else None)
    assert 7 <= first.done <= 9
    second = await run(work, cut)
    assert (second.resumed, second.done) == (first.done, 40 - first.done)
    assert contents(cut) == contents(whole)


async def test_failed_requests_are_kept_counted_and_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    lines = [Scripted(text="yes", when="picture"), Scripted(status="error", error="boom", when="picture 7?")]
    progress = await run(job(ScriptedModel(lines[::-1], fingerprint="f")), path)
    assert progress.failed == {"error": 1}
    with RunStore.open(path) as store:
        assert sum(r.reply.status == "error" for r in store.responses()) == 1
    again = await run(job(ScriptedModel([lines[0]], fingerprint="f")), path)
    assert (again.done, again.resumed, again.failed) == (1, 39, {})


async def test_a_models_bug_costs_one_answer(tmp_path: Path) -> None:
    def buggy(messages: Sequence[Message]) -> str:
        if "picture 3?" in messages[-1].text:
            raise ZeroDivisionError("bug")
        return "fine"

    progress = await run(job(ScriptedModel(buggy, fingerprint="f")), tmp_path / "a.sqlite")
    assert progress.done == 40
    assert progress.failed == {"error": 1}


async def test_a_model_that_can_never_answer_stops_the_run_and_keeps_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    lines = [Scripted(fatal="wrong key", when="picture 20?"), Scripted(text="yes", when="picture")]
    with pytest.raises(ModelError, match="wrong key"):
        await asyncio.wait_for(run(job(ScriptedModel(lines, fingerprint="f"), concurrency=2), path), 10)
    assert len(contents(path)) >= 18


async def test_unreadable_items_are_counted_and_replaced_once_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    broken = [*SAMPLES[:3], BrokenItem(item="item 3", error=CorruptData("3.png: zero bytes")), *SAMPLES[4:]]
    progress = await run(job(ScriptedModel(echo, fingerprint="f"), broken), path)
    assert progress.failed == {"error": 1}
    with RunStore.open(path) as store:
        (failed,) = [c for c in store.cases() if c.response.reply.status == "error"]
    assert "3.png: zero bytes" in failed.response.reply.error
    mended = await run(job(ScriptedModel(echo, fingerprint="f")), path)
    assert (mended.done, mended.resumed) == (1, 39)
    assert [sample.key for sample, *_ in contents(path)] == [s.key for s in SAMPLES]


async def test_another_run_is_not_resumed_under_this_name(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    await run(job(ScriptedModel(echo, fingerprint="one")), path)
    with pytest.raises(Exception, match="model_fingerprint 'one' -> 'two'"):
        await run(job(ScriptedModel(echo, fingerprint="two")), path)


async def test_selection_limits_what_is_asked(tmp_path: Path) -> None:
    limited = await run(job(ScriptedModel(echo, fingerprint="f"), selection=Selection(limit=5)), tmp_path / "a.sqlite")
    assert limited.done == limited.total == 5
    spread = job(ScriptedModel(echo, fingerprint="f"), selection=Selection(stratified=6))
    assert (await run(spread, tmp_path / "b.sqlite")).done == 6
    grouped = job(ScriptedModel(echo, fingerprint="f"), selection=Selection(groups=("Analogy",)))
    assert {s.group for s, *_ in await _after(grouped, tmp_path / "c.sqlite")} == {"Analogy"}


async def _after(work: Job, path: Path) -> list[tuple[Sample, str, str]]:
    await run(work, path)
    return contents(path)


def test_a_dry_run_counts_without_asking() -> None:
    model = ScriptedModel([], fingerprint="f")
    work = job(model, selection=Selection(limit=10))
    guess = estimate(work)
    assert (guess.samples, guess.images, guess.broken) == (10, 10, 0)
    assert guess.image_bytes > 0
    assert guess.prompt_tokens >= 50
    assert not model.calls


def test_run_paths_are_stable_and_never_nest() -> None:
    model = ScriptedModel([], fingerprint="f", name="org/model:large")
    wanted = manifest(job(model), benchmark="test", arm="SD_TYPO")
    path = run_path(wanted, Path("runs"))
    assert path == run_path(wanted, Path("runs"))
    assert path.parent == Path("runs")
    other = msgspec.structs.replace(wanted, seed=1)
    assert run_path(other, Path("runs")) != path


_KILLED = """
import asyncio, sys
from pathlib import Path
from tests.runner.test_generate import job, run, slow
asyncio.run(run(job(slow(), concurrency=4), Path(sys.argv[1]), on=lambda p: print(p.done, flush=True)))
"""


def slow() -> ScriptedModel:
    return ScriptedModel(echo, fingerprint="slow", delay_s=0.05)


def test_kill_nine_loses_only_requests_in_flight_and_resumes_to_the_same_rows(tmp_path: Path) -> None:
    path, root = tmp_path / "a.sqlite", Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE, cwd=root, text=True
    ) as process:
        assert process.stdout is not None
        seen, deadline = 0, time.monotonic() + 300
        while seen < 20 and time.monotonic() < deadline:
            seen = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    kept = len(contents(path))
    assert seen <= kept < 40
    progress = asyncio.run(run(job(slow(), concurrency=4), path))
    assert progress.done == 40 - kept
    asyncio.run(run(job(ScriptedModel(echo, fingerprint="slow")), tmp_path / "whole.sqlite"))
    assert contents(path) == contents(tmp_path / "whole.sqlite")


def test_replies_are_counted_by_status() -> None:
    progress = Progress(stage="generate", total=4)
    for status in ("ok", "truncated", "blocked", "blocked"):
        progress.count(Reply(status=status))
    assert progress.failed == {"blocked": 2}
    assert progress.seconds_left == 0


@pytest.mark.parametrize(
    ("first", "then", "asked"),
    [
        (Selection(limit=4), Selection(limit=8), 4),
        (Selection(limit=4), Selection(), 36),
        (Selection(stratified=6), Selection(stratified=9), 3),
    ],
)
async def test_a_run_grows_and_asks_only_for_what_is_new(
    tmp_path: Path, first: Selection, then: Selection, asked: int
) -> None:
    path = tmp_path / "a.sqlite"
    await run(job(ScriptedModel(echo, fingerprint="echo"), selection=first), path)
    before = contents(path)
    progress = await run(job(ScriptedModel(echo, fingerprint="echo"), selection=then), path)
    assert (progress.done, progress.resumed) == (asked, len(before))
    assert set(map(str, before)) <= set(map(str, contents(path)))
    with RunStore.open(path, readonly=True) as store:
        assert store.manifest.selection == str(then)
        assert store.notes()["grown_from"] == str(first)


async def test_a_run_does_not_shrink(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    await run(job(ScriptedModel(echo, fingerprint="echo"), selection=Selection(limit=8)), path)
    with pytest.raises(ConfigError, match=r"selection 'limit=8' -> 'limit=4'"):
        await run(job(ScriptedModel(echo, fingerprint="echo"), selection=Selection(limit=4)), path)


@pytest.mark.parametrize(
    ("said", "readable", "benign"),
    [
        (True, [False, False], True),
        (False, [True, True], False),
        (None, [True, True], True),
        (None, [True, False], False),
        (None, [False], False),
        (None, [], False),
    ],
)
async def test_an_unreadable_item_of_a_benign_set_is_no_attack(
    tmp_path: Path, said: bool | None, readable: list[bool], benign: bool
) -> None:
    broken = BrokenItem(item="7", error=CorruptData("cut short"), benign=said)
    samples = [make_sample(i, benign=kind) for i, kind in enumerate(readable)]
    await run(job(ScriptedModel(echo), [broken, *samples]), tmp_path / "a.sqlite")
    with RunStore.open(tmp_path / "a.sqlite", readonly=True) as store:
        table = rate_table(store.cases())
        (placeholder,) = (s for s in store.samples() if "broken" in s.meta)
    assert placeholder.benign is benign
    assert table.overall.n == len(readable) - sum(readable) + (not benign)
