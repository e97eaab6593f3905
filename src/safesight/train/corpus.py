"""What a detector is trained on, as its configuration says: rows, and the folds they fall into.

Near-duplicates of the held-out files leave the training rows first; folds are split by question, so that no question is
on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.files import file_hash
from safesight.train.contrast import contrast_rows
from safesight.train.data import Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.harmless import harmless_rows
from safesight.train.mild import mild_rows
from safesight.train.openings import headless, reopened
from safesight.train.requests import request_rows
from safesight.train.settings import DetectorConfig
from safesight.train.twins import twin_rows

Say = Callable[[str], None]


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
    read_off: int | None = None
    """Harmless answers or requests that the thresholds were read off, where this is counted."""
    caveats: tuple[str, ...] = ()
    """What the figures do not show (see `caveats`)."""


def licence_of(corpus: Corpus) -> str:
    """The licences of the rows that were not written for SafeSight, as the weights' own."""
    rows = (*corpus.rows, *corpus.pairs)
    found = sorted({row.licence for row in rows if not row.source.startswith("written")})
    return f"as the data's: {', '.join(found)}" if found else "Apache-2.0"


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
    rows.extend(mild_rows(per_kind=written.mild, seed=written.seed))
    rows.extend(twin_rows(per_kind=written.twins, seed=written.seed))
    rows.extend(request_rows(per_kind=written.requests, seed=written.seed))
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
