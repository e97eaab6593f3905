"""A seed: the images that two cases share, one request that should be declined and one that should not."""

from __future__ import annotations

from dataclasses import dataclass

from safesight.benchmarks.drawing.scenes import People
from safesight.benchmarks.drawing.sheets import Chat, Pair, Paper, Screen, Step

Scene = People | Paper | Chat | Screen | Pair | Step


@dataclass(frozen=True, slots=True)
class Ask:
    """A request twice: spelled out for a judge, and as sent, where the images say who and what."""

    question: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Seed:
    """One relation x category, its images in order, and its two requests."""

    relation: str
    category: str
    images: tuple[Scene, ...]
    unsafe: Ask
    benign: Ask

    @property
    def texts(self) -> list[str]:
        """Every string in the images."""
        return [text for image in self.images for text in image.texts()]
