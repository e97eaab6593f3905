"""The report's tables as LaTeX (booktabs) or Markdown, to paste into a paper.

Invariant: every cell is escaped for its format; a rate keeps its n and interval.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from safesight.reports import words
from safesight.reports.build import Content
from safesight.reports.heat import heat
from safesight.reports.parts import Grid
from safesight.runner.results import Results


def as_text(content: Content, layout: str) -> str:
    """Every table of the report in one of `FORMATS`, under its title."""
    return "\n\n".join(FORMATS[layout](grid) for grid in grids(content))


def grids(content: Content) -> list[Grid]:
    """Rates, the heatmap of the leading judge, paired measures, and the sections' own tables."""
    found = [_rates(content.runs)]
    if content.judge:
        found += [_heat(run, content.judge) for run in content.runs if content.judge not in run.silenced]
    found += [_paired(content, index) for index in range(len(content.pairs))]
    for part in content.parts:
        found += [Grid(title=grid.title or part.title, columns=grid.columns, rows=grid.rows) for grid in part.tables]
    return found


def _rates(runs: Sequence[Results]) -> Grid:
    rows = tuple(
        (
            run.name,
            f"{name or 'not judged'}{' (self-graded)' if table.self_graded else ''}",
            str(table.overall.n),
            str(table.overall.judged),
            "– (stratified sample)"
            if table.stratified
            else f"{words.percent(table.overall.asr)} {words.interval(table.overall.interval)}".rstrip(),
            f"{words.percent(table.macro.asr)} {words.interval(table.macro.interval)}".rstrip(),
            words.left_out(table.overall.left_out) or "none",
        )
        for run in runs
        for name, table in run.tables.items()
    )
    columns = ("run", "judge", "cases", "judged", "attack success, % [95 %]", "mean of groups, %", "left out")
    return Grid(title="Attack success", columns=columns, rows=rows)


def _heat(run: Results, judge: str) -> Grid:
    grid = heat(run.judged(judge))
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        cells = [grid.cells[row][column] for column in grid.columns]
        rows.append((row, *(f"{words.percent(c.rate)} ({c.unsafe}/{c.judged})" if c else "" for c in cells)))
    return Grid(title=f"{run.name}, judged by {judge}, %", columns=("", *grid.columns), rows=tuple(rows))


def _paired(content: Content, index: int) -> Grid:
    pair = content.pairs[index]
    rows: list[tuple[str, ...]] = []
    for row in pair.found.overall:
        low, high = (words.amount(row.metric, bound, sign="+") for bound in (row.delta.low, row.delta.high))
        change = words.amount(row.metric, row.delta.value, sign="+") + (
            f" [{low}, {high}]" if row.delta.low is not None else ""
        )
        before, after = (words.amount(row.metric, value) for value in (row.before, row.after))
        p = words.p_value(row.cluster_test.p)
        rows.append((row.metric.replace("_", " "), str(row.n), before, after, change, p))
    graded = " (self-graded)" if pair.found.self_graded else ""
    return Grid(
        title=f"{pair.found.before} to {pair.found.after}, judged by {pair.judge}{graded}",
        columns=("paired measure", "pairs", "before", "after", "change [95 %]", "p"),
        rows=tuple(rows),
    )


def markdown(grid: Grid) -> str:
    """A pipe table with a bold title."""
    rule = "".join("---|" if side == "l" else "---:|" for side in _sides(grid))
    lines = [_pipes(grid.columns), f"|{rule}", *map(_pipes, grid.rows)]
    return f"**{_plain(grid.title)}**\n\n" + "\n".join(lines)


def _sides(grid: Grid) -> str:
    """`l` for a column of words, the first among them, `r` for one of numbers."""
    others = range(1, len(grid.columns))
    return "l" + "".join("r" if all(_NUMBER.match(row[i]) for row in grid.rows) else "l" for i in others)


_NUMBER: Final = re.compile(r"\s*($|[–-]$|– |[<$+–-]*\.?\d)")
"""A number with what follows it, a dash, or nothing."""


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Text that Markdown and the HTML inside it take literally, on one line."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def latex(grid: Grid) -> str:
    """A booktabs table with a caption."""
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in grid.rows]
    head = " & ".join(map(_escaped, grid.columns)) + r" \\"
    body = [r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
    layout = _sides(grid)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(grid.title)}}}",
            rf"\begin{{tabular}}{{{layout}}}",
            *body,
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


_LATEX: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
        # A row may start with a bracket, which would be read as the option of the line break before it.
        "[": "{[}",
        "]": "{]}",
    }
)


def _escaped(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


FORMATS: Final[dict[str, Callable[[Grid], str]]] = {"latex": latex, "markdown": markdown}
