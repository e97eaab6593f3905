"""A small square canvas in page coordinates, for training pages: quick, and with the place of every mark remembered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from safesight.benchmarks.drawing.pen import font
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES
from safesight.train.vision_clues import Mark
from safesight.train.vision_drawings import mark_sprite

INK: Final = "#22303f"
_ACROSS: Final = 0.75
"""The canvas is square and a page is not: 384 canvas pixels for 512 across."""
_SIDE: Final = 384
_SYLLABLES: Final = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "vo", "wi", "xe", "yo", "zu"]
_POOL: Final = 300
"""Words, numbers and lines that are drawn: few, so that each is set once."""
Box = tuple[float, float, float, float]


class Canvas:
    """A square canvas in page coordinates, and the marks that it got."""

    def __init__(self, rng: np.random.Generator, paper: str) -> None:
        self.image = Image.new("RGB", (_SIDE, _SIDE), paper)
        self.cells = np.zeros((2, 12, 12), dtype=np.int64)
        self._pen = ImageDraw.Draw(self.image)
        self.rng, self.paper = rng, paper

    def line(self, points: Sequence[tuple[float, float]], fill: str, width: float) -> None:
        """A line through points."""
        self._pen.line([(x * _ACROSS, y) for x, y in points], fill=fill, width=max(1, round(width * 0.87)))

    def box(self, box: Box, *, fill: str | None, line: str | None = None, width: int = 1) -> None:
        """A rectangle."""
        x0, y0, x1, y1 = box
        self._pen.rectangle((x0 * _ACROSS, y0, x1 * _ACROSS, y1), fill=fill, outline=line, width=width)

    def disc(self, x: float, y: float, r: float, *, fill: str | None, line: str | None = None) -> None:
        """A circle, which the canvas squeezes to an ellipse."""
        box = ((x - r) * _ACROSS, y - r, (x + r) * _ACROSS, y + r)
        self._pen.ellipse(box, fill=fill, outline=line, width=2)

    def shape(self, *points: tuple[float, float], fill: str) -> None:
        """A filled polygon."""
        self._pen.polygon([(x * _ACROSS, y) for x, y in points], fill=fill)

    def text(self, x: float, y: float, text: str, size: float, *, fill: str = INK, bold: bool = True) -> None:
        """A line of text, in its true proportions as the page is squeezed across."""
        self.image.paste(fill, (round(x * _ACROSS), round(y)), _written(text, round(size), bold))

    def word(self) -> str:
        """A made-up word."""
        return words()[int(self.rng.integers(_POOL))]

    def number(self) -> str:
        """Two to four digits."""
        return _numbers()[int(self.rng.integers(_POOL))]

    def sentence(self) -> str:
        """Made-up words, more than fit a line."""
        return _lines()[int(self.rng.integers(_POOL))]

    def mark(self, mark: Mark, x: float, y: float, size: float, *, behind: str = "") -> None:
        """A mark in the square at (x, y); its cell is remembered."""
        colour, shape = mark
        even = 2 * round(size / 2)  # few sizes, each made once
        wide, tall = max(2, round(even * _ACROSS)), max(2, even)
        sprite = _sized(mark, behind or self.paper, wide, tall)
        self.image.paste(sprite, (round(x * _ACROSS), round(y)), sprite)
        column, row = int((x + size / 2) * _ACROSS / 32), int((y + size / 2) / 32)
        if 0 <= column < 12 and 0 <= row < 12 and colour in COLOURS:
            self.cells[:, row, column] = (1 + tuple(COLOURS).index(colour), 1 + tuple(SHAPES).index(shape))


@cache
def words() -> tuple[str, ...]:
    """The made-up words that pages are written with."""
    rng = np.random.default_rng(1)
    return tuple(
        "".join(_SYLLABLES[int(i)] for i in rng.integers(len(_SYLLABLES), size=int(rng.integers(1, 4))))
        for _ in range(_POOL)
    )


@cache
def _lines() -> tuple[str, ...]:
    rng = np.random.default_rng(2)
    return tuple(" ".join(words()[int(i)] for i in rng.integers(_POOL, size=6)) for _ in range(_POOL))


@cache
def _numbers() -> tuple[str, ...]:
    return tuple(str(n) for n in np.random.default_rng(3).integers(10, 10000, _POOL))


@cache
def _sized(mark: Mark, behind: str, wide: int, tall: int) -> Any:
    return mark_sprite(mark[1], mark[0], behind).resize((wide, tall), Image.Resampling.BILINEAR)


@cache
def _written(text: str, size: int, bold: bool) -> Any:
    """A mask of the text at page size, squeezed across like the page."""
    face = font(text, size / 3, bold)
    box = face.getbbox(text)
    mask = Image.new("L", (max(1, int(box[2])), max(1, int(box[3]))), 0)
    ImageDraw.Draw(mask).text((0, 0), text, font=face, fill=255)
    return mask.resize((max(1, round(mask.width * _ACROSS)), mask.height), Image.Resampling.BILINEAR)
