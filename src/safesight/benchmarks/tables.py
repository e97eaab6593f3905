"""Rows of CSV, JSON, parquet and Arrow files, by column name; image columns are read a few rows at a time.

`datasets.save_to_disk` writes Arrow IPC streams, hub data sets come as parquet; polars (extra `tables`) reads both.
Memory holds one record batch, or one parquet row group and a small slice of it, whatever the file's size: writers
make these up to 100 rows long, so for the least memory read images from files.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from safesight.core.doors import require
from safesight.core.errors import CorruptData, MissingData

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

TABLES: Final = (".parquet", ".arrow")

_SLICE_BYTES: Final = 32_000_000
_ARROW_MARK: Final = b"\xff\xff\xff\xff"


def table_files(folder: Path) -> list[Path]:
    """Parquet and Arrow files under a folder, sorted by name; hidden folders and `cache-*` files left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in TABLES
        and not path.name.startswith("cache-")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def column_names(path: Path) -> list[str]:
    """Columns of a parquet or Arrow file.

    Raises:
        CorruptData: the file cannot be read as what its name says.
        MissingExtra: polars is not installed.
    """
    require("polars", "tables")
    import polars as pl

    with _reading(path):
        if path.suffix == ".parquet":
            return list(pl.read_parquet_schema(path))
        head = next(_arrow_messages(path), b"")
        return pl.read_ipc_stream(io.BytesIO(head + _ARROW_MARK + bytes(4))).columns


def read_columns(path: Path, columns: Sequence[str]) -> list[Row]:
    """The named columns of a parquet or Arrow file, every row; not for image columns.

    Raises:
        CorruptData: a column is missing, or the file cannot be read.
    """
    import polars as pl

    require_columns(column_names(path), columns, where=str(path))
    with _reading(path):
        if path.suffix == ".parquet":
            return pl.scan_parquet(path).select(columns).collect().to_dicts()
        return pl.read_ipc_stream(path, columns=list(columns)).to_dicts()


def stream_rows(path: Path) -> Iterator[Row]:
    """Every row of a parquet or Arrow file with all its columns, a few rows in memory at a time.

    Raises:
        CorruptData: the file cannot be read.
        MissingExtra: polars is not installed.
    """
    require("polars", "tables")
    for frame in _parquet_slices(path) if path.suffix == ".parquet" else _arrow_batches(path):
        for i in range(frame.height):
            yield frame.row(i, named=True)


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header; column order does not matter, a byte-order mark is dropped.

    Raises:
        MissingData: there is no such file.
        CorruptData: a column is missing, a row is longer than the header, or the text is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, restkey="")
            require_columns(reader.fieldnames or (), columns, where=str(path))
            rows = list(reader)
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file. Check --source.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptData(f"{path}: expected UTF-8 CSV: {error}. Fetch it again.") from None
    for number, row in enumerate(rows, 2):
        if "" in row:
            raise CorruptData(f"{path}: record {number} has more fields than the header. Fetch it again.")
    return [{name: value or "" for name, value in row.items()} for row in rows]


def read_json(path: Path) -> object:
    """A JSON file's value.

    Raises:
        MissingData: there is no such file.
        CorruptData: it is not UTF-8 JSON, or an object names a key twice.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=partial(_once, path))
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file. Check --source.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CorruptData(f"{path}: expected JSON: {error}. Fetch it again.") from None


def _once(path: Path, pairs: list[tuple[str, Any]]) -> Row:
    reject_duplicates((name for name, _ in pairs), where=str(path))
    return dict(pairs)


def reject_duplicates(ids: Iterable[object], *, where: str) -> None:
    """Raise when an id comes twice.

    Raises:
        CorruptData: names the first few ids and how often each came.
    """
    twice = [(value, n) for value, n in Counter(ids).items() if n > 1]
    if twice:
        named = ", ".join(f"{value!r} ({n} times)" for value, n in twice[:5])
        raise CorruptData(
            f"{where}: expected every id once, got {len(twice)} repeated: {named}. "
            "Were two copies put together? Extract the data again."
        )


def require_columns(found: Iterable[str], expected: Iterable[str], *, where: str) -> None:
    """Raise unless every expected column is there.

    Raises:
        CorruptData: names what is missing and what came.
    """
    came = list(found)
    missing = [name for name in expected if name not in came]
    if missing:
        raise CorruptData(
            f"{where}: expected columns {', '.join(expected)}; {', '.join(missing)} missing, got "
            f"{', '.join(came) or 'none'}. Is this the benchmark's own file?"
        )


def cell_bytes(cell: object) -> bytes | None:
    """The encoded bytes of an image cell (`{bytes, path}`), or None when it has none."""
    if isinstance(cell, bytes):
        return cell
    if isinstance(cell, dict):
        data = cast("Row", cell).get("bytes")
        return data if isinstance(data, bytes) else None
    return None


class _reading:  # noqa: N801 - used as a statement
    """Turns what polars raises on a broken file into one error that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        import polars as pl

        if isinstance(error, pl.exceptions.PolarsError | OSError | EOFError):
            reason = str(error).strip().split("\n", 1)[0][:160]
            raise CorruptData(
                f"{self._path}: expected a whole {self._path.suffix[1:]} file: {reason}. Fetch it again."
            ) from None


def _parquet_slices(path: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    with _reading(path):
        scan = pl.scan_parquet(path)
        height = int(scan.select(pl.len()).collect().item())
        # A row group is decoded whole for each slice of it: slices as large as is harmless.
        step = max(1, _SLICE_BYTES * height // max(1, path.stat().st_size))
        for start in range(0, height, step):
            yield scan.slice(start, step).collect()


def _arrow_batches(path: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    with _reading(path):
        messages = _arrow_messages(path)
        schema = next(messages, b"")
        for batch in messages:
            yield pl.read_ipc_stream(io.BytesIO(b"".join((schema, batch, _ARROW_MARK, bytes(4)))))


def _arrow_messages(path: Path) -> Iterator[bytes]:
    """Encapsulated messages of an Arrow IPC stream, whole; the schema is the first.

    Layout: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
    """
    with path.open("rb") as stream:
        while (head := stream.read(8)) and head[4:] != bytes(4):
            if len(head) < 8 or head[:4] != _ARROW_MARK:
                raise EOFError("expected an Arrow IPC stream message")
            metadata = stream.read(int.from_bytes(head[4:], "little"))
            size = _body_bytes(metadata)
            body = stream.read(size)
            if len(body) < size:
                raise EOFError(f"a message of {size:,} bytes stops after {len(body):,}")
            yield head + metadata + body


def _body_bytes(metadata: bytes) -> int:
    """`bodyLength`, the fourth field of the flatbuffer table `Message`."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(metadata[at : at + size], "little")

    table = number(0, 4)
    offsets = table - int.from_bytes(metadata[table : table + 4], "little", signed=True)
    field = number(offsets + 4 + 2 * 3, 2) if number(offsets, 2) > 4 + 2 * 3 else 0
    return number(table + field, 8) if field else 0
