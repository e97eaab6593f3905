"""Rows of multiple-choice multi-image sets, whatever their columns are called, as one kind of item.

    MUIRBench (arXiv 2406.09411)  question, options (list), answer "B", image_list, task, idx, counterpart_idx
    BLINK (arXiv 2404.12390)      question, choices (list), answer "(B)", image_1 ... image_4, sub_task, idx
    MMIU (arXiv 2408.02718)       question, options (lines "A: ..."), output "B", input_image_path (list), task
    own                           as MUIRBench, with `images` or `image_list` naming files, in JSON, JSONL or parquet

Files are told apart by their columns, never by their names. MUIRBench's and BLINK's column
names were checked against public readers of those sets; MMIU's were not, and no real download was read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from safesight.benchmarks.cells import listed, spelt, text_of
from safesight.benchmarks.images import image_from_bytes, image_from_file, keep
from safesight.benchmarks.tables import (
    TABLES,
    Row,
    cell_bytes,
    column_names,
    read_columns,
    read_json,
    stream_rows,
    table_files,
)
from safesight.core.errors import CorruptData, MissingData
from safesight.core.messages import Image

OPTIONS: Final = ("options", "choices")
ANSWERS: Final = ("answer", "output")
IMAGES: Final = ("image_list", "images", "input_image_path")
TASKS: Final = ("task", "sub_task")
MAX_OPTIONS: Final = 26

_NUMBERED = tuple(f"image_{k}" for k in range(1, 10))
_OPTION_LINE = re.compile(r"^\s*\(?([A-Z])\)?\s*[:.)]\s*(.*)$")
_LETTER = re.compile(r"^\W*([A-Z])\W*$")


class ChoiceLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns of one file are called; "" where there is none."""

    options: str
    answer: str
    task: str
    images: tuple[str, ...]

    @property
    def text(self) -> tuple[str, ...]:
        """Columns without images."""
        return tuple(name for name in ("question", self.options, self.answer, self.task) if name)


class ChoiceItem(msgspec.Struct, frozen=True, kw_only=True):
    """One question with its options; `answer` is a letter, or "" where it is hidden."""

    where: str
    item: str
    """The set's own id, or the position in its file."""
    pair: str
    """Shared with the item's counterpart (MUIRBench: its unanswerable twin)."""
    task: str
    question: str
    options: tuple[str, ...]
    answer: str


def find_files(source: Path) -> list[Path]:
    """Tables and JSON files of a source, sorted.

    Raises:
        MissingData: there are none.
    """
    if source.is_file():
        return [source]
    files = table_files(source) or sorted([*source.glob("*.jsonl"), *source.glob("*.json")])
    if not files:
        raise MissingData(f"{source}: expected *.parquet, *.arrow, *.jsonl or *.json, found none.")
    return files


def layout_of(columns: Sequence[str], *, where: str) -> ChoiceLayout:
    """Tell the layout by its columns.

    Raises:
        CorruptData: a question, options, answer or images column is missing; says what came.
    """
    found = ChoiceLayout(
        options=_first(columns, OPTIONS),
        answer=_first(columns, ANSWERS),
        task=_first(columns, TASKS),
        images=tuple(name for name in _NUMBERED if name in columns)
        or ((one,) if (one := _first(columns, IMAGES)) else ()),
    )
    if "question" not in columns or not found.options or not found.answer or not found.images:
        raise CorruptData(
            f"{where}: expected columns question, one of {', '.join(OPTIONS)}, one of {', '.join(ANSWERS)}, and one of "
            f"{', '.join(IMAGES)} or image_1 ...; got {', '.join(columns) or 'none'}. Is this a multiple-choice set?"
        )
    return found


def _first(columns: Sequence[str], names: Sequence[str]) -> str:
    return next((name for name in names if name in columns), "")


def read_items(path: Path) -> list[ChoiceItem]:
    """Every item of one file, without its images.

    Raises:
        CorruptData: the columns, or an item's options or answer, are not as expected.
    """
    if path.suffix not in TABLES:
        return [_item(row, layout, path, i) for i, (row, layout) in enumerate(_json_rows(path))]
    columns = column_names(path)
    layout = layout_of(columns, where=str(path))
    ids = tuple(name for name in ("idx", "counterpart_idx") if name in columns)
    return [_item(row, layout, path, i) for i, row in enumerate(read_columns(path, (*layout.text, *ids)))]


def stream_images(path: Path) -> Iterator[tuple[Row, ChoiceLayout]]:
    """Every row of a file with its images, in the order of `read_items`; a few rows in memory at a time."""
    if path.suffix not in TABLES:
        yield from _json_rows(path)
        return
    layout = layout_of(column_names(path), where=str(path))
    for row in stream_rows(path):
        yield row, layout


def _json_rows(path: Path) -> Iterator[tuple[Row, ChoiceLayout]]:
    for position, entry in enumerate(_entries(path)):
        if not isinstance(entry, dict):
            raise CorruptData(f"{path}: item {position}: expected an object, got {type(entry).__name__}.")
        row = cast("Row", entry)
        yield row, layout_of(list(row), where=f"{path}, item {position}")


def _entries(path: Path) -> list[object]:
    if path.suffix != ".jsonl":
        found = read_json(path)
        if not isinstance(found, list):
            raise CorruptData(f"{path}: expected a list of items, got {type(found).__name__}.")
        return cast("list[object]", found)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except OSError as error:
        raise MissingData(f"{path}: {error.strerror or error}. Check --source.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CorruptData(f"{path}: expected one JSON object a line: {error}.") from None


def _item(row: Mapping[str, Any], layout: ChoiceLayout, path: Path, position: int) -> ChoiceItem:
    where = f"{path.name}, item {position}"
    options = _options(row[layout.options], where=where)
    item = str(row.get("idx") if row.get("idx") is not None else position)
    return ChoiceItem(
        where=where,
        item=item,
        pair=min(item, str(row.get("counterpart_idx") or item)),
        task=str(row.get(layout.task) or path.stem) if layout.task else path.stem,
        question=text_of(row["question"], where=f"{where}, question"),
        options=options,
        answer=_answer(row[layout.answer], options, where=where),
    )


def _options(cell: object, *, where: str) -> tuple[str, ...]:
    """Options as texts without their letters."""
    given = spelt(cell, where=where) if isinstance(cell, str) else cell
    if isinstance(given, str):
        lines = given.splitlines()
    else:
        lines = [text_of(one, where=f"{where}, option {k}") for k, one in enumerate(listed(given, where=where), 1)]
    kept = [line.strip() for line in lines if line.strip()]
    lettered = [_OPTION_LINE.match(line) for line in kept]
    letters = "".join(match[1] for match in lettered if match)
    if len(letters) == len(kept) and letters == "".join(chr(65 + i) for i in range(len(kept))):
        kept = [match[2].strip() for match in lettered if match]
    if not 2 <= len(kept) <= MAX_OPTIONS:
        raise CorruptData(f"{where}: expected 2 to {MAX_OPTIONS} options, got {len(kept)}.")
    return tuple(kept)


def _answer(cell: object, options: Sequence[str], *, where: str) -> str:
    """The right option's letter; "" where a test split hides it."""
    text = "" if cell is None else str(cell).strip()
    if not text or text.strip("()").casefold() in ("hidden", "none", "null", "?", "-1"):
        return ""
    letter = _LETTER.match(text)
    if letter is None and text in options:
        return chr(65 + list(options).index(text))
    if letter is None or ord(letter[1]) - 65 >= len(options):
        raise CorruptData(f"{where}: expected an answer from A to {chr(64 + len(options))}, got {text[:40]!r}.")
    return letter[1]


def read_images(row: Row, layout: ChoiceLayout, *, folder: Path, root: Path, where: str) -> tuple[Image, ...]:
    """The images of one row, checked; names are of files beside the row's own, in `folder`, and below `root`.

    Raises:
        MissingData: an image is not there, or a list of images holds a null.
        CorruptData: an image is broken or lies outside `root`, or the row has none.
    """
    cells: list[object] = [row[name] for name in layout.images]
    if len(cells) == 1 and isinstance(cells[0], list | tuple | str):
        cells = listed(cells[0], where=where)
    else:
        cells = [cell for cell in cells if cell is not None]  # numbered columns are as many as the longest row needs
    images = [_image(cell, folder, root, f"{where} image {k}") for k, cell in enumerate(cells, 1)]
    if not images:
        raise CorruptData(f"{where}: expected images, the row has none.")
    return tuple(images)


def _image(cell: object, folder: Path, root: Path, label: str) -> Image:
    data = cell_bytes(cell)
    if data is not None:
        return keep(image_from_bytes(data, label=label))
    named = cast("Row", cell).get("path") if isinstance(cell, dict) else cell
    if not isinstance(named, str) or not named:
        raise MissingData(f"{label}: expected image bytes or a file's name, got {type(cell).__name__}.")
    return image_from_file(folder / named, root=root)
