"""`safesight run`, carried out: the live line, Ctrl-C, the rate table, and what a dry run would cost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safesight.benchmarks.published_counts import CASES, TINY
from safesight.cli.interrupts import interruptible
from safesight.cli.outcome import OUT_OF_BUDGET, conclude
from safesight.cli.printer import console
from safesight.cli.progress import live
from safesight.cli.tables import print_results
from safesight.core.errors import MissingData
from safesight.core.protocols import Judge
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.integrations.ray.engine import LOCAL, ClusterOptions, read_engine
from safesight.runner import run as runs
from safesight.runner.batches import underway
from safesight.runner.plan import CostEstimate, estimate, published_estimate
from safesight.runner.progress import Progress
from safesight.runner.results import Results
from safesight.runner.run import Prepared, RunRequest, prepare

if TYPE_CHECKING:
    from safesight.integrations.ray.cluster import RayCluster


def carry_out(request: RunRequest, *, dry_run: bool = False, engine: str = LOCAL) -> int:
    """Do a run and print its rates; return the exit status (see `outcome`)."""
    options, ends = read_engine(engine), _Ends()
    if dry_run:
        return _estimated(request)
    if options is None:
        run = _opened(request)
        results, finished = asyncio.run(_watched(run, ends))
    else:
        run, results, finished = _on_cluster(request, options, ends)
    print_results(results)
    waiting = _tell_underway(run.path)
    if not finished:
        console().print(f"Interrupted. The same command resumes {run.path}.", style="yellow", soft_wrap=True)
        return 130
    status = OUT_OF_BUDGET if ends.budget and waiting else conclude(results)
    console().print(f"run file: {run.path}", soft_wrap=True)
    if ends.budget:
        console().print(f"Stopped by {ends.budget}. The same command goes on from here.", style="yellow")
    return status or (OUT_OF_BUDGET if ends.budget else 0)


def _tell_underway(path: Path) -> bool:
    """Say which batches go on at the provider without us; False when none does."""
    with RunStore.open(path, readonly=True) as store:
        waiting = underway(store)
    for batch in waiting:
        console().print(
            f"{batch.id or 'a batch'} ({batch.requests} requests) goes on at the provider; the same command takes its "
            "answers.",
            style="yellow",
            soft_wrap=True,
        )
    return bool(waiting)


def _opened(request: RunRequest) -> Prepared:
    run = prepare(request)
    for problem in run.job.dataset.problems:
        console().print(f"note: {problem}", style="yellow")
    return run


def _on_cluster(request: RunRequest, options: ClusterOptions, ends: _Ends) -> tuple[Prepared, Results, bool]:
    """Model and defence on the cluster, then each judge; this process reads, bounds and writes."""
    from safesight.integrations.ray.cluster import RayCluster, by_name

    with RayCluster(options) as cluster:
        with cluster.answering(request) as moved:
            run = _opened(moved)
            results, finished = asyncio.run(_watched(run, ends))
        if finished:
            results, finished = _judged_there(cluster, run.path, [by_name(judge) for judge in request.judges])
    return run, results, finished


def _judged_there(cluster: RayCluster, path: Path, judges: Sequence[str], *, at_once: int = 8) -> tuple[Results, bool]:
    results, finished = Results(path), True
    for name in judges:
        if finished:
            with cluster.judge(name, at_once=at_once) as judge:
                most = max(at_once, judge.capacity)
                results, finished = asyncio.run(_judge_watched(path, [judge], concurrency=most))
    return results, finished


def watched(request: RunRequest) -> tuple[Results, bool]:
    """Do a run under the live line and print nothing else; False when the user interrupted."""
    return asyncio.run(_watched(prepare(request), _Ends()))


class _Ends:
    """What ended the stages of a run before their end."""

    budget = ""


async def _watched(run: Prepared, ends: _Ends) -> tuple[Results, bool]:
    with interruptible() as stop, live() as update:

        def follow(now: Progress) -> None:
            ends.budget = ends.budget or now.stopped
            update(now)

        results = await runs.carry_out(run, on_progress=follow, stop=stop)
        return results, not stop.is_set()


def judge_watched(path: Path, judges: list[str], *, concurrency: int, engine: str = LOCAL) -> tuple[Results, bool]:
    """Add judges to a run file under the live line; False when the user interrupted."""
    options = read_engine(engine)
    if options is None:
        return asyncio.run(_judge_watched(path, judges, concurrency=concurrency))
    from safesight.integrations.ray.cluster import RayCluster

    with RayCluster(options) as cluster:
        return _judged_there(cluster, path, judges, at_once=concurrency)


async def _judge_watched(path: Path, judges: Sequence[str | Judge], *, concurrency: int) -> tuple[Results, bool]:
    with interruptible() as stop, live() as update:
        results = await runs.judge(path, judges, on_progress=update, stop=stop, concurrency=concurrency)
        return results, not stop.is_set()


def _told_images(guess: CostEstimate) -> str:
    if not guess.images:
        return "no images"
    if guess.image_tokens is None:
        return "image tokens not known: ?image_tokens=RULE names the provider's rule"
    return f"and {guess.image_tokens:,} of the images by {guess.image_rule}"


def _named(judge: str | Judge) -> str:
    return judge if isinstance(judge, str) else judge.name


def _estimated(request: RunRequest) -> int:
    """Print what a run would cost; from the published counts, where its data is not here."""
    try:
        run = _opened(request)
    except MissingData as error:
        cases = published_cases(request)
        if cases is None:
            raise
        model = open_plugin("models", request.model) if isinstance(request.model, str) else request.model
        guess = published_estimate(model, cases=cases, max_tokens=request.decoding.max_tokens)
        console().print(f"The data is not here: {error}", style="yellow")
        console().print(f"By the published count: {cases:,} cases; prompts and images come on top of what follows.")
        _print_cost(guess)
        return 0
    _print_estimate(estimate(run.job), run.path, request)
    return 0


def published_cases(request: RunRequest) -> int | None:
    """How many cases the published set gives a run; None where that is not known."""
    if not isinstance(request.benchmark, str) or request.sample or request.groups or request.data.languages:
        return None
    known = (TINY if request.data.tiny else CASES).get(request.benchmark)
    return known if known is None or request.limit is None else min(known, request.limit)


def _print_estimate(guess: CostEstimate, path: Path, request: RunRequest) -> None:
    out = console()
    calls = f"{guess.samples} requests" + ("" if request.defence == "none" else f" or more ({request.defence})")
    out.print(f"would send {calls}: {guess.samples - guess.benign} unsafe cases, {guess.benign} benign")
    bounded = guess.completion_tokens is not None
    out.print(
        f"images: {guess.images} ({guess.image_bytes / 1e6:.1f} MB); text: about {guess.prompt_tokens:,} prompt tokens"
        f" ({_told_images(guess)}); "
        + (
            f"at most {guess.completion_tokens:,} completion tokens"
            if bounded
            else "completion tokens: no bound (set --max-tokens)"
        ),
    )
    _print_cost(guess)
    if guess.broken:
        out.print(f"{guess.broken} items cannot be read and would be counted as errors", style="yellow")
    out.print(f"judges: {', '.join(_named(j) for j in request.judges)}; run file: {path}")


def _print_cost(guess: CostEstimate) -> None:
    out, bounded = console(), guess.completion_tokens is not None
    if guess.cost_usd is not None:
        means = "at most" if bounded and guess.image_tokens is not None else "at least"
        on_top = [*(["image tokens"] if guess.image_tokens is None else []), *([] if bounded else ["answers"])]
        added = f"; {' and '.join(on_top)} come on top" if on_top else ""
        dated = f" at list prices of {guess.list_date} (?price_in=..&price_out=.. go first)" if guess.list_date else ""
        out.print(f"cost: {means} about ${guess.cost_usd:.2f}{added}{dated}")
    else:
        out.print("cost: unknown; give prices as ?price_in=USD&price_out=USD per million tokens")
