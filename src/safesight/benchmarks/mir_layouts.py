"""How MIR-SafetyBench lies on disk: hub parquet, a `save_to_disk` folder, or the official extracted folders.

Items are listed without opening an image; images are read when their item's turn comes, in the file's
order. Equal content gives equal samples from any layout, as long as the image bytes are equal: the
official extraction re-encodes images, so a run started on parquet is not resumed on its extraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from safesight.benchmarks.cells import listed, spelt, text_of
from safesight.benchmarks.images import image_from_bytes, image_from_file, keep
from safesight.benchmarks.sources import stay_inside
from safesight.benchmarks.tables import (
    TABLES,
    Row,
    cell_bytes,
    column_names,
    read_columns,
    read_json,
    require_columns,
    stream_rows,
    table_files,
)
from safesight.core.errors import CorruptData, MissingData
from safesight.core.messages import Image

REMEDY: Final = (
    "Get it from https://huggingface.co/datasets/thu-coai/MIR-SafetyBench (accept the terms, set HF_TOKEN), or pass "
    "--source with its parquet files, a save_to_disk folder, or the folder made by the official extract_data.py."
)

_TEXT: Final = ("id", "original_question", "relationship_type", "revised_prompt", "image_descriptions")


@dataclass(frozen=True, slots=True)
class MirItem:
    """One case, its images not yet read."""

    id: str
    category: str
    relation: str
    question: str
    prompt: str
    descriptions: tuple[str, ...]
    where: str
    """What a person would look up: category/relation/id."""
    images: tuple[Path, ...] = ()
    """Image files in the extracted layout; () in tables."""
    count: int = 0
    """How many images the case has; 0 where only its row tells."""
    fault: str = ""
    """Why it cannot become a sample: a null where text should be; "" when nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """`<Category>/<Relation>_final.json` beside `<Category>/images/<Relation>/`."""

    items: list[MirItem]
    root: Path
    name = "extracted"

    def __iter__(self) -> Iterator[tuple[MirItem, None]]:
        return ((item, None) for item in self.items)


@dataclass(frozen=True, slots=True)
class Tables:
    """Parquet or Arrow files with an `images` column of encoded bytes."""

    items: list[MirItem]
    files: list[Path]
    name: str
    root: Path

    def __iter__(self) -> Iterator[tuple[MirItem, Row]]:
        rows = (row for path in self.files for row in stream_rows(path))
        return zip(self.items, rows, strict=True)


def read_layout(source: Path) -> Extracted | Tables:
    """List the items of a source in whichever layout it has.

    Raises:
        MissingData: the source has none of the three layouts.
        CorruptData: columns or keys are missing, or a file cannot be read.
    """
    if source.is_dir() and (lists := sorted(source.glob("*/*_final.json"))):
        return Extracted([item for path in lists for item in _extracted(path)], source)
    files = _files(source)
    if not files:
        raise MissingData(f"{source}: expected *.parquet, *.arrow or <Category>/<Relation>_final.json. {REMEDY}")
    items: list[MirItem] = []
    for path in files:
        found = column_names(path)
        require_columns(found, (*_TEXT, "category", "images"), where=str(path))
        rows = read_columns(path, [*_TEXT, "category", *(["num_images"] if "num_images" in found else [])])
        items += [_item(row, category=str(row["category"]), position=i) for i, row in enumerate(rows)]
    return Tables(items, files, "parquet" if files[0].suffix == ".parquet" else "save_to_disk", source)


def count_images(item: MirItem, row: Row | None) -> int:
    """How many images a case has, none of them opened."""
    return item.count or (len(row["images"] or []) if row is not None else 0)


def read_images(item: MirItem, row: Row | None, *, root: Path, first_only: bool = False) -> tuple[Image, ...]:
    """The images of one item, checked; from its files below `root`, or from its table row.

    Raises:
        MissingData: an image is not there.
        CorruptData: an image is broken or outside `root`, or there are not as many as the row says.
    """
    if row is None:
        if not item.images:
            raise CorruptData(f"{item.where}: expected 2 to 4 images, the entry lists none. Extract the data again.")
        return tuple(image_from_file(path, root=root) for path in item.images[: 1 if first_only else None])
    cells = cast("list[object]", row["images"] or [])
    wanted = int(row.get("num_images") or len(cells))
    if not cells or len(cells) != wanted:
        raise CorruptData(
            f"{item.where}: expected {wanted or '2 to 4'} images, got {len(cells)}. Fetch the data again."
        )
    return tuple(_cell(cell, f"{item.where} image {k}") for k, cell in enumerate(cells[: 1 if first_only else None], 1))


def _cell(cell: object, label: str) -> Image:
    data = cell_bytes(cell)
    if data is None:
        raise MissingData(f"{label}: the row has no image bytes. Save the data with its images embedded.")
    return keep(image_from_bytes(data, label=label))


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix in TABLES else []
    # A saved DatasetDict has one folder per split; the benchmark has only `train`.
    root = source / "train" if (source / "dataset_dict.json").is_file() and (source / "train").is_dir() else source
    state = root / "state.json"
    if state.is_file():
        named = cast("dict[str, Any]", read_json(state)).get("_data_files", [])
        files = [root / str(entry["filename"]) for entry in cast("list[dict[str, Any]]", named)]
        for path in files:
            stay_inside(path, root=source)
        if gone := [path for path in files if not path.is_file()]:
            raise MissingData(f"{gone[0]}: listed in {state.name}, but not there. {REMEDY}")
        return files
    files = table_files(root)
    parquet = [path for path in files if path.suffix == ".parquet"]
    return parquet or files


def _extracted(path: Path) -> Iterable[MirItem]:
    found = read_json(path)
    if not isinstance(found, list):
        raise CorruptData(f"{path}: expected a list of cases, got {type(found).__name__}. Extract the data again.")
    relation = path.name.removesuffix("_final.json")
    for position, entry in enumerate(cast("list[object]", found)):
        if not isinstance(entry, dict):
            raise CorruptData(f"{path}: case {position} is no object. Extract the data again.")
        row = cast("Row", entry)
        require_columns(row, (*_TEXT, "images"), where=f"{path}, case {position}")
        if row["relationship_type"] != relation:
            raise CorruptData(
                f"{path}, case {position}: expected relation {relation!r}, got {row['relationship_type']!r}. "
                "Extract the data again."
            )
        yield _item(row, category=path.parent.name, position=position, folder=path.parent)


def _item(row: Row, *, category: str, position: int, folder: Path | None = None) -> MirItem:
    """One row as a case; `folder` is where its image files are, None in tables."""
    relation = str(row["relationship_type"])
    where = f"{category}/{relation}/{row['id'] if row['id'] is not None else f'case {position}'}"
    faults: list[str] = []

    def text(name: str) -> str:
        try:
            return text_of(row[name], where=f"{where}, {name}")
        except CorruptData as error:
            faults.append(str(error))
            return ""

    def several(name: str) -> list[object]:
        try:
            return _several(row[name], where=f"{where}, {name}")
        except CorruptData as error:
            faults.append(str(error))
            return []

    names = several("images") if folder is not None else []
    if any(not isinstance(name, str) or not name for name in names):
        faults.append(
            f"{where}, images: expected names of files, got a null or something else. Extract the data again."
        )
    return MirItem(
        id=text("id"),
        category=category,
        relation=relation,
        question=text("original_question"),
        prompt=text("revised_prompt"),
        descriptions=tuple("" if one is None else str(one) for one in several("image_descriptions")),
        where=where,
        images=tuple(folder / str(name) for name in names) if folder is not None else (),
        count=len(names) if folder is not None else int(row.get("num_images") or 0),
        fault=faults[0] if faults else "",
    )


def _several(value: object, *, where: str) -> list[object]:
    """Descriptions (or names) as a list: stored as a list, as an object by image, or as text that spells either."""
    if isinstance(value, str):
        found = spelt(value, where=where)
        return [line for line in value.splitlines() if line.strip()] if found is value else _several(found, where=where)
    if isinstance(value, dict):
        return list(cast("Row", value).values())
    return listed(value, where=where)
