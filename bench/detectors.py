"""Detectors side by side on the dev sets: the shipped one, TF-IDF + logistic regression on the same rows, profanity.

    python bench/detectors.py [--data ../shared/data/harm] [--rounds 200]

The baseline is trained here, on the rows the shipped detector was trained on (answer alone; question and answer as one
bag is worse). `alt-profanity-check` (PyPI, its weights inside) is measured when it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from safesight.core.protocols import Detector
from safesight.core.records import Exchange, Harm
from safesight.core.registry import open_plugin
from safesight.train import metrics
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.evaluate import evaluate, latency_ms, sentence_alarms
from safesight.train.figures import markdown
from safesight.train.harmless import harmless_rows


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


def table(detector: Detector, rows: Sequence[Row], *, rounds: int) -> None:
    figures = asyncio.run(evaluate(detector, rows, rounds=rounds))
    print(f"## {detector.name}, threshold {detector.threshold:.3f}\n\n{markdown(figures)}\n", flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data/harm")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args(list(arguments))
    if not options.data.exists():
        print(f"{options.data}: not there; the detector table needs the labelled sets.")
        return
    path = str(options.data / "train.jsonl.gz")
    train = read_rows(DataFile(path=path, format="harm", permissive_only=True, languages=("en",)))
    dev = read_rows(DataFile(path=str(options.data / "dev.jsonl.gz"), format="harm"))
    gone = set(near_duplicates(train, dev))
    kept = [row for number, row in enumerate(train) if number not in gone]
    print(f"train {len(train)} rows, {len(gone)} near-duplicates of dev removed; dev {len(dev)} rows\n")
    shipped = open_plugin("detectors", "embedded")
    detectors: list[Detector] = [shipped, Baseline(kept, name="TF-IDF + LR, same rows")]
    written = [row for row in harmless_rows(per_kind=400, seed=0) if row.source != "written: refusal"]
    detectors.append(Baseline([*kept, *written], name="TF-IDF + LR, same rows and the written ones"))
    if find_spec("profanity_check"):
        detectors.append(Profanity())
    for detector in detectors:
        table(detector, dev, rounds=options.rounds)
    # Filler words: latency depends on how much text there is, hardly on which.
    words = json.loads(gzip.decompress((options.data / "dev.jsonl.gz").read_bytes()).split(b"\n", 1)[0])[
        "answer"
    ].split()
    window, answer = latency_ms(shipped, question=dev[0].question, words=words)
    print(f"embedded: {window:.3f} ms per window of 16 words, {answer:.2f} ms per answer of 256 words, one thread")
    benign = [row for row in dev if row.source.startswith("AlpacaEval")]
    print(f"embedded: {sentence_alarms(shipped, benign):.2f} false alarms per 1,000 sentences of {benign[0].source}")


if __name__ == "__main__":
    main(sys.argv[1:])
