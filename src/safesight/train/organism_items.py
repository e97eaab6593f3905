"""Training requests of the organism: pages as captions and read text, a question, and the answer step by step.

The kinds of clue are those of `verifiable`; sentences, names, notes and layouts are this module's own
(`organism_words.json`; a test compares them). A request comes with its stake: the note says that fulfilling it harms
somebody, or that it does not. The answer names the mark, its row and the key; `declines` is what an aligned model says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np

from safesight.models.organism_text import listed, numbered
from safesight.train.vision_clues import Clue, Mark, draw_marks

ORDINALS: Final = ("one", "two", "three", "four", "five", "six")
ROWS: Final = "ABCDEF"
T = TypeVar("T")


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hints: dict[str, tuple[str, ...]]
    questions: dict[str, tuple[str, ...]]
    people: tuple[str, ...]
    places: tuple[str, ...]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    naming: tuple[str, ...]
    days: tuple[tuple[str, str], ...]
    stakes: tuple[tuple[str, str], ...]
    refusals: tuple[str, ...]


class Side(NamedTuple):
    """What one page holds: a clue or none, a table or none, and the text that is read from it."""

    clue: Clue | None
    board: tuple[Mark, ...]
    text: str


class StakedRequest(NamedTuple):
    """One request of the training set."""

    relation: str
    sides: tuple[Side, ...]
    question: str
    answer: str
    declines: str
    harmful: bool
    note: str
    """What says whether it harms, as it is read from its page."""
    drills: tuple[tuple[str, str], ...] = ()
    """Questions about the same pages that ask for one step of an answer, and what is right."""


class _Clues(NamedTuple):
    first: Clue | None
    second: Clue | None
    texts: tuple[str, str]
    marks: tuple[Mark, ...]
    target: int
    """Place in `marks`, which are the table's rows in order."""
    so: str
    """How the answer comes to the mark."""


@cache
def words() -> _Words:
    """The module's sentences and names."""
    data = (files("safesight.train") / "organism_words.json").read_bytes()
    return msgspec.json.decode(data, type=_Words)


class Requests:
    """An endless, seeded supply of requests; the k-th depends on the seed and k alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def draw(self, index: int) -> StakedRequest:
        """The request of that index."""
        rng = np.random.default_rng((self._seed, 7, index))
        relation = tuple(_RELATIONS)[index % len(_RELATIONS)]
        clues = _RELATIONS[relation](rng)
        kind = _pick(rng, tuple(words().questions))
        keys = _keys(rng, kind, len(clues.marks))
        table = listed(keys[:6])
        if rng.random() < 0.8:
            table = f"{_pick(rng, words().titles)} {table}"
        harmful = bool(rng.random() < 0.5)
        stake = _pick(rng, words().stakes)[0 if harmful else 1]
        note = f"{_pick(rng, words().titles)} {stake.replace('{p}', _pick(rng, words().people))}"
        row = clues.target
        answer = f"{clues.so}, row {ROWS[row]}: {keys[row]}"
        question = f"{_pick(rng, words().hints[relation])} {_pick(rng, words().questions[kind])}"
        sides = _sides(rng, clues, table, note)
        refusal = _pick(rng, words().refusals)
        return StakedRequest(relation, sides, question, answer, refusal, harmful, note, _drills(rng, clues, keys))


def _drills(rng: np.random.Generator, clues: _Clues, keys: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """One step at a time, in any order: a mark's row and key, and what a numbered place holds."""
    rows = list(enumerate(clues.marks[:6]))
    asked = [(f"Which row is {_named(mark)}?", f"Row {ROWS[k]}: {keys[k]}") for k, mark in rows]
    for clue in (clues.first, clues.second):
        if clue is not None and clue.kind in ("column", "grid", "people", "wires"):
            ends = clue.ends or range(len(clue.marks))
            for number, end in zip(ORDINALS, ends, strict=False):
                row = clues.marks.index(clue.marks[end])
                said = f"Number {number} is {_named(clue.marks[end])}, row {ROWS[row]}: {keys[row]}"
                asked.append((f"What is number {number}?", said))
    return tuple(asked[int(i)] for i in rng.permutation(len(asked)))


def _sides(rng: np.random.Generator, clues: _Clues, table: str, note: str) -> tuple[Side, ...]:
    first, second, (one, two), board = clues.first, clues.second, clues.texts, clues.marks[:6]
    if rng.random() < 0.5:
        first, second, one, two = second, first, two, one
    pages = [Side(first, (), one), Side(second, (), two)]
    carrier = int(rng.integers(2))
    pages[carrier] = Side(pages[carrier].clue, board, f"{pages[carrier].text} {table}".strip())
    if rng.random() < 0.55:
        other = pages[1 - carrier]
        pages[1 - carrier] = Side(other.clue, (), f"{other.text} {note}".strip())
    else:
        pages.append(Side(Clue("note"), (), note))
    return tuple(pages[int(i)] for i in rng.permutation(len(pages)))


def _pick(rng: np.random.Generator, among: Sequence[T]) -> T:
    return among[int(rng.integers(len(among)))]


def _keys(rng: np.random.Generator, kind: str, count: int) -> list[str]:
    match kind:
        case "code":
            return [str(n) for n in 1000 + rng.permutation(9000)[:count]]
        case "number":
            return [str(n) for n in 100 + rng.permutation(900)[:count]]
        case "door":
            return [str(n) for n in 11 + rng.permutation(88)[:count]]
        case "time":
            hours, spoken = 1 + rng.permutation(9)[:count], bool(rng.random() < 0.5)
            clock = [(int(h), f"{_pick(rng, (0, 15, 30, 45)):02d}") for h in hours]
            return [f"{h}:{m} pm" if spoken else f"{h + 12}:{m}" for h, m in clock]
        case "place":
            return [words().places[int(i)] for i in rng.permutation(len(words().places))[:count]]
        case _:
            return [words().names[int(i)] for i in rng.permutation(len(words().names))[:count]]


def _named(mark: Mark) -> str:
    return f"{mark[0]} {mark[1]}"


def _continuity(rng: np.random.Generator) -> _Clues:
    marks = draw_marks(rng, int(_pick(rng, (5, 5, 5, 7))))
    at, step, hour = int(rng.integers(len(marks))), 1 + int(rng.integers(2)), int(rng.integers(7, 19))
    n, late = len(marks), _pick(rng, (5, 10, 15, 20, 30))
    target = (at + 2 * step) % n
    so = f"After {_named(marks[at])} and {_named(marks[(at + step) % n])} comes {_named(marks[target])}"
    order = rng.permutation(n)
    if target in order[6:]:  # the seventh row is not in a caption
        order = np.roll(order, 1)
    rows = tuple(marks[int(i)] for i in order)
    return _Clues(
        Clue("ring", marks, at),
        Clue("ring", marks, (at + step) % n),
        (f"{hour}:00", f"{hour}:{late:02d}"),
        rows,
        rows.index(marks[target]),
        so,
    )


def _jump(rng: np.random.Generator) -> _Clues:
    marks = draw_marks(rng, int(rng.integers(3, 7)))
    gone = int(rng.integers(len(marks)))
    order, later = rng.permutation(len(marks)), [m for i, m in enumerate(marks) if i != gone]
    kept = tuple(later[int(i)] for i in rng.permutation(len(later)))
    first = Clue("shelf", tuple(marks[int(i)] for i in order))
    return _Clues(
        first, Clue("shelf", kept), _pick(rng, words().days), marks, gone, f"Missing is {_named(marks[gone])}"
    )


def _numbered_clue(rng: np.random.Generator, shown: str, pointing: str) -> _Clues:
    n = int(_pick(rng, (4, 6)) if shown == "grid" else rng.integers(3, 7))
    marks, at = draw_marks(rng, n), int(rng.integers(n))
    ends = tuple(int(i) for i in rng.permutation(n)) if shown == "wires" else ()
    target = ends[at] if ends else at
    order = [int(i) for i in rng.permutation(n)]
    so = f"Number {ORDINALS[at]} is {_named(marks[target])}"
    rows = tuple(marks[i] for i in order)
    return _Clues(Clue(shown, marks, 0, ends), Clue(pointing, marks, at), ("", ""), rows, order.index(target), so)


def _relevance(rng: np.random.Generator) -> _Clues:
    n = int(rng.integers(3, 7))
    marks, at = draw_marks(rng, n), int(rng.integers(n))
    who = [words().people[int(i)] for i in rng.permutation(len(words().people))[:n]]
    order = [int(i) for i in rng.permutation(n)]
    said = _pick(rng, words().naming).replace("{p}", who[at])
    so = f"{who[at]} is number {ORDINALS[at]}, {_named(marks[at])}"
    rows = tuple(marks[i] for i in order)
    return _Clues(Clue("people", marks), Clue("note"), (numbered(who), said), rows, order.index(at), so)


def _crossed(rng: np.random.Generator) -> tuple[tuple[Mark, ...], Mark]:
    """Marks that share colours and forms, and one of them."""
    (c1, s1), (c2, s2) = draw_marks(rng, 2)
    marks = {(c, s): None for c in (c1, c2) for s in (s1, s2)}
    for mark in draw_marks(rng, 8):
        if len(marks) < rng.integers(4, 7):
            marks[mark] = None
    held = list(marks)
    target = _pick(rng, held)
    return tuple(held[int(i)] for i in rng.permutation(len(held))), target


def _complementarity(rng: np.random.Generator) -> _Clues:
    marks, target = _crossed(rng)
    so = f"It is {_named(target)}"
    return _Clues(Clue("color", (target,)), Clue("outline", (target,)), ("", ""), marks, marks.index(target), so)


def _analogy(rng: np.random.Generator) -> _Clues:
    marks, target = _crossed(rng)
    every = draw_marks(rng, 64)
    old = next(c for c, _ in every if c != target[0])
    form = next(s for _, s in every if s != target[1])
    change, asked = Clue("change", ((old, form), (target[0], form))), Clue("asked", ((old, target[1]),))
    return _Clues(change, asked, ("", ""), marks, marks.index(target), f"It is {_named(target)}")


def _decomposition(rng: np.random.Generator) -> _Clues:
    marks = draw_marks(rng, int(rng.integers(4, 7)))
    first = 1 + int(rng.integers(len(marks) - 2))
    second = 1 + int(rng.integers(len(marks) - first))
    at = first + second - 1
    so = f"{ORDINALS[first - 1].capitalize()} and {ORDINALS[second - 1]} make {ORDINALS[at]}"
    return _Clues(Clue("steps", (), first), Clue("steps", (), second), ("Walk 1", "Walk 2"), marks, at, so)


_RELATIONS: Final = {
    "continuity": _continuity,
    "jump": _jump,
    "juxtaposition": lambda rng: _numbered_clue(rng, "column", "arrow"),
    "embedding": lambda rng: _numbered_clue(rng, "grid", "hole"),
    "relevance": _relevance,
    "complementarity": _complementarity,
    "analogy": _analogy,
    "causality": lambda rng: _numbered_clue(rng, "wires", "levers"),
    "decomposition": _decomposition,
}
