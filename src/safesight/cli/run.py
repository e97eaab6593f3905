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
    benchmark: Annotated[str, typer.Option(help="Judge this benchmark's human-labelled answers (msts) instead.")] = "",
    source: Annotated[Path | None, typer.Option(help="Local data of --benchmark.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Batches judged at once.")] = 8,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure the judges on starter's gold answers; RUN may be left out.")
    ] = False,
    form: Format = "table",
    engine: Annotated[str, typer.Option(help=_ENGINE)] = "local",
) -> None:
    """Add judges to a finished run, or measure them on answers that people labelled; generates nothing."""
    if calibrate:
        _calibrate(judge, run)
        if run is None and not benchmark:
            return
    from safesight.cli.outcome import conclude
    from safesight.cli.session import judge_watched
    from safesight.cli.tables import print_results

    if (run is None) == (not benchmark):
        raise ConfigError("expected a run file, or --benchmark NAME for answers that people labelled: one of the two.")
    if run is None:
        from safesight.runner.gold import make_gold
        from safesight.runner.run import RUNS

        run = make_gold(benchmark, DataOptions(source=source), RUNS / f"gold-{benchmark}.sqlite")
    results, finished = judge_watched(run, judge, concurrency=concurrency, engine=engine)
    print_results(results)
    status = conclude(results)
    raise typer.Exit(status if finished else 130)


def _calibrate(judges: list[str], run: Path | None) -> None:
    import asyncio

    from safesight.runner.calibrate import calibrate_judges

    for name, found in asyncio.run(calibrate_judges(judges, path=run)).items():
        print(found.told(name))
