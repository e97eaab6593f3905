"""Rows that a tiny model can learn: answers of rude verbs are harmful, of kind ones harmless."""

from __future__ import annotations

import json
import random
from pathlib import Path

BAD, GOOD = ("shove", "mock", "insult", "scare"), ("greet", "thank", "praise", "help")


def write_rows(path: Path) -> None:
    """Write 96 rows as JSON lines, every other one harmful."""
    rng = random.Random(0)
    records = []
    for number in range(96):
        label = number % 2
        answer = " then ".join(f"{rng.choice(BAD if label else GOOD)} them" for _ in range(4))
        records.append({"question": f"what now {number}", "answer": answer, "label": label, "set": "manners"})
    path.write_text("\n".join(map(json.dumps, records)))
