"""A run is one SQLite file (WAL): copy it, query it, resume it.

Each row is a JSON record under its content key; views spread the fields people query. Commits are small
and atomic, so a killed run loses only requests in flight. Images stay outside, by hash.

Invariants: one writer at a time (`lock`), and what was said of an answer (verdicts, modes, probes) was said of the
text that stands there: it goes when the answer is replaced by another.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from safesight.core.errors import StoreError
from safesight.core.lock import RunLock
from safesight.core.records import Case, GuardEvent, Manifest, ModeLabel, Probe, Response, Sample, Verdict

FORMAT = 1

# Records live in ordinary rowid tables: WITHOUT ROWID spills every row over a quarter page to a page of its own.
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE samples (key TEXT PRIMARY KEY, position INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE responses (key TEXT PRIMARY KEY, sample TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX responses_sample ON responses (sample);
CREATE TABLE verdicts (response TEXT, judge TEXT, data TEXT NOT NULL, PRIMARY KEY (response, judge));
CREATE TABLE modes (response TEXT, labeller TEXT, data TEXT NOT NULL, PRIMARY KEY (response, labeller));
CREATE TABLE probes (response TEXT, probe TEXT, data TEXT NOT NULL, PRIMARY KEY (response, probe));
CREATE VIEW answers AS
  SELECT s.position, s.key AS sample_key, r.key AS response_key, s.data ->> 'group' AS "group",
    s.data ->> 'category' AS category, coalesce(s.data ->> 'benign', 0) AS benign, s.data ->> 'question' AS question,
    r.data ->> '$.reply.status' AS status, coalesce(r.data ->> '$.reply.text', '') AS text,
    r.data ->> '$.reply.latency_ms' AS latency_ms
  FROM samples s JOIN responses r ON r.sample = s.key;
CREATE VIEW labels AS
  SELECT response AS response_key, judge, data ->> 'label' AS label, data ->> 'harm' AS harm FROM verdicts;
"""

_SAID = ("verdicts", "modes", "probes")
"""Tables of what was said of an answer."""
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


def _decode(rows: Iterable[tuple[str]], kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    return (decoder.decode(row[0]) for row in rows)


def _typed_events(response: Response) -> Response:
    """A response as it is written today: earlier files tell channel and shadow mode in an event's `detail`."""
    events = response.reply.guard_events
    if not any(event.detail.startswith(_TOLD_IN_WORDS) or event.kind == "input" for event in events):
        return response
    reply = msgspec.structs.replace(response.reply, guard_events=tuple(map(_typed_event, events)))
    return msgspec.structs.replace(response, reply=reply)


_TOLD_IN_WORDS = ("shadow", "reasoning")


def _typed_event(event: GuardEvent) -> GuardEvent:
    words = event.detail.split(" ", 1)
    if event.kind == "input":
        event = msgspec.structs.replace(event, channel="request")
    if words[0] == "reasoning" and event.kind in ("final", "error"):
        # The reasoning was left out, and the answer judged by itself.
        action = "withhold" if event.action in ("refuse", "rewrite", "halt") else event.action
        event = msgspec.structs.replace(event, channel="reasoning", action=action, detail="".join(words[1:]))
    if event.detail == "shadow":
        event = msgspec.structs.replace(event, carried_out=False, detail="")
    return event


class Failure(msgspec.Struct, frozen=True):
    """So many answers ("model") or verdicts (a judge's name) that did not come, for one reason."""

    who: str
    status: str
    reason: str
    count: int


class RunStore:
    """One run file. Use as a context manager; not for use by two threads at once."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: RunLock | None = None) -> None:
        self.path = path
        self._db = connection
        self._lock = lock
        row = self._query("SELECT value FROM meta WHERE name = 'manifest'").fetchone()
        if row is None:
            raise StoreError(f"{path}: expected a SafeSight run, found no manifest. Was it cut short while created?")
        self.manifest: Manifest = msgspec.json.decode(row[0], type=Manifest)

    @classmethod
    def create(cls, path: Path | str, manifest: Manifest) -> Self:
        """Create a run file; tables and manifest appear in one transaction or not at all.

        Raises:
            StoreError: the file exists already, another process writes it, or the folder cannot be written.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot create a run file there: {error}. Choose another --run.") from None
        lock = RunLock.acquire(path)
        try:
            return cls(path, _created(path, manifest), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path | str, *, readonly: bool = False) -> Self:
        """Open an existing run file.

        Raises:
            StoreError: there is none, it is not a run file, a newer SafeSight made it, or (unless `readonly`) another
                process writes it.
        """
        path = Path(path)
        if not path.is_file():
            raise StoreError(f"{path}: no such run file. `safesight run ... --run {path}` makes one.")
        lock = None if readonly else RunLock.acquire(path)
        try:
            db = _connect(path, readonly=readonly)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise StoreError(f"{path}: run format {version}, this SafeSight reads {FORMAT}. Upgrade safesight.")
            return cls(path, db, lock)
        except (sqlite3.Error, StoreError) as error:
            if lock is not None:
                lock.release()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path}: not a readable SafeSight run: {error}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log back into the one file, close it, and let others write."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def _query(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot read the run: {error}.") from None

    def _write(self, *statements: tuple[str, Sequence[Sequence[object]]]) -> None:
        """Carry out statements, each once for every row of parameters, in one transaction."""
        try:
            with self._db:
                for sql, rows in statements:
                    self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: cannot write the run: {error}. What was committed is safe; free space or fix "
                "permissions, then run the same command to resume."
            ) from None

    def add(
        self,
        *,
        samples: Iterable[tuple[int, Sample]] = (),
        responses: Iterable[Response] = (),
        verdicts: Iterable[Verdict] = (),
        modes: Iterable[ModeLabel] = (),
        probes: Iterable[Probe] = (),
    ) -> None:
        """Write records, replacing those of the same key, in one atomic commit.

        `samples` come with their position in the data set, which orders every table and export. An answer that
        replaces another takes with it what was said of the other.
        """
        answers: list[Sequence[object]] = [(r.key, r.sample_key, _encode(r).decode()) for r in responses]
        replaced = [(key, data) for key, _, data in answers]
        groups: tuple[tuple[str, list[Sequence[object]]], ...] = (
            ("samples VALUES (?, ?, ?)", [(s.key, i, _encode(s.reference()).decode()) for i, s in samples]),
            ("responses VALUES (?, ?, ?)", answers),
            ("verdicts VALUES (?, ?, ?)", [(v.response_key, v.judge, _encode(v).decode()) for v in verdicts]),
            ("modes VALUES (?, ?, ?)", [(m.response_key, m.labeller, _encode(m).decode()) for m in modes]),
            ("probes VALUES (?, ?, ?)", [(p.response_key, p.probe, _encode(p).decode()) for p in probes]),
        )
        outdated = [
            (f"DELETE FROM {table} WHERE response IN (SELECT key FROM responses WHERE key = ? AND data <> ?)", replaced)
            for table in _SAID
        ]
        written = [(f"INSERT OR REPLACE INTO {target}", rows) for target, rows in groups if rows]
        self._write(*(outdated if replaced else ()), *written)

    def samples(self) -> Iterator[Sample]:
        """Every sample, in data-set order."""
        return _decode(self._query("SELECT data FROM samples ORDER BY position"), Sample)

    def responses(self) -> Iterator[Response]:
        """Every response, in data-set order."""
        sql = "SELECT r.data FROM responses r JOIN samples s ON s.key = r.sample ORDER BY s.position"
        return map(_typed_events, _decode(self._query(sql), Response))

    def verdicts(self, judge: str | None = None) -> Iterator[Verdict]:
        """Every verdict, of one judge or of all, in data-set order."""
        sql = (
            "SELECT v.data FROM verdicts v JOIN responses r ON r.key = v.response JOIN samples s ON s.key = r.sample "
            "WHERE ?1 IS NULL OR v.judge = ?1 ORDER BY s.position, v.judge"
        )
        return _decode(self._query(sql, (judge,)), Verdict)

    def modes(self, labeller: str | None = None) -> Iterator[ModeLabel]:
        """Every response-mode label, of one labeller or of all."""
        sql = "SELECT data FROM modes WHERE ?1 IS NULL OR labeller = ?1 ORDER BY response, labeller"
        return _decode(self._query(sql, (labeller,)), ModeLabel)

    def probes(self, probe: str | None = None) -> Iterator[Probe]:
        """Every probe record, of one probe or of all."""
        sql = "SELECT data FROM probes WHERE ?1 IS NULL OR probe = ?1 ORDER BY response, probe"
        return _decode(self._query(sql, (probe,)), Probe)

    def judges(self) -> list[str]:
        """Names of the judges that judged this run, sorted; also of those that found nothing to judge."""
        noted = "SELECT substr(name, 12) FROM meta WHERE name LIKE 'note:judge:%'"
        sql = f"SELECT judge FROM verdicts UNION {noted} ORDER BY 1"
        return [row[0] for row in self._query(sql)]

    def failures(self) -> list[Failure]:
        """Answers and verdicts that did not come, by who failed and why, the most frequent first."""
        sql = (
            "SELECT 'model', data ->> '$.reply.status', coalesce(data ->> '$.reply.error', ''), count(*) "
            "FROM responses "
            "WHERE data ->> '$.reply.status' NOT IN ('ok', 'truncated') GROUP BY 2, 3 "
            "UNION ALL SELECT judge, 'error', data ->> 'error', count(*) FROM verdicts "
            "WHERE coalesce(data ->> 'error', '') <> '' GROUP BY 1, 3 ORDER BY 4 DESC, 1, 3"
        )
        return [Failure(*row) for row in self._query(sql)]

    def spent_usd(self) -> float:
        """What the answers cost together, where prices were known."""
        return self._query("SELECT coalesce(sum(data ->> '$.reply.usage.cost_usd'), 0.0) FROM responses").fetchone()[0]

    def decided(self) -> int:
        """Verdicts that say safe or unsafe."""
        sql = "SELECT count(*) FROM verdicts WHERE data ->> 'label' IN ('safe', 'unsafe')"
        return self._query(sql).fetchone()[0]

    def cases(self, judge: str | None = None, *, only: Sequence[str] | None = None) -> Iterator[Case]:
        """Samples with their responses and, when `judge` is named, its verdicts, in data-set order.

        `only` keeps the responses of these keys (a few hundred at most).
        """
        some = "" if only is None else f"WHERE r.key IN ({','.join('?' * len(only))}) "
        sql = (
            "SELECT s.data, r.data, v.data FROM responses r JOIN samples s ON s.key = r.sample "
            f"LEFT JOIN verdicts v ON v.response = r.key AND v.judge = ? {some}ORDER BY s.position"
        )
        decode = msgspec.json.decode
        for sample, response, verdict in self._query(sql, (judge or "", *(only or ()))):
            yield Case(
                sample=decode(sample, type=Sample),
                response=_typed_events(decode(response, type=Response)),
                verdict=decode(verdict, type=Verdict) if verdict else None,
            )

    def done(self) -> set[str]:
        """Keys of responses that need no second try: every status but `error`."""
        sql = "SELECT key FROM responses WHERE data ->> '$.reply.status' <> 'error'"
        return {row[0] for row in self._query(sql)}

    def unjudged(self, judge: str) -> list[str]:
        """Keys of judgeable responses without an error-free verdict of this judge, in data-set order."""
        sql = (
            "SELECT r.key FROM responses r JOIN samples s ON s.key = r.sample "
            "WHERE r.data ->> '$.reply.status' IN ('ok', 'truncated') AND NOT EXISTS (SELECT 1 FROM verdicts v "
            "WHERE v.response = r.key AND v.judge = ? AND coalesce(v.data ->> 'error', '') = '') ORDER BY s.position"
        )
        return [row[0] for row in self._query(sql, (judge,))]

    def positions(self) -> dict[str, int]:
        """Each sample's recorded position in the data set, by key."""
        return dict(self._query("SELECT key, position FROM samples").fetchall())

    def forget_broken(self) -> None:
        """Drop the placeholders of data items that could not be read, so that a mended item replaces them."""
        broken = "SELECT key FROM samples WHERE data ->> '$.meta.broken' IS NOT NULL"
        answers = f"SELECT key FROM responses WHERE sample IN ({broken})"
        self._write(
            *((f"DELETE FROM {table} WHERE response IN ({answers})", [()]) for table in _SAID),
            (f"DELETE FROM responses WHERE sample IN ({broken})", [()]),
            (f"DELETE FROM samples WHERE key IN ({broken})", [()]),
        )

    def grow(self, manifest: Manifest) -> None:
        """Put the manifest of a larger selection of the same run in place of the old one, which a note keeps."""
        self._write(
            ("UPDATE meta SET value = ? WHERE name = 'manifest'", [(_encode(manifest).decode(),)]),
            _noted("grown_from", self.manifest.selection),
        )
        self.manifest = manifest

    def note(self, name: str, value: str) -> None:
        """Keep a named string with the run (judge fingerprints, self-graded marks, progress)."""
        self._write(_noted(name, value))

    def notes(self) -> dict[str, str]:
        """Every note by name."""
        rows = self._query("SELECT substr(name, 6), value FROM meta WHERE name LIKE 'note:%' ORDER BY name")
        return dict(rows.fetchall())


def _noted(name: str, value: str) -> tuple[str, Sequence[Sequence[object]]]:
    return "INSERT OR REPLACE INTO meta VALUES (?, ?)", [(f"note:{name}", value)]


def _created(path: Path, manifest: Manifest) -> sqlite3.Connection:
    if path.exists():
        raise StoreError(f"{path}: exists already. Resume it with the same settings or choose another --run.")
    try:
        # Made under another name, so that whoever watches the folder never meets half a run.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as folder:
            making = Path(folder) / path.name
            db = _connect(making)
            db.executescript(
                f"PRAGMA journal_mode=WAL; BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={FORMAT};"
                f"INSERT INTO meta VALUES ('manifest', {_quote(_encode(manifest).decode())}); COMMIT;"
            )
            db.close()
            making.rename(path)
        return _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: cannot create a run file there: {error}. Choose another --run.") from None


def _connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    if not readonly:
        db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        db.execute("PRAGMA synchronous=NORMAL")
        return db
    # WAL needs to write beside the file; where it cannot, nobody else is writing either.
    frozen = "" if os.access(path.parent, os.W_OK) else "&immutable=1"
    return sqlite3.connect(f"file:{_uri(path)}?mode=ro{frozen}", uri=True, timeout=30, check_same_thread=False)


def _uri(path: Path) -> str:
    from urllib.parse import quote

    return quote(os.fsencode(path.resolve()))  # as bytes: a name need not be text


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
