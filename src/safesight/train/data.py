"""Labelled (question, answer) rows and preference pairs, from the layouts harm data is published in.

Every reader yields the same `Row`, so a training configuration may mix sets. Rows that carry no licence are not
`permissive`: what may be shipped has to say so.

Formats: `harm` (SafeSight's own JSONL: question, answer, label, set, licence, permissive, lang), `jsonl` (question,
answer, label, categories; `columns` names others), `saferlhf` (PKU-SafeRLHF), `beavertails` (BeaverTails),
`safe_harm_10k` (MLLM-Protector's triples: question, harmful and harmless answer), `preference` (dialogue, chosen,
rejected), `requests` (a question and its own label; answers are left out). Files may be gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, cast

import msgspec

from safesight.core.errors import CorruptData, MissingData
from safesight.train.columns import Columns, Record, hint, label, renamed

Format = Literal["harm", "jsonl", "saferlhf", "beavertails", "safe_harm_10k", "preference", "requests"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled answer."""

    question: str
    answer: str
    label: int
    """1 harmful, 0 harmless."""
    source: str
    licence: str = "unstated"
    permissive: bool = False
    lang: str = "en"
    categories: tuple[str, ...] = ()
    pair: str = ""
    """Rows of one preference pair share it; the harmful (or less safe) one has `worse` set."""
    worse: bool = False


class DataFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One data file of a configuration, with the rows to keep."""

    path: str
    format: Format = "jsonl"
    permissive_only: bool = False
    languages: tuple[str, ...] = ()
    """Empty keeps every language."""
    sets: tuple[str, ...] = ()
    """Empty keeps every set."""
    but: tuple[str, ...] = ()
    """Sets left out."""
    repeat: int = 1
    """Times the rows are used in training."""
    licence: str = ""
    """For formats whose rows do not say."""
    permissive: bool = False
    """For formats whose rows do not say."""
    columns: Columns = Columns()
    """Names of the file's own columns (`columns = { answer = "completion", label = "is_safe" }`)."""


def _text(record: Record, *names: str) -> str:
    for name in names:
        value = record.get(name)
        if isinstance(value, str):
            return value
    raise CorruptData(f"expected a text field {' or '.join(map(repr, names))}, got {sorted(record)}.")


def _flag(record: Record, name: str) -> bool:
    value = record.get(name)
    if not isinstance(value, bool | int):
        raise CorruptData(f"expected true or false in {name!r}, got {value!r}.")
    return bool(value)


def _named(value: object) -> tuple[str, ...]:
    """Category names from a list, or from a table of flags (BeaverTails, PKU-SafeRLHF)."""
    if isinstance(value, Mapping):
        return tuple(str(name) for name, on in value.items() if on)
    return tuple(str(name) for name in cast("Iterable[object]", value or ()))


def _plain(record: Record, source: str) -> Iterator[Row]:
    yield Row(
        question=_text(record, "question", "prompt"),
        answer=_text(record, "answer", "response"),
        label=label(record),
        source=str(record.get("set") or source),
        licence=str(record.get("licence") or record.get("license") or "unstated"),
        permissive=bool(record.get("permissive", False)),
        lang=str(record.get("lang") or "en"),
        categories=_named(record.get("categories")),
    )


def _request(record: Record, source: str) -> Iterator[Row]:
    yield from _plain({**record, "answer": ""}, source)


def _saferlhf(record: Record, source: str) -> Iterator[Row]:
    question = _text(record, "prompt")
    pair = hashlib.sha256(msgspec.json.encode([source, dict(record)])).hexdigest()[:16]
    safer = record.get("safer_response_id")
    for number in (0, 1):
        yield Row(
            question=question,
            answer=_text(record, f"response_{number}"),
            label=int(not _flag(record, f"is_response_{number}_safe")),
            source=source,
            categories=_named(record.get(f"response_{number}_harm_category")),
            pair=pair if safer in (0, 1) else "",
            worse=safer in (0, 1) and safer != number,
        )


def _beavertails(record: Record, source: str) -> Iterator[Row]:
    yield Row(
        question=_text(record, "prompt"),
        answer=_text(record, "response"),
        label=int(not _flag(record, "is_safe")),
        source=source,
        categories=_named(record.get("category")),
    )


def _safe_harm_10k(record: Record, source: str) -> Iterator[Row]:
    question = _text(record, "question", "prompt", "instruction")
    pair = hashlib.sha256(msgspec.json.encode([source, dict(record)])).hexdigest()[:16]
    harmful = _text(record, "harmful_answer", "harmful", "harmful_response", "rejected")
    harmless = _text(record, "harmless_answer", "harmless", "harmless_response", "chosen")
    yield Row(question=question, answer=harmful, label=1, source=source, pair=pair, worse=True)
    yield Row(question=question, answer=harmless, label=0, source=source, pair=pair)


def _preference(record: Record, source: str) -> Iterator[Row]:
    turns = record.get("dialogue")
    asked = [
        str(turn["content"])
        for turn in cast("Iterable[Mapping[str, object]]", turns or ())
        if isinstance(turn, Mapping) and turn.get("role") == "user"
    ]
    if not asked:
        raise CorruptData(f"expected a 'dialogue' with a user turn, got {sorted(record)}.")
    pair = hashlib.sha256(msgspec.json.encode([source, dict(record)])).hexdigest()[:16]
    shared = {
        "question": asked[-1],
        "source": str(record.get("set") or source),
        "licence": str(record.get("licence") or "unstated"),
        "permissive": bool(record.get("permissive", False)),
        "lang": str(record.get("lang") or "en"),
        "pair": pair,
    }
    yield msgspec.convert({**shared, "answer": _text(record, "chosen"), "label": 0}, Row)
    yield msgspec.convert({**shared, "answer": _text(record, "rejected"), "label": 1, "worse": True}, Row)


_READERS: dict[Format, Callable[[Record, str], Iterator[Row]]] = {
    "harm": _plain,
    "jsonl": _plain,
    "saferlhf": _saferlhf,
    "beavertails": _beavertails,
    "safe_harm_10k": _safe_harm_10k,
    "preference": _preference,
    "requests": _request,
}


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file. Give the path of a JSONL file (or .jsonl.gz).") from None
    except (OSError, EOFError) as error:
        raise CorruptData(f"{path}: cannot be read: {error}.") from None
    if path.name.removesuffix(".gz").endswith(".json"):
        try:
            yield from enumerate(msgspec.json.decode(raw, type=list[dict[str, object]]), 1)
        except msgspec.DecodeError as error:
            raise CorruptData(f"{path}: expected a JSON array of objects: {error}") from None
        return
    for number, line in enumerate(raw.splitlines(), 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=dict[str, object])
            except msgspec.DecodeError as error:
                raise CorruptData(f"{path}:{number}: expected one JSON object a line: {error}") from None


def _wanted(row: Row, file: DataFile) -> bool:
    return (
        (row.permissive or not file.permissive_only)
        and (not file.languages or row.lang in file.languages)
        and (not file.sets or row.source in file.sets)
        and row.source not in file.but
    )


def read_rows(file: DataFile, *, root: Path = Path()) -> list[Row]:
    """Rows of one data file, in file order; a relative path starts at `root`.

    Raises:
        MissingData: there is no such file, or nothing in it is wanted.
        CorruptData: a line is not what the format promises; says which.
    """
    path = root / file.path
    source = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    read = _READERS[file.format]
    rows: list[Row] = []
    for number, record in _records(path):
        try:
            rows.extend(read(renamed(record, file.columns), source))
        except (CorruptData, msgspec.ValidationError) as error:
            told = hint(record) if read is _plain and file.columns == Columns() else ""
            raise CorruptData(f"{path}:{number}: {error} {told}".rstrip()) from None
    if file.licence or file.permissive:
        rows = [
            msgspec.structs.replace(
                row, licence=file.licence or row.licence, permissive=file.permissive or row.permissive
            )
            for row in rows
        ]
    if file.format == "requests":
        rows = list({row.question: row for row in rows if row.question.strip()}.values())
    kept = [row for row in rows if (row.answer.strip() or file.format == "requests") and _wanted(row, file)]
    if not kept:
        raise MissingData(f"{path}: none of its {len(rows)} rows matches the configuration's filters.")
    return kept


def prefix(answer: str, rng: random.Random) -> str:
    """The first 15-75 % of an answer's words."""
    words = answer.split(" ")
    return " ".join(words[: max(3, int(len(words) * rng.uniform(0.15, 0.75)))])
