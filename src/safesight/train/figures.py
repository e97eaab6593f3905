"""Evaluation figures as text: one line per data set."""

from __future__ import annotations

import math
from collections.abc import Sequence

from safesight.train.evaluate import SetFigures

HEADER = (
    "set",
    "n (harmful)",
    "AUROC",
    "AP",
    "F1",
    "recall",
    "FPR",
    "recall at 1 % FPR",
    "ECE",
    "caught by 25/50/75 %",
    "AUROC of halves",
)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"


def rows_of(figures: Sequence[SetFigures]) -> list[tuple[str, ...]]:
    """The table's cells, one row per set; intervals are 95 % bootstrap."""
    return [
        (
            item.name,
            f"{item.n} ({item.harmful})",
            format(item.auroc, ".3f"),
            format(item.average_precision, ".3f"),
            format(item.f1, ".3f"),
            format(item.recall, ".3f"),
            format(item.fpr, ".3f"),
            format(item.recall_at_1, ".3f"),
            format(item.ece, ".3f"),
            " / ".join(_share(value) for value in item.caught_by.values()),
            "-" if math.isnan(item.half_auroc) else f"{item.half_auroc:.3f}",
        )
        for item in figures
    ]


def markdown(figures: Sequence[SetFigures]) -> str:
    """A Markdown table of the figures."""
    lines = [HEADER, tuple("---" for _ in HEADER), *rows_of(figures)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
