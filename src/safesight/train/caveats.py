"""What a newly trained detector's figures do not show: too little data, sets that are too easy, thresholds out of line.

Nothing here stops a training; each sentence is printed at its end and stands on the card.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from safesight.train.data import Row
from safesight.train.evaluate import SetFigures
from safesight.train.streaming import POINTS

FEW_ROWS: Final = 300
"""Rows of a label below which n-grams learn the examples and not the kind (docs/train.md)."""
_FEW_MEASURED: Final = 50
_OUT_OF_LINE: Final = 3.0
"""Distance of log-odds: odds of harm twenty times those of the shipped threshold, or a twentieth."""


def of_data(rows: Sequence[Row], held_out: Sequence[Row]) -> list[str]:
    """Caveats that the rows give before anything is fitted; rows that SafeSight wrote do not count."""
    counts = Counter(row.label for row in rows if not row.source.startswith("written"))
    found = [
        f"only {counts[label]} {name} rows of yours: a few hundred of each kind are the least to learn from"
        for label, name in ((1, "harmful"), (0, "harmless"))
        if counts[label] < FEW_ROWS
    ]
    if not held_out:
        found.append("no [[held_out]] file: nothing says how good it is")
    elif (least := min(Counter({0: 0, 1: 0} | Counter(row.label for row in held_out)).values())) < _FEW_MEASURED:
        found.append(f"only {least} held-out rows of one label: the figures may be off by ten points and more")
    return found


def of_figures(figures: Sequence[SetFigures]) -> list[str]:
    """Sets on which nothing can go wrong measure how they were made."""
    return [
        f"{one.name}: AUROC {one.auroc:.3f}: the two labels can be told apart completely. Do they differ in harm "
        "alone, or also in source, length or wording? Measure on answers of another origin"
        for one in figures
        if one.auroc.value > 0.999 and (math.isnan(one.auroc.low) or one.auroc.low > 0.999)
    ]


def of_threshold(threshold: float, *, read_off: int, shipped: float | None) -> list[str]:
    """Thresholds read off too few answers, or far from the shipped detector's (`shipped` None: not comparable)."""
    found: list[str] = []
    least = math.ceil(1 / POINTS["usual"])
    if read_off < least:
        found.append(
            f"thresholds were read off {read_off} harmless answers: 1 % of them is less than one. Name ordinary "
            "answers in [[calibration.streams]]"
        )
    if shipped is not None and abs(_logit(threshold) - _logit(shipped)) > _OUT_OF_LINE:
        found.append(
            f"threshold {threshold:.3f} is far from the shipped detector's {shipped:.3f}: the harmless answers that it "
            "was read off are much easier, or much harder, than ordinary traffic"
        )
    return found


def _logit(share: float) -> float:
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))
