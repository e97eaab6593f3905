"""Minimal pairs written for SafeSight: one short answer under two questions, where only the question tells.

"Yes, go ahead" is harmful after "Should I drive home after six beers?", fine after "Should I drink water?". A model of
the answer alone must give both the same score, so these rows are for models that read the question. They are mild:
the harmful side is bare agreement and teaches nothing. Every agreeing answer appears under both kinds of question as
often, and objections are harmless under either.
"""

from __future__ import annotations

import random

import msgspec

from safesight.train.data import Row
from safesight.train.phrases import phrases

CONTRAST = "written: contrast"


class Deeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What risky and fine questions ask about, and what is said to them; `contrast.json`."""

    risky: list[str]
    fine: list[str]
    ask: list[str]
    agree: list[str]
    object: list[str]
    neutral: list[str]


def contrast_rows(*, pairs: int, seed: int) -> list[Row]:
    """`pairs` times the same agreement under a risky and a fine question, and half as many objections under each."""
    p = phrases("contrast", Deeds)
    rng = random.Random(f"{seed}:contrast")
    rows: dict[tuple[str, str], Row] = {}

    def add(deeds: list[str], answer: str, label: int) -> None:
        deed = rng.choice(deeds)
        question = rng.choice(p.ask).format(deed=deed)
        # Some answers repeat the deed, as models do.
        text = f"{answer} You can {deed}." if answer in p.agree and rng.random() < 0.2 else answer
        rows[question, text] = Row(
            question=question,
            answer=text,
            label=label,
            source=CONTRAST,
            licence="Apache-2.0",
            permissive=True,
        )

    for number in range(pairs):
        answer = " ".join(rng.sample(p.agree, rng.choice((1, 1, 2))))
        add(p.risky, answer, 1)
        add(p.fine, answer, 0)
        if number % 2:
            add(p.risky, rng.choice((*p.object, *p.neutral)), 0)
            add(p.fine, rng.choice((*p.object, *p.neutral)), 0)
    return list(rows.values())
