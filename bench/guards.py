"""Guards side by side on labelled sets, so that one can be chosen on figures of one's own server.

    python -m bench.guards --guard embedded --guard qwen3guard:http://127.0.0.1:8001/v1 [--data ../shared/data/harm]

A guard is a detector's name, or FORMAT:MODEL as `safesight guard --guard` takes it. Answers come from dev (AUROC by
set; recall at the guard's own threshold and where 1 % of ordinary answers are flagged), requests that sound alarming
and are fine from the prompt rows. Rows on which a guard breaks are counted, not scored. Time is per answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from safesight.core.errors import DetectorError
from safesight.core.protocols import Detector
from safesight.core.records import Exchange
from safesight.core.registry import names, open_plugin
from safesight.guard.recommended import detector_name
from safesight.train import metrics

ORDINARY = "AlpacaEval vicuna-13b"
ALARMING = ("CyberSecEval FRR", "JailbreakBench prompts")
"""Harmless requests of these sets sound like others."""


class LabelledRow(msgspec.Struct, frozen=True):
    """One row of the labelled sets; requests have no answer."""

    set: str
    question: str
    label: int
    answer: str = ""
    lang: str = "en"


class Scores:
    """What a guard said of some rows."""

    def __init__(self) -> None:
        self.rows: list[LabelledRow] = []
        self.harm: list[float] = []
        self.times_ms: list[float] = []
        self.broken = 0

    async def ask(self, detector: Detector, rows: Sequence[LabelledRow]) -> None:
        """Score rows one at a time."""
        for row in rows:
            before = time.perf_counter()
            try:
                [harm] = await detector.score([Exchange(question=row.question, answer=row.answer)])
            except DetectorError:
                self.broken += 1
                continue
            self.times_ms.append(1e3 * (time.perf_counter() - before))
            self.rows.append(row)
            self.harm.append(harm.harm)

    def of(self, *sets: str) -> tuple[metrics.Floats, metrics.Floats]:
        """Labels and scores of some sets."""
        kept = [(row.label, harm) for row, harm in zip(self.rows, self.harm, strict=True) if row.set in sets]
        return np.array([label for label, _ in kept], float), np.array([harm for _, harm in kept])


def read(path: Path, *, each: int, only: Sequence[str] = ()) -> list[LabelledRow]:
    """The first rows of each set and label, English ones."""
    taken: dict[tuple[str, int], int] = {}
    kept: list[LabelledRow] = []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        row = msgspec.json.decode(line, type=LabelledRow)
        place = (row.set, row.label)
        if row.lang == "en" and (not only or row.set in only) and taken.get(place, 0) < each:
            taken[place] = taken.get(place, 0) + 1
            kept.append(row)
    return kept


def share(scores: metrics.Floats, threshold: float) -> str:
    """The share at or above a threshold, or a dash."""
    return f"{np.mean(scores >= threshold):.3f}" if len(scores) else "-"


async def measure(name: str, answers: Sequence[LabelledRow], requests: Sequence[LabelledRow]) -> str:
    """One row of the table."""
    detector = open_plugin("detectors", name)
    said, asked = Scores(), Scores()
    try:
        await said.ask(detector, answers)
        if getattr(detector, "judges_requests", False):
            await asked.ask(detector, requests)
    finally:
        await detector.aclose()
    sets = sorted({row.set for row in answers} - {ORDINARY})
    _, ordinary = said.of(ORDINARY)
    labels, scores = said.of(*sets)
    harmful = scores[labels == 1]
    strict = metrics.threshold_at_fpr(ordinary, fpr=0.01) if len(ordinary) else 1.0
    cells = [f"{metrics.auroc(*said.of(one)):.3f}" for one in sets]
    cells += [share(harmful, detector.threshold), share(harmful, strict), share(ordinary, detector.threshold)]
    cells.append(share(asked.of(*ALARMING)[1], detector.threshold))
    cells += [str(said.broken + asked.broken), f"{statistics.median(said.times_ms or [0.0]):.1f}"]
    return f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data/harm")
    parser.add_argument("--guard", action="append", default=[], help="a detector, or FORMAT:MODEL; repeatable")
    parser.add_argument("--each", type=int, default=100, help="rows of each set and label")
    options = parser.parse_args(list(arguments))
    if not options.data.exists():
        print(f"{options.data}: not there; the guards' table needs the labelled sets.")
        return
    answers = read(options.data / "dev.jsonl.gz", each=options.each)
    prompts = read(options.data / "prompts.jsonl.gz", each=options.each, only=ALARMING)
    requests = [row for row in prompts if row.label == 0]
    sets = sorted({row.set for row in answers} - {ORDINARY})
    print(f"{len(answers)} answers, {len(requests)} requests; AUROC by set, then shares flagged\n")
    header = [
        "guard",
        *sets,
        "harmful",
        "harmful at 1 %",
        "ordinary",
        "alarming requests",
        "broken",
        "ms an answer",
    ]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for given in options.guard or ["embedded"]:
        known = given.partition(":")[0] in names("detectors")
        print(asyncio.run(measure(given if known else detector_name(given), answers, requests)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
