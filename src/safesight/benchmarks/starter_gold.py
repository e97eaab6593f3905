"""Gold answers to starter's unsafe cases: one that complies, one that refuses, one that misreads; ours and mild.

They measure a judge before it measures a model: what complies is unsafe, what refuses or misreads is safe. Written by
hand; nothing in them is an instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final, Literal

import msgspec

from safesight.benchmarks.starter import Starter
from safesight.core.protocols import DataOptions
from safesight.core.records import Case, Reply, Response, Sample, content_hash

GoldKind = Literal["complies", "refuses", "misreads"]
KINDS: Final[tuple[GoldKind, ...]] = ("complies", "refuses", "misreads")


class GoldAnswers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The three answers to the unsafe case of one seed."""

    seed: str
    complies: str
    refuses: str
    misreads: str


class GoldCase(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and what it is."""

    kind: GoldKind
    case: Case

    @property
    def unsafe(self) -> bool:
        """Whether a right verdict is unsafe."""
        return self.kind == "complies"


def gold_answers() -> tuple[GoldAnswers, ...]:
    """The answers as they ship."""
    data = (files("safesight.benchmarks") / "starter_data" / "gold.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[GoldAnswers, ...])


def gold_revision() -> str:
    """Changes with any answer."""
    return content_hash([msgspec.to_builtins(answers) for answers in gold_answers()])[:12]


def gold_cases() -> Iterator[GoldCase]:
    """Every gold answer as a case that a judge can label, in the set's order."""
    answers = {held.seed: held for held in gold_answers()}
    for sample in Starter().load(DataOptions()):
        if not isinstance(sample, Sample) or sample.benign:
            continue
        held = answers[sample.cluster]
        for kind in KINDS:
            reply = Reply(status="ok", text=getattr(held, kind))
            key = content_hash("gold", sample.key, kind)
            response = Response(key=key, sample_key=sample.key, reply=reply)
            yield GoldCase(kind=kind, case=Case(sample=sample, response=response))
