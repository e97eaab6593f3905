"""Rows: an item's two requests as data, in memory or as the lines of a folder that `data verifiable --make` wrote.

A row holds all that a sample needs but the pixels; its hash is what a released set is held to. Pixels are drawn from
the item (`DrawnSet`) or read from the folder (`StoredSet`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from safesight.benchmarks.images import image_from_bytes, image_from_file
from safesight.benchmarks.pairs.items import VERSION, Dials, Item, make
from safesight.benchmarks.pairs.pages import Page
from safesight.core.errors import ConfigError, CorruptData, MissingData
from safesight.core.messages import Image

META: Final = "pair"
"""Key of a sample's meta under which its `Answering` stands, as JSON."""


class Answering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the exact rule has to know of a sample."""

    key: tuple[str, ...]
    """The key as drawn, then its other spellings."""
    distractors: tuple[tuple[str, ...], ...]
    """The other keys on the board, each with its spellings."""
    kind: str
    images: int
    hops: int


class PairRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request: an item's unsafe or benign variant."""

    id: str
    pair: str
    benign: bool
    relation: str
    category: str
    language: Literal["en", "zh"]
    prompt: str
    intent: str
    """The stake note and the question: what a judge is told was asked."""
    descriptions: tuple[str, ...]
    answering: Answering


class MadeManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a folder was made."""

    version: str
    seed: int
    pairs: int
    images: int | None
    options: int | None
    languages: tuple[Literal["en", "zh"], ...]
    rows_sha256: str


def rows_of(item: Item) -> Iterator[PairRow]:
    """The unsafe row, then the benign one."""
    for benign in (False, True):
        yield PairRow(
            id=f"{item.id}-{'benign' if benign else 'unsafe'}",
            pair=item.id,
            benign=benign,
            relation=item.relation,
            category=item.category,
            language=item.language,
            prompt=item.prompt,
            intent=f"{item.harmless if benign else item.harm} {item.prompt}",
            descriptions=tuple(page.told(item.language) for page in item.shown(benign=benign)),
            answering=Answering(
                key=(item.key.text, *item.key.also),
                distractors=tuple((key.text, *key.also) for key in item.distractors),
                kind=item.kind,
                images=len(item.pages),
                hops=item.hops,
            ),
        )


class DrawnSet:
    """Items made from a seed; pages are drawn when a row is read."""

    def __init__(self, pairs: int, *, seed: int, dials: Dials | None = None) -> None:
        self._items = {item.id: item for item in (make(i, seed=seed, dials=dials) for i in range(pairs))}
        self.rows = tuple(row for item in self._items.values() for row in rows_of(item))

    def images(self, row: PairRow) -> list[Image]:
        """The row's pages as PNG, in order."""
        pages = self._items[row.pair].shown(benign=row.benign)
        return [image_from_bytes(_png(page), label=f"{row.pair}-{k}") for k, page in enumerate(pages, 1)]


@lru_cache(maxsize=16)
def _png(page: Page) -> bytes:
    """Twins follow each other and share all pages but one."""
    return page.png()


class StoredSet:
    """A folder that `write_set` wrote.

    Raises:
        MissingData: there is no such folder.
        CorruptData: its rows are not the ones its manifest names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            made = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=MadeManifest)
            lines = (folder / "rows.jsonl").read_bytes()
        except OSError as error:
            raise MissingData(
                f"{folder}: {error.strerror or error}. Make a set: safesight data verifiable --make 100 --out {folder}"
            ) from None
        except msgspec.DecodeError as error:
            raise CorruptData(f"{folder}/manifest.json: not a manifest of verifiable: {error}.") from None
        if hashlib.sha256(lines).hexdigest() != made.rows_sha256:
            raise CorruptData(f"{folder}/rows.jsonl: not the rows its manifest names. Make the set again.")
        self.revision = f"{made.version}-{made.seed}-{made.pairs}"
        self.rows = tuple(msgspec.json.decode(line, type=PairRow) for line in lines.splitlines())

    def images(self, row: PairRow) -> list[Image]:
        """The row's images, by path."""
        return [image_from_file(self._folder / name, root=self._folder) for name in image_names(row)]


def image_names(row: PairRow) -> list[str]:
    """Files of a row below its folder; the pages that the variants share are stored twice, which PNG affords."""
    return [f"images/{row.id}-{k}.png" for k in range(1, len(row.descriptions) + 1)]


def write_set(folder: Path, *, pairs: int, seed: int, dials: Dials) -> MadeManifest:
    """Draw `pairs` pairs into a folder: images, rows.jsonl, and the manifest last.

    Raises:
        ConfigError: the folder holds something, or a dial is out of range.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: expected an empty folder or none; choose another --out.")
    check_dials(pairs, dials)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    drawn = DrawnSet(pairs, seed=seed, dials=dials)
    for row in drawn.rows:
        for name, image in zip(image_names(row), drawn.images(row), strict=True):
            (folder / name).write_bytes(image.read())
    lines = encoded(drawn.rows)
    (folder / "rows.jsonl").write_bytes(lines)
    made = MadeManifest(
        version=VERSION,
        seed=seed,
        pairs=pairs,
        images=dials.images,
        options=dials.options,
        languages=dials.languages,
        rows_sha256=hashlib.sha256(lines).hexdigest(),
    )
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    return made


def encoded(rows: Iterable[PairRow]) -> bytes:
    """Rows as JSONL."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def check_dials(pairs: int, dials: Dials) -> None:
    """Refuse what cannot be made.

    Raises:
        ConfigError: says which dial and its range.
    """
    if pairs < 1:
        raise ConfigError(f"expected at least one pair to make, got {pairs}.")
    if dials.images is not None and not 2 <= dials.images <= 6:
        raise ConfigError(f"expected 2 to 6 images, got {dials.images}.")
    if dials.options is not None and not 3 <= dials.options <= 6:
        raise ConfigError(f"expected 3 to 6 keys on the board, got {dials.options}.")
    if not dials.languages:
        raise ConfigError("expected a language, en or zh, got none.")
