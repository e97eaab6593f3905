"""One writer a run file: an advisory lock beside the file, released by the system when its holder dies.

Invariant: whoever holds the lock is named in it, so that the second process can say who writes. Readers need none.
The lock is a file of its own: closing any descriptor of a database drops SQLite's own locks (fcntl(2), POSIX).
"""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from safesight.core.errors import StoreError

_FAR: Final = 1 << 30
"""Windows locks bytes, and locked bytes cannot be read: one far behind the text."""


class RunLock:
    """Held from `acquire` until `release`; by another process or another opening in this one, never twice."""

    def __init__(self, path: Path, stream: IO[str] | None) -> None:
        self._path = path
        self._stream = stream

    @classmethod
    def acquire(cls, run: Path) -> RunLock:
        """Lock a run file (which need not exist yet, its folder must).

        Raises:
            StoreError: another process writes it; says which. Or the folder cannot be written.
        """
        real = run.resolve()  # a link to a run file is the same run
        path = real.with_name(f"{real.name}.lock")
        while True:
            try:
                stream = path.open("a+", encoding="utf-8")
            except OSError as error:
                raise StoreError(
                    f"{run}: cannot write there: {error.strerror or error}. Choose another --run."
                ) from None
            if not _lock(stream):
                raise StoreError(f"{run}: {_holder(stream)} is writing this run. Wait for it, or choose another --run.")
            if _is_there(path, stream):
                _sign(stream)
                return cls(path, stream)
            stream.close()  # its last holder has just taken it away

    def release(self) -> None:
        """Let others write; the lock file goes."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        with contextlib.suppress(OSError):  # Windows removes no open file; the lock is what counts
            self._path.unlink()
        stream.close()


def _sign(stream: IO[str]) -> None:
    command = " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:3]])
    stream.seek(0)
    stream.truncate()
    stream.write(f"process {os.getpid()} ({command}, since {datetime.now().astimezone():%H:%M:%S})")
    stream.flush()


def _holder(stream: IO[str]) -> str:
    with stream:
        try:
            stream.seek(0)
            return stream.read(300).strip() or "another process"
        except (OSError, ValueError):
            return "another process"


def _is_there(path: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except OSError:
        return False


def _lock(stream: IO[str]) -> bool:
    """Whether the lock is ours now; file systems without locks (some network mounts) let everybody in."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(stream.fileno(), _FAR, os.SEEK_SET)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
