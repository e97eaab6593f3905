"""`safesight explain capability`: do more capable models fail more? Scores against attack success, across models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from safesight.cli.group import Format
from safesight.core.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from rich.table import Table

    from safesight.analysis.stats import Estimate
    from safesight.explain.capability.capability import CapabilityTable, Point
    from safesight.explain.capability.scores import Matching, Score
    from safesight.runner.results import Results

_UTILITY = "accuracy of the utility runs"
_TWINS = "right on the benign twins of the runs themselves"
_SIZE = "billions of parameters in the model's name (no --scores given)"


def capability(
    runs: Annotated[list[Path] | None, typer.Argument(help="Safety runs, one a model; and utility runs.")] = None,
    scores: Annotated[Path | None, typer.Option(help="CSV: model,score[,params_b,family], or a leaderboard's.")] = None,
    score_column: Annotated[str, typer.Option(help="The score's column, where not the leaderboard's average.")] = "",
    judge: Annotated[
        list[str] | None, typer.Option(help="Whose attack success; default: every shared judge's.")
    ] = None,
    published: Annotated[bool, typer.Option("--published", help="Correlate the published tables instead.")] = False,
    outcome: Annotated[list[str] | None, typer.Option(help="Published column: multi, single, CR, HM, IR, CE.")] = None,
    form: Format = "table",
) -> None:
    """Do more capable models fail more?"""
    from safesight.explain.capability.scores import read_scores

    if not runs and not published:
        raise ConfigError("expected run files with --scores FILE (or utility runs), or --published.")
    given = read_scores(scores, column=score_column) if scores else []
    source = str(scores) if scores else ""
    if runs:
        _print_runs(runs, given, source=source, judges=judge)
    if published:
        _print_published(given, source=source, outcomes=outcome or ["multi", "CR", "HM"])


class _Read(NamedTuple):
    """What run files say."""

    risks: dict[str, dict[str, float]]
    """Attack success by judge and model."""
    utility: list[Score]
    """Accuracy of utility runs."""
    twins: list[Score]
    """What is right on the runs' own benign twins."""
    mute: list[str]
    """Why some judges say nothing."""


def _print_runs(runs: Sequence[Path], given: Sequence[Score], *, source: str, judges: Sequence[str] | None) -> None:
    from safesight.cli.printer import console
    from safesight.explain.capability.capability import capability_table, match_points

    read = _read(runs, judges)
    for sentence in read.mute:
        console().print(sentence, style="yellow")
    if not read.risks and read.mute:
        return
    measured = read.utility or read.twins
    if given and read.utility:
        raise ConfigError("two sources of capability: --scores and utility runs. Leave one out.")
    if not given and not measured:
        raise ConfigError(
            "no capability scores: name a CSV with --scores, add utility runs (benchmark 'choice'), or name runs of "
            "'verifiable', whose benign twins are scores."
        )
    if not read.risks:
        raise ConfigError("expected safety runs beside the utility runs, got none.")
    tables: dict[str, CapabilityTable] = {}
    for judge, by_model in read.risks.items():
        points, matching = match_points(by_model, given or measured)
        tables[f"attack success, {judge}"] = capability_table(points)
        _print_points(judge, points)
        _print_unmatched(matching)
    console().print(
        _grid(f"capability ({source or (_UTILITY if read.utility else _TWINS)}) against attack success", tables)
    )
    _print_footnote()


def _read(runs: Sequence[Path], judges: Sequence[str] | None) -> _Read:
    from safesight.analysis.outcomes import summarise
    from safesight.cli.exact import outcomes_of
    from safesight.explain.capability.scores import Score, accuracy
    from safesight.runner.results import Results

    rates: dict[Path, dict[str, float]] = {}
    models: dict[Path, str] = {}
    utility, twins = list[Score](), list[Score]()
    mute: dict[str, str] = {}
    for path in runs:
        run = Results(path)
        model = run.manifest.model
        if _is_utility(run):
            right = accuracy(run.cases)
            utility += [] if right.value is None else [Score(model=model, score=right.value)]
            continue
        if model in models.values():
            raise ConfigError(f"{path}: a second safety run of {model}. Name one run for each model.")
        models[path] = model
        right = summarise(outcomes_of(run)).capability
        twins += [] if right.value is None else [Score(model=model, score=right.value)]
        mute |= {judge: table.silenced for judge, table in run.tables.items() if table.silenced}
        found = {judge: table.headline.value for judge, table in run.tables.items() if judge}
        rates[path] = {judge: rate for judge, rate in found.items() if rate is not None}
    shared = sorted(set[str].intersection(*(set(found) for found in rates.values()))) if rates else []
    for name in judges or ():
        if name not in (*shared, *mute):
            raise UnknownName("judge of every safety run", name, shared)
    if rates and not shared and not mute:
        raise ConfigError("the safety runs share no judge. Add one to each: safesight judge RUN --judge NAME.")
    said = [judge for judge in judges or shared if judge not in mute]
    told = [why for judge, why in mute.items() if judge in (judges or mute)]
    return _Read({j: {models[path]: found[j] for path, found in rates.items()} for j in said}, utility, twins, told)


def _is_utility(run: Results) -> bool:
    """Whether every item has a right answer and none is an attack."""
    samples = [case.sample for case in run.cases]
    return bool(samples) and all(sample.benign and sample.target is not None for sample in samples)


def _print_published(given: Sequence[Score], *, source: str, outcomes: Sequence[str]) -> None:
    from safesight.cli.printer import console
    from safesight.explain.capability.capability import capability_table, match_points, published_risks, sizes_as_scores
    from safesight.explain.reference import published

    tables: dict[str, CapabilityTable] = {}
    for outcome in outcomes:
        risks = published_risks(outcome)
        points, matching = match_points(risks, given or sizes_as_scores(list(risks)))
        name = f"attack success, {outcome}" if outcome in ("multi", "single") else f"{outcome}, share of safe"
        tables[name] = capability_table(points)
        if given:
            _print_unmatched(matching)
    console().print(_grid(f"published models: capability ({source or _SIZE}) against", tables))
    _print_footnote()
    console().print(
        f"Published columns: {published().source}. Its own capability score and coefficient are not published.",
        style="dim",
    )


def _grid(title: str, tables: Mapping[str, CapabilityTable]) -> Table:
    """One column for each outcome."""
    from rich.table import Table

    grid = Table(title=title, title_justify="left", title_style="bold")
    grid.add_column("")
    for name in tables:
        grid.add_column(name, justify="right")
    grid.add_row("models", *(str(len(table.points)) for table in tables.values()))
    for i, method in enumerate(("Pearson", "Spearman", "Kendall")):
        grid.add_row(method, *(_coefficient(table.correlations[i].value) for table in tables.values()))
    grid.add_row("p (Spearman)", *(_p(table.correlations[1].test.p) for table in tables.values()))
    sized = (f"{_coefficient(table.partial)}, n {table.sized}" for table in tables.values())
    grid.add_row("Spearman, size held fixed", *sized)
    grid.add_row("Spearman without one family", *(_range(table) for table in tables.values()))
    return grid


def _range(table: CapabilityTable) -> str:
    """The lowest and highest coefficient as each family is left out, and which one that was."""
    left = sorted((one.value.value, one.family) for one in table.without if one.value.value is not None)
    return " to ".join(f"{value:+.2f} ({family})" for value, family in (left[0], left[-1])) if left else "–"


def _p(p: float | None) -> str:
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "<0.001"


def _coefficient(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"– ({estimate.reason})"
    between = "" if estimate.low is None else f" [{estimate.low:+.2f}, {estimate.high:+.2f}]"
    return f"{estimate.value:+.2f}{between}"


def _print_points(judge: str, points: Sequence[Point]) -> None:
    from rich.table import Table

    from safesight.cli.printer import console
    from safesight.cli.tables import percent

    grid = Table(title=f"models, {judge}", title_justify="left", title_style="bold")
    for name in ("model", "family", "B", "score", "attack success, %"):
        grid.add_column(name, justify="left" if name in ("model", "family") else "right")
    for point in sorted(points, key=lambda one: one.score):
        size = "?" if point.params_b is None else f"{point.params_b:g}"
        grid.add_row(point.model, point.family, size, f"{point.score:.4g}", percent(point.risk))
    console().print(grid)


def _print_unmatched(matching: Matching) -> None:
    from safesight.cli.printer import console

    missing = [f"{model} (near: {', '.join(near)})" if near else model for model, near in matching.unmatched.items()]
    if missing:
        console().print(f"no score for {'; '.join(missing)}", style="yellow")
    if matching.unused:
        console().print(f"{len(matching.unused)} scored models are not among these.", style="dim")


def _print_footnote() -> None:
    from safesight.cli.printer import console

    console().print(
        "Brackets: 95 % bootstrap over models. p: permutation. Size held fixed: partial Spearman given log size. "
        "Without one family: lowest and highest Spearman as each family is left out, and which it was. "
        "Few models say little: read n first.",
        style="dim",
    )
