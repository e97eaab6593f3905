"""Trains a harm detector from a TOML configuration: data, folds, calibration, threshold, weights, card.

Order, and why: near-duplicates of the held-out files leave the training rows first; models are fitted on folds split by
question; their scores on the rows they did not see give calibration and threshold; one last model is fitted on all
rows. Held-out files are only ever measured. The same configuration and data give the same weights on one machine.

Every finished fold is written to `state/` in the output folder, named by a hash of configuration and data, so a killed
run resumes where it stopped and never mixes two configurations.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from safesight.core.config import read_toml
from safesight.core.doors import require
from safesight.core.records import content_hash
from safesight.train.corpus import Checkpoints, Corpus, DetectorConfig, Say, Trained, load_corpus


def train_detector(path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None) -> Trained:
    """Train the detector a configuration describes and write its weights and model card.

    Raises:
        ConfigError: the configuration has unknown keys or only one class of rows.
        MissingData: a data file is not there.
        MissingExtra: SciPy, or the backbone's libraries, are not installed.
    """
    config = read_toml(path, DetectorConfig)
    root = path.parent
    folder = out or (root / config.out).resolve()
    corpus = load_corpus(config, root=root, say=say)
    identity = content_hash(msgspec.to_builtins(config), corpus.hashes)
    checkpoints = Checkpoints(folder, identity=identity, resume=resume)
    trained = _fit(config, corpus, root=root, folder=folder, checkpoints=checkpoints, say=say)
    checkpoints.clear()
    return msgspec.structs.replace(trained, card=_describe(config, corpus, trained))


def _fit(
    config: DetectorConfig, corpus: Corpus, *, root: Path, folder: Path, checkpoints: Checkpoints, say: Say
) -> Trained:
    if config.kind == "backbone":
        from safesight.train.backbone_detector import train_backbone

        return train_backbone(config, corpus, folder=folder, state=checkpoints.folder, say=say)
    require("scipy", "fit")
    from safesight.train.ngram_detector import train_linear

    return train_linear(config, corpus, root=root, folder=folder, checkpoints=checkpoints, say=say)


def _describe(config: DetectorConfig, corpus: Corpus, trained: Trained) -> Path:
    """Measure the weights as they were written, and put the figures on the card."""
    import asyncio

    from safesight.detectors import embedded
    from safesight.detectors.backbone import Tuned
    from safesight.train.card import write_card
    from safesight.train.evaluate import evaluate
    from safesight.train.figures import markdown

    table = ""
    if corpus.held_out:
        detector = (
            embedded.open_detector(str(trained.weights), {}) if config.kind == "linear" else Tuned(trained.weights)
        )
        table = markdown(asyncio.run(evaluate(detector, corpus.held_out)))
    card = trained.weights.parent / f"{config.name}.card.md"
    write_card(card, config, corpus, weights=trained.weights, threshold=trained.threshold, table=table)
    return card
