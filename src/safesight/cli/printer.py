"""Where commands print: tables and notes, in the form the user asked for (`--format`) and the width there is.

Invariants: a table that is too wide goes on below with its first column repeated, and is never cut inside a word that
fits; with `markdown`, `latex` or `json`, standard output carries nothing else: what happens meanwhile goes to standard
error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TextIO

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

from safesight.core.errors import UnknownName

FORMATS: Final = ("table", "plain", "markdown", "latex", "json")
_WIDTH: Final = 120
"""Of standard output that is no terminal and has no COLUMNS."""
_TOGETHER: Final = re.compile(r"\[[^\]]{0,24}\]|[+-]?[\d.]+ (?:%|ms)|\S+")
_FRAME: Final = 3
"""What each column adds to its words: a space on either side and a rule."""


class Printer:
    """Standard output in one of `FORMATS`."""

    def __init__(self, form: str = "table", *, stream: TextIO | None = None) -> None:
        """Print to `stream`, or to standard output as it is at the time.

        Raises:
            UnknownName: `form` is none of `FORMATS`.
        """
        if form not in FORMATS:
            raise UnknownName("format", form, FORMATS)
        self.form = form
        # What is printed are others' words: their brackets are no markup, in cells either.
        self.rich = Console(file=stream, markup=False)
        if not self.rich.is_terminal and not os.environ.get("COLUMNS", "").isdecimal():
            self.rich = Console(file=stream, width=_WIDTH, markup=False)
        self._stream = stream
        self._tables: list[dict[str, object]] = []
        self._notes: list[str] = []

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks on."""
        return self.rich.is_terminal

    def print(self, shown: Table | str, *, style: str = "", soft_wrap: bool = False) -> None:
        """Print a table or a note; a note's brackets are its own, no markup."""
        if isinstance(shown, Table):
            self._table(shown)
        elif self.form == "table":
            self.rich.print(shown, style=style or None, highlight=False, markup=False, soft_wrap=soft_wrap)
        elif self.form == "json":
            self._notes.append(shown)
        else:
            self._write("\n".join(f"% {line}" for line in shown.splitlines()) if self.form == "latex" else shown)

    def close(self) -> None:
        """Print what is printed as a whole (`json`)."""
        if self.form == "json" and (self._tables or self._notes):
            whole = msgspec.json.encode({"tables": self._tables, "notes": self._notes})
            self._write(msgspec.json.format(whole, indent=2).decode())
            self._tables, self._notes = [], []

    def _write(self, text: str) -> None:
        print(text, file=self._stream)

    def _table(self, table: Table) -> None:
        if self.form == "table":
            needs = Measurement.get(self.rich, self.rich.options.update(max_width=10_000), table).maximum
            for part in [table] if needs <= self.rich.width else parts(table, self.rich.width):
                self.rich.print(part)
        elif self.form == "plain":
            self._write(plain(table))
        elif self.form == "json":
            heads, rows = _text(table)
            named = [dict(zip(_distinct(heads), row, strict=True)) for row in rows]
            self._tables.append({"title": str(table.title or ""), "rows": named})
        else:
            from safesight.reports.export import FORMATS as WRITERS
            from safesight.reports.parts import Grid

            heads, rows = _text(table)
            grid = Grid(title=str(table.title or ""), columns=tuple(heads), rows=tuple(map(tuple, rows)))
            self._write(WRITERS[self.form](grid) + "\n")


_chosen: list[Printer] = []


def choose(form: str) -> Callable[[], None]:
    """Print in `form` from now on, until the function that is returned is called, which completes what was printed.

    Raises:
        UnknownName: `form` is none of `FORMATS`.
    """
    before = sys.stdout
    printer = Printer(form, stream=before if form != "table" else None)
    _chosen.append(printer)
    if form in ("markdown", "latex", "json"):
        sys.stdout = sys.stderr

    def end() -> None:
        sys.stdout = before
        _chosen.remove(printer)
        printer.close()

    return end


def console() -> Printer:
    """Where to print now."""
    return _chosen[-1] if _chosen else _default()


@cache
def _default() -> Printer:
    return Printer()


def parts(table: Table, width: int) -> list[Table]:
    """The table, or tables of as many of its columns as fit in `width`, each after the first column."""
    first, *others = table.columns
    room = width - 1 - _least(first) - _FRAME
    found: list[list[Column]] = [[]]
    left = room
    for column in others:
        need = _least(column) + _FRAME
        if need > left and found[-1]:
            found.append([])
            left = room
        found[-1].append(column)
        left -= need
    return [_with(table, [first, *columns], width, again=i > 0) for i, columns in enumerate(found)]


def _least(column: Column) -> int:
    """Width of what stands together in a column: a word, a number with its unit, an interval."""
    return max((cell_len(word) for cell in _cells(column) for word in _TOGETHER.findall(cell)), default=0)


def _most(column: Column) -> int:
    return max(map(cell_len, _cells(column)))


def _cells(column: Column) -> list[str]:
    return [str(column.header), *map(str, column.cells)]


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Each column's least width, and what is left of `width` shared by those that want more."""
    widths, wanted = list(map(_least, columns)), list(map(_most, columns))
    left = width - 1 - sum(found + _FRAME for found in widths)
    while left > 0 and (short := [i for i in range(len(columns)) if widths[i] < wanted[i]]):
        for i in short[:left]:
            widths[i] += 1
        left -= len(short[:left])
    return widths


def _with(table: Table, columns: Sequence[Column], width: int, *, again: bool) -> Table:
    title = f"{table.title} (continued)" if again and table.title else table.title
    part = Table(title=title, title_justify=table.title_justify, title_style=table.title_style)
    part.header_style, part.show_header, part.box = table.header_style, table.show_header, table.box
    widths = _widths(columns, width)
    for column, wide in zip(columns, widths, strict=True):
        part.add_column(column.header, justify=column.justify, width=wide)
    ends = {i for i, row in enumerate(table.rows) if row.end_section}
    for i, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        # Half an interval on a line reads worse than a number over its interval.
        shown = [
            str(cell).replace(" [", "\n[") if cell_len(str(cell)) > wide else cell
            for cell, wide in zip(row, widths, strict=True)
        ]
        part.add_row(*shown, end_section=i in ends)
    return part


def plain(table: Table) -> str:
    """A title and columns apart by two spaces, without rules, colours or breaks: for `grep` and a log."""
    heads, rows = _text(table)
    widths = [max(cell_len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    left = [column.justify != "right" for column in table.columns]
    lines = [
        "  ".join(_padded(*cell) for cell in zip(row, widths, left, strict=True)).rstrip() for row in (heads, *rows)
    ]
    return "\n".join([*([str(table.title)] if table.title else []), *lines, ""])


def _padded(text: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text


def _text(table: Table) -> tuple[list[str], list[list[str]]]:
    heads = [str(column.header) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    return heads, [[" ".join(str(cell).split()) for cell in row] for row in rows]


def _distinct(heads: Sequence[str]) -> list[str]:
    """Names for a row's fields: a heading that is empty or comes twice gets its place."""
    return [head if head and heads.count(head) == 1 else f"{head} {i + 1}".strip() for i, head in enumerate(heads)]
