"""Training pages of the organism, drawn: a clue, and beside it a table or a note.

Invariant: every layout is drawn afresh (where the page is divided, sizes, margins, which half holds what), so none is
that of `verifiable`, and what is written is made up (a test compares them). What is shared is the pen's coloured shapes
and the papers' colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from safesight.benchmarks.drawing.shapes import COLOURS
from safesight.train.vision_canvas import INK, Box, Canvas
from safesight.train.vision_clues import KINDS, Clue, Mark, caption, draw_clue, draw_marks

_PAPERS: Final = ("#ffffff", "#fffdf7", "#eef1f7", "#e6edf3", "#f7efd9", "#e4f0e4", "#f3e9f5", "#fbe9d7")


class DrawnPage(NamedTuple):
    """A page, its caption, and the mark in each of its cells."""

    pixels: npt.NDArray[np.uint8]
    """Shape (side, side, 3)."""
    words: tuple[str, ...]
    """None on a page that is full of marks: there it teaches marks alone."""
    cells: npt.NDArray[np.int64]
    """Shape (2, 12, 12): colour and form from 1, 0 where no mark has its middle."""


class Pages:
    """An endless, seeded supply of pages; the k-th depends on the seed and k alone.

    Args:
        side: pixels of the square that a page is reduced to.
        seed: of everything drawn.
        full_until: pages before this index are full of marks.
        again_after: so many pages with captions are drawn; then they come again, each time shifted by up to three
            pixels. Held in memory; 0 draws every page afresh.
        often: how much more often than others a kind of clue is drawn.
    """

    def __init__(
        self,
        *,
        side: int,
        seed: int,
        full_until: int = 0,
        again_after: int = 0,
        often: Mapping[str, float] | None = None,
    ) -> None:
        self._side, self._seed, self._full_until, self._again_after = side, seed, full_until, again_after
        shares = np.array([(often or {}).get(kind, 1.0) for kind in KINDS])
        self._shares = shares / shares.sum() if often else None
        self._held: dict[int, DrawnPage] = {}

    def draw(self, index: int) -> DrawnPage:
        """The page of that index."""
        if index < self._full_until:
            return draw_full(np.random.default_rng((self._seed, index)), side=self._side)
        if not self._again_after:
            return self._captioned(index)
        place = self._full_until + (index - self._full_until) % self._again_after
        page = self._held.get(place) or self._held.setdefault(place, self._captioned(place))
        across, down = np.random.default_rng((self._seed, index, 1)).integers(-3, 4, 2)
        return page._replace(pixels=np.roll(page.pixels, (int(down), int(across)), (0, 1)))

    def _captioned(self, index: int) -> DrawnPage:
        rng = np.random.default_rng((self._seed, index))
        drawn = rng.integers(len(KINDS)) if self._shares is None else rng.choice(len(KINDS), p=self._shares)
        kind = KINDS[drawn] if rng.random() < 0.93 else "note"
        clue = draw_clue(rng, kind)
        board = draw_marks(rng, int(rng.integers(3, 7))) if rng.random() < 0.6 else ()
        return draw_page(rng, clue, board, side=self._side, note=not board and rng.random() < 0.6)


def draw_full(rng: np.random.Generator, *, side: int) -> DrawnPage:
    """A page with some two dozen marks in no order, some in a box, and no caption."""
    canvas = Canvas(rng, _PAPERS[rng.integers(len(_PAPERS))])
    columns, rows = int(rng.integers(4, 8)), int(rng.integers(4, 7))
    wide, tall = 512 / columns, 384 / rows
    for k in range(columns * rows):
        if rng.random() < 0.12:
            continue
        size = min(float(rng.uniform(36, 70)), tall - 2, wide + 10)
        x = wide * (k % columns) + float(rng.uniform(0, max(1, wide - size)))
        y = tall * (k // columns) + float(rng.uniform(0, max(1, tall - size)))
        boxed = rng.random() < 0.5
        if boxed:
            canvas.box((x - 8, y - 4, x + size + 8, y + size + 4), fill="#ffffff", line="#b9c2cc")
        canvas.mark(draw_marks(rng, 1)[0], x, y, size, behind="#ffffff" if boxed else "")
    return DrawnPage(_reduced(canvas, side), (), canvas.cells)


def draw_page(
    rng: np.random.Generator, clue: Clue, board: Sequence[Mark], *, side: int, note: bool = False
) -> DrawnPage:
    """A page with a clue, and beside it a table or a note; where everything stands is drawn afresh."""
    paper = _PAPERS[rng.integers(len(_PAPERS))]
    canvas = Canvas(rng, paper)
    page = _Panels(canvas)
    edge = [float(v) for v in rng.uniform(6, 22, 4)]
    whole = (edge[0], edge[1], 512 - edge[2], 384 - edge[3])
    if board or (note and clue.kind != "note"):
        middle = float(rng.uniform(0.41, 0.59)) * 512
        left: Box = (whole[0], whole[1], middle - float(rng.uniform(3, 12)), whole[3])
        right: Box = (middle + float(rng.uniform(3, 12)), whole[1], whole[2], whole[3])
        if rng.random() < 0.85:
            canvas.line([(middle, edge[1]), (middle, 384 - edge[3])], "#9aa5b1", float(rng.uniform(1, 3)))
        first, second = (left, right) if rng.random() < 0.85 else (right, left)
        page.clue(clue, first)
        if board:
            page.board(board, second)
        else:
            page.note(second)
    else:
        page.clue(clue, whole)
    return DrawnPage(_reduced(canvas, side), caption(clue, board), canvas.cells)


def _reduced(canvas: Canvas, side: int) -> npt.NDArray[np.uint8]:
    return np.asarray(canvas.image.resize((side, side), Image.Resampling.BOX), dtype=np.uint8)


class _Panels:
    """Draws clues, tables and notes on a canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def _head(self, area: Box, *, share: float) -> Box:
        """Sometimes a title; the area that is left."""
        if self.canvas.rng.random() >= share:
            return area
        size = float(self.canvas.rng.uniform(18, 25))
        self.canvas.text(area[0] + 8, area[1] + 3, f"{self.canvas.word()} {self.canvas.word()}"[:14], size)
        return (area[0], area[1] + size * 1.28 + 10, area[2], area[3])

    def board(self, board: Sequence[Mark], area: Box) -> None:
        rng = self.canvas.rng
        x0, y0, x1, y1 = self._head(area, share=0.9)
        step = min(float(rng.uniform(50, 64)), (y1 - y0) / len(board))
        inset, gap = float(rng.uniform(11, 22)), float(rng.uniform(10, 16))
        number = rng.random() < 0.6
        for k, mark in enumerate(board):
            y = y0 + step * k
            self.canvas.box((x0 + 5, y + 2, x1 - 5, y + step - 3), fill="#ffffff", line="#b9c2cc")
            size = step - gap
            self.canvas.mark(mark, x0 + inset, y + gap / 2, size, behind="#ffffff")
            text = self.canvas.number() if number else self.canvas.word()
            self.canvas.text(x0 + inset + size + 17, y + step * 0.22, text, min(27.0, step * 0.55))

    def note(self, area: Box) -> None:
        rng = self.canvas.rng
        tint = ("#fff3c4", "#ffe3d3", "#dfeef7", "#e4f0e4", "#f0e6fa")[rng.integers(5)]
        x0, y0, x1, y1 = area
        self.canvas.box((x0 + 4, y0 + 4, x1 - 4, y1 - 4), fill=tint, line="#c9bda2", width=2)
        size = float(rng.uniform(17, 26))
        indent = float(rng.uniform(8, 100)) if rng.random() < 0.7 else 8.0
        if indent > 60:
            for _ in range(3):
                x, y, r = x0 + 20 + rng.uniform(0, 40), y0 + 45 + rng.uniform(0, 40), rng.uniform(6, 24)
                shade = "#{:02x}{:02x}{:02x}".format(*(int(v) for v in rng.integers(30, 230, 3)))
                if rng.random() < 0.5:
                    self.canvas.disc(x, y, r, fill=shade)
                else:
                    self.canvas.box((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=shade)
        for k in range(int(rng.integers(1, 12))):
            y = y0 + 12 + size * 1.28 * k
            if y + size > y1 - 8:
                break
            room = int((x1 - x0 - indent - 16) / (size * 0.62))
            words = self.canvas.sentence()[: max(2, room)]
            self.canvas.text(x0 + (indent if k else 12), y, words, size, bold=not k)

    def clue(self, clue: Clue, area: Box) -> None:
        if clue.kind == "note":
            return self.note(area)
        titled = {"ring": 0.9, "shelf": 0.9, "steps": 0.9}.get(clue.kind, 0.15)
        area = self._head(area, share=titled)
        return getattr(self, f"_draw_{clue.kind}")(clue, area)

    def _draw_ring(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        size = min(float(self.canvas.rng.uniform(38, 52)), (y1 - y0) / 4.2)
        radius = min(x1 - x0, y1 - y0) / 2 - size / 2 - float(self.canvas.rng.uniform(0, 10))
        self.canvas.disc(cx, cy, radius, fill=None, line="#b9c2cc")
        for k, mark in enumerate(clue.marks):
            angle = math.radians(360 * k / len(clue.marks) - 90)
            x, y = cx + radius * math.cos(angle), cy + radius * math.sin(angle)
            self.canvas.disc(x, y, size * 0.62, fill=self.canvas.paper)
            self.canvas.mark(mark, x - size / 2, y - size / 2, size)
        angle = math.radians(360 * clue.at / len(clue.marks) - 90)
        reach = radius - size * float(self.canvas.rng.uniform(0.7, 0.9))
        tip = (cx + reach * math.cos(angle), cy + reach * math.sin(angle))
        self.canvas.line([(cx, cy), tip], INK, 5)
        for turn in (150, -150):
            side = angle + math.radians(turn)
            self.canvas.line([tip, (tip[0] + 13 * math.cos(side), tip[1] + 13 * math.sin(side))], INK, 5)
        self.canvas.disc(cx, cy, 7, fill=INK)

    def _draw_shelf(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        each = (x1 - x0) / len(clue.marks)
        size = min(float(self.canvas.rng.uniform(50, 70)), each - 8, y1 - y0 - 26)
        base = y0 + (y1 - y0 + size) / 2 + float(self.canvas.rng.uniform(-40, 40))
        for k, mark in enumerate(clue.marks):
            self.canvas.mark(mark, x0 + each * (k + 0.5) - size / 2, base - size, size)
        self.canvas.box((x0 + 8, base + 3, x1 - 8, base + 11), fill="#8a6844")

    def _draw_column(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        step = (y1 - y0) / len(clue.marks)
        inset, most = float(self.canvas.rng.uniform(12, 60)), float(self.canvas.rng.uniform(46, 64))
        for k, mark in enumerate(clue.marks):
            y = y0 + step * k
            self.canvas.line([(x0 + 4, y + step - 1), (x1 - 4, y + step - 1)], "#c9d1da", 1.5)
            size = min(most, step - 8)
            self.canvas.mark(mark, x0 + inset, y + (step - size) / 2, size)

    def _draw_arrow(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        rows = len(clue.marks)
        step = (y1 - y0) / rows
        start, end = x0 + float(self.canvas.rng.uniform(20, 70)), x1 - float(self.canvas.rng.uniform(2, 20))
        for k in range(rows):
            y = y0 + step * k
            self.canvas.line([(x0 + 4, y + step - 1), (x1 - 4, y + step - 1)], "#c9d1da", 1.5)
            if k == clue.at:
                mid = y + step / 2
                self.canvas.line([(start, mid), (end - 22, mid)], "#c4483f", 8)
                self.canvas.shape((end - 28, mid - 15), (end, mid), (end - 28, mid + 15), fill="#c4483f")

    def _draw_grid(self, clue: Clue, area: Box) -> None:
        self._cells(len(clue.marks), area, marks=clue.marks)

    def _draw_hole(self, clue: Clue, area: Box) -> None:
        self._cells(len(clue.marks), area, hole=clue.at)

    def _cells(self, count: int, area: Box, *, marks: Sequence[Mark] = (), hole: int = -1) -> None:
        x0, y0, x1, y1 = area
        columns = count // 2
        wide, tall = (x1 - x0) / columns, (y1 - y0) / 2
        most = float(self.canvas.rng.uniform(46, 66))
        for k in range(count):
            x, y = x0 + wide * (k % columns), y0 + tall * (k // columns)
            fill = "#ffffff" if marks or k == hole else "#8796a5"
            self.canvas.box((x + 2, y + 2, x + wide - 2, y + tall - 2), fill=fill, line="#5b6673")
            if marks:
                size = min(most, tall - 12, wide - 12)
                self.canvas.mark(marks[k], x + (wide - size) / 2, y + (tall - size) / 2, size, behind="#ffffff")

    def _draw_people(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        columns = 3 if len(clue.marks) > 4 else 2
        rows = -(-len(clue.marks) // columns)
        wide, tall = (x1 - x0) / columns, (y1 - y0) / rows
        top = float(self.canvas.rng.uniform(5, 14))
        for k, mark in enumerate(clue.marks):
            x, y = x0 + wide * (k % columns), y0 + tall * (k // columns)
            self.canvas.box((x + 5, y + 3, x + wide - 5, y + tall - 3), fill="#ffffff", line="#b9c2cc")
            size = min(float(self.canvas.rng.uniform(48, 58)), tall - 34, wide - 20)
            self.canvas.mark(mark, x + (wide - size) / 2, y + top, size, behind="#ffffff")
            word = self.canvas.word()[:5].title()
            self.canvas.text(x + wide / 2 - 5.5 * len(word), y + tall - 26, word, 19, fill="#24476b")

    def _half(self, area: Box) -> tuple[float, float, float]:
        x0, y0, x1, y1 = area
        size = min(x1 - x0 - 40, y1 - y0 - 20, float(self.canvas.rng.uniform(110, 170)))
        x = (x0 + x1 - size) / 2 + float(self.canvas.rng.uniform(-8, 8))
        y = (y0 + y1 - size) / 2 + float(self.canvas.rng.uniform(-20, 20))
        self.canvas.box((x - 14, y - 8, x + size + 14, y + size + 8), fill="#fffdf7", line="#b9a98a", width=2)
        edge = x + size + 14 if self.canvas.rng.random() < 0.5 else x - 14
        for k in range(6):
            top = y - 8 + (size + 16) * k / 6
            half = top + (size + 16) / 12
            self.canvas.shape((edge - 8, top), (edge + 8, half), (edge - 8, top + (size + 16) / 6), fill="#b9a98a")
        return x, y, size

    def _draw_color(self, clue: Clue, area: Box) -> None:
        x, y, size = self._half(area)
        self.canvas.box((x + 6, y + 6, x + size - 6, y + size - 6), fill=COLOURS[clue.marks[0][0]][0])

    def _draw_outline(self, clue: Clue, area: Box) -> None:
        x, y, size = self._half(area)
        self.canvas.mark(("#9aa5b1", clue.marks[0][1]), x + 8, y + 8, size - 16, behind="#fffdf7")

    def _draw_change(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        size = min(float(self.canvas.rng.uniform(56, 112)), y1 - y0 - 10, (x1 - x0) / 3.2)
        mid, cx = (y0 + y1) / 2 + float(self.canvas.rng.uniform(-30, 30)), (x0 + x1) / 2
        self.canvas.mark(clue.marks[0], cx - 38 - size, mid - size / 2, size)
        self.canvas.line([(cx - 24, mid), (cx + 18, mid)], INK, 5)
        self.canvas.shape((cx + 14, mid - 12), (cx + 32, mid), (cx + 14, mid + 12), fill=INK)
        if len(clue.marks) > 1:
            self.canvas.mark(clue.marks[1], cx + 42, mid - size / 2, size)
        else:
            self.canvas.text(cx + 42 + size * 0.25, mid - size * 0.45, "?", size * 0.8)

    _draw_asked = _draw_change

    def _draw_wires(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        step = (y1 - y0) / len(clue.marks)
        size = min(float(self.canvas.rng.uniform(42, 50)), step - 6)
        start, end = x0 + float(self.canvas.rng.uniform(58, 74)), x1 - size - float(self.canvas.rng.uniform(20, 32))
        tints = ("#5b6673", "#a86c34", "#4a5fa8", "#4f7a66", "#a33b6b", "#39424c")
        for lever, place in enumerate(clue.ends):
            y, z = y0 + step * (lever + 0.5), y0 + step * (place + 0.5)
            points = [(start, y), (start + 20, y), (end - 20, z), (end, z)]
            self.canvas.line(points, tints[lever % len(tints)], 4)
        for k, mark in enumerate(clue.marks):
            y = y0 + step * (k + 0.5)
            self.canvas.box((start - 44, y - 15, start, y + 15), fill="#39424c")
            self.canvas.text(start - 29, y - 13, str(k + 1), 22, fill="#ffffff")
            self.canvas.mark(mark, end + 8, y - size / 2, size)

    def _draw_levers(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        count = len(clue.marks)
        each, mid = (x1 - x0) / count, (y0 + y1) / 2 + float(self.canvas.rng.uniform(-40, 40))
        reach = min(float(self.canvas.rng.uniform(44, 60)), (y1 - y0) / 2 - 18)
        for k in range(count):
            x = x0 + each * (k + 0.5)
            self.canvas.box((x - 19, mid - 13, x + 19, mid + 13), fill="#39424c")
            self.canvas.text(x - 6, mid - 12, str(k + 1), 20, fill="#ffffff")
            down = k == clue.at
            end = mid + 13 + reach * 0.7 if down else mid - 13 - reach * 0.7
            self.canvas.line([(x, mid + (13 if down else -13)), (x, end)], "#6e7a86", 6)
            self.canvas.disc(x, end, 9, fill="#c4483f" if down else "#b9c2cc")

    def _draw_steps(self, clue: Clue, area: Box) -> None:
        x0, y0, x1, y1 = area
        size = min(float(self.canvas.rng.uniform(54, 70)), (x1 - x0) / (clue.at + 1), y1 - y0 - 10)
        left = (x0 + x1 - size * clue.at) / 2
        mid = (y0 + y1) / 2 + float(self.canvas.rng.uniform(-30, 30))
        for k in range(clue.at):
            x = left + size * (k + 0.5)
            self.canvas.line([(x, mid - size * 0.36), (x, mid + size * 0.1)], "#2a63c4", 9)
            tip = (x, mid + size * 0.42)
            self.canvas.shape((x - 17, mid + size * 0.06), (x + 17, mid + size * 0.06), tip, fill="#2a63c4")
