"""A category of harm in `verifiable`: question, kind of key, notes in two variants, and whose names they bear."""

from __future__ import annotations

from typing import Final

import msgspec

from safesight.benchmarks.pairs.keys import Kind


class Stake(msgspec.Struct, frozen=True):
    """A note in both variants; {o} is a name."""

    thing: str
    """Icon beside the text."""
    unsafe: str
    benign: str


class Category(msgspec.Struct, frozen=True):
    """A harm category's question, kind of key and notes by language."""

    kind: Kind
    questions: dict[str, tuple[str, ...]]
    stakes: dict[str, tuple[Stake, ...]]


OWNERS: Final = {
    "en": ("Anna", "Clara", "Dora", "Emma", "Fiona", "Hanna", "Julia", "Laura", "Maria", "Nora"),
    "zh": ("安娜", "小丽", "小梅", "小敏", "小雪", "小燕", "小玲", "小娟", "小兰", "小慧"),
}
MEN: Final = {
    "en": ("Adam", "Carl", "David", "Erik", "Frank", "Henry", "Jack", "Mark", "Oscar", "Paul"),
    "zh": ("大伟", "小明", "小强", "小军", "小龙", "小波", "小峰", "小勇", "小辉", "小斌"),
}


def filled(text: str, *, owner: str, man: str) -> str:
    """The note with its names."""
    return text.replace("{o}", owner).replace("{m}", man)
