"""Carries out one run: open everything, generate, judge, print; Ctrl-C finishes what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec

from safesight.cli.progress import live
from safesight.cli.tables import console, print_run
from safesight.core.protocols import DataOptions, Judge
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.defences.guarded import open_defence
from safesight.runner.generate import Job, generate
from safesight.runner.judging import judge_run
from safesight.runner.plan import Estimate, estimate, manifest, open_or_create, run_path
from safesight.runner.progress import Progress
from safesight.runner.select import Selection


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked `run` for."""

    benchmark: str
    data: DataOptions
    model: str
    judges: tuple[str, ...]
    defence: str = "none"
    limit: int | None = None
    sample: str | None = None
    groups: tuple[str, ...] = ()
    path: Path | None = None
    concurrency: int = 16
    decoding: Decoding = Decoding()
    seed: int = 0


def carry_out(request: Request, *, dry_run: bool = False) -> int:
    """Do a run and print its rates; return the exit status (130 when interrupted)."""
    selection = Selection.parse(limit=request.limit, sample=request.sample, groups=request.groups)
    benchmark = open_plugin("benchmarks", request.benchmark)
    dataset = benchmark.load(request.data)
    for problem in getattr(dataset, "problems", ()):
        console().print(f"note: {problem}", style="yellow", highlight=False)
    job = Job(
        dataset=dataset,
        model=open_plugin("models", request.model),
        defence=open_defence(request.defence),
        decoding=request.decoding,
        selection=selection,
        seed=request.seed,
        concurrency=request.concurrency,
    )
    judges = [open_plugin("judges", name) for name in request.judges]
    arm = request.data.arm or benchmark.arms[0]
    wanted = manifest(job, benchmark=benchmark.name, arm=arm, part=_part(request.data))
    path = request.path or run_path(wanted, Path("runs"))
    if dry_run:
        _print_estimate(estimate(job), path, request)
        return 0
    with open_or_create(path, wanted) as store:
        if job.defence is not None:
            store.note("defence_detectors", ",".join(job.defence.detector_fingerprints))
        store.note("caveat", benchmark.caveat)
        finished = asyncio.run(_session(job, judges, store, concurrency=request.concurrency))
        print_run(store)
    if not finished:
        console().print(
            f"Interrupted. The same command resumes {path}.", style="yellow", highlight=False, soft_wrap=True
        )
        return 130
    console().print(f"run file: {path}", highlight=False, soft_wrap=True)
    return 0


def _part(data: DataOptions) -> str:
    languages = [f"languages={'+'.join(data.languages)}"] if data.languages else []
    return " ".join([*(["tiny"] if data.tiny else []), *languages])


async def _session(job: Job, judges: Sequence[Judge], store: RunStore, *, concurrency: int) -> bool:
    with _interruptible() as stop:
        progress = Progress(stage="generate")
        try:
            with live(progress) as update:
                await generate(job, store, progress=progress, on_progress=update, stop=stop)
        finally:
            await job.model.aclose()
            if job.defence is not None:
                await job.defence.aclose()
    return not stop.is_set() and await judge_with(store, judges, concurrency=min(concurrency, 8))


async def judge_with(store: RunStore, judges: Sequence[Judge], *, concurrency: int = 8) -> bool:
    """Let each judge label what it has not; False when the user interrupted."""
    with _interruptible() as stop:
        for judge in judges:
            progress = Progress(stage=f"judge {judge.name}")
            try:
                with live(progress) as update:
                    await judge_run(
                        store, judge, progress=progress, on_progress=update, stop=stop, concurrency=concurrency
                    )
            finally:
                await judge.aclose()
    return not stop.is_set()


@contextlib.contextmanager
def _interruptible() -> Generator[asyncio.Event]:
    """The first Ctrl-C (or SIGTERM) sets the event, the second cancels what is in flight."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        console().print("finishing what is in flight; press Ctrl-C again to drop it", style="yellow")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _print_estimate(guess: Estimate, path: Path, request: Request) -> None:
    out = console()
    calls = f"{guess.samples} requests" + ("" if request.defence == "none" else f" or more ({request.defence})")
    out.print(
        f"would send {calls}: {guess.samples - guess.benign} unsafe cases, {guess.benign} benign", highlight=False
    )
    bounded = guess.completion_tokens is not None
    out.print(
        f"images: {guess.images} ({guess.image_bytes / 1e6:.1f} MB); text: about {guess.prompt_tokens:,} prompt tokens"
        " (image tokens depend on the model); "
        + (
            f"at most {guess.completion_tokens:,} completion tokens"
            if bounded
            else "completion tokens: no bound (set --max-tokens)"
        ),
        highlight=False,
    )
    if guess.cost_usd is not None:
        means = "at most" if bounded else "prompts alone"
        out.print(f"cost: {means} about ${guess.cost_usd:.2f}, image tokens not counted", highlight=False)
    else:
        out.print("cost: unknown; give prices as ?price_in=USD&price_out=USD per million tokens", highlight=False)
    if guess.broken:
        out.print(f"{guess.broken} items cannot be read and would be counted as errors", style="yellow")
    out.print(f"judges: {', '.join(request.judges)}; run file: {path}", highlight=False)
