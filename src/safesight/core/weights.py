"""Fingerprints of weight files that are too large to hash whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safesight.core.records import content_hash

_SLICES = 64
_SLICE_BYTES = 1 << 16


def file_print(path: Path) -> str:
    """Hash a file's size and 64 slices of 64 KiB spread evenly over it (all of a file up to 4 MiB).

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for index in range(_SLICES):
            file.seek(max(0, size - _SLICE_BYTES) * index // (_SLICES - 1))
            digest.update(file.read(_SLICE_BYTES))
    return digest.hexdigest()


def folder_print(folder: Path) -> str:
    """Hash the names and prints of a model folder's files; what is hidden or not a plain file is left out.

    Raises:
        OSError: a file cannot be read.
    """
    names = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return content_hash([(path.name, file_print(path)) for path in names])
