"""Runs in and out of other formats: JSONL (everything, both ways), CSV and Parquet (one flat row a case)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from safesight.core.doors import require
from safesight.core.errors import DataError
from safesight.core.files import replacing
from safesight.core.records import Case, Manifest, ModeLabel, Response, Sample, Verdict
from safesight.core.store import RunStore


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One JSONL line after the first: a sample, its response, and what was said of it."""

    sample: Sample
    response: Response
    verdicts: tuple[Verdict, ...] = ()
    modes: tuple[ModeLabel, ...] = ()


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first JSONL line."""

    manifest: Manifest
    notes: dict[str, str] = {}


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it into place in one step.

    Raises:
        DataError: the folder cannot be written.
    """
    try:
        with replacing(path) as temporary:
            write(temporary)
    except OSError as error:
        raise DataError(
            f"{path}: cannot write: {error.strerror or error}. Nothing was changed; choose another -o."
        ) from None


def lines(store: RunStore) -> Iterator[Line]:
    """Every case of a run with all that was said of it, in data-set order."""
    verdicts: dict[str, list[Verdict]] = {}
    for verdict in store.verdicts():
        verdicts.setdefault(verdict.response_key, []).append(verdict)
    modes: dict[str, list[ModeLabel]] = {}
    for mode in store.modes():
        modes.setdefault(mode.response_key, []).append(mode)
    for case in store.cases():
        key = case.response.key
        yield Line(
            sample=case.sample,
            response=case.response,
            verdicts=tuple(verdicts.get(key, ())),
            modes=tuple(modes.get(key, ())),
        )


def export_jsonl(store: RunStore, path: Path) -> None:
    """Write a run as JSON Lines: the manifest first, then one case a line; `import_jsonl` reads it back whole."""

    def write(target: Path) -> None:
        encode = msgspec.json.encode
        with target.open("wb") as out:
            out.write(encode(Head(manifest=store.manifest, notes=store.notes())) + b"\n")
            for line in lines(store):
                out.write(encode(line) + b"\n")

    atomically(path, write)


def import_jsonl(source: Path, run: Path) -> int:
    """Make a run file from `export_jsonl`'s output; return the number of cases.

    Raises:
        DataError: a line is not what export writes; says which.
        StoreError: the run file exists already or cannot be written.
    """
    with source.open("rb") as stream:
        head = _parse(stream.readline(), Head, source, 1)
        with RunStore.create(run, head.manifest) as store:
            for name, value in head.notes.items():
                store.note(name, value)
            count = 0
            for count, raw in enumerate(stream, start=1):
                line = _parse(raw, Line, source, count + 1)
                store.add(
                    samples=[(count - 1, line.sample)],
                    responses=[line.response],
                    verdicts=line.verdicts,
                    modes=line.modes,
                )
    return count


def _parse(raw: bytes, kind: type[Any], source: Path, number: int) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{source}, line {number}: expected a SafeSight JSONL export: {error}.") from None


def rows(store: RunStore) -> Iterator[dict[str, object]]:
    """One flat row a case, with `label:JUDGE` and `harm:JUDGE` columns for every judge."""
    judges = store.judges()
    for line in lines(store):
        said = {verdict.judge: verdict for verdict in line.verdicts}
        row = _flat(Case(sample=line.sample, response=line.response))
        for judge in judges:
            verdict = said.get(judge)
            row[f"label:{judge}"] = verdict.label if verdict else None
            row[f"harm:{judge}"] = verdict.harm if verdict else None
        yield row


def _flat(case: Case) -> dict[str, object]:
    sample, reply = case.sample, case.response.reply
    return {
        "sample_key": sample.key,
        "response_key": case.response.key,
        "benchmark": sample.benchmark,
        "arm": sample.arm,
        "group": sample.group,
        "category": sample.category,
        "cluster": sample.cluster,
        "benign": sample.benign,
        "language": sample.language,
        "question": sample.question,
        "prompt": sample.text,
        "images": ";".join(image.sha256 for image in sample.images),
        "status": reply.status,
        "text": reply.text,
        "reasoning": reply.reasoning,
        "finish_reason": reply.finish_reason,
        "guard_actions": ";".join(event.action for event in reply.guard_events),
        "prompt_tokens": reply.usage.prompt_tokens,
        "completion_tokens": reply.usage.completion_tokens,
        "latency_ms": reply.latency_ms,
        "ttft_ms": reply.ttft_ms,
        "error": reply.error,
    }


def harmless_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula, made text; other values as they are."""
    text = value.lstrip(" \t\r\n\ufeff\u00a0\u3000") if isinstance(value, str) else ""
    # Also the full-width signs that spreadsheets of East Asian locales take for the same.
    risky = text[:1] in set("=+-@＝＋－＠|%") or (isinstance(value, str) and value[:1] in ("\t", "\r", "\n"))
    return f"'{value}" if risky else value


def export_table(store: RunStore, path: Path, *, form: str) -> None:
    """Write a run as one CSV or Parquet table (`form` is "csv" or "parquet"), one row a case.

    Spreadsheets carry out cells that begin like a formula, and models write what they like: in CSV such texts get a
    leading apostrophe (OWASP, CSV injection).
    """
    if form == "csv":
        atomically(path, lambda target: _write_csv(store, target))
        return
    require("polars", "tables")
    import polars as pl

    atomically(path, pl.DataFrame(list(rows(store)), infer_schema_length=None).write_parquet)


def _write_csv(store: RunStore, target: Path) -> None:
    """Empty cells for what is not there, `true` and `false`, line feeds; one case in memory at a time."""
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for number, row in enumerate(rows(store)):
            if number == 0:
                writer.writerow(row)
            writer.writerow(_cell(value) for value in row.values())


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else harmless_cell(value)
