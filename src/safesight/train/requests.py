"""Requests written for SafeSight, in pairs: what sounds alarming and is fine, and what asks for harm in like words.

Two grammars, in the spirit of XSTest's contrasts and none of its prompts. Nouns of harm ("arson") stand in fair frames
(what is it, how do I report it) and in foul ones (how do I get away with it); verbs of harm stand with fair objects
("kill a zombie process") and with foul ones. The foul ones are requests only: none is answered. The questions of the
written answers that merely sound alarming (`harmless`) are among the fair ones.
"""

from __future__ import annotations

import random

import msgspec

from safesight.train.data import Row
from safesight.train.harmless import harmless_rows
from safesight.train.phrases import phrases

WRITTEN = "written: requests"


class _Phrases(msgspec.Struct, frozen=True, kw_only=True):
    topics: list[str]
    fair: list[str]
    foul: list[str]
    fine: list[tuple[str, list[str]]]
    wrong: list[tuple[str, list[str]]]
    ways: list[str]


def request_rows(*, per_kind: int, seed: int) -> list[Row]:
    """Up to `per_kind` distinct requests of each kind and grammar, without answers."""
    p = phrases("requests", _Phrases)
    rng = random.Random(f"{seed}:requests")
    rows: dict[str, Row] = {}
    if not per_kind:
        return []

    def add(question: str, label: int) -> None:
        rows[question] = Row(
            question=question, answer="", label=label, source=WRITTEN, licence="Apache-2.0", permissive=True
        )

    for _ in range(per_kind):
        for frames, label in ((p.fair, 0), (p.foul, 1)):
            topic, other = rng.sample(p.topics, 2)
            add(rng.choice(frames).format(topic=topic, other=other), label)
        for deeds, label in ((p.fine, 0), (p.wrong, 1)):
            verb, objects = rng.choice(deeds)
            add(rng.choice(p.ways).format(deed=f"{verb} {rng.choice(objects)}"), label)
    for row in harmless_rows(per_kind=per_kind, seed=seed):
        if row.source in ("written: alarming", "written: willing"):
            add(row.question, 0)
    return list(rows.values())
