"""The published tables that ours stand beside, exactly as printed; what the paper doesn't say is listed, not guessed.

Source: MIR-SafetyBench, arXiv 2601.14127 (ACL 2026), kept in `reference.json`. Shares and rates are percentages
there and shares in [0, 1] here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


class PublishedModes(msgspec.Struct, frozen=True, kw_only=True):
    """How one model's safe answers were safe, in percent of its safe answers (they need not sum to 100)."""

    model: str
    cr: float = msgspec.field(name="CR")
    hm: float = msgspec.field(name="HM")
    ir: float = msgspec.field(name="IR")
    ce: float = msgspec.field(name="CE")

    @property
    def shares(self) -> dict[str, float]:
        """Mode to share of the safe answers, in [0, 1]."""
        return {"CR": self.cr / 100, "HM": self.hm / 100, "IR": self.ir / 100, "CE": self.ce / 100}


class PublishedControl(msgspec.Struct, frozen=True, kw_only=True):
    """Attack success of one model on the same seeds with one image and with several, in percent."""

    model: str
    single: float
    multi: float


class Published(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both tables, where they come from, and what is not known about them."""

    source: str
    judge: str
    modes_labeller: str
    control_seeds: int
    unknown: tuple[str, ...]
    modes: tuple[PublishedModes, ...]
    control: tuple[PublishedControl, ...]


@cache
def published() -> Published:
    """The published tables."""
    return msgspec.json.decode((files("safesight.explain") / "reference.json").read_bytes(), type=Published)


class PublishedRates(msgspec.Struct, frozen=True, kw_only=True):
    """Attack success of one model under one arm, by group and as the paper averages it, in percent."""

    model: str
    arm: str
    groups: dict[str, float]
    average: float


class PublishedBenchmark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a benchmark's own paper prints of its models."""

    source: str
    note: str
    rates: tuple[PublishedRates, ...]


@cache
def published_benchmark(name: str) -> PublishedBenchmark | None:
    """A benchmark's published rates; None where none are kept here."""
    if name == "mm_safetybench":
        raw = (files("safesight.explain") / "mm_safetybench.json").read_bytes()
        return msgspec.json.decode(raw, type=PublishedBenchmark)
    if name == "mir_safetybench":
        tables = published()
        arms = (("multi", [row.multi for row in tables.control]), ("single", [row.single for row in tables.control]))
        return PublishedBenchmark(
            source=f"{tables.source}; judge {tables.judge}; {tables.control_seeds} seeds, one image or several",
            note="Attack success by relation is not published; the paper's single images are not our arm `single`.",
            rates=tuple(
                PublishedRates(model=row.model, arm=arm, groups={}, average=rate)
                for arm, rates in arms
                for row, rate in zip(tables.control, rates, strict=True)
            ),
        )
    return None
