"""What a detector is trained on and how, as its configuration says: settings, rows, folds, and what a killed run kept.

Near-duplicates of the held-out files leave the training rows first; folds are split by question, so that no question is
on both sides; finished folds are kept under a hash of configuration and data, so that two configurations never mix.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from safesight.core.errors import ConfigError
from safesight.core.files import file_hash
from safesight.train.backbone import BackboneSettings
from safesight.train.contrast import contrast_rows
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.harmless import harmless_rows
from safesight.train.openings import headless, reopened
from safesight.train.stream_net import NetSettings

Floats = NDArray[np.float64]
Say = Callable[[str], None]


class WrittenRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SafeSight's own harmless rows (see `harmless`)."""

    per_kind: int = 0
    seed: int = 0
    contrast: int = 0
    """Minimal pairs (see `contrast`), for models that read the question: the n-grams never see them."""
    reopened: float = 0.0
    """Share of ordinary rows that are copied with a willing opening (see `openings`)."""
    headless: float = 0.0
    """Share of willing harmful rows that are copied without theirs."""


class LinearSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The n-gram model."""

    bits: int = 18
    min_rows: int = 3
    strength: float = 10.0
    balance_sets: bool = False
    """Weigh rows so that large sets count less per row (`linear.set_weights`)."""
    prefix_share: float = 0.5
    """Prefixes per row: a prefix carries its answer's label, so that the score of a partial answer means something."""


class LossSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MLLM-Protector's loss: ranking * -log sigmoid(z_worse - z_better) + bce * BCE."""

    ranking: float = 0.3
    bce: float = 1.0


class CalibrationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How scores become probabilities and where the threshold lies."""

    method: Literal["logistic", "temperature", "isotonic"] = "logistic"
    benign_fpr: float = 0.005
    """Budget per benign training set."""
    folds: int = 8
    """One part in so many of the questions is kept for calibration."""
    balanced: bool = True
    """Count both classes the same, so that scores do not inherit the base rate of the calibration rows (`linear`)."""
    left_out: tuple[str, ...] = ()
    """Benign sets, as "source (licence)", kept for calibration whole."""


class DetectorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; every path in it is relative to the configuration file."""

    name: str
    kind: Literal["linear", "backbone"] = "linear"
    out: str
    licence: str = "Apache-2.0"
    seed: int = 0
    train: tuple[DataFile, ...]
    pairs: tuple[DataFile, ...] = ()
    held_out: tuple[DataFile, ...] = ()
    written: WrittenRows = WrittenRows()
    duplicate_threshold: float = 0.7
    loss: LossSettings = LossSettings()
    linear: LinearSettings = LinearSettings()
    net: NetSettings = NetSettings()
    backbone: BackboneSettings = BackboneSettings()
    calibration: CalibrationConfig = CalibrationConfig()


class Corpus(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration trains on, near-duplicates removed."""

    rows: tuple[Row, ...]
    pairs: tuple[Row, ...]
    """Better and worse answer in turn."""
    contrast: tuple[Row, ...] = ()
    """Minimal pairs, never used for calibration."""
    copies: int = 0
    """How many of the rows are copies with another opening."""
    held_out: tuple[Row, ...]
    removed: dict[str, int]
    hashes: dict[str, str]
    """SHA-256 by file."""


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """Where the detector went, and its figures on the held-out rows."""

    weights: Path
    threshold: float
    rows: int
    card: Path = Path()
    removed: dict[str, int]


def load_corpus(config: DetectorConfig, *, root: Path, say: Say) -> Corpus:
    """Read a configuration's data and drop what nearly repeats a held-out row; counts go to `say`."""
    held_out = [row for file in config.held_out for row in read_rows(file, root=root)]
    rows: list[Row] = []
    pairs: list[Row] = []
    removed: dict[str, int] = {}
    for file in config.train:
        found = read_rows(file, root=root)
        gone = set(near_duplicates(found, held_out, threshold=config.duplicate_threshold)) if held_out else set[int]()
        removed[file.path] = len(gone)
        rows.extend([row for number, row in enumerate(found) if number not in gone] * file.repeat)
        say(f"{file.path}: {len(found) - len(gone)} rows ({len(gone)} near-duplicates of held-out rows removed)")
    for file in config.pairs:
        pairs.extend(_in_pairs(read_rows(file, root=root)))
        say(f"{file.path}: {len(pairs) // 2} pairs so far")
    written = config.written
    copies = [
        *reopened(rows, share=written.reopened, seed=written.seed),
        *headless(rows, share=written.headless, seed=written.seed),
    ]
    say(f"{len(copies)} copies with another opening")
    rows.extend([*copies, *harmless_rows(per_kind=written.per_kind, seed=written.seed)])
    if len({row.label for row in rows}) < 2:
        raise ConfigError("expected harmful and harmless rows to train on, got only one of the two.")
    files = (*config.train, *config.pairs, *config.held_out)
    hashes = {file.path: file_hash(root / file.path) for file in files}
    return Corpus(
        rows=tuple(rows),
        pairs=tuple(pairs),
        contrast=tuple(contrast_rows(pairs=written.contrast, seed=written.seed)),
        copies=len(copies),
        held_out=tuple(held_out),
        removed=removed,
        hashes=hashes,
    )


def _in_pairs(rows: Sequence[Row]) -> list[Row]:
    by_pair: dict[str, list[Row]] = {}
    for row in rows:
        if row.pair:
            by_pair.setdefault(row.pair, []).append(row)
    ordered = [sorted(pair, key=lambda row: row.worse) for pair in by_pair.values()]
    return [row for pair in ordered if len(pair) == 2 and pair[1].worse and not pair[0].worse for row in pair]


def fold_of(question: str, *, folds: int) -> int:
    """The fold of a question; all its answers share it, so no fold is scored on a question it was fitted on."""
    return int.from_bytes(hashlib.sha256(question.strip().casefold().encode()).digest()[:4], "big") % folds


def set_name(row: Row) -> str:
    """What is left out together: a source under one licence; all rows written for SafeSight are one set."""
    return "written" if row.source.startswith("written:") else f"{row.source} ({row.licence})"


def benign_sources(rows: Sequence[Row]) -> list[str]:
    """Sets without one harmful row; those written for SafeSight aside, they stand for ordinary traffic."""
    harmful = {set_name(row) for row in rows if row.label}
    return sorted({set_name(row) for row in rows} - harmful - {"written"})


def save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write an .npz whose bytes depend on the arrays alone (fixed dates and order), atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (2020, 1, 1, 0, 0, 0)), buffer.getvalue())
    part.replace(path)


class Checkpoints:
    """Finished steps of one run, kept as .npz files under a name that hashes what they depend on."""

    def __init__(self, folder: Path, *, identity: str, resume: bool) -> None:
        self.folder = folder / "state" / identity
        if not resume:
            self.clear()

    def step(self, name: str, compute: Callable[[], dict[str, NDArray[np.generic]]]) -> dict[str, NDArray[np.generic]]:
        """The step's arrays: read back if it had finished, else computed and written."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            save_arrays(path, compute())
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}

    def clear(self) -> None:
        """Forget every step."""
        for path in self.folder.glob("*"):
            path.unlink()
        for folder in (self.folder, self.folder.parent):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
