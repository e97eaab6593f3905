"""A run file watched while it is written: what changed since a reader last asked.

Invariant: the file is opened read-only, and a poll costs one pass over keys and lengths; only what changed is decoded.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from safesight.analysis.provenance import self_graded_judges
from safesight.analysis.rates import outcome
from safesight.core.errors import StoreError
from safesight.core.messages import Image
from safesight.core.records import Case, Manifest, ModeLabel, Response, Sample, Verdict
from safesight.core.store import RunStore
from safesight.reports.casebook import BookRun, Entry, ShownAnswer, answer, entry, modes_by_response
from safesight.runner.gold import silenced
from safesight.runner.notes import FILE
from safesight.runner.results import run_name

CAP: Final = 4_000
"""Longest text in a list; one case is asked for whole."""
WHOLE: Final = 2_000_000
_CHUNK: Final = 400
_COUNT: Final = re.compile(r"\b(?:limit=|stratified:)(\d+)")

_SIGNATURES = """
SELECT r.key, r.sample, length(r.data) || ':' || coalesce(v.mark, '') || ':' || coalesce(m.mark, '')
FROM responses r
LEFT JOIN (SELECT response, count(*) || '.' || sum(length(data)) AS mark FROM verdicts GROUP BY response) v
  ON v.response = r.key
LEFT JOIN (SELECT response, count(*) || '.' || sum(length(data)) AS mark FROM modes GROUP BY response) m
  ON m.response = r.key
"""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the list shows it. `labels` maps a judge to what answers to unsafe cases count as
    (`analysis.rates.outcome`), as its attack success counts them."""

    id: str
    name: str
    benchmark: str
    model: str
    defence: str
    created: str
    answers: int
    planned: int | None
    """How many answers the selection asks for, where it says so."""
    statuses: dict[str, int]
    labels: dict[str, dict[str, int]]
    self_graded: tuple[str, ...]
    silenced: tuple[str, ...] = ()
    """Judges whose rates are not given: they miss too much."""
    caveat: str
    changed: float
    """Unix time of the last write."""
    error: str = ""


class _Row(msgspec.Struct, kw_only=True):
    sample: Sample
    position: int
    answer: ShownAnswer
    response: Response
    verdicts: tuple[Verdict, ...]
    modes: dict[str, str]


class LiveRun:
    """One run file and what was read of it so far. `log` holds the sample key of every change, in order.

    Raises:
        StoreError: the file is no run.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        with RunStore.open(path, readonly=True) as store:
            self.manifest: Manifest = store.manifest
        self.path, self.id = path, run_id
        self.log: list[str] = []
        self.rows: dict[str, _Row] = {}
        """By sample key."""
        self.images: dict[str, Image] = {}
        self.notes: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._version = -1
        self._mute: tuple[object, dict[str, str]] = (None, {})
        # WAL needs to write beside the file; where it cannot, nobody else is writing either.
        frozen = "" if os.access(path.parent, os.W_OK) else "&immutable=1"
        self._db = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro{frozen}", uri=True, timeout=10, check_same_thread=False
        )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def refresh(self) -> None:
        """Read what was committed since the last time.

        Raises:
            StoreError: the file cannot be read any more.
        """
        try:
            version = self._db.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return
            changed: dict[str, str] = {}
            for key, sample, mark in self._db.execute(_SIGNATURES):
                if self._seen.get(key) != mark:
                    self._seen[key], changed[key] = mark, sample
            self.notes = dict(
                self._db.execute("SELECT substr(name, 6), value FROM meta WHERE name LIKE 'note:%'").fetchall()
            )
            keys = list(changed)
            for start in range(0, len(keys), _CHUNK):
                self._read(keys[start : start + _CHUNK])
            self._version = version
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StoreError(f"{self.path}: cannot read the run: {error}.") from None

    def _read(self, keys: Sequence[str]) -> None:
        some = ",".join("?" * len(keys))
        decode = msgspec.json.decode
        verdicts: dict[str, list[Verdict]] = {}
        for (data,) in self._db.execute(
            f"SELECT data FROM verdicts WHERE response IN ({some}) ORDER BY response, judge", keys
        ):
            verdict = decode(data, type=Verdict)
            verdicts.setdefault(verdict.response_key, []).append(verdict)
        modes = modes_by_response(
            decode(data, type=ModeLabel)
            for (data,) in self._db.execute(f"SELECT data FROM modes WHERE response IN ({some})", keys)
        )
        sql = (
            "SELECT s.position, s.data, r.data FROM responses r JOIN samples s ON s.key = r.sample "
            f"WHERE r.key IN ({some})"
        )
        for position, sample_data, response_data in self._db.execute(sql, keys):
            sample, response = decode(sample_data, type=Sample), decode(response_data, type=Response)
            found, labels = tuple(verdicts.get(response.key, ())), modes.get(response.key, {})
            self.rows[sample.key] = _Row(
                sample=sample,
                position=position,
                answer=answer(response, found, labels, cap=CAP),
                response=response,
                verdicts=found,
                modes=labels,
            )
            self.images.update((image.sha256, image) for image in sample.images)
            self.log.append(sample.key)

    def whole(self, key: str) -> ShownAnswer | None:
        """The answer to a sample with its texts uncut; None when there is none."""
        row = self.rows.get(key)
        return None if row is None else answer(row.response, row.verdicts, row.modes, cap=WHOLE)

    @property
    def column(self) -> BookRun:
        """This run as a column of the case browser."""
        judges, mute = sorted({v.judge for row in self.rows.values() for v in row.verdicts}), self._silenced()
        return BookRun(
            name=run_name(self.manifest),
            judges=tuple(judges),
            self_graded=tuple(self_graded_judges(self.notes)),
            credible=tuple(judge for judge in judges if judge not in mute),
        )

    def _silenced(self) -> dict[str, str]:
        """Judges that miss too much: read again when the run, its notes or a gold file beside it changed."""
        beside = (self.path.with_name(FILE), *sorted(self.path.parent.glob("gold-*.sqlite")))
        state = (self._version, [(at, last_write(at)) for at in beside if at.is_file()])
        if state != self._mute[0]:
            self._mute = (state, silenced(self.path))
        return self._mute[1]

    def summary(self) -> Summary:
        """Counts for the list of runs."""
        labels: dict[str, Counter[str]] = {}
        for row in self.rows.values():
            for verdict in row.verdicts if not row.sample.benign else ():
                case = Case(sample=row.sample, response=row.response, verdict=verdict)
                labels.setdefault(verdict.judge, Counter())[outcome(case)] += 1
        return Summary(
            id=self.id,
            name=run_name(self.manifest),
            benchmark=self.manifest.benchmark,
            model=self.manifest.model,
            defence=self.manifest.defence,
            created=self.manifest.created[:19],
            answers=len(self.rows),
            planned=_planned(self.manifest.selection),
            statuses=dict(Counter(row.answer.status for row in self.rows.values())),
            labels={judge: dict(counts) for judge, counts in sorted(labels.items())},
            self_graded=tuple(self_graded_judges(self.notes)),
            silenced=tuple(self._silenced()),
            caveat=self.notes.get("caveat", ""),
            changed=last_write(self.path),
        )


def _planned(selection: str) -> int | None:
    found = _COUNT.search(selection)
    return int(found[1]) if found else None


def last_write(path: Path) -> float:
    """When a run file or its write-ahead log last changed, in Unix time."""
    beside = path.with_name(path.name + "-wal")
    return max(p.stat().st_mtime for p in (path, beside) if p.exists())


def entries(runs: Sequence[LiveRun], keys: Iterator[str], *, whole: bool = False) -> list[Entry]:
    """These samples with the answers of every run, each once."""
    found: list[Entry] = []
    for key in dict.fromkeys(keys):
        rows = [run.rows.get(key) for run in runs]
        row = next((row for row in rows if row is not None), None)
        if row is not None:
            answers = [run.whole(key) for run in runs] if whole else [r.answer if r else None for r in rows]
            found.append(entry(row.sample, answers, cap=WHOLE if whole else CAP, position=row.position))
    return found
