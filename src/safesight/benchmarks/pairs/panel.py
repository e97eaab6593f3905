"""What every panel of a `verifiable` page has: a language, a title, an area, and marks by which things are found."""

from __future__ import annotations

from typing import Literal

import msgspec

from safesight.benchmarks.drawing.pen import Pen
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES

Language = Literal["en", "zh"]


class Mark(msgspec.Struct, frozen=True, order=True):
    """A coloured shape, the label by which things are found."""

    colour: str
    shape: str

    def told(self, language: Language) -> str:
        """Its name."""
        return f"{self.colour} {self.shape}" if language == "en" else COLOURS[self.colour][1] + SHAPES[self.shape]


class Area(msgspec.Struct, frozen=True):
    """Where a panel is drawn, in page coordinates."""

    x0: float
    y0: float
    x1: float
    y1: float
    paper: str = "#ffffff"

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


class PanelBase(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind"):
    """What all panels have."""

    language: Language
    title: str = ""

    def _head(self, pen: Pen, area: Area) -> Area:
        """Draw the title; the area that is left."""
        if not self.title:
            return area
        used = pen.lines((area.x0 + 10, area.y0 + 4, area.x1 - 10, area.y0 + 62), self.title, bold=True, centred=False,
                         sizes=(24, 22, 20, 18, 16, 14))  # fmt: skip
        return msgspec.structs.replace(area, y0=area.y0 + used + 8)

    def _titled(self, said: str) -> str:
        if not self.title:
            return said
        return f"“{self.title}”: {said}" if self.language == "en" else f"“{self.title}”：{said}"
