"""Benchmarks that are a list of requests, each with its images in files: from entries to samples.

A benchmark's own module reads its layout into `ListedRequest`s; what is the same for all of them (keys that hash
content, images opened one at a time, a missing image that stands in its item's place, counts) is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from safesight.benchmarks.images import image_from_file
from safesight.benchmarks.sources import Place, Samples, UniqueKeys, count_problems, records_hash
from safesight.benchmarks.tables import read_json, require_columns
from safesight.core.errors import CorruptData, DataError
from safesight.core.messages import user
from safesight.core.protocols import BrokenItem
from safesight.core.records import Sample, content_hash, sample_key
from safesight.core.taxonomy import OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRequest:
    """One request as a data set lists it, its images not yet opened."""

    item: str
    """What a person would look up: file and id."""
    question: str
    """What a judge is shown."""
    text: str
    """What is sent beside the images."""
    group: str
    category: str
    images: tuple[Path, ...] = ()
    """Shown before the text, in order."""
    hazard: str = OTHER
    seed: str = ""
    """What items of one seed share; "" makes the item its own seed."""
    benign: bool = False
    language: str = "en"
    twin: str | None = None
    target: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict[str, str])


def opened(
    name: str,
    entries: Sequence[ListedRequest],
    *,
    place: Place,
    arm: str,
    expected: Mapping[str, int],
    problems: Sequence[str] = (),
) -> Samples:
    """A data set of these entries; counts that differ from `expected` are a problem that is said.

    Raises:
        CorruptData: an entry has no question or text.
    """
    for entry in entries:
        if not entry.question.strip() or not entry.text.strip():
            raise CorruptData(f"{entry.item}: expected a question, got an empty field. Fetch the data again.")
    counts = dict(Counter(entry.group for entry in entries)) | {"total": len(entries)}
    return Samples(
        revision=place.revision,
        data_hash=records_hash([_content(entry) for entry in entries]),
        problems=(*problems, *count_problems(counts, dict(expected))),
        counts=counts,
        size=len(entries),
        stream=partial(_read, name, tuple(entries), root=place.path, arm=arm),
    )


def read_entries(path: Path, fields: Sequence[str]) -> list[dict[str, Any]]:
    """A JSON file that is a list of objects (or an object of them by id) with at least these fields.

    Raises:
        MissingData: there is no such file.
        CorruptData: it is of another form.
    """
    found = read_json(path)
    rows = list(cast("dict[str, Any]", found).values()) if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[Any]", rows)):
        raise CorruptData(
            f"{path}: expected a list of objects, got {type(found).__name__}. Is this the benchmark's file?"
        )
    listed = cast("list[dict[str, Any]]", rows)
    for number, row in enumerate(listed, 1):
        require_columns(row, fields, where=f"{path}, entry {number}")
        blank = [name for name in fields if row[name] is None]
        if blank:
            raise CorruptData(f"{path}, entry {number}: expected {', '.join(blank)}, got null. Fetch it again.")
    return listed


def first_of(root: Path, *names: str) -> Path | None:
    """The first of these files or folders that is under a root."""
    return next((root / name for name in names if (root / name).exists()), None)


def _content(entry: ListedRequest) -> list[object]:
    return [entry.language, entry.group, entry.category, entry.question, entry.text, entry.benign, entry.target or ""]


def _read(name: str, entries: Sequence[ListedRequest], *, root: Path, arm: str) -> Iterator[Sample | BrokenItem]:
    unique = UniqueKeys()
    for entry in entries:
        try:
            yield _sample(name, entry, root=root, arm=arm, unique=unique)
        except DataError as error:
            yield BrokenItem(item=entry.item, error=error, benign=entry.benign)


def _sample(name: str, entry: ListedRequest, *, root: Path, arm: str, unique: UniqueKeys) -> Sample:
    images = tuple(image_from_file(path, root=root) for path in entry.images)
    return Sample(
        key=unique(sample_key(name, "", _content(entry), images, arm)),
        benchmark=name,
        messages=(user(*images, entry.text),),
        question=entry.question,
        category=entry.category,
        group=entry.group,
        cluster=content_hash(name, entry.seed or _content(entry)),
        benign=entry.benign,
        language=entry.language,
        arm=arm,
        twin=entry.twin,
        target=entry.target,
        meta={"hazard": entry.hazard, **entry.meta},
    )
