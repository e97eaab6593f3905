"""One run from start to end: open everything, generate, judge, read back; `safesight run` and `safesight.run` call it.

Nothing here prints, handles signals or needs the main thread: whoever calls passes `on_progress` and `stop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from safesight.analysis.provenance import LICENCE
from safesight.core.abilities import LicensedPlugin
from safesight.core.protocols import Benchmark, DataOptions, Defence, Judge, Model, PricedModel
from safesight.core.records import Decoding, Manifest
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.runner.budget import Budget, read_budget
from safesight.runner.generate import generate
from safesight.runner.job import Job
from safesight.runner.judging import judge_run
from safesight.runner.plan import manifest, open_or_create, run_path
from safesight.runner.progress import Progress
from safesight.runner.results import Results
from safesight.runner.select import Selection

OFFLINE_JUDGES: Final = ("detector:embedded", "refusal")
RUNS: Final = Path("runs")
_JUDGED_AT_ONCE: Final = 8


def default_judges(benchmark: str | Benchmark) -> tuple[str, ...]:
    """The judges of a benchmark when none is named: its own rule where it has one, else the offline ones."""
    opened: Benchmark = open_plugin("benchmarks", benchmark) if isinstance(benchmark, str) else benchmark
    return (opened.default_judge,) if opened.default_judge == "exact" else OFFLINE_JUDGES


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. Plugins are named as on the command line, or given opened: what is given opened stays open."""

    benchmark: str | Benchmark
    model: str | Model
    judges: tuple[str | Judge, ...] = OFFLINE_JUDGES
    defence: str | Defence = "none"
    data: DataOptions = DataOptions()
    limit: int | None = None
    """The first N samples."""
    sample: str | None = None
    """`stratified:N`: N samples spread evenly over the groups."""
    groups: tuple[str, ...] = ()
    path: Path | None = None
    """The run file; made under `runs/` when None, and resumed when it holds the same run."""
    concurrency: int = 16
    decoding: Decoding = Decoding()
    seed: int = 0
    max_cost_usd: float | None = None
    """Ask nothing more when the run file has cost so much; needs a model whose prices are known."""
    max_time: str | None = None
    """Ask nothing more after so long: "90s", "30m", "1h30m"; what was answered is judged."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is opened and ready, but has asked nothing."""

    job: Job
    judges: tuple[Judge, ...]
    manifest: Manifest
    path: Path
    caveat: str
    budget: Budget
    owned: tuple[Model | Judge | Defence, ...]
    """What was opened here and is closed when the run ends."""


def prepare(request: RunRequest) -> Prepared:
    """Open the data, the model, the defence and the judges.

    Raises:
        ConfigError, UnknownName: a name or setting is wrong.
        DataError: the data cannot be used.
        MissingExtra: a plugin's optional dependency is not installed.
    """
    selection = Selection.parse(limit=request.limit, sample=request.sample, groups=request.groups)
    named = request.benchmark
    benchmark: Benchmark = open_plugin("benchmarks", named) if isinstance(named, str) else named
    dataset = benchmark.load(request.data)
    model = open_plugin("models", request.model) if isinstance(request.model, str) else request.model
    defence = open_plugin("defences", request.defence) if isinstance(request.defence, str) else request.defence
    judges = tuple(open_plugin("judges", j) if isinstance(j, str) else j for j in request.judges)
    job = Job(
        dataset=dataset,
        model=model,
        defence=defence,
        decoding=request.decoding,
        selection=selection,
        seed=request.seed,
        concurrency=request.concurrency,
    )
    wanted = manifest(
        job, benchmark=benchmark.name, arm=request.data.arm or benchmark.arms[0], part=_part(request.data)
    )
    opened = zip((model, defence, *judges), (request.model, request.defence, *request.judges), strict=True)
    return Prepared(
        job=job,
        judges=judges,
        manifest=wanted,
        path=request.path or run_path(wanted, RUNS),
        caveat=benchmark.caveat,
        budget=read_budget(
            max_cost=request.max_cost_usd,
            max_time=request.max_time,
            priced=isinstance(model, PricedModel) and model.prices is not None,
        ),
        owned=tuple(plugin for plugin, asked in opened if isinstance(asked, str) and plugin is not None),
    )


def _part(data: DataOptions) -> str:
    languages = [f"languages={'+'.join(data.languages)}"] if data.languages else []
    return " ".join([*(["tiny"] if data.tiny else []), *languages])


async def carry_out(
    run: Prepared, *, on_progress: Callable[[Progress], None] | None = None, stop: asyncio.Event | None = None
) -> Results:
    """Generate what the run file lacks, let every judge label it, and read it back.

    Args:
        run: What `prepare` opened; it is closed when this returns or raises.
        on_progress: Called when a stage begins, after every finished item, and when the stage ends.
        stop: Setting it finishes what is in flight and judges nothing more; the same call resumes.

    Raises:
        ModelError, JudgeError: a model or judge can never answer. What was done before is kept.
        StoreError: the run file cannot be written, or holds another run.
    """
    stop = stop or asyncio.Event()
    job = run.job
    async with AsyncExitStack() as closing:
        for plugin in run.owned:
            closing.push_async_callback(plugin.aclose)
        with open_or_create(run.path, run.manifest) as store:
            if job.defence is not None:
                store.note("defence_detectors", ",".join(job.defence.detector_fingerprints))
                if isinstance(job.defence, LicensedPlugin) and job.defence.licence:
                    store.note(f"{LICENCE}defence", job.defence.licence)
            store.note("caveat", run.caveat)
            run.budget.begin(spent_usd=store.spent_usd())
            progress = Progress(stage="generate")
            _tell(on_progress, progress)
            await generate(job, store, progress=progress, on_progress=on_progress, stop=stop, budget=run.budget)
            _tell(on_progress, progress, ended=True)
            limit = min(job.concurrency, _JUDGED_AT_ONCE)
            await judge_store(store, run.judges, on_progress=on_progress, stop=stop, concurrency=limit)
    return Results(run.path)


async def judge_store(
    store: RunStore,
    judges: Sequence[Judge],
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    concurrency: int = _JUDGED_AT_ONCE,
) -> None:
    """Let each judge in turn label what it has not labelled yet; nothing is generated."""
    stop = stop or asyncio.Event()
    for judge in judges:
        if stop.is_set():
            return
        progress = Progress(stage=f"judge {judge.name}")
        _tell(on_progress, progress)
        await judge_run(store, judge, progress=progress, on_progress=on_progress, stop=stop, concurrency=concurrency)
        _tell(on_progress, progress, ended=True)


def _tell(on_progress: Callable[[Progress], None] | None, progress: Progress, *, ended: bool = False) -> None:
    progress.ended = ended
    if on_progress is not None:
        on_progress(progress)


async def run(
    request: RunRequest, *, on_progress: Callable[[Progress], None] | None = None, stop: asyncio.Event | None = None
) -> Results:
    """`prepare`, then `carry_out`."""
    return await carry_out(prepare(request), on_progress=on_progress, stop=stop)


async def judge(
    path: Path,
    judges: Sequence[str | Judge],
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    concurrency: int = _JUDGED_AT_ONCE,
) -> Results:
    """Add judges to a finished run.

    Raises:
        JudgeError: a judge can never answer.
        StoreError: the path is no run file, or cannot be written.
    """
    async with AsyncExitStack() as closing:
        opened: list[Judge] = []
        for named in judges:
            one = open_plugin("judges", named) if isinstance(named, str) else named
            if isinstance(named, str):
                closing.push_async_callback(one.aclose)
            opened.append(one)
        with RunStore.open(path) as store:
            await judge_store(store, opened, on_progress=on_progress, stop=stop, concurrency=concurrency)
    return Results(path)
