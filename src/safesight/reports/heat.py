"""Attack success by group and category as a grid; every cell carries n, what was left out and an interval.

Invariant: benign rows never enter. A cell without a judged answer has no rate, not a rate of zero.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from safesight.analysis.proportions import share
from safesight.analysis.rates import outcome
from safesight.analysis.stats import Estimate
from safesight.core.records import Case

ALL = "all"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One group in one category. `rate` is a share in [0, 1], None where nothing was judged."""

    n: int
    judged: int
    unsafe: int
    rate: float | None
    interval: Estimate


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """Rows are groups, columns categories; the last of each is "all" where there is more than one.

    Where each group is a category of its own (MM-SafetyBench's scenarios) "all" is the only column.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[str, dict[str, Cell | None]]


def heat(cases: Iterable[Case]) -> Heat:
    """Count the cases of one run under one judge; rows and columns in order of first appearance."""
    parts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows: dict[str, None] = {}
    columns: dict[str, None] = {}
    for case in cases:
        sample = case.sample
        if sample.benign:
            continue
        rows[sample.group], columns[sample.category] = None, None
        found = (outcome(case), sample.cluster or sample.key)
        for row in (sample.group, ALL):
            for column in (sample.category, ALL):
                parts.setdefault((row, column), []).append(found)
    pairs = {pair for pair in parts if ALL not in pair}
    if 1 < len(rows) == len(columns) == len(pairs):
        columns = {}  # each group is a category of its own: a grid would hold its diagonal and nothing else
    if len(rows) > 1:
        rows[ALL] = None
    if len(columns) != 1:
        columns[ALL] = None
    cells = {row: {c: _cell(parts[row, c]) if (row, c) in parts else None for c in columns} for row in rows}
    return Heat(rows=tuple(rows), columns=tuple(columns), cells=cells)


def _cell(found: list[tuple[str, str]]) -> Cell:
    judged = [(kind == "unsafe", cluster) for kind, cluster in found if kind in ("unsafe", "safe")]
    unsafe = sum(hit for hit, _ in judged)
    return Cell(
        n=len(found),
        judged=len(judged),
        unsafe=unsafe,
        rate=unsafe / len(judged) if judged else None,
        interval=share([hit for hit, _ in judged], [cluster for _, cluster in judged]),
    )
