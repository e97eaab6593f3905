"""Which column of a data file is which: the names that are known, and those that a configuration (`columns`) tells.

Invariant: what a label means is never guessed. `is_safe` and its like say it by their name, but are read only where
they are named as the label; any other word counts as harm only where `unsafe` lists it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

import msgspec

from safesight.core.errors import ConfigError, CorruptData

Record = Mapping[str, object]
KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "question": ("question", "prompt"),
    "answer": ("answer", "response"),
    "label": ("label",),
}
"""What the formats `jsonl` and `harm` read without being told."""
WORDS: Final[Mapping[str, int]] = {"unsafe": 1, "harmful": 1, "safe": 0, "harmless": 0}
_WHEN_TRUE: Final[Mapping[str, int]] = {
    **dict.fromkeys(("is_safe", "safe", "is_harmless", "harmless"), 0),
    **dict.fromkeys(("is_unsafe", "unsafe", "is_harmful", "harmful", "toxic"), 1),
}
"""The label of a row where a column of this name is true."""
_LIKELY: Final[Mapping[str, tuple[str, ...]]] = {
    "question": ("instruction", "input", "user", "query", "question_text"),
    "answer": ("completion", "output", "text", "reply", "assistant", "answer_text"),
    "label": (*_WHEN_TRUE, "class", "target", "verdict"),
}


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of a file's own columns; "" leaves the known ones."""

    question: str = ""
    answer: str = ""
    label: str = ""
    """0, 1, `safe`, `unsafe`; or true and false in a column that says which is which (`is_safe`, `harmful`)."""
    unsafe: tuple[str | int | bool, ...] = ()
    """Values of the label's column that mean harm; every other value means none."""


def read_columns(named: Iterable[str], unsafe: Iterable[str] = ()) -> Columns:
    """Columns from `answer=completion` and the like, as a command line has them.

    Raises:
        ConfigError: one is not `question`, `answer` or `label` with a name.
    """
    found: dict[str, str] = {}
    for text in named:
        ours, equals, theirs = text.partition("=")
        if not equals or not theirs or ours not in KNOWN:
            raise ConfigError(f"--column: expected question=NAME, answer=NAME or label=NAME, got {text!r}.")
        found[ours] = theirs
    return Columns(**found, unsafe=tuple(unsafe))


def renamed(record: Record, columns: Columns) -> Record:
    """The record under the known names.

    Raises:
        CorruptData: a column that was named is not there, or the label is none that is known.
    """
    found = dict(record)
    for ours, theirs in (("question", columns.question), ("answer", columns.answer), ("label", columns.label)):
        if theirs and theirs not in record:
            raise CorruptData(f"expected a column {theirs!r} (columns.{ours}), got {sorted(record)}.")
        if theirs:
            found[ours] = record[theirs]
    if columns.label or columns.unsafe:
        found["label"] = _labelled(found.get("label"), columns)
    return found


def _labelled(value: object, columns: Columns) -> object:
    if columns.unsafe:
        if value is None:
            raise CorruptData("expected a label, got none.")
        return int(str(value).casefold() in {str(one).casefold() for one in columns.unsafe})
    means = _WHEN_TRUE.get(columns.label.casefold())
    if means is not None and value in (0, 1):
        return means if value else 1 - means
    return value


def label(record: Record) -> int:
    """1 harmful, 0 harmless.

    Raises:
        CorruptData: it says neither.
    """
    value = record.get("label")
    found = WORDS.get(value.casefold()) if isinstance(value, str) else value
    if found not in (0, 1):
        raise CorruptData(f"expected a label of 0, 1, 'safe' or 'unsafe', got {value!r}.")
    return int(cast("int", found))


def hint(record: Record) -> str:
    """How to name this record's columns; "" where the known ones are there."""
    known = ", ".join(f"{ours} ({' or '.join(names)})" for ours, names in KNOWN.items())
    missing = [ours for ours, names in KNOWN.items() if not any(name in record for name in names)]
    if not missing:
        value = record["label"]
        return "" if value in (0, 1) or value in WORDS else 'Say which values are harm: columns = { unsafe = ["..."] }.'
    lower = {name.casefold(): name for name in record}
    guess = {ours: next((lower[name] for name in _LIKELY[ours] if name in lower), "NAME") for ours in missing}
    named = ", ".join(f'{ours} = "{name}"' for ours, name in guess.items())
    return f"Columns read without being told: {known}. Name yours beside path: columns = {{ {named} }}."
