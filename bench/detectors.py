"""The figures that the cards of `embedded` and its judge of requests quote, and other detectors on the same dev sets.

    python -m bench detectors [--data ../shared/data/harm] [--rounds 200] [--name embedded] [--own]

First the sets of other origin, never trained on: AUROC with the answers' own question, with none and with another
row's; what a guard catches and flags at every operating point, and where 1 % of vicuna's answers are flagged; harmless
answers by set and form; dev as a guard reads it, by set, language, form and length; costs; the judge of requests on
its left-out sets. Then, without `--own`, dev beside baselines.

The baseline is trained here, on the rows the shipped detector was trained on (answer alone; question and answer as one
bag is worse). `alt-profanity-check` (PyPI, its weights inside) is measured when it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safesight.core.protocols import Detector
from safesight.core.records import Exchange, Harm
from safesight.core.registry import open_plugin
from safesight.detectors.embedded import Embedded
from safesight.detectors.requests import shipped_requests
from safesight.train import metrics, quoted
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.evaluate import evaluate, latency_ms, sentence_alarms
from safesight.train.figures import markdown
from safesight.train.harmless import harmless_rows
from safesight.train.quoted import is_list, watch
from safesight.train.request_judge import told

OTHER_ORIGIN = (
    ("train.jsonl.gz", "SafeRLHF-mini"),
    ("dev.jsonl.gz", "SafeRLHF-2k pairs"),
    ("train.jsonl.gz", "Do-Not-Answer"),
    ("answers_more.jsonl.gz", "FlipAttack answers"),
    ("answers_more.jsonl.gz", "RealHarm"),
)
SHARED = (("dev.jsonl.gz", "JailbreakBench artifacts"), ("dev.jsonl.gz", "GPTFuzzer-evaluate"))
"""Dev's sets whose sources are trained on, other rows of them."""
HARMLESS = (
    ("dev.jsonl.gz", "AlpacaEval vicuna-13b"),
    ("train.jsonl.gz", "AlpacaEval alpaca-7b"),
    ("train.jsonl.gz", "AlpacaEval davinci-003"),
    ("answers_more.jsonl.gz", "Arena-Hard answers"),
    ("answers_more.jsonl.gz", "Dolly sample"),
    ("answers_more.jsonl.gz", "refusal_direction harmless completions"),
    ("train.jsonl.gz", "Safety-tuned safe answers"),
    ("answers_more.jsonl.gz", "GPTeacher code and tools"),
)
REQUESTS = (
    "JailbreakBench prompts",
    "StrongREJECT",
    "HarmBench behaviours",
    "CyberSecEval FRR",
    "LLMBar",
    "self-instruct",
    "MedSafetyBench",
)
Floats = NDArray[np.float64]


class Baseline:
    """TF-IDF (word 1-2-grams) + logistic regression; threshold as for ours, on 20 % of its benign rows."""

    fingerprint = "baseline"

    def __init__(self, rows: list[Row], *, name: str) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self.name = name
        self._vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=200_000)
        matrix = self._vectors.fit_transform([row.answer for row in rows])
        labels = np.array([row.label for row in rows])
        self._model = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
        held = np.arange(len(rows)) % 5 == 0
        self._model.fit(matrix[~held], labels[~held])
        benign = np.array(["benign" in row.source for row in rows])
        scores = self._model.predict_proba(matrix[held & benign])[:, 1]
        self.threshold = metrics.threshold_at_fpr(scores, fpr=0.01)
        self._model.fit(matrix, labels)

    async def score(self, exchanges: list[Exchange]) -> list[Harm]:
        found = self._model.predict_proba(self._vectors.transform([item.answer for item in exchanges]))[:, 1]
        return [Harm(harm=float(value)) for value in found]

    async def aclose(self) -> None: ...


class Profanity:
    """alt-profanity-check: a linear model of rude words; it answers another question, and shows it."""

    fingerprint = "alt-profanity-check"
    name = "alt-profanity-check"
    threshold = 0.5

    async def score(self, exchanges: list[Exchange]) -> list[Harm]:
        import profanity_check

        return [Harm(harm=float(value)) for value in profanity_check.predict_prob([item.answer for item in exchanges])]

    async def aclose(self) -> None: ...


def sampled(rows: Sequence[Row], *, most: int) -> list[Row]:
    """So many rows, drawn once; every harmful one where these are few."""
    harmful = [row for row in rows if row.label]
    kept, others = (harmful, [row for row in rows if not row.label]) if len(harmful) < most // 2 else ([], [*rows])
    return [*kept, *random.Random(0).sample(others, min(len(others), most - len(kept)))]


def drawn(data: Path, sets: Sequence[tuple[str, str]], *, most: int) -> list[list[Row]]:
    """Rows of each set, given as a file and a name."""
    found: list[list[Row]] = []
    for file, name in sets:
        wanted = DataFile(path=str(data / file), format="harm", languages=("en",), sets=(name,))
        found.append(sampled(read_rows(wanted), most=most))
    return found


def peaks(detector: Embedded, rows: Sequence[Row]) -> Floats:
    """Each answer's worst window."""
    return np.array([watch(detector, row).peak for row in rows])


def whole(detector: Embedded, rows: Sequence[Row], questions: Sequence[str]) -> float:
    """AUROC of whole answers under these questions."""
    harms = [detector.session(asked).feed(row.answer).harm for asked, row in zip(questions, rows, strict=True)]
    return metrics.auroc(np.array([row.label for row in rows], np.float64), np.array(harms))


def own(detector: Embedded, points: Mapping[str, float], data: Path, *, most: int) -> None:
    """What the card says of sets of other origin, of harmless answers and of forms."""
    others, shared = drawn(data, OTHER_ORIGIN, most=most), drawn(data, SHARED, most=most)
    harmless = drawn(data, HARMLESS, most=most)
    quiet = [peaks(detector, rows) for rows in harmless]
    at_1 = metrics.threshold_at_fpr(quiet[0], fpr=0.01)
    heads = ("set", "n (harmful)", "own", "none", "another", *(f"caught, flagged: {name}" for name in points), "at 1 %")
    print(f"## {detector.name} on sets of other origin\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    found: list[tuple[float, float, float]] = []
    for rows in (*others, *shared):
        labels, peak = np.array([row.label for row in rows]), peaks(detector, rows)
        asked = [row.question for row in rows]
        aurocs = [whole(detector, rows, qs) for qs in (asked, [""] * len(rows), asked[1:] + asked[:1])]
        found.append((aurocs[0], aurocs[1], aurocs[2]))
        rates = [
            f"{np.mean(peak[labels == 1] >= t):.3f}, {np.mean(peak[labels == 0] >= t):.3f}" for t in points.values()
        ]
        cells = [f"{value:.3f}" for value in aurocs] + rates + [f"{np.mean(peak[labels == 1] >= at_1):.3f}"]
        print(f"| {rows[0].source} | {len(rows)} ({labels.sum()}) | {' | '.join(cells)} |", flush=True)
    means = " | ".join(f"{value:.3f}" for value in np.mean(found[: len(others)], axis=0))
    print(f"| mean of those of other origin | | {means} |")
    print(f"\n| harmless | n | {' | '.join(points)} |\n|{'---|' * (len(points) + 2)}")
    groups = [(rows[0].source, peak) for rows, peak in zip(harmless, quiet, strict=True)]
    every, all_peaks = [row for rows in harmless for row in rows], np.concatenate(quiet)
    for form, wanted in (("lists", True), ("prose", False)):
        groups.append((form, all_peaks[[is_list(row.answer) is wanted for row in every]]))
    for name, peak in groups:
        print(f"| {name} | {len(peak)} | " + " | ".join(f"{np.mean(peak >= at):.4f}" for at in points.values()) + " |")


def as_a_guard_reads(detector: Embedded, rows: Sequence[Row]) -> None:
    """How soon, how often and for whom, and what the question is worth."""
    lines = [quoted.HEADER, tuple("---" for _ in quoted.HEADER), *quoted.rows_of(quoted.quoted_figures(detector, rows))]
    print("\n## Dev as a guard reads it\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    asked, another = quoted.asked_otherwise(detector, rows)
    print(f"\nAUROC of all of dev with its own questions {asked:.3f}, with another row's {another:.3f}", flush=True)


def requests_table(data: Path) -> None:
    """What the card of the judge of requests says."""
    reader = shipped_requests()
    wanted = DataFile(path=str(data / "prompts.jsonl.gz"), format="requests", sets=REQUESTS)
    print(f"\n## Judge of requests, sets it was not trained on\n\n{told(reader, read_rows(wanted))}\n", flush=True)


def table(detector: Detector, rows: Sequence[Row], *, rounds: int) -> None:
    figures = asyncio.run(evaluate(detector, rows, rounds=rounds))
    print(f"## {detector.name}, threshold {detector.threshold:.3f}\n\n{markdown(figures)}\n", flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data/harm")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--name", default="embedded", help="embedded, or embedded:FILE.npz")
    parser.add_argument("--own", action="store_true", help="no dev sets, no baselines")
    parser.add_argument("--most", type=int, default=800, help="rows of a set")
    options = parser.parse_args(list(arguments))
    if not options.data.exists():
        print(f"{options.data}: not there; the detector table needs the labelled sets.")
        return
    shipped = open_plugin("detectors", options.name)
    assert isinstance(shipped, Embedded)
    own(shipped, shipped.points, options.data, most=options.most)
    # Filler words: latency depends on how much text there is, hardly on which.
    dev = read_rows(DataFile(path=str(options.data / "dev.jsonl.gz"), format="harm"))
    as_a_guard_reads(shipped, dev)
    window, answer = latency_ms(shipped, question=dev[0].question, words=dev[0].answer.split())
    print(f"\n{1000 * window:.0f} us a window of 16 words, {answer:.2f} ms an answer of 256 words, one core")
    requests_table(options.data)
    if not options.own:
        beside(shipped, dev, options.data, rounds=options.rounds)


def beside(shipped: Embedded, dev: list[Row], data: Path, *, rounds: int) -> None:
    """Dev, with baselines that are trained here."""
    path = str(data / "train.jsonl.gz")
    train = read_rows(DataFile(path=path, format="harm", permissive_only=True, languages=("en",)))
    gone = set(near_duplicates(train, dev))
    kept = [row for number, row in enumerate(train) if number not in gone]
    print(f"train {len(train)} rows, {len(gone)} near-duplicates of dev removed; dev {len(dev)} rows\n")
    detectors: list[Detector] = [shipped, Baseline(kept, name="TF-IDF + LR, same rows")]
    written = [row for row in harmless_rows(per_kind=400, seed=0) if row.source != "written: refusal"]
    detectors.append(Baseline([*kept, *written], name="TF-IDF + LR, same rows and the written ones"))
    if find_spec("profanity_check"):
        detectors.append(Profanity())
    for detector in detectors:
        table(detector, dev, rounds=rounds)
    benign = [row for row in dev if row.source.startswith("AlpacaEval")]
    print(f"embedded: {sentence_alarms(shipped, benign):.2f} false alarms per 1,000 sentences of {benign[0].source}")


if __name__ == "__main__":
    main(sys.argv[1:])
