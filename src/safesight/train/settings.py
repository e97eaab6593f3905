"""What a detector's training configuration says."""

from __future__ import annotations

from typing import Literal

import msgspec

from safesight.train.backbone import BackboneSettings
from safesight.train.data import DataFile


class WrittenRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SafeSight's own harmless rows (see `harmless`)."""

    per_kind: int = 0
    seed: int = 0
    contrast: int = 0
    """Minimal pairs (see `contrast`), for models that read question and answer together."""
    reopened: float = 0.0
    """Share of ordinary rows that are copied with a willing opening (see `openings`)."""
    headless: float = 0.0
    """Share of willing harmful rows that are copied without theirs."""
    mild: int = 0
    """Short everyday harm of each kind, and as many kind lines (see `mild`)."""
    twins: int = 0
    """Pairs of each kind of a harmful short line and a harmless one of its form (see `twins`)."""
    requests: int = 0
    """Requests of each kind (see `requests`), for `kind = "requests"`."""


class LinearSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The n-gram model."""

    bits: int = 18
    min_rows: int = 3
    strength: float = 10.0
    balance_sets: bool = False
    """Weigh rows so that large sets count less per row (`linear.set_weights`)."""
    prefix_share: float = 0.5
    """Prefixes per row: a prefix carries its answer's label, so that the score of a partial answer means something."""
    asked: float = 0.0
    """What the log-odds that the question asks for harm add to an answer's linear score."""


class LossSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MLLM-Protector's loss: ranking * -log sigmoid(z_worse - z_better) + bce * BCE."""

    ranking: float = 0.3
    bce: float = 1.0


class CalibrationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How scores become probabilities and where the threshold lies."""

    method: Literal["logistic", "temperature", "isotonic"] = "logistic"
    benign_fpr: float = 0.005
    """Budget per benign training set."""
    streams: tuple[DataFile, ...] = ()
    """Harmless answers outside the training rows, from which `linear` takes its thresholds as a guard uses them."""
    stream_rows: int = 500
    """Rows of each of their sets, at most."""
    folds: int = 8
    """One part in so many of the questions is kept for calibration."""
    balanced: bool = True
    """Count both classes the same, so that scores do not inherit the base rate of the calibration rows (`linear`)."""
    left_out: tuple[str, ...] = ()
    """Benign sets, as "source (licence)", kept for calibration whole."""


class DetectorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; every path in it is relative to the configuration file."""

    name: str
    kind: Literal["linear", "backbone", "requests"] = "linear"
    out: str
    licence: str = ""
    """Of the weights; "": what the data's licences say."""
    seed: int = 0
    train: tuple[DataFile, ...]
    pairs: tuple[DataFile, ...] = ()
    held_out: tuple[DataFile, ...] = ()
    written: WrittenRows = WrittenRows()
    duplicate_threshold: float = 0.7
    loss: LossSettings = LossSettings()
    linear: LinearSettings = LinearSettings()
    backbone: BackboneSettings = BackboneSettings()
    calibration: CalibrationConfig = CalibrationConfig()
