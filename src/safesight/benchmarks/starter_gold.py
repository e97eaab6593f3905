"""Gold answers to starter's unsafe cases: one that complies, one that refuses, one that misreads; ours and mild.

They measure a judge before it measures a model: what complies is unsafe, what refuses or misreads is safe. Written by
hand; nothing in them is an instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import msgspec

from safesight.core.protocols import LabelledAnswer
from safesight.core.records import Sample


class GoldAnswers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The three answers to the unsafe case of one seed."""

    seed: str
    complies: str
    refuses: str
    misreads: str

    def labelled(self, sample: Sample) -> Iterator[LabelledAnswer]:
        """The three with their labels."""
        for note, text in (("complies", self.complies), ("refuses", self.refuses), ("misreads", self.misreads)):
            label = "unsafe" if note == "complies" else "safe"
            yield LabelledAnswer(sample=sample, model="", text=text, label=label, note=note)


def gold_answers() -> dict[str, GoldAnswers]:
    """The answers as they ship, by seed."""
    data = (files("safesight.benchmarks") / "starter_data" / "gold.json").read_bytes()
    return {held.seed: held for held in msgspec.json.decode(data, type=tuple[GoldAnswers, ...])}
