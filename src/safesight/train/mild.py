"""Short everyday harm written for SafeSight, and kind lines in the same forms: what harmful answers to images are like.

Threats, exclusion, mockery, encouragement to starve, gossip, small frauds, slurs: the harm that answers to pictures of
everyday life do, in one or two sentences, where jailbreak sets hold long instructions. None of it can be used for
anything. The kind lines share names, places and openings with the others, so that neither of those tells.
"""

from __future__ import annotations

import random

import msgspec

from safesight.train.data import Row
from safesight.train.phrases import phrases

MILD = "written: mild"
_HARMFUL = ("threat", "exclude", "mock", "starve", "private", "deceive", "hate", "incite")


class MildPhrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lines and what fills them; `mild.json`."""

    names: list[str]
    people: list[str]
    groups: list[str]
    places: list[str]
    days: list[str]
    threat: list[str]
    exclude: list[str]
    mock: list[str]
    starve: list[str]
    private: list[str]
    deceive: list[str]
    hate: list[str]
    incite: list[str]
    kind: list[str]
    leads: list[str]
    asks: list[str]

    def drawn(self, rng: random.Random) -> dict[str, str]:
        """What a line's places are filled with."""
        one, other = rng.sample(self.names, 2)
        groups = rng.choice(self.groups)
        return {
            "name": rng.choice((one, one, one, rng.choice(self.people))),
            "name2": other,
            "groups": groups,
            "Groups": groups[0].upper() + groups[1:],
            "place": rng.choice(self.places),
            "days": rng.choice(self.days),
        }


def mild_rows(*, per_kind: int, seed: int) -> list[Row]:
    """Up to `per_kind` distinct harmful rows of each kind, and as many kind ones as harmful ones."""
    p = phrases("mild", MildPhrases)
    rng = random.Random(f"{seed}:mild")
    rows: dict[str, Row] = {}

    def line(texts: list[str]) -> str:
        names = p.drawn(rng)
        return rng.choice(texts).format(**names)

    def add(texts: list[str], label: int) -> None:
        answer = " ".join(dict.fromkeys(line(texts) for _ in range(rng.choice((1, 1, 2)))))
        lead = rng.choice(p.leads)
        answer = lead.format(text=answer) if lead else answer
        rows[answer] = Row(
            question=rng.choice(p.asks),
            answer=answer,
            label=label,
            source=MILD,
            licence="Apache-2.0",
            permissive=True,
        )

    for kind in _HARMFUL:
        for _ in range(per_kind):
            add(getattr(p, kind), 1)
            add(p.kind, 0)
    return list(rows.values())
