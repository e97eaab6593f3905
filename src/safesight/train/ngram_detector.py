"""Fits, calibrates and writes the detector that `detectors.embedded` runs.

The n-grams are fitted twice: first without the calibration rows, a part of the questions and whole benign sets, whose
scores give the calibration; then on all rows, for the weights that are written. Thresholds and the stretch's shift are
read off harmless answers that neither fit saw (`calibration.streams`), as a guard would cut them; where none are named,
off the harmless calibration rows and the first fit.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from safesight.core.errors import ConfigError
from safesight.detectors.embedded import AnswerReading, EmbeddedHead, EmbeddedWeights, StretchHead
from safesight.detectors.requests import shipped_requests
from safesight.train import calibration, streaming
from safesight.train.checkpoints import Checkpoints, packed
from safesight.train.corpus import Corpus, Say, Trained, benign_sources, fold_of, set_name
from safesight.train.data import Row, prefix, read_rows
from safesight.train.linear import count_matrix, fit, inverse_frequency, set_weights, weighted
from safesight.train.settings import DetectorConfig

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Arrays = dict[str, NDArray[np.generic]]
STRETCH_WORDS = 48
"""A stretch is one to two blocks of so many words: some 250 to 500 characters."""


class _Counts(msgspec.Struct, frozen=True, kw_only=True):
    """N-gram counts of a corpus, made once and sliced by every fit."""

    answers: sparse.csr_matrix
    cut: NDArray[np.int64]
    """Rows that also appear as a prefix."""
    prefixes: sparse.csr_matrix
    pairs: sparse.csr_matrix
    labels: Floats
    sets: tuple[str, ...]


def _count(corpus: Corpus, config: DetectorConfig) -> _Counts:
    rng = random.Random(config.seed)
    bits = config.linear.bits
    cut = [number for number in range(len(corpus.rows)) if rng.random() < config.linear.prefix_share]
    return _Counts(
        answers=count_matrix([row.answer for row in corpus.rows], bits=bits),
        cut=np.array(cut, np.int64),
        prefixes=count_matrix([prefix(corpus.rows[number].answer, rng) for number in cut], bits=bits),
        pairs=count_matrix([row.answer for row in corpus.pairs], bits=bits),
        labels=np.array([row.label for row in corpus.rows], np.float64),
        sets=tuple(set_name(row) for row in corpus.rows),
    )


def _fit(counts: _Counts, inside: Mask, config: DetectorConfig) -> Arrays:
    answers = counts.answers[inside]
    idf = inverse_frequency(answers, min_rows=config.linear.min_rows)
    chosen = inside[counts.cut]
    pairs = weighted(counts.pairs, idf)
    used = np.r_[np.flatnonzero(inside), counts.cut[chosen]]
    weights = set_weights([counts.sets[i] for i in used], counts.labels[used]) if config.linear.balance_sets else None
    answer, bias = fit(
        weighted(sparse.csr_matrix(sparse.vstack([answers, counts.prefixes[chosen]])), idf),
        counts.labels[used],
        weights=weights,
        strength=config.linear.strength,
        better=pairs[::2],
        worse=pairs[1::2],
        ranking=config.loss.ranking / config.loss.bce,
    )
    return {"idf": idf, "answer": answer, "bias": np.array([bias])}


def _calibration_rows(corpus: Corpus, config: DetectorConfig) -> Mask:
    settings = config.calibration
    left_out = np.array([set_name(row) in settings.left_out for row in corpus.rows])
    chosen = left_out | np.array([fold_of(row.question, folds=settings.folds) == 0 for row in corpus.rows])
    labels = np.array([row.label for row in corpus.rows])
    if len(set(labels[chosen])) < 2 or len(set(labels[~chosen])) < 2:
        raise ConfigError(
            "expected harmful and harmless rows both inside and outside the calibration rows, got one kind only. "
            "Give more questions, or change calibration.folds or calibration.left_out."
        )
    return chosen


def _stream_rows(config: DetectorConfig, *, root: Path) -> list[Row]:
    """Harmless answers to read thresholds off: of every set so many, drawn once."""
    sets: defaultdict[str, list[Row]] = defaultdict(list)
    for file in config.calibration.streams:
        for row in read_rows(file, root=root):
            if not row.label:
                sets[set_name(row)].append(row)
    rng = random.Random(f"{config.seed}:streams")
    return [
        row
        for _, rows in sorted(sets.items())
        for row in rng.sample(rows, min(len(rows), config.calibration.stream_rows))
    ]


def _written(model: Arrays, head: EmbeddedHead) -> bytes:
    arrays = {name: model[name].astype(np.float16) for name in ("idf", "answer")}
    return packed({**arrays, "head": np.frombuffer(msgspec.json.encode(head), np.uint8)})


def _at_points(model: Arrays, head: EmbeddedHead, rows: Sequence[Row], *, budget: float) -> EmbeddedHead:
    """The head with stretch, operating points and threshold, by the weights as they will be read."""
    head = msgspec.structs.replace(head, bias=float(model["bias"][0]))
    bare = msgspec.structs.replace(head, stretch=StretchHead(words=STRETCH_WORDS, shift=0.0))
    weights = EmbeddedWeights(_written(model, bare), where="the weights just fitted")
    prior = shipped_requests().prior
    found = streaming.peaks(rows, lambda row: AnswerReading(weights, prior(row.question)).scores)
    shift, points = streaming.choose(found, budget=budget)
    chances = {name: round(float(expit(logit)), 4) for name, logit in points.items()}
    return msgspec.structs.replace(
        head,
        stretch=StretchHead(words=STRETCH_WORDS, shift=round(shift, 4)),
        points=chances,
        threshold=chances["usual"],
    )


def train_linear(
    config: DetectorConfig, corpus: Corpus, *, root: Path, folder: Path, checkpoints: Checkpoints, say: Say
) -> Trained:
    """Fit without the calibration rows, calibrate, fit on everything, choose thresholds and write `<name>.npz`."""
    counts = _count(corpus, config)
    unseen = _calibration_rows(corpus, config)
    every = np.ones(len(corpus.rows), bool)
    prior = shipped_requests().prior
    asked = config.linear.asked
    first = checkpoints.step("unseen", lambda: _fit(counts, ~unseen, config))
    idf = first["idf"].astype(np.float32)
    scores = weighted(counts.answers[unseen], idf) @ first["answer"] + first["bias"][0]
    kept = [row for row, chosen in zip(corpus.rows, unseen, strict=True) if chosen]
    if asked:
        scores = scores + asked * np.array([prior(row.question) for row in kept])
    say(f"{len(scores)} rows kept for calibration")
    slope, offset = calibration.logistic(
        scores[:, None], counts.labels[unseen], balanced=config.calibration.balanced
    ).tolist()
    final = checkpoints.step("final", lambda: _fit(counts, every, config))
    head = EmbeddedHead(
        bits=config.linear.bits,
        bias=float(final["bias"][0]),
        calibration=(slope, slope * asked, offset),
        threshold=0.5,
        trained={"name": config.name, "licence": config.licence, "rows": str(len(every))},
    )
    streams = _stream_rows(config, root=root)
    budget = config.calibration.benign_fpr / streaming.POINTS["usual"]
    if streams:
        head = _at_points(final, head, streams, budget=budget)
    else:
        benign = set(benign_sources(corpus.rows))
        harmless = [row for row in kept if not row.label]
        ordinary = [row for row in harmless if set_name(row) in benign]
        streams = ordinary or harmless
        head = _at_points(first, head, streams, budget=budget)
        head = msgspec.structs.replace(head, bias=float(final["bias"][0]))
    path = folder / f"{config.name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_written(final, head))
    say(f"operating points: {', '.join(f'{name} {at:.3f}' for name, at in head.points.items())}")
    return Trained(
        weights=path, threshold=head.threshold, rows=len(every), removed=corpus.removed, read_off=len(streams)
    )
