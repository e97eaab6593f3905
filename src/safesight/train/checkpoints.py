"""Arrays on disk: finished weights, and what a killed training run kept.

Finished steps are kept under a hash of configuration and data, so that two configurations never mix.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def packed(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """An .npz whose bytes depend on the arrays alone (fixed dates and order)."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            stamp = zipfile.ZipInfo(f"{name}.npy", (2020, 1, 1, 0, 0, 0))
            archive.writestr(stamp, buffer.getvalue(), compress_type=zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write an .npz atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(packed(arrays))
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
