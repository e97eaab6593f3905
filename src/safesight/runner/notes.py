"""People's notes and labels, in an SQLite file of their own beside the run files.

Invariant: run files are never written. A label belongs to one answer (its response key), so that it can be set beside
the judges' verdicts as one more judge, "human".
"""

from __future__ import annotations

import csv
import io
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from safesight.core.errors import StoreError
from safesight.core.records import Verdict
from safesight.runner.transfer import harmless_cell

FILE: Final = "safesight-notes.sqlite"
HUMAN: Final = "human"
MAX_NOTE: Final = 20_000
"""Longest note in characters."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
  response TEXT PRIMARY KEY, sample TEXT NOT NULL, label TEXT NOT NULL, note TEXT NOT NULL, updated TEXT NOT NULL
) WITHOUT ROWID
"""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of one answer; label "" means none, "unparsed" that they could not tell."""

    response: str
    sample: str
    label: Literal["", "unsafe", "safe", "unparsed"] = ""
    note: str = ""
    updated: str = ""


class Notes:
    """The notes of one folder. Use as a context manager; the file is made by the first note."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        if path.exists():
            self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._db is not None:
            self._db.close()

    def _connect(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self._db = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
                self._db.execute(_SCHEMA)
            except sqlite3.Error as error:
                raise StoreError(f"{self.path}: cannot keep notes there: {error}. Is the folder writable?") from None
        return self._db

    def all(self) -> list[Remark]:
        """Every note, by response key."""
        if self._db is None:
            return []
        rows = self._db.execute("SELECT response, sample, label, note, updated FROM notes ORDER BY response")
        return [Remark(response=r, sample=s, label=la, note=n, updated=u) for r, s, la, n, u in rows]

    def put(self, note: Remark) -> Remark:
        """Keep a note in place of the answer's last one; an empty one removes it. Returns it with its time.

        Raises:
            StoreError: the file cannot be written.
        """
        kept = msgspec.structs.replace(note, note=note.note[:MAX_NOTE], updated=datetime.now(UTC).isoformat()[:19])
        db = self._connect()
        try:
            with db:
                if kept.label or kept.note:
                    row = (kept.response, kept.sample, kept.label, kept.note, kept.updated)
                    db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)", row)
                else:
                    db.execute("DELETE FROM notes WHERE response = ?", (kept.response,))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot keep the note: {error}. Is the folder writable?") from None
        return kept

    def verdicts(self) -> list[Verdict]:
        """The labels as verdicts of a judge called "human"."""
        return [
            Verdict(response_key=n.response, sample_key=n.sample, judge=HUMAN, label=n.label)
            for n in self.all()
            if n.label
        ]

    def to_csv(self) -> str:
        """Every note as CSV with a header; a cell that a spreadsheet would take for a formula is quoted."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(Remark.__struct_fields__)
        for note in self.all():
            writer.writerow((note.response, note.sample, note.label, harmless_cell(note.note), note.updated))
        return out.getvalue()

    def to_jsonl(self) -> str:
        """Every note as JSON lines."""
        return b"".join(msgspec.json.encode(note) + b"\n" for note in self.all()).decode()
