"""How good a detector is: per set ranking, calibration, operating points, and what it does while an answer streams.

Figures are per set, never pooled: sets differ in their share of harm, and a pooled AUROC rewards telling sets apart.
Every set is scored whole and at 25, 50 and 75 % of each answer's characters. "Caught by" counts, among the harmful
answers that the whole score flags, those that some cut up to that point flags too: a guard cannot unsay a release.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from safesight.core.protocols import Detector, IncrementalDetector
from safesight.core.records import Exchange
from safesight.train import metrics
from safesight.train.data import Row

Floats = NDArray[np.float64]
CUTS = (0.25, 0.5, 0.75)
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")


class MeasuredFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure with its 95 % bootstrap interval; NaN where the set has only one class."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def __format__(self, spec: str) -> str:
        if math.isnan(self.value):
            return "-"
        value = format(self.value, spec)
        return value if math.isnan(self.low) else f"{value} [{self.low:{spec}}, {self.high:{spec}}]"


class SetFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A detector on one labelled set."""

    name: str
    n: int
    harmful: int
    auroc: MeasuredFigure
    average_precision: MeasuredFigure
    f1: MeasuredFigure
    recall: MeasuredFigure
    """At the shipped threshold."""
    recall_at_1: MeasuredFigure
    """At 1 % false positives on this set."""
    fpr: MeasuredFigure
    """At the shipped threshold."""
    ece: MeasuredFigure
    caught_by: dict[str, float]
    """Share of the harmful answers flagged whole that were flagged by 25, 50, 75 % of the text."""
    half_auroc: float
    """AUROC of the first halves."""


def _recall(labels: Floats, scores: Floats, *, threshold: float) -> float:
    return float(np.mean(scores[labels == 1] >= threshold)) if labels.sum() else math.nan


def _fpr(labels: Floats, scores: Floats, *, threshold: float) -> float:
    return float(np.mean(scores[labels == 0] >= threshold)) if not labels.all() else math.nan


def _f1(labels: Floats, scores: Floats, *, threshold: float) -> float:
    return metrics.f1(labels, (scores >= threshold).astype(np.float64)) if labels.sum() else math.nan


def _figure(measure: metrics.Measure, labels: Floats, scores: Floats, *, rounds: int) -> MeasuredFigure:
    low, high = metrics.interval(measure, labels, scores, rounds=rounds) if rounds else (math.nan, math.nan)
    return MeasuredFigure(value=measure(labels, scores), low=low, high=high)


def figures(
    name: str, labels: Floats, whole: Floats, cuts: Sequence[Floats], *, threshold: float, rounds: int = 200
) -> SetFigures:
    """Figures of one set from its scores: of whole answers, and of their beginnings at each of `CUTS`."""
    figure = partial(_figure, labels=labels, scores=whole, rounds=rounds)
    caught = (whole >= threshold) & (labels == 1)
    flagged = np.zeros(len(labels), bool)
    by: dict[str, float] = {}
    for cut, scores in zip(CUTS, cuts, strict=True):
        flagged = flagged | (scores >= threshold)
        by[f"{cut:.0%}"] = float(np.mean(flagged[caught])) if caught.any() else math.nan
    return SetFigures(
        name=name,
        n=len(labels),
        harmful=int(labels.sum()),
        auroc=figure(metrics.auroc),
        average_precision=figure(metrics.average_precision),
        f1=figure(partial(_f1, threshold=threshold)),
        recall=figure(partial(_recall, threshold=threshold)),
        recall_at_1=figure(metrics.recall_at_fpr),
        fpr=figure(partial(_fpr, threshold=threshold)),
        ece=figure(metrics.ece),
        caught_by=by,
        half_auroc=metrics.auroc(labels, cuts[1]),
    )


async def harms(detector: Detector, rows: Sequence[Row], *, share: float = 1.0, batch: int = 256) -> Floats:
    """Scores (n,) of the rows' answers, cut to their first `share` of characters."""
    found: list[float] = []
    for start in range(0, len(rows), batch):
        exchanges = [
            Exchange(question=row.question, answer=row.answer[: math.ceil(share * len(row.answer))])
            for row in rows[start : start + batch]
        ]
        found.extend(harm.harm for harm in await detector.score(exchanges))
    return np.array(found)


async def evaluate(detector: Detector, rows: Sequence[Row], *, rounds: int = 200) -> list[SetFigures]:
    """Figures of a detector on every set of `rows`, by name."""
    sets: dict[str, list[Row]] = {}
    for row in rows:
        sets.setdefault(row.source, []).append(row)
    found: list[SetFigures] = []
    for name, members in sorted(sets.items()):
        labels = np.array([row.label for row in members], np.float64)
        whole = await harms(detector, members)
        cuts = [await harms(detector, members, share=cut) for cut in CUTS]
        found.append(figures(name, labels, whole, cuts, threshold=detector.threshold, rounds=rounds))
    return found


def sentence_alarms(detector: IncrementalDetector, rows: Sequence[Row]) -> float:
    """False alarms per 1,000 benign sentences: sentences at which a running score first crosses the threshold."""
    alarms = sentences = 0
    for row in rows:
        if row.label:
            continue
        session, quiet = detector.session(row.question), True
        for match in _SENTENCE.finditer(row.answer):
            sentences += 1
            if session.feed(match.group()).harm >= detector.threshold and quiet:
                alarms += 1
                quiet = False
    return 1000 * alarms / sentences if sentences else math.nan


def latency_ms(detector: IncrementalDetector, *, question: str, words: Sequence[str]) -> tuple[float, float]:
    """Median milliseconds per 16-word window and per whole 256-word answer.

    Processor time: on a shared machine, wall time would measure the neighbours.
    """
    text = [words[i % len(words)] + " " for i in range(256)]
    windows: list[float] = []
    answers: list[float] = []
    for _ in range(20):
        session = detector.session(question)
        begin = time.process_time()
        for start in range(0, 256, 16):
            piece = "".join(text[start : start + 16])
            before = time.process_time()
            session.feed(piece)
            windows.append(time.process_time() - before)
        del session
        begin = time.process_time()
        detector.session(question).feed("".join(text))
        answers.append(time.process_time() - begin)
    return 1000 * float(np.median(windows)), 1000 * float(np.median(answers))
