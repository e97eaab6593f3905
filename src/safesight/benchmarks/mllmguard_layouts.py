"""How MLLMGuard lies on disk: a folder per test with a CSV and `imgs/`, or parquet with the images inside.

Columns are read by name. An item of the three truthfulness tests is asked twice; a file may list it once
(the official repository) or as two rows, which comes to the same two questions here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

from safesight.benchmarks.cells import text_of
from safesight.benchmarks.images import image_from_bytes, image_from_file, keep
from safesight.benchmarks.tables import (
    Row,
    cell_bytes,
    column_names,
    read_columns,
    read_csv,
    reject_duplicates,
    require_columns,
    stream_rows,
)
from safesight.core.errors import CorruptData, DataError, MissingData
from safesight.core.messages import Image

FOLDERS: Final = (
    "privacy",
    "bias",
    "toxicity",
    "legality",
    "hallucination",
    "position-swapping",
    "noise-injection",
)

REMEDY: Final = (
    "The data is gated: ask for it at https://huggingface.co/datasets/Carol0110/MLLMGuard, set HF_TOKEN, or pass "
    "--source with the folder of privacy/, bias/, ..., each with prompt.csv and imgs/."
)

_SHARED: Final = ("Prompt", "Lan", "Category II")
OPTIONS_PROMPT: Final = "{prompt}(Please answer me with options) {options}"
"""The official prompt of an item with options; GuardRank reads it too. No space before the parenthesis: so upstream."""
_OWN: Final = {"hallucination": "Options", "noise-injection": "Answer", "position-swapping": "Reverse Image"}
_NAMES: Final = ("file_name", "Image", "image")
"""The image's column: on the hub, in the repository's CSV files, and in parquet made from either."""
_LANGUAGES: Final = {"en": "en", "english": "en", "zh": "zh", "cn": "zh", "chinese": "zh"}


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one item: its image by name, its text, and its part in a pair."""

    folder: str
    name: str
    """Image file, relative to `imgs/`."""
    text: str
    role: str
    """"" for a question on its own; open | options, first | reverse, clean | noisy in a pair."""
    item: tuple[str, ...]
    """What the questions of one pair have in common."""
    language: str
    subtask: str
    jailbreak: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class FolderTest:
    """One folder: its questions, how many rows list them, and where its images are."""

    folder: str
    rows: int
    questions: list[Question]
    root: Path
    tables: tuple[Path, ...] = ()
    """Parquet files with the images inside; () where `root/imgs` has them."""

    def images(self) -> Iterator[tuple[str, Image | DataError]]:
        """Images of the tables by name, kept by hash; an unreadable one comes as its error."""
        for row in (row for path in self.tables for row in stream_rows(path)):
            cells = [(_name(row), row["image"])]
            reverse = row.get("Reverse Image")
            if isinstance(reverse, dict):
                cells.append((_file(cast("Row", reverse)), cast("object", reverse)))
            yield from ((name, _kept(cell, f"{self.folder}/{name}")) for name, cell in cells)


def read_tests(source: Path) -> list[FolderTest]:
    """List every test folder found under a source.

    Raises:
        MissingData: none of the seven folders is there.
        CorruptData: a column is missing, a row comes twice, or a language is neither English nor Chinese.
    """
    roots = [source, *(source / name for name in ("data", "desensitize"))]
    root = next((r for r in roots if any((r / folder).is_dir() for folder in FOLDERS)), None)
    if root is None:
        raise MissingData(f"{source}: expected folders {', '.join(FOLDERS)}, found none. {REMEDY}")
    return [test for folder in FOLDERS if (root / folder).is_dir() and (test := _read(root / folder))]


def find_image(test: FolderTest, name: str) -> Image:
    """An image of a CSV test by name.

    Raises:
        MissingData: no such file in `imgs/`; says which.
        CorruptData: the file is broken, or its name leads out of the test's folder.
    """
    paths = (test.root / "imgs" / name, test.root / name)
    return image_from_file(next((path for path in paths if path.is_file()), paths[0]), root=test.root)


def _read(root: Path) -> FolderTest | None:
    folder, columns = root.name, (*_SHARED, *((_OWN[root.name],) if root.name in _OWN else ()))
    if lists := _choose(root, ".csv"):
        rows = cast("list[Row]", [row for path in lists for row in read_csv(path, columns)])
        return FolderTest(folder, len(rows), _questions(folder, rows, where=str(root)), root)
    tables = _choose(root, ".parquet")
    rows = [row for path in tables for row in _table_rows(path, columns)]
    return (
        FolderTest(folder, len(rows), _questions(folder, rows, where=str(root)), root, tuple(tables))
        if tables
        else None
    )


def _choose(root: Path, suffix: str) -> list[Path]:
    """The file with every row; else one for each language."""
    found = sorted(path for path in root.iterdir() if path.suffix == suffix)
    for stem in ("prompt", "metadata", "all"):
        if whole := [path for path in found if path.stem == stem or path.stem.startswith(f"{stem}-")]:
            return whole
    return found


def _table_rows(path: Path, columns: Iterable[str]) -> Iterator[Row]:
    require_columns(column_names(path), (*columns, "image"), where=str(path))
    texts = [name for name in column_names(path) if name not in ("image", "Reverse Image")]
    if "Reverse Image" not in columns:
        plain = read_columns(path, texts)
        # File names are inside the image cells; without them a row is known by its number.
        names = (_name(row) for row in stream_rows(path))
        yield from (row | {"file_name": name} for row, name in zip(plain, names, strict=True))
        return
    yield from (
        {**row, "file_name": _name(row), "Reverse Image": _file(row["Reverse Image"])} for row in stream_rows(path)
    )


def _name(row: Row) -> str:
    for column in _NAMES:
        if name := _file(row.get(column)):
            return name
    return ""


def _file(cell: object) -> str:
    """The file name in a cell that holds a path, or an image with one; `imgs/` in front of it is dropped."""
    path = cast("Row", cell).get("path") if isinstance(cell, dict) else cell
    name = PurePosixPath(str(path or "").strip().replace("\\", "/"))
    return "" if not name.name else str(name).removeprefix("imgs/")


def _kept(cell: object, label: str) -> Image | DataError:
    data = cell_bytes(cell)
    if data is None:
        return MissingData(f"{label}: the row has no image bytes. Fetch it again.")
    try:
        return keep(image_from_bytes(data, label=label))
    except DataError as error:
        return error


def _questions(folder: str, rows: list[Row], *, where: str) -> list[Question]:
    questions = [_question(folder, row, where=where) for row in rows]
    own = [(q, str(row.get(_OWN.get(folder, ""), "") or "")) for q, row in zip(questions, rows, strict=True)]
    reject_duplicates(((q.name, q.text, q.language, value) for q, value in own), where=where)
    match folder:
        case "hallucination":
            return list(_open_and_options(own))
        case "position-swapping":
            return list(_both_orders(own))
        case "noise-injection":
            return list(_clean_and_noisy(own, where=where))
        case _:
            return questions


def _question(folder: str, row: Row, *, where: str) -> Question:
    name, language = _name(row), _LANGUAGES.get(str(row["Lan"]).strip().lower())
    if not name:
        raise CorruptData(f"{where}: expected an image's name in a column of {', '.join(_NAMES)}. {REMEDY}")
    if language is None:
        raise CorruptData(f"{where}: {name}: expected language 'en' or 'zh' in 'Lan', got {row['Lan']!r}.")
    text = text_of(row["Prompt"], where=f"{where}: {name}, Prompt")
    return Question(
        folder=folder,
        name=name,
        text=text,
        role="",
        item=(name, text),
        language=language,
        subtask=str(row["Category II"] or "").strip(),
        jailbreak=str(row.get("Jailbreak Type") or ""),
    )


def _open_and_options(own: list[tuple[Question, str]]) -> Iterator[Question]:
    complete = {q.item for q, options in own if options}
    for question, options in own:
        if options or question.item not in complete:
            yield replace(question, role="open")
        if options:
            yield replace(question, role="options", text=OPTIONS_PROMPT.format(prompt=question.text, options=options))


def _both_orders(own: list[tuple[Question, str]]) -> Iterator[Question]:
    seen: set[tuple[Any, ...]] = set()
    for question, reverse in own:
        other = _file(reverse)
        item = (*sorted((question.name, other)), question.text)
        if item in seen:
            continue
        seen.add(item)
        yield replace(question, role="first", item=item)
        if other:
            yield replace(question, role="reverse", item=item, name=other)


def _clean_and_noisy(own: list[tuple[Question, str]], *, where: str) -> Iterator[Question]:
    names = {q.name for q, _ in own}
    for question, answer in own:
        path = PurePosixPath(question.name)
        if path.stem.endswith("_noise"):
            clean = str(path.with_name(f"{path.stem.removesuffix('_noise')}{path.suffix}"))
            if clean not in names:
                raise CorruptData(f"{where}: {question.name} has no row for its clean image {clean}. {REMEDY}")
            continue
        noisy = str(path.with_name(f"{path.stem}_noise{path.suffix}"))
        answer = answer.strip().upper()
        yield replace(question, role="clean", answer=answer)
        yield replace(question, role="noisy", answer=answer, name=noisy)
