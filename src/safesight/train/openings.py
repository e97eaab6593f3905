"""Copies of training rows whose answers open otherwise, so that an opening alone says nothing about harm.

In jailbreak sets two thirds of the harmful answers begin with "Sure, here is ..."; in ordinary instruction data hardly
one in fifty does. A model that learns the opening flags the first sentence of any willing answer. So some ordinary
answers get such an opening, made from their own question, and some harmful ones lose theirs. Nothing else changes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import msgspec

from safesight.train.data import Row
from safesight.train.phrases import phrases


class _Phrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What openings are made of, in `openings.json`; `{be}`, `{what}` and `{word}` are filled in."""

    plain: list[str]
    one: list[str]
    many: list[str]
    about: list[str]
    leads: list[str]
    marks: list[str]


_HOW_MANY = ("some", "a few", "5", "10", "three")
_ASKS = re.compile(
    r"^(?:please |can you |could you )*(?:write|give|create|generate|compose|make|suggest|provide|list|name|tell)"
    r"(?: me| us)? (?P<what>(?:an?|the|some|\d+|two|three|four|five|ten) [^.?!\n:]{3,70})",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"^\W*(?:sure|certainly|of course|absolutely|yes|here(?:'s| is| are)|great|okay|ok)\b[^.!:\n]{0,160}[.!:\n]+\s*",
    re.IGNORECASE,
)
_LEAST_CHARS = 80
"""An answer that would be shorter without its opening keeps it."""


def reopened(rows: Sequence[Row], *, share: float, seed: int) -> list[Row]:
    """Copies of so many of the harmless English rows of sets that hold no harmful row, with a willing opening.

    Half of them are cut after the opening's first sentence of answer: what a guard sees first of a stream.
    """
    rng = random.Random(f"{seed}:reopened")
    harmful = {row.source for row in rows if row.label}
    ordinary = [row for row in rows if row.lang == "en" and row.source not in harmful]
    return [
        msgspec.structs.replace(row, answer=_open(row, rng))
        for row in ordinary
        if rng.random() < share and not _HEAD.match(row.answer)
    ]


def headless(rows: Sequence[Row], *, share: float, seed: int) -> list[Row]:
    """Copies of so many of the harmful English rows that open willingly, without that opening."""
    rng = random.Random(f"{seed}:headless")
    found: list[Row] = []
    for row in rows:
        head = _HEAD.match(row.answer) if row.label and row.lang == "en" else None
        if head and len(row.answer) - head.end() >= _LEAST_CHARS and rng.random() < share:
            found.append(msgspec.structs.replace(row, answer=row.answer[head.end() :]))
    return found


def _open(row: Row, rng: random.Random) -> str:
    """The row's answer after an opening; half of the time only the first words of it."""
    p = phrases("openings", _Phrases)
    asked = _ASKS.match(row.question.strip())
    if asked is not None:
        what = asked["what"].strip()
        one = re.match(r"an?\b|the\b", what, re.IGNORECASE) is not None
    else:
        one = rng.random() < 0.5
        some = p.one if one else p.many
        what = f"{'a' if one else rng.choice(_HOW_MANY)} {rng.choice(some)}"
        words = re.findall(r"[A-Za-z]{5,}", row.question) or ["this"]
        what += rng.choice(p.about).format(word=rng.choice(words).lower())
    if rng.random() < 0.35:
        opening = rng.choice(p.plain)
    else:
        lead = rng.choice(p.leads)
        if rng.random() < 0.4 and one:
            lead = lead.replace(" {be}", "'s")
        opening = lead.format(be="is" if one else "are", what=what) + rng.choice(p.marks)
    answer = row.answer
    if rng.random() < 0.5:
        first = re.split(r"(?<=[.!?])\s", answer, maxsplit=1)[0]
        answer = " ".join(first.split(" ")[: rng.randint(0, 12)])
    return f"{opening} {answer}".strip()
