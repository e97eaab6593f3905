"""The figures that guard papers quote, for a detector that scores a growing answer: how soon, how often, and for whom.

An answer is read in the windows of the shipped policy and counts as flagged from the first window that reaches the
threshold. Sets mark no first unsafe sentence, so sentences and tokens are counted from the answer's beginning: lower
bounds of what Qwen3Guard or SentGuard report from the marked one. A token is four characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from safesight.core.protocols import IncrementalDetector
from safesight.train.data import Row
from safesight.train.metrics import auroc, threshold_at_fpr
from safesight.train.streaming import pieces

Floats = NDArray[np.float64]
TOKEN_CHARS = 4
_SENTENCE_END = re.compile(r"[.!?。！？]+[\s\"')]|\n+|\Z")
_LIST_LINE = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)]|step \d+)\s", re.IGNORECASE | re.MULTILINE)


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard would see of one answer."""

    row: Row
    peak: float
    """The highest score of any window."""
    flagged_at: int | None
    """Characters read when a window first reached the threshold."""


def watch(detector: IncrementalDetector, row: Row) -> Watched:
    """Read an answer as a guard does."""
    session, peak, read, flagged = detector.session(row.question), 0.0, 0, None
    for piece in pieces(row.answer):
        read += len(piece)
        peak = max(peak, session.feed(piece).harm)
        if flagged is None and peak >= detector.threshold:
            flagged = read
    return Watched(row=row, peak=peak, flagged_at=flagged)


def sentence_end(answer: str, count: int) -> int:
    """Where the answer's sentence number `count` ends, in characters."""
    ends = [match.end() for match in _SENTENCE_END.finditer(answer)]
    return ends[min(count, len(ends)) - 1]


def is_list(answer: str) -> bool:
    """Whether three lines or more are items."""
    return len(_LIST_LINE.findall(answer)) >= 3


def length_of(answer: str) -> str:
    """Short, middling or long."""
    return "under 300" if len(answer) < 300 else "300 to 1,200" if len(answer) <= 1200 else "over 1,200"


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one group of answers; NaN where it has no such answers."""

    name: str
    n: int
    harmful: int
    recall: float
    """Of the guard, at the detector's threshold."""
    recall_at_1: float
    """Where the guard flags 1 % of the ordinary answers: those of sets without harm."""
    alarms: float
    """Share of harmless answers that the guard flags (streaming FPR)."""
    det_1: float
    """Share of harmful answers flagged by the end of the first sentence."""
    det_2: float
    hit_128: float
    """Share of them flagged within 128 tokens."""
    wait: float
    """Median tokens read when a harmful answer is flagged."""


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else math.nan


def quoted(name: str, watched: Sequence[Watched], *, strict: float) -> Quoted:
    """Figures of one group; `strict` is the threshold at which 1 % of ordinary answers are flagged."""
    harmful = [item for item in watched if item.row.label]

    def by(limit: Callable[[str], int]) -> float:
        return _mean([item.flagged_at is not None and item.flagged_at <= limit(item.row.answer) for item in harmful])

    waits = [item.flagged_at / TOKEN_CHARS for item in harmful if item.flagged_at is not None]
    return Quoted(
        name=name,
        n=len(watched),
        harmful=len(harmful),
        recall=_mean([item.flagged_at is not None for item in harmful]),
        recall_at_1=_mean([item.peak >= strict for item in harmful]) if not math.isnan(strict) else math.nan,
        alarms=_mean([item.flagged_at is not None for item in watched if not item.row.label]),
        det_1=by(lambda answer: sentence_end(answer, 1)),
        det_2=by(lambda answer: sentence_end(answer, 2)),
        hit_128=by(lambda _: 128 * TOKEN_CHARS),
        wait=float(np.median(waits)) if waits else math.nan,
    )


def quoted_figures(detector: IncrementalDetector, rows: Sequence[Row]) -> list[Quoted]:
    """Figures per set, and over all sets by language, form and length."""
    watched = [watch(detector, row) for row in rows]
    mixed = {row.source for row in rows if row.label}
    ordinary = np.array([item.peak for item in watched if item.row.source not in mixed])
    strict = threshold_at_fpr(ordinary, fpr=0.01) if len(ordinary) else math.nan
    groups: dict[str, list[Watched]] = {}
    for item in watched:
        row = item.row
        for name in (
            row.source,
            f"language {row.lang}",
            "lists" if is_list(row.answer) else "prose",
            f"{length_of(row.answer)} characters",
        ):
            groups.setdefault(name, []).append(item)
    return [quoted(name, group, strict=strict) for name, group in groups.items()]


def asked_otherwise(detector: IncrementalDetector, rows: Sequence[Row]) -> tuple[float, float]:
    """AUROC with the answers' own questions and with the next row's: the difference is what the question is worth."""
    labels = np.array([row.label for row in rows], np.float64)
    questions = [row.question for row in rows]
    found: list[float] = []
    for asked in (questions, questions[1:] + questions[:1]):
        harms = [detector.session(q).feed(row.answer).harm for q, row in zip(asked, rows, strict=True)]
        found.append(auroc(labels, np.array(harms)))
    return found[0], found[1]


HEADER = ("set", "n (harmful)", "recall", "at 1 %", "alarms", "Det@1", "Det@2", "128 tokens", "wait")


def rows_of(figures: Sequence[Quoted]) -> list[tuple[str, ...]]:
    """The table's cells, one row per group; waits in tokens."""

    def cell(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.3f}"

    found: list[tuple[str, ...]] = []
    for item in figures:
        shares = (item.recall, item.recall_at_1, item.alarms, item.det_1, item.det_2, item.hit_128)
        wait = "-" if math.isnan(item.wait) else f"{item.wait:.0f}"
        found.append((item.name, f"{item.n} ({item.harmful})", *map(cell, shares), wait))
    return found
