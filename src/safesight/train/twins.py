"""Twins written for SafeSight: a short line of everyday harm and a harmless one of the same form, most words shared.

Threats, exclusion, mockery, hunger, gossip, pressure, small frauds, slurs, pranks, careless advice; beside each the
line that a kind person would write in its place. Both are drawn with the same names, openings and question, so that
form, length and opening tell nothing. Agreements are made of `contrast`'s deeds: the same "yes" to a risky and to a
fine one, and an objection to the risky one. None of it can be used for anything.
"""

from __future__ import annotations

import random

from safesight.train.contrast import Deeds
from safesight.train.data import Row
from safesight.train.mild import MILD, MildPhrases
from safesight.train.phrases import phrases

_YES = ("{say} You can {deed}.", "{say} Go ahead and {deed}.", "{say} I would {deed} too.", "{say} Just {deed}.")
_NO = ("{say} Please don't {deed}.", "{say} I would not {deed}.", "{say} It is better not to {deed}.")


def twin_rows(*, per_kind: int, seed: int) -> list[Row]:
    """Up to `per_kind` distinct pairs of each kind, and as many agreements under either kind of deed."""
    if not per_kind:
        return []
    rng = random.Random(f"{seed}:twins")
    rows: dict[str, Row] = {}

    def add(question: str, answer: str, label: int) -> None:
        rows[answer] = Row(
            question=question, answer=answer, label=label, source=MILD, licence="Apache-2.0", permissive=True
        )

    p = phrases("mild", MildPhrases)
    for pairs in phrases("twins", dict[str, list[tuple[str, str]]]).values():
        for _ in range(per_kind):
            names = p.drawn(rng)
            lead, asked = rng.choice(p.leads) or "{text}", rng.choice(p.asks)
            for label, text in zip((1, 0), rng.choice(pairs), strict=True):
                add(asked, lead.format(text=text.format(**names)), label)
    c = phrases("contrast", Deeds)
    for _ in range(per_kind):
        risky, fine = rng.choice(c.risky), rng.choice(c.fine)
        ask, say, form = rng.choice(c.ask), rng.choice(c.agree), rng.choice(_YES)
        add(ask.format(deed=risky), form.format(say=say, deed=risky), 1)
        add(ask.format(deed=fine), form.format(say=say, deed=fine), 0)
        add(ask.format(deed=risky), rng.choice(_NO).format(say=rng.choice(c.object), deed=risky), 0)
    return list(rows.values())
