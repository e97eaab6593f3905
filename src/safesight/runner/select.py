"""Which samples of a data set a run takes: the first N, or N spread evenly over its strata.

A choice depends on content keys and the seed only, so a reordered data set gives the same choice.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.records import Sample, content_hash

_COUNT: Final = re.compile(r"(limit|stratified)[=:](\d+)(?= |$)")


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a data set: `limit` takes the first so many; `stratified` spreads so many over strata."""

    limit: int | None = None
    stratified: int | None = None
    groups: tuple[str, ...] = ()

    @classmethod
    def parse(cls, *, limit: int | None = None, sample: str | None = None, groups: Iterable[str] = ()) -> Selection:
        """Read the command line's `--limit N`, `--sample stratified:N` and `--group NAME`.

        Raises:
            ConfigError: both are given, a number is not positive, or the form is unknown.
        """
        if limit is not None and sample is not None:
            raise ConfigError("expected --limit or --sample, got both. Use one.")
        if limit is not None and limit < 1:
            raise ConfigError(f"--limit: expected a positive number, got {limit}.")
        if sample is None:
            return cls(limit=limit, groups=tuple(groups))
        form, _, count = sample.partition(":")
        if form != "stratified" or not count.isdecimal() or int(count) < 1:
            raise ConfigError(f"--sample: expected stratified:N with N at least 1, got {sample!r}.")
        return cls(stratified=int(count), groups=tuple(groups))

    def __str__(self) -> str:
        parts = [f"limit={self.limit}"] if self.limit is not None else []
        parts += [f"stratified:{self.stratified}"] if self.stratified is not None else []
        parts += [f"groups={'+'.join(self.groups)}"] if self.groups else []
        return " ".join(parts) or "all"


def grows(old: str, new: str) -> bool:
    """Whether a selection, in a manifest's words, takes everything that another took, and perhaps more.

    The first N of a data set are among its first M, and so are N spread over its strata (`choose` deals them out in
    one order); both are among all. Everything else of the words (groups, languages, subset) must be equal.
    """
    (old_kind, old_count, old_rest), (new_kind, new_count, new_rest) = _counted(old), _counted(new)
    if old_rest != new_rest:
        return False
    return new_kind == "all" or (old_kind == new_kind and old_count <= new_count)


def _counted(words: str) -> tuple[str, int, str]:
    found = _COUNT.match(words)
    if found is None:
        return "all", 0, words.removeprefix("all").strip()
    return found[1], int(found[2]), words[found.end() :].strip()


def choose(samples: Iterable[Sample], selection: Selection, *, seed: int) -> frozenset[str] | None:
    """Keys of the chosen samples, or None when every sample is taken in order (`limit` is up to the reader).

    Strata are group x benign x language. Within a stratum samples are ordered by a seeded hash of their
    twin id, so the benign twin of a chosen case is chosen with it whenever both strata get as many. Of N,
    each stratum gets its even share; what does not divide goes to strata in seeded order.
    """
    if selection.stratified is None:
        return None
    strata: dict[tuple[str, str, bool], list[tuple[str, str]]] = defaultdict(list)
    for sample in samples:
        if selection.groups and sample.group not in selection.groups:
            continue
        rank = content_hash(seed, sample.twin or sample.key)
        strata[(sample.language, sample.group, sample.benign)].append((rank, sample.key))
    return frozenset(_spread(strata, selection.stratified, seed))


def _spread(strata: dict[tuple[str, str, bool], list[tuple[str, str]]], total: int, seed: int) -> list[str]:
    queues = {name: [key for _, key in sorted(members)] for name, members in strata.items()}
    turn = sorted(queues, key=lambda name: (0, content_hash(seed, name[0], name[1]), name[2]))
    heap = [(0, i, name) for i, name in enumerate(turn)]
    heapq.heapify(heap)
    chosen: list[str] = []
    while heap and len(chosen) < total:
        taken, i, name = heapq.heappop(heap)
        if taken < len(queues[name]):
            chosen.append(queues[name][taken])
            heapq.heappush(heap, (taken + 1, i, name))
    return chosen
