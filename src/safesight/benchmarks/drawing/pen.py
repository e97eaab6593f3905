"""A pen over a Pillow image: shapes and wrapped text in the coordinates of a 512 x 384 page.

Everything is drawn three times as large and reduced once, which smooths edges and keeps text legible.
Nothing is random, so equal calls give equal pixels (with the same Pillow).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, OVER, COLOURS = 512, 384, 3, 64
SIZES = (28, 26, 24, 22, 21, 20, 19, 18, 17)
INK, PAPER, NAVY = "#22303f", "#fffdf7", "#24476b"

FONTS = {
    ("latin", False): "DejaVuSans.ttf",
    ("latin", True): "DejaVuSans-Bold.ttf",
    ("cjk", False): "NotoSansSC-Regular.otf",
    ("cjk", True): "NotoSansSC-Bold.otf",
}
"""Ours: cut down to the characters that are drawn (tools/subset_fonts.py); no font of the machine is used."""


CLOSING = "，。！？：；、”）"
"""Marks that never begin a line; their ink fills half their width, so they may stand over the margin."""


def is_cjk(text: str) -> bool:
    """True when the text holds a CJK ideograph or full-width punctuation."""
    return any("\u2e80" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in text)


@cache
def _font(script: str, bold: bool, pixels: int) -> ImageFont.FreeTypeFont:
    data = (files("safesight.benchmarks") / "drawing" / "fonts" / FONTS[script, bold]).read_bytes()
    return ImageFont.truetype(io.BytesIO(data), pixels, layout_engine=ImageFont.Layout.BASIC)


def font(text: str, size: float, bold: bool) -> ImageFont.FreeTypeFont:
    """The face for a text, at page size `size`, enlarged for drawing."""
    return _font("cjk" if is_cjk(text) else "latin", bold, round(size * OVER))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line in page pixels."""
    return font(text, size, bold).getlength(text) / OVER


def wrap(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break text into lines no wider than `width` page pixels, between words (CJK: between characters)."""
    pieces: list[str] = re.findall(r"[!-~]+|.", text) if is_cjk(text) else [word + " " for word in text.split(" ")]
    lines, line = [], ""
    for piece in pieces:
        if line and piece not in CLOSING and text_width((line + piece).rstrip(), size, bold=bold) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


@dataclass(frozen=True, slots=True)
class Block:
    """Text broken into rows of one size."""

    rows: list[str]
    size: float
    width: float

    @property
    def step(self) -> float:
        """Distance of the rows."""
        return self.size * 1.28

    @property
    def height(self) -> float:
        """Height of all rows."""
        return self.step * len(self.rows)


def fit(
    text: str, width: float, height: float, *, sizes: tuple[float, ...] = SIZES, bold: bool = False, balanced: bool
) -> Block:
    """Break text to fit a box in the largest of `sizes`; `balanced` evens the rows without adding one.

    Raises:
        ValueError: the text does not fit even in the smallest size.
    """
    for size in sizes:
        rows = wrap(text, width, size, bold=bold)
        slack = max(text_width(row[-1:], size, bold=bold) if row[-1:] in CLOSING else 1 for row in rows)
        widest = max(text_width(row, size, bold=bold) for row in rows)
        if size * 1.28 * len(rows) <= height + 1 and widest <= width + slack:
            narrow = widest
            while balanced and narrow > size and len(even := wrap(text, narrow, size, bold=bold)) <= len(rows):
                rows, narrow = even, narrow - size / 2
            return Block(rows, size, max(text_width(row, size, bold=bold) for row in rows))
    raise ValueError(f"does not fit in {width:.0f} x {height:.0f} px: {text!r}")


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in local coordinates: `(x, y)` lands at `(left + x * scale, top + y * scale)` of the page."""

    image: Image.Image
    left: float = 0
    top: float = 0
    scale: float = 1

    def within(self, left: float, top: float, scale: float = 1) -> Pen:
        """A pen whose origin and scale are given in this pen's coordinates."""
        return Pen(self.image, self.left + left * self.scale, self.top + top * self.scale, self.scale * scale)

    def _xy(self, *values: float) -> list[float]:
        offsets = (self.left, self.top)
        return [OVER * (offsets[i % 2] + v * self.scale) for i, v in enumerate(values)]

    def _px(self, width: float) -> int:
        return max(1, round(width * self.scale * OVER))

    @property
    def _draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        *,
        fill: str | None,
        round_px: float = 0,
        line: str | None = None,
        width: float = 2,
    ) -> None:
        """A rectangle with round corners."""
        xy = self._xy(x0, y0, x1, y1)
        if round_px:
            radius = self._px(round_px)
            self._draw.rounded_rectangle(xy, radius, fill=fill, outline=line, width=self._px(width))
        else:
            self._draw.rectangle(xy, fill=fill, outline=line, width=self._px(width))

    def oval(
        self, x0: float, y0: float, x1: float, y1: float, *, fill: str | None, line: str | None = None, width: float = 2
    ) -> None:
        """An ellipse in its bounding box."""
        self._draw.ellipse(self._xy(x0, y0, x1, y1), fill=fill, outline=line, width=self._px(width))

    def disc(
        self, x: float, y: float, radius: float, *, fill: str | None, line: str | None = None, width: float = 2
    ) -> None:
        """A circle around a point."""
        self.oval(x - radius, y - radius, x + radius, y + radius, fill=fill, line=line, width=width)

    def shape(self, *points: float, fill: str) -> None:
        """A filled polygon: x0, y0, x1, y1, ..."""
        self._draw.polygon(self._xy(*points), fill=fill)

    def line(self, *points: float, fill: str, width: float = 2) -> None:
        """A path with round ends and joints: x0, y0, x1, y1, ..."""
        xy, px = self._xy(*points), self._px(width)
        self._draw.line(xy, fill=fill, width=px, joint="curve")
        for x, y in zip(xy[::2], xy[1::2], strict=True):
            self._draw.ellipse([x - px / 2, y - px / 2, x + px / 2, y + px / 2], fill=fill)

    def arc(
        self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, *, fill: str, width: float = 2
    ) -> None:
        """A part of an ellipse's outline; degrees, clockwise from three o'clock."""
        self._draw.arc(self._xy(x0, y0, x1, y1), start, end, fill=fill, width=self._px(width))

    def pie(self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, *, fill: str) -> None:
        """A filled slice of an ellipse."""
        self._draw.pieslice(self._xy(x0, y0, x1, y1), start, end, fill=fill)

    def text(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, fill: str = INK, anchor: str = "mm"
    ) -> None:
        """One line; `anchor` as in Pillow (mm: centred on the point, la: from its top left)."""
        at = self._xy(x, y)
        self._draw.text((at[0], at[1]), text, font=font(text, size * self.scale, bold), fill=fill, anchor=anchor)

    def lines(
        self,
        box: tuple[float, float, float, float],
        text: str,
        *,
        sizes: tuple[float, ...] = SIZES,
        bold: bool = False,
        fill: str = INK,
        centred: bool = True,
    ) -> float:
        """Wrapped text in the largest of `sizes` that fits the box; returns the height used.

        `centred` in both directions, or else from the box's top left.

        Raises:
            ValueError: the text does not fit even in the smallest size.
        """
        x0, y0, x1, y1 = box
        block = fit(text, x1 - x0, y1 - y0, sizes=sizes, bold=bold, balanced=centred)
        top = y0 + (y1 - y0 - block.height) / 2 if centred else y0
        for i, row in enumerate(block.rows):
            x, anchor = ((x0 + x1) / 2, "mm") if centred else (x0, "lm")
            self.text(x, top + block.step * (i + 0.5), row, block.size, bold=bold, fill=fill, anchor=anchor)
        return block.height


def page(colour: str) -> Pen:
    """A pen over a new, empty page."""
    return Pen(Image.new("RGB", (WIDTH * OVER, HEIGHT * OVER), colour))


def encode(pen: Pen) -> bytes:
    """The page as a palette PNG of 512 x 384 pixels."""
    small = pen.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    flat = small.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    out = io.BytesIO()
    flat.save(out, format="PNG", optimize=True)
    return out.getvalue()
