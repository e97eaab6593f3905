"""Trains a harm detector from a TOML configuration: data, folds, calibration, threshold, weights, card.

Order, and why: near-duplicates of the held-out files leave the training rows first; models are fitted on folds split by
question; their scores on the rows they did not see give calibration and threshold; one last model is fitted on all
rows. Held-out files are only ever measured. The same configuration and data give the same weights on one machine.

Every finished fold is written to `state/` in the output folder, named by a hash of configuration and data, so a killed
run resumes where it stopped and never mixes two configurations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from safesight.core.config import read_toml
from safesight.core.doors import require
from safesight.core.records import content_hash
from safesight.train.checkpoints import Checkpoints
from safesight.train.corpus import Corpus, Say, Trained, licence_of, load_corpus
from safesight.train.settings import DetectorConfig

if TYPE_CHECKING:
    from safesight.train.evaluate import SetFigures

NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "linear": ("scipy", "fit"),
    "requests": ("scipy", "fit"),
    "backbone": ("peft", "train"),
}
"""By kind, a package it needs and the extra that brings it."""


def train_detector(path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None) -> Trained:
    """Train the detector a configuration describes and write its weights and model card.

    Raises:
        ConfigError: the configuration has unknown keys or only one class of rows.
        MissingData: a data file is not there.
        MissingExtra: SciPy, or the backbone's libraries, are not installed.
    """
    config = read_toml(path, DetectorConfig)
    require(*NEEDS[config.kind])
    root = path.parent
    folder = out or (root / config.out).resolve()
    corpus = load_corpus(config, root=root, say=say)
    identity = content_hash(msgspec.to_builtins(config), corpus.hashes)
    checkpoints = Checkpoints(folder, identity=identity, resume=resume)
    config = msgspec.structs.replace(config, licence=config.licence or licence_of(corpus))
    trained = _fit(config, corpus, root=root, folder=folder, checkpoints=checkpoints, say=say)
    checkpoints.clear()
    return _described(config, corpus, trained)


def _fit(
    config: DetectorConfig, corpus: Corpus, *, root: Path, folder: Path, checkpoints: Checkpoints, say: Say
) -> Trained:
    if config.kind == "backbone":
        from safesight.train.backbone_detector import train_backbone

        return train_backbone(config, corpus, folder=folder, state=checkpoints.folder, say=say)
    if config.kind == "requests":
        from safesight.train.request_judge import train_requests

        return train_requests(config, corpus, root=root, folder=folder, checkpoints=checkpoints, say=say)
    from safesight.train.ngram_detector import train_linear

    return train_linear(config, corpus, root=root, folder=folder, checkpoints=checkpoints, say=say)


def _described(config: DetectorConfig, corpus: Corpus, trained: Trained) -> Trained:
    """Measure the weights as they were written, and put figures and caveats on the card."""
    from safesight.train import caveats
    from safesight.train.card import write_card

    figures = _figures(config, corpus, trained.weights) if corpus.held_out else []
    found = [
        *caveats.of_data(corpus.rows, corpus.held_out),
        *caveats.of_figures(figures),
        *_of_threshold(config, trained),
    ]
    card = trained.weights.parent / f"{config.name}.card.md"
    table = _table(config, corpus, trained.weights, figures)
    write_card(card, config, corpus, weights=trained.weights, threshold=trained.threshold, table=table, caveats=found)
    return msgspec.structs.replace(trained, card=card, caveats=tuple(found))


def _of_threshold(config: DetectorConfig, trained: Trained) -> list[str]:
    from safesight.detectors.embedded import open_detector
    from safesight.train.caveats import of_threshold

    if trained.read_off is None:
        return []
    shipped = open_detector("", {}).threshold if config.kind == "linear" else None
    return of_threshold(trained.threshold, read_off=trained.read_off, shipped=shipped)


def _figures(config: DetectorConfig, corpus: Corpus, weights: Path) -> list[SetFigures]:
    """Of detectors of answers; a judge of requests has figures of its own."""
    import asyncio

    from safesight.train.evaluate import evaluate

    if config.kind == "requests":
        return []
    if config.kind == "backbone":
        from safesight.detectors.backbone import Tuned

        return asyncio.run(evaluate(Tuned(weights), corpus.held_out))
    from safesight.detectors.embedded import open_detector

    return asyncio.run(evaluate(open_detector(str(weights), {}), corpus.held_out))


def _table(config: DetectorConfig, corpus: Corpus, weights: Path, figures: Sequence[SetFigures]) -> str:
    from safesight.train.figures import markdown

    if config.kind == "requests" and corpus.held_out:
        from safesight.detectors.requests import RequestReader
        from safesight.train.request_judge import told

        return told(RequestReader(weights.read_bytes(), where=str(weights)), corpus.held_out)
    return markdown(figures) if figures else ""
