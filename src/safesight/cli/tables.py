"""Prints a run's rates: one row a group, one column a judge, with n, intervals and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from safesight.analysis.figures import figure_interval
from safesight.analysis.outcomes import EXACT
from safesight.analysis.rates import Rate, RateTable, Refusals
from safesight.analysis.stats import Estimate
from safesight.cli.disagreements import disagreements
from safesight.cli.exact import outcomes_of, print_outcomes
from safesight.cli.printer import Printer, console
from safesight.core.protocols import Metric
from safesight.explain.capability.scores import accuracy
from safesight.runner.gold import Correction
from safesight.runner.results import Results


def percent(value: float | None) -> str:
    """A share as a percentage, or a dash where it is not defined."""
    return "–" if value is None else f"{100 * value:.1f}"


def interval(estimate: Estimate) -> str:
    """A 95 % interval in brackets, or nothing."""
    return "" if estimate.low is None else f" [{percent(estimate.low)}, {percent(estimate.high)}]"


def print_results(results: Results) -> None:
    """Print every table of a run: attack success per group and overall, over-refusal, own metrics, caveats."""
    manifest, benchmark = results.manifest, results.benchmark
    out = console()
    title = f"{manifest.benchmark} {manifest.arm} · {manifest.model} · defence {manifest.defence}".replace("  ", " ")
    exact = outcomes_of(results)
    if exact:
        print_outcomes(exact, title=title, out=out)
    # What a rule decided needs no second table; judges that were asked besides have theirs.
    tables = [table for judge, table in results.tables.items() if not exact or judge != EXACT]
    if tables:
        _print_rates(title, tables, results, out)
    for table in tables:
        _print_footnotes(table)
    for name, refused in results.notes.items():
        who = name.removeprefix("settings_left_out:")
        if who != name:
            out.print(f"{who}: settings its provider refused, not sent: {refused}", style="yellow")
    right = accuracy(results.cases)
    if right.n:
        out.print(
            f"accuracy over {right.n} answers with a target, %: {percent(right.value)}{interval(right)}",
        )
    if benchmark is not None:
        own = {table.judge: results.metrics(table.judge) for table in tables}
        if any(own.values()):
            out.print(_own_figures(benchmark.name, own))
        if benchmark.caveat:
            out.print(f"Note: {benchmark.caveat}", style="dim")


def _print_rates(title: str, tables: Sequence[RateTable], results: Results, out: Printer) -> None:
    known = [one for one in results.corrections if any(one.judge == table.judge for table in tables)]
    out.print(_rates(title, tables, results.paper_count))
    if known:
        out.print(_corrected(results, known))
    for line in disagreements(results, [table.judge for table in tables]):
        out.print(line, style="yellow")
    benchmark = results.benchmark
    if benchmark is not None and not benchmark.paper_count:
        out.print(f'No row "as the paper counts": {benchmark.name} has no such count.', style="dim")


def _own_figures(name: str, own: Mapping[str, Sequence[Metric]]) -> Table:
    """A benchmark's own figures, one column a judge; what is said of a figure stands once where judges share it."""
    grid = Table(title=f"{name}'s own figures", title_justify="left", title_style="bold", header_style="bold")
    grid.add_column("figure")
    for judge in own:
        grid.add_column(judge or "not judged", justify="right")
    grid.add_column("note")
    found = {judge: {(m.name, m.group): m for m in metrics} for judge, metrics in own.items()}
    for key in dict.fromkeys(key for metrics in found.values() for key in metrics):
        row = [metrics.get(key) for metrics in found.values()]
        notes = dict.fromkeys(m.note for m in row if m is not None and m.note)
        grid.add_row(" · ".join(key), *map(_own_cell, row), "; ".join(notes))
    return grid


def _own_cell(metric: Metric | None) -> str:
    if metric is None:
        return "–"
    if metric.value is None:
        return f"not defined (n {metric.n})"
    found = figure_interval(metric)
    bounds = "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{metric.value:.4f}{bounds} (n {metric.n})"


def _rates(title: str, tables: Sequence[RateTable], paper_count: str) -> Table:
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    grid.add_column("attack success, % of judged")
    grid.add_column("n", justify="right")
    for table in tables:
        grid.add_column(
            f"{table.judge or 'not judged'}{' (self-graded)' if table.self_graded else ''}", justify="right"
        )
    for i, row in enumerate(tables[0].groups):
        grid.add_row(row.name, str(row.n), *(_cell(table.groups[i]) for table in tables))
    grid.add_section()
    if not tables[0].stratified:
        _add(grid, "all, micro", tables, lambda t: t.overall)
    grid.add_row("all, macro", "", *(percent(t.macro.asr) + interval(t.macro.interval) for t in tables))
    counted = [t.as_the_paper_counts(paper_count) for t in tables]
    if any(value is not None for value in counted):
        grid.add_row("all, as the paper counts", "", *map(percent, counted))
    if tables[0].benign is not None:
        grid.add_section()
        _add(grid, "benign cases", tables, lambda t: t.benign)
    grid.add_section()
    _add_refusals(grid, "refused, unsafe cases", tables[0].refusals, len(tables))
    if tables[0].over_refusal is not None:
        _add_refusals(grid, "over-refusal, benign cases", tables[0].over_refusal, len(tables))
    return grid


def _cell(rate: Rate) -> str:
    return percent(rate.asr) + interval(rate.interval)


def _add(grid: Table, name: str, tables: Sequence[RateTable], pick: Callable[[RateTable], Rate | None]) -> None:
    rates = [rate for table in tables if (rate := pick(table)) is not None]
    grid.add_row(name, str(rates[0].n), *map(_cell, rates))


def _corrected(results: Results, known: Sequence[Correction]) -> Table:
    """What each judge's errors against people make of its rate."""
    grid = Table(title="corrected for the judges' errors", title_justify="left", title_style="bold")
    grid.add_column("judge, %")
    for name in ("raw", "corrected", "finds of unsafe", "calls safe of safe"):
        grid.add_column(name, justify="right")
    grid.add_column("against")
    for one in known:
        raw, quality = results.tables[one.judge].headline, one.quality
        blind = "–" if quality.carries_a_rate else "– (finds too few)"
        grid.add_row(
            one.judge,
            percent(raw.value) + interval(raw) if quality.carries_a_rate else blind,
            percent(one.rate.value) + interval(one.rate) if quality.carries_a_rate else "–",
            f"{percent(quality.sensitivity.value)}{interval(quality.sensitivity)} of {quality.sensitivity.n}",
            f"{percent(quality.specificity.value)}{interval(quality.specificity)} of {quality.specificity.n}",
            quality.source + (f"; {quality.left_out} not told" if quality.left_out else ""),
        )
    return grid


def _add_refusals(grid: Table, name: str, refusals: Refusals, columns: int) -> None:
    grid.add_row(name, str(refusals.n), percent(refusals.rate) + interval(refusals.interval), *[""] * (columns - 1))


def _print_footnotes(table: RateTable) -> None:
    rates = [table.overall, *([table.benign] if table.benign else [])]
    for rate in rates:
        left = ", ".join(f"{count} {reason}" for reason, count in rate.left_out.items())
        if left:
            console().print(f"{table.judge or 'no judge'}: left out of {rate.name}: {left} of {rate.n}")
    if table.trimmed:
        console().print(
            f"{table.judge}: {table.trimmed} answers were trimmed to the judge's window; their ends were not judged",
        )
    for note in table.notes:
        console().print(f"{table.judge or 'no judge'}: {note}")
    if table.self_graded:
        console().print(
            f"{table.judge} is also this run's guard: who defends must not keep the score. Add another --judge.",
            style="yellow",
        )
