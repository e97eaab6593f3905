"""Fits, calibrates and writes the detector that `detectors.embedded` runs: n-grams, and the attention network if asked.

Everything is fitted twice. First without the calibration rows: a tenth or so of the questions, and whole benign sets
named in `calibration.left_out`, because answers of a model never seen look stranger than those of a known one (a
threshold from known sets alone let through several times its budget). Their scores give calibration and threshold.
Then on all rows, for the weights that are written.
"""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from safesight.core.errors import ConfigError
from safesight.detectors.attention import AttentionNet, AttentionState
from safesight.detectors.embedded import EmbeddedHead
from safesight.detectors.wordpiece import Vocabulary
from safesight.train import calibration, stream_net
from safesight.train.backbone import model_path
from safesight.train.corpus import (
    Checkpoints,
    Corpus,
    DetectorConfig,
    Say,
    Trained,
    benign_sources,
    fold_of,
    save_arrays,
    set_name,
)
from safesight.train.data import Row, prefix
from safesight.train.linear import count_matrix, fit, inverse_frequency, set_weights, weighted

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Arrays = dict[str, NDArray[np.generic]]


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


class _Net:
    """The attention network's side of a training: coded rows, and fits of it; nothing when it has no epochs."""

    def __init__(
        self, config: DetectorConfig, corpus: Corpus, *, root: Path, checkpoints: Checkpoints, say: Say
    ) -> None:
        self.on = config.net.epochs > 0
        if not self.on:
            return
        self._config, self._checkpoints, self._say = config, checkpoints, say
        folder = root / model_path(config.net.package, config.net.model)
        self._names = stream_net.read_vocabulary(folder)
        words = Vocabulary({name: index for index, name in enumerate(self._names)})
        ordinary = {row.source for row in corpus.rows} - {row.source for row in corpus.rows if row.label}
        self._rows = stream_net.encode_rows(corpus.rows, words, config.net, ordinary=ordinary)
        self._contrast = stream_net.encode_rows(corpus.contrast, words, config.net, ordinary=set())
        self._pairs = stream_net.encode_rows(corpus.pairs, words, config.net, ordinary=set())
        start = checkpoints.step(
            "vectors", lambda: {"vectors": stream_net.start_vectors(folder, width=config.net.width)}
        )
        self._start = start["vectors"].astype(np.float32)

    def fit(self, name: str, inside: Mask) -> Arrays:
        """The network's arrays, trained on some of the rows."""
        rows = [row for row, chosen in zip(self._rows, inside, strict=True) if chosen]
        training = stream_net.NetTraining(
            [*rows, *self._contrast],
            self._pairs,
            self._config.net,
            seed=self._config.seed,
            ranking=self._config.loss.ranking,
        )
        found = training.run(
            self._start, step=lambda part, make: self._checkpoints.step(f"{name}-{part}", make), say=self._say
        )
        return stream_net.packed(found, self._names)


def net_logits(net: AttentionNet, rows: list[Row]) -> Floats:
    """The network's logits (n,) of whole answers."""
    return np.array([AttentionState(net, net.question(row.question)).feed(row.answer) for row in rows])


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


def train_linear(
    config: DetectorConfig, corpus: Corpus, *, root: Path, folder: Path, checkpoints: Checkpoints, say: Say
) -> Trained:
    """Fit without the calibration rows, calibrate, fit on everything and write `<name>.npz`."""
    counts = _count(corpus, config)
    net = _Net(config, corpus, root=root, checkpoints=checkpoints, say=say)
    unseen = _calibration_rows(corpus, config)
    every = np.ones(len(corpus.rows), bool)

    def scored() -> Arrays:
        model = _fit(counts, ~unseen, config)
        idf = model["idf"].astype(np.float32)
        columns = [weighted(counts.answers[unseen], idf) @ model["answer"] + model["bias"][0]]
        if net.on:
            rows = [row for row, chosen in zip(corpus.rows, unseen, strict=True) if chosen]
            columns.append(net_logits(AttentionNet(net.fit("first", ~unseen)), rows))
        return {"columns": np.stack(columns, axis=1)}

    columns = checkpoints.step("unseen", scored)["columns"].astype(np.float64)
    say(f"{len(columns)} rows kept for calibration")
    weights = calibration.logistic(columns, counts.labels[unseen], balanced=config.calibration.balanced)
    harm = expit(columns @ weights[:-1] + weights[-1])
    sets = np.array([set_name(row) for row in corpus.rows])[unseen]
    benign = {name: harm[sets == name] for name in benign_sources(corpus.rows) if (sets == name).any()}
    threshold = calibration.budget_threshold(
        benign or {"harmless": harm[counts.labels[unseen] == 0]}, fpr=config.calibration.benign_fpr
    )
    model = checkpoints.step("final", lambda: _fit(counts, every, config))
    arrays: Arrays = {name: model[name].astype(np.float16) for name in ("idf", "answer")}
    if net.on:
        arrays |= net.fit("second", every)
    head = EmbeddedHead(
        bits=config.linear.bits,
        bias=float(model["bias"][0]),
        calibration=tuple(weights.tolist()),
        threshold=threshold,
        trained={"name": config.name, "licence": config.licence, "rows": str(len(every))},
    )
    path = folder / f"{config.name}.npz"
    save_arrays(path, {**arrays, "head": np.frombuffer(msgspec.json.encode(head), np.uint8)})
    return Trained(weights=path, threshold=threshold, rows=len(every), removed=corpus.removed)
