"""`safesight compare`: paired differences between runs, with tests; before/after tables for guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli.group import Format
from safesight.core.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from safesight.analysis.compare import Comparison, Difference
    from safesight.analysis.stats import Estimate
    from safesight.cli.gate import Gated
    from safesight.runner.gold import Correction


def register(app: typer.Typer) -> None:
    """Add `compare`."""
    app.command("compare")(compare)


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Two or more run files; the first is what others are set against.")
    ],
    judge: Annotated[list[str] | None, typer.Option(help="Compare under these judges; default: all shared.")] = None,
    pair_by: Annotated[str, typer.Option(help="auto, key (same samples) or item (same item, other arm).")] = "auto",
    groups: Annotated[bool, typer.Option("--groups", help="Also each relation, scenario or dimension.")] = False,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 1 when this holds: 'asr > +0.02', 'over_refusal > 0.1'; repeat.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write what --fail-on said as JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write rules and table as Markdown, for a review.")] = None,
    form: Format = "table",
) -> None:
    """Paired differences with tests; before/after tables; a gate for changes (--fail-on)."""
    from safesight.analysis.gate import check, read_rule
    from safesight.cli.gate import Gated, status, write_junit, write_summary

    if len(runs) < 2:
        raise ConfigError(f"expected at least two run files to compare, got {len(runs)}.")
    rules = [read_rule(text) for text in fail_on or ()]
    if junit is not None and not rules:
        raise ConfigError("--junit: expected a rule to report on; name one with --fail-on 'asr > +0.02'.")
    gated: list[Gated] = []
    for after in runs[1:]:
        compared = print_comparison(runs[0], after, judges=judge, pair_by=pair_by, groups=groups)
        gated += [
            Gated(judge=name, found=found, results=tuple(check(rules, found))) for name, found in compared.items()
        ]
    for one in gated:
        _print_gate(one)
    if junit is not None:
        write_junit(gated, junit)
    if summary is not None:
        write_summary(gated, summary, shown=_row)
    raise typer.Exit(status(gated))


def _print_gate(one: Gated) -> None:
    from safesight.cli.printer import console

    styles = {"passed": "green", "failed": "bold red", "unknown": "bold yellow"}
    for result in one.results:
        console().print(
            f"{result.held}: {result.reason} ({one.title})",
            style=styles[result.held],
            soft_wrap=True,
        )


def print_comparison(
    before: Path, after: Path, *, judges: Sequence[str] | None = None, pair_by: str = "auto", groups: bool = False
) -> dict[str, Comparison]:
    """Print the paired table of two runs under every judge they share; return the comparisons."""
    from safesight.cli.printer import console
    from safesight.runner.paired import compare_runs
    from safesight.runner.results import Results

    first, second = Results(before), Results(after)
    known = [{one.judge: one for one in run.corrections} for run in (first, second)]
    compared = compare_runs(first, second, judges=judges, pair_by=pair_by)
    if compared:
        console().print(_grid(compared, groups=groups))
    for judge, found in compared.items():
        if all(judge in side for side in known) and not any(judge in run.silenced for run in (first, second)):
            console().print(_corrected(judge, *(side[judge] for side in known)))
        if found.self_graded:
            console().print(f"{judge} is also the guard (self-graded): weigh the other judges.", style="yellow")
    for words in dict.fromkeys(note for found in compared.values() for note in (_paired(found), *found.notes)):
        console().print(words, style="dim")
    return compared


def _paired(found: Comparison) -> str:
    lost = found.unpaired_before + found.unpaired_after
    return f"{found.pairs} pairs (by {found.paired_by})" + (f"; {lost} samples without a partner" if lost else "")


def _corrected(judge: str, before: Correction, after: Correction) -> str:
    """Attack success behind the judge's errors, of all judged answers of each run."""
    sides = ["–" if one.rate.value is None else _share(one.rate) for one in (before, after)]
    return f"{judge}: attack success corrected for its errors ({before.quality.source}): {sides[0]} → {sides[1]}"


def _share(rate: Estimate) -> str:
    bounds = "" if rate.low is None or rate.high is None else f" [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
    return f"{100 * (rate.value or 0.0):.1f} %{bounds}"


def _grid(compared: Mapping[str, Comparison], *, groups: bool) -> Table:
    """What depends on the judge by judge, then what does not, then the groups."""
    from rich.table import Table

    from safesight.analysis.compare import BY_JUDGE

    (judge, first), *others = compared.items()
    title = f"{first.before} → {first.after}" + ("" if others else f", judged by {judge}")
    grid = Table(title=title, title_justify="left", title_style="bold")
    lost = any(row.lost for found in compared.values() for row in (*found.overall, *found.groups))
    heads = ["pairs", "before", "after", "change [95 %]", "p"]
    heads += [*(["p (Holm)"] if groups else []), *(["lost pairs"] if lost else [])]
    grid.add_column("paired measure")
    for name in heads:
        grid.add_column(name, justify="right")

    def add(rows: Sequence[Difference], judge: str = "") -> None:
        grid.add_section()
        for name, *cells, holm, reasons in map(_row, rows):
            more = [*([holm] if groups else []), *([reasons] if lost else [])]
            grid.add_row(f"{name}, judged by {judge}" if others and judge else name, *cells, *more)

    for judge, found in compared.items():
        add([row for row in found.overall if row.metric in BY_JUDGE], judge)
    add([row for row in first.overall if row.metric not in BY_JUDGE])
    for judge, found in compared.items():
        add(found.groups if groups else (), judge)
    return grid


def _row(row: Difference) -> tuple[str, ...]:
    change = "–" if row.delta.value is None else _value(row.metric, row.delta.value, sign="+")
    if row.delta.low is not None and row.delta.high is not None:
        change += f" [{_value(row.metric, row.delta.low, sign='+')}, {_value(row.metric, row.delta.high, sign='+')}]"
    return (
        row.group or row.metric.replace("_", " "),
        str(row.n),
        "–" if row.before is None else _value(row.metric, row.before),
        "–" if row.after is None else _value(row.metric, row.after),
        change,
        _p(row.cluster_test.p),
        _p(row.p_holm) if row.group else "",
        ", ".join(f"{count} {reason}" for reason, count in row.lost.items()),
    )


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else "<0.001"


def _value(metric: str, value: float, *, sign: str = "") -> str:
    """Shares as percentages, times in milliseconds, counts with one decimal."""
    if metric in ("latency_ms", "ttft_ms"):
        return f"{value:{sign}.0f} ms"
    return f"{value:{sign}.1f}" if metric == "completion_tokens" else f"{100 * value:{sign}.1f} %"
