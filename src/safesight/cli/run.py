"""`safesight run` and `safesight judge`: generate, judge, print the rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safesight.cli.group import Format
from safesight.core.errors import ConfigError
from safesight.core.protocols import DataOptions
from safesight.core.records import Decoding

_ENGINE = "local, or ray for replicas on a cluster: ray?replicas=8&gpus=1&cpus=1&address=HOST:6379."
_BENCHMARK = typer.Argument(help="A benchmark of `safesight list`.", show_default=False)


def register(app: typer.Typer) -> None:
    """Add `run` and `judge`."""
    app.command("run")(run)
    app.command("judge")(judge)


def run(
    benchmark: Annotated[str, _BENCHMARK],
    model: Annotated[str, typer.Option("--model", "-m", help="openai/NAME, http://HOST/v1#NAME, hf/ORG/NAME, ...")],
    defence: Annotated[str, typer.Option(help="none, safety_prompt, self_check, protector_block, ...")] = "none",
    judge: Annotated[
        list[str] | None, typer.Option(help="A judge; repeat for several. Default: exact or offline ones.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Local data; without it the hub is asked.")] = None,
    arm: Annotated[str, typer.Option(help="Input arm of the benchmark (TYPO, stitched, text, ...).")] = "",
    tiny: Annotated[bool, typer.Option("--tiny", help="The benchmark's own small subset.")] = False,
    revision: Annotated[str, typer.Option(help="Hub commit or branch; default: the benchmark's.")] = "",
    language: Annotated[list[str] | None, typer.Option(help="Keep these languages (en, zh).")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Keep these relations, scenarios or dimensions.")] = None,
    limit: Annotated[int | None, typer.Option(help="Take the first N samples.")] = None,
    sample: Annotated[str | None, typer.Option(help="stratified:N spreads N samples evenly over groups.")] = None,
    path: Annotated[Path | None, typer.Option("--run", help="The run file; resumed when it exists.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Most requests in flight; adapts below it.")] = 16,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature; unset: provider's default.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Nucleus mass; unset: provider's default.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer; unset: provider's default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seeds selection; sent to the model only when given.")] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Stop asking when the run file has cost so many US dollars; needs prices.")
    ] = None,
    max_time: Annotated[str | None, typer.Option(help="Stop asking after so long: 90s, 30m, 1h30m.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and stop.")] = False,
    form: Format = "table",
    engine: Annotated[str, typer.Option(help=_ENGINE)] = "local",
) -> None:
    """Run a benchmark on a model: generate and judge; resumable; prints the rate table."""
    from safesight.cli.session import carry_out
    from safesight.runner.run import RunRequest, default_judges

    request = RunRequest(
        benchmark=benchmark,
        data=DataOptions(
            source=source, arm=arm, tiny=tiny, revision=revision, languages=tuple(language or ()), seed=seed or 0
        ),
        model=model,
        defence=defence,
        judges=tuple(judge or default_judges(benchmark)),
        limit=limit,
        sample=sample,
        groups=tuple(group or ()),
        path=path,
        concurrency=concurrency,
        decoding=Decoding(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed),
        seed=seed or 0,
        max_cost_usd=max_cost,
        max_time=max_time,
    )
    raise typer.Exit(carry_out(request, dry_run=dry_run, engine=engine))


def judge(
    judge: Annotated[list[str], typer.Option(help="A judge; repeat for several.")],
    run: Annotated[Path | None, typer.Argument(help="A run file.", show_default=False)] = None,
    benchmark: Annotated[
        str, typer.Option(help="Measure the judges on this benchmark's labelled answers (msts, starter).")
    ] = "",
    source: Annotated[Path | None, typer.Option(help="Local data of --benchmark.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Batches judged at once.")] = 8,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="As --benchmark starter: gold answers that ship.")
    ] = False,
    form: Format = "table",
    engine: Annotated[str, typer.Option(help=_ENGINE)] = "local",
) -> None:
    """Add judges to a finished run; measure them on labelled answers, for the runs in the same folder."""
    from safesight.cli.outcome import conclude
    from safesight.cli.session import judge_watched
    from safesight.cli.tables import print_results
    from safesight.runner.gold import make_gold
    from safesight.runner.run import RUNS

    if calibrate and benchmark not in ("", "starter"):
        raise ConfigError(f"--calibrate means --benchmark starter, and {benchmark} was named: leave one of them out.")
    benchmark = "starter" if calibrate else benchmark
    if run is None and not benchmark:
        raise ConfigError("expected a run file, or --benchmark NAME for labelled answers, or both.")
    # The labelled answers first: what they tell of a judge stands beside its rates of the run.
    paths = [] if run is None else [run]
    if benchmark:
        beside = (run.parent if run is not None else RUNS) / f"gold-{benchmark}.sqlite"
        paths.insert(0, make_gold(benchmark, DataOptions(source=source), beside))
    status = 0
    for path in paths:
        results, finished = judge_watched(path, judge, concurrency=concurrency, engine=engine)
        print_results(results)
        status = conclude(results)
        if not finished:
            raise typer.Exit(130)
    raise typer.Exit(status)
