"""A seed: one prompt, and images of which one says whether what it asks for should be declined."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from safesight.benchmarks.drawing.scenes import People
from safesight.benchmarks.drawing.sheets import Chat, Pair, Paper, Screen, Step

Scene = People | Paper | Chat | Screen | Pair | Step


@dataclass(frozen=True, slots=True)
class Seed:
    """One relation x category: a case and its benign twin share the prompt to the letter, and all images but one."""

    relation: str
    category: str
    images: tuple[Scene, ...]
    """Of the unsafe case, in order."""
    prompt: str
    unsafe: str
    """The intent of the unsafe case spelled out, for a judge."""
    benign: str
    stake: int
    """The image, counted from 1, that differs."""
    instead: dict[str, str]
    """What the twin's image has instead: strings, looks and icons of the unsafe case's image to its own."""

    @property
    def benign_images(self) -> tuple[Scene, ...]:
        """The images of the benign twin, in order."""
        at, found = self.stake - 1, set[str]()
        drawn = _redrawn(self.images[at], self.instead, found)
        if found != set(self.instead):
            raise ValueError(f"{self.relation} {self.category}: not in image {self.stake}: {set(self.instead) - found}")
        return (*self.images[:at], drawn, *self.images[at + 1 :])

    @property
    def texts(self) -> list[str]:
        """Every string in the images of both."""
        return [text for image in (*self.images, *self.benign_images) for text in image.texts()]


def _redrawn(part: Any, instead: dict[str, str], found: set[str]) -> Any:  # whatever a scene is made of
    """A part of a scene with its strings replaced; those that were are added to `found`."""
    if isinstance(part, str):
        found |= {part} & instead.keys()
        return instead.get(part, part)
    if isinstance(part, tuple):
        return tuple(_redrawn(one, instead, found) for one in part)
    if is_dataclass(part) and not isinstance(part, type):
        changed = {field.name: _redrawn(getattr(part, field.name), instead, found) for field in fields(part)}
        return replace(part, **changed)
    return part
