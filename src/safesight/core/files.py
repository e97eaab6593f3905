"""Files: written whole or not at all, hashed whole, or fingerprinted where they are too large to hash whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

from safesight.core.records import content_hash

_SLICES = 64
_SLICE_BYTES = 1 << 16


def cache_folder() -> Path:
    """Where images by hash and installed weights are kept: SAFESIGHT_CACHE, else `safesight` in the user's cache."""
    if named := os.environ.get("SAFESIGHT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safesight"


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary file beside `path`, moved into its place when the block ends well, and removed when it does not.

    Folders on the way are made. The name keeps its suffix, for writers that go by it.

    Raises:
        OSError: the folder or the file cannot be written; what was there before is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; this one is to be as readable as any other new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
