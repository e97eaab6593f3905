"""The audit log: one JSON line a request, with hashes, categories, scores and actions; text only if asked for."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.records import GuardEvent
from safesight.proxy.settings import ProxySettings

_log = logging.getLogger(__name__)


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, as the log keeps it."""

    time: str
    id: str
    route: str
    model: str
    stream: bool
    action: str
    client: str = ""
    """First twelve hex digits of the SHA-256 of the client's key."""
    tenant: str = ""
    policy: str = ""
    """The name of a named policy; "" is the proxy's own."""
    question_sha256: str = ""
    answer_sha256: str = ""
    images: tuple[str, ...] = ()
    events: tuple[GuardEvent, ...] = ()
    released_chars: int = 0
    withheld_chars: int = 0
    total_ms: float = 0.0
    question: str | None = None
    answer: str | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What the log holds in place of entries that could not be written."""

    time: str
    lost: int
    reason: str


class NotRecordedError(Exception):
    """A request would not be recorded; the message says why."""


class AuditLog:
    """Appends entries, whole lines only; workers may share the file.

    A log that cannot be written is an event: `failed` is called for each entry, the log says so once, and a line that
    counts the lost ones comes before the next entry.
    """

    def __init__(self, path: Path, *, text: bool = False, failed: Callable[[], None] = lambda: None) -> None:
        """Open the log for appending.

        Raises:
            ConfigError: it cannot be opened.
        """
        self.text = text
        self.broken = ""
        """Why the last entry could not be written; "" where it was."""
        self._path = path
        self._failed = failed
        self._lost = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._torn = path.is_file() and _ends_torn(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot open the audit log: {error.strerror or error}.") from None

    def write(self, entry: AuditEntry, *, question: str, answer: str) -> None:
        """Append one entry with the hashes of both texts, and the texts themselves if the operator asked."""
        entry = msgspec.structs.replace(
            entry,
            question_sha256=sha256(question),
            answer_sha256=sha256(answer),
            question=question if self.text else None,
            answer=answer if self.text else None,
        )
        if not self._append(self._gap() + msgspec.json.encode(entry) + b"\n"):
            self._lost += 1
            self._failed()

    def check(self) -> None:
        """Whether the next entry can be written.

        Raises:
            NotRecordedError: the log has failed and still does.
        """
        if self.broken and not self._append(self._gap()):
            raise NotRecordedError(self.broken)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _gap(self) -> bytes:
        """The line that counts what was lost since the last entry; b"" where nothing was."""
        if not self.broken:
            return b""
        return msgspec.json.encode(Gap(time=now(), lost=self._lost, reason=self.broken)) + b"\n"

    def _append(self, line: bytes) -> bool:
        line = b"\n" + line if self._torn else line
        reason = "a line was cut short"
        try:
            # Between a line cut short and taking it back, no other worker may append.
            with _locked(self._file):
                written = os.write(self._file, line)
                whole, torn = written == len(line), self._torn
                self._torn = not whole
                if not whole:
                    os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                    self._torn = torn
        except OSError as error:
            whole, reason = False, error.strerror or type(error).__name__
        if whole and self.broken:
            _log.warning("%s can be written again; %d entries were lost", self._path, self._lost)
            self.broken, self._lost = "", 0
        elif not whole and not self.broken:
            self.broken = f"The audit log cannot be written: {reason}."
            _log.error("%s cannot be written (%s); entries are lost, and counted, until it can", self._path, reason)
        return whole


@contextlib.contextmanager
def _locked(file: int) -> Generator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _ends_torn(path: Path) -> bool:
    """Whether the last line of a file was cut short, by a crash say."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read(1) not in (b"", b"\n")


def sha256(text: str) -> str:
    """Hex digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """The current time, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def open_audit(settings: ProxySettings, *, failed: Callable[[], None]) -> AuditLog | None:
    """The log that the settings ask for; None where they ask for none."""
    if settings.audit is None:
        return None
    return AuditLog(settings.audit, text=settings.audit_text, failed=failed)
