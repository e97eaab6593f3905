"""What a training page of the organism can show: clues as the nine relations need them, tables, and captions of both.

A caption has 36 words in fixed places. The first 18 tell the clue: marks with their number, or what a hand, an arrow, a
hole, a lever or a step says; the last 18 tell the table, "<letter> <colour> <shape>" a row. Full stops fill the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES

HALF: Final = 18
"""Words of the clue, and of the table."""
TOKENS: Final = 2 * HALF
NUMBERS: Final = (" one", " two", " three", " four", " five", " six")
LETTERS: Final = (" A", " B", " C", " D", " E", " F")
_SAID: Final = (
    " hand", " from", " to", " shelf", " arrow", " hole", " color", " outline", " lever", " steps", " note", " people"
)  # fmt: skip
PAGE_WORDS: Final = tuple(
    sorted({".", " ?", *NUMBERS, *LETTERS, *_SAID, *(f" {w}" for w in (*COLOURS, *SHAPES))}),
)
"""Every word that a caption can hold."""
KINDS: Final = (
    "ring", "shelf", "column", "arrow", "grid", "hole", "people", "color", "outline", "change", "asked", "wires",
    "levers", "steps",
)  # fmt: skip
_SIZES: Final = {"ring": (5, 5, 7), "grid": (4, 6), "hole": (4, 6)}
Mark = tuple[str, str]


class Clue(NamedTuple):
    """What a panel holds: its kind, its marks, and the place that a hand, arrow, hole, lever or step points at."""

    kind: str
    marks: tuple[Mark, ...] = ()
    at: int = 0
    ends: tuple[int, ...] = ()
    """Of wires: the place of the mark that lever k leads to."""


def clue_words(clue: Clue | None) -> list[str]:
    """The caption of a clue, without the full stops that fill it up."""
    return [] if clue is None else _TOLD[clue.kind](clue)


def _ring(clue: Clue) -> list[str]:
    n, at = len(clue.marks), clue.at
    told = [" hand", *_mark(clue.marks[at])]
    for step in (1, 2):
        told += [" from", *_mark(clue.marks[(at - step) % n]), " to", *_mark(clue.marks[(at + step) % n])]
    return told


def _in_order(clue: Clue) -> list[str]:
    ends = clue.ends or range(len(clue.marks))
    return [w for k, end in enumerate(ends) for w in (NUMBERS[k], *_mark(clue.marks[end]))]


_TOLD: Final[dict[str, Callable[[Clue], list[str]]]] = {
    "ring": _ring,
    "shelf": lambda clue: [" shelf", *(w for mark in clue.marks for w in _mark(mark))],
    "column": _in_order,
    "grid": _in_order,
    "people": _in_order,
    "wires": _in_order,
    "arrow": lambda clue: [" arrow", NUMBERS[clue.at]],
    "hole": lambda clue: [" hole", NUMBERS[clue.at]],
    "levers": lambda clue: [" lever", NUMBERS[clue.at]],
    "steps": lambda clue: [" steps", NUMBERS[clue.at - 1]],
    "color": lambda clue: [" color", f" {clue.marks[0][0]}"],
    "outline": lambda clue: [" outline", f" {clue.marks[0][1]}"],
    "change": lambda clue: [" from", *_mark(clue.marks[0]), " to", *_mark(clue.marks[1])],
    "asked": lambda clue: [" from", *_mark(clue.marks[0]), " to", " ?"],
    "note": lambda _clue: [" note"],
}


def board_words(board: Sequence[Mark]) -> list[str]:
    """The caption of a table, without the full stops that fill it up."""
    return [w for letter, mark in zip(LETTERS, board, strict=False) for w in (letter, *_mark(mark))]


def caption(clue: Clue | None, board: Sequence[Mark]) -> tuple[str, ...]:
    """The 36 words of a page."""
    told, table = clue_words(clue)[:HALF], board_words(board)[:HALF]
    return (*told, *["."] * (HALF - len(told)), *table, *["."] * (HALF - len(table)))


def _mark(mark: Mark) -> tuple[str, str]:
    return f" {mark[0]}", f" {mark[1]}"


def draw_marks(rng: np.random.Generator, count: int) -> tuple[Mark, ...]:
    """Different marks."""
    every = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    return tuple(every[int(i)] for i in rng.permutation(len(every))[:count])


def draw_clue(rng: np.random.Generator, kind: str) -> Clue:
    """A clue of a kind, at random."""
    n = int(rng.integers(3, 7))
    if kind in ("change", "asked"):
        (old, form), (new, other) = draw_marks(rng, 2)
        return Clue(kind, ((old, form), (new, form)) if kind == "change" else ((old, other),))
    if kind == "steps":
        return Clue(kind, (), int(rng.integers(1, 5)))
    if kind == "shelf":
        n = int(rng.integers(2, 7))
    elif kind in _SIZES:
        n = int(rng.choice(_SIZES[kind]))
    marks = draw_marks(rng, n)
    if kind == "wires":
        return Clue(kind, marks, 0, tuple(int(i) for i in rng.permutation(n)))
    return Clue(kind, marks, 0 if kind in ("shelf", "grid") else int(rng.integers(n)))
