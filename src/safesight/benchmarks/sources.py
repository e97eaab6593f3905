"""Where a benchmark's files come from, and the data set they open as.

Hub data is a snapshot of one commit, recorded in `Dataset.revision`; local data has the revision "local".
Neither enters a sample's key: keys hash what an item says and shows, so a re-extracted, reordered or moved
copy resumes the same run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from safesight.core.errors import ConfigError, CorruptData, DataError, MissingData, UnknownName
from safesight.core.protocols import BrokenItem, DataOptions, DataReport
from safesight.core.records import Sample, content_hash
from safesight.media.pixels import decode

LOCAL: Final = "local"
"""The revision of data read from a folder."""

_SHOWN: Final = 5
"""Broken items named one by one in a report before it only counts them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a benchmark's files, and the hub commit it came from ("local" when it did not)."""

    path: Path
    revision: str

    @property
    def is_hub(self) -> bool:
        """True for a hub snapshot."""
        return self.revision != LOCAL


def locate(options: DataOptions, *, repo: str, patterns: Sequence[str], remedy: str) -> Place:
    """The folder to read: `options.source`, or a snapshot of hub data set `repo`.

    Args:
        options: `source` and `revision` are used here.
        repo: Hub data set, "owner/name".
        patterns: Files to fetch, as globs.
        remedy: What to do when the data cannot be had, one sentence.

    Raises:
        MissingData: no such folder, or the hub cannot be reached or does not allow it; says what to do.
    """
    if options.source is None:
        return fetch(repo, revision=options.revision, patterns=patterns, remedy=remedy)
    return _local(options.source, remedy=remedy)


def locate_local(options: DataOptions, *, benchmark: str, remedy: str) -> Place:
    """The folder to read, for a benchmark that no hub data set is known for.

    Raises:
        MissingData: no source was named, or there is no such folder.
    """
    if options.source is None:
        raise MissingData(f"{benchmark} is read from a folder: name it with --source. {remedy}")
    return _local(options.source, remedy=remedy)


def _local(source: Path, *, remedy: str) -> Place:
    source = source.expanduser().resolve()
    if not source.exists():
        raise MissingData(f"--source {source}: no such file or folder. {remedy}")
    return Place(source, LOCAL)


def stay_inside(path: Path, *, root: Path) -> None:
    """Raise unless `path`, its links resolved, is an ordinary file or folder below `root`, or is not there at all.

    The hub's cache keeps its files as links into the `blobs` folder of the same data set; those are inside.

    Raises:
        CorruptData: it leads elsewhere. Names in a data set are the data's, and what they name is sent to a model.
    """
    try:
        home, found = root.resolve(), path.resolve()
        odd = found.exists() and not (found.is_file() or found.is_dir())
    except (OSError, ValueError, RuntimeError) as error:
        raise CorruptData(f"{path!s}: expected the name of a file, got one that leads nowhere ({error}).") from None
    roots = [home, *(snapshots.parent / "blobs" for snapshots in home.parents if snapshots.name == "snapshots")]
    if odd or not any(found.is_relative_to(folder) for folder in roots):
        raise CorruptData(
            f"{path!s}: expected a file in {home}, got one that lies outside it. Copy it there, or name the folder "
            "that holds both with --source."
        )


def fetch(repo: str, *, revision: str, patterns: Sequence[str], remedy: str) -> Place:
    """Fetch (or find in the hub cache) one commit of a hub data set.

    `revision` is a commit, tag or branch; "" is the branch `main`, resolved to its commit now. The hub's
    address and token come from HF_ENDPOINT and from HF_TOKEN, HUGGINGFACE_TOKEN or the hub's own login.

    Raises:
        MissingData: the hub cannot be reached, the data set is gated, or nothing in it matches.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                repo,
                repo_type="dataset",
                revision=revision or None,
                allow_patterns=list(patterns),
                token=os.environ.get("HF_TOKEN") or os.environ.get("HUGGINGFACE_TOKEN") or None,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
            )
        )
    except (GatedRepoError, RepositoryNotFoundError):
        raise MissingData(
            f"hub data set {repo!r} is gated, private or gone: accept its terms at "
            f"https://huggingface.co/datasets/{repo} and set HF_TOKEN. {remedy}"
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200]
        raise MissingData(f"hub data set {repo!r} cannot be fetched ({reason}). {remedy}") from None
    # The snapshot folder is shared by everything ever fetched of this commit.
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    if not any(fnmatch(name, pattern) for name in names for pattern in patterns):
        raise MissingData(f"hub data set {repo!r}: commit {folder.name} has no file like {list(patterns)}. {remedy}")
    return Place(folder, folder.name)


def check_options(
    options: DataOptions,
    *,
    benchmark: str,
    arms: Sequence[str],
    has_tiny: bool = False,
    languages: Sequence[str] = ("en",),
) -> str:
    """Reject what a benchmark does not have, and name the arm to use.

    Raises:
        UnknownName: no such arm or language; the nearest is suggested.
        ConfigError: it has no tiny list, or a hub revision is asked of a local folder.
    """
    if options.arm and options.arm not in arms:
        raise UnknownName(f"arm of {benchmark!r}", options.arm, arms)
    for language in options.languages:
        if language not in languages:
            raise UnknownName(f"language of {benchmark!r}", language, languages)
    if options.tiny and not has_tiny:
        raise ConfigError(f"{benchmark} has no tiny version; use --limit N or --sample stratified:N.")
    if options.revision and options.source is not None:
        raise ConfigError(f"revision {options.revision!r} is of the hub, but --source names a folder. Use one.")
    return options.arm or arms[0]


def records_hash(records: Iterable[object]) -> str:
    """Hash JSON-encodable item records, independent of their order."""
    return content_hash(sorted(content_hash(record) for record in records))


class UniqueKeys:
    """Makes keys unique: a second item of exactly equal content gets a key of its own.

    Equal items cannot be told apart, so which of them comes second does not matter to a resumed run.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, key: str) -> str:
        """Return `key` the first time, and a hash of it and the count after that."""
        self._seen[key] += 1
        return key if self._seen[key] == 1 else content_hash(key, self._seen[key])


@dataclass(frozen=True, slots=True)
class Samples:
    """An opened data set: it knows its size and hash, and reads items only while it is iterated."""

    revision: str
    data_hash: str
    problems: tuple[str, ...]
    counts: dict[str, int]
    """Items by group, and "total"."""
    size: int
    stream: Callable[[], Iterator[Sample | BrokenItem]]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Sample | BrokenItem]:
        return self.stream()


def count_problems(counts: dict[str, int], expected: dict[str, int]) -> tuple[str, ...]:
    """One sentence for all the counts that differ from the published ones; () when none does."""
    off = [f"{name} {counts.get(name, 0)} of {n}" for name, n in expected.items() if counts.get(name, 0) != n]
    return (f"counts differ from the published ones: {', '.join(off)}.",) if off else ()


def report(
    dataset: Samples,
    *,
    benchmark: str,
    layout: str,
    place: Place,
    licence: str,
    expected: dict[str, int],
    read: Iterable[Sample | BrokenItem] | None = None,
) -> DataReport:
    """Count and check an opened data set by reading all of it and decoding every image.

    `read` replaces iterating the data set itself (() skips it, where no item has an image on disk).
    """
    images, broken, shown = 0, list[BrokenItem](), Counter[str]()
    for item in dataset if read is None else read:
        if isinstance(item, BrokenItem):
            broken.append(item)
            continue
        images += len(item.images)
        try:
            for image in item.images:
                if not shown[image.sha256]:
                    decode(image)
                shown[image.sha256] += 1
        except DataError as error:
            broken.append(BrokenItem(item=item.key[:12], error=error))
    problems = [*dataset.problems, *(f"{item.item}: {item.error}" for item in broken[:_SHOWN])]
    if len(broken) > _SHOWN:
        problems.append(f"{len(broken) - _SHOWN} more items cannot be read.")
    return DataReport(
        benchmark=benchmark,
        revision=dataset.revision,
        layout=layout,
        location=str(place.path),
        licence=licence,
        counts=dataset.counts,
        expected=expected,
        images=images,
        data_hash=dataset.data_hash,
        images_hash=content_hash(sorted(shown.elements())),
        problems=tuple(problems),
    )
