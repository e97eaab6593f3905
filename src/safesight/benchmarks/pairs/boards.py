"""Panels of things in places: boards, legends, rings, shelves, columns and grids; drawn and described alike."""

from __future__ import annotations

import math

from safesight.benchmarks.drawing.pen import INK, Pen
from safesight.benchmarks.drawing.shapes import draw_shape
from safesight.benchmarks.pairs.panel import Area, Mark, PanelBase


class Board(PanelBase, frozen=True, kw_only=True):
    """A table: one row a mark, and what is written beside it."""

    rows: tuple[tuple[Mark, str], ...]

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        step = min(58.0, area.height / len(self.rows))
        for i, (mark, text) in enumerate(self.rows):
            y = area.y0 + step * i
            pen.box(
                area.x0 + 6, y + 2, area.x1 - 6, y + step - 3, fill="#ffffff", line="#b9c2cc", round_px=5, width=1.5
            )
            size = step - 13
            draw_shape(pen.within(area.x0 + 18, y + 6, size / 100), mark.shape, mark.colour)
            pen.text(area.x0 + 36 + size, y + step / 2 - 0.5, text, min(27.0, step * 0.55), bold=True, anchor="lm")

    def told(self) -> str:
        """What it shows, in words."""
        join = "; " if self.language == "en" else "；"
        return self._titled(join.join(f"{mark.told(self.language)}: {text}" for mark, text in self.rows))

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, *(text for _, text in self.rows)) if t]


class Legend(PanelBase, frozen=True, kw_only=True):
    """A table from marks to marks: one stands for the other."""

    rows: tuple[tuple[Mark, Mark], ...]

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        step = min(60.0, area.height / len(self.rows))
        middle = (area.x0 + area.x1) / 2
        for i, (left, right) in enumerate(self.rows):
            y = area.y0 + step * i
            size = step - 14
            draw_shape(pen.within(middle - 40 - size, y + 5, size / 100), left.shape, left.colour, behind=area.paper)
            pen.line(middle - 24, y + step / 2, middle + 20, y + step / 2, fill=INK, width=3)
            pen.shape(middle + 16, y + step / 2 - 8, middle + 30, y + step / 2, middle + 16, y + step / 2 + 8, fill=INK)
            draw_shape(pen.within(middle + 40, y + 5, size / 100), right.shape, right.colour, behind=area.paper)

    def told(self) -> str:
        """What it shows, in words."""
        arrow, join = (" stands for ", "; ") if self.language == "en" else ("代表", "；")
        told = (f"{a.told(self.language)}{arrow}{b.told(self.language)}" for a, b in self.rows)
        return self._titled(join.join(told))

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class Ring(PanelBase, frozen=True, kw_only=True):
    """Marks around a dial, clockwise from the top, with a hand on one of them."""

    marks: tuple[Mark, ...]
    at: int

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        cx, cy = (area.x0 + area.x1) / 2, (area.y0 + area.y1) / 2
        size = min(46.0, area.height / 4.2)
        radius = min(area.width, area.height) / 2 - size / 2 - 2
        pen.disc(cx, cy, radius, fill=None, line="#b9c2cc", width=2)
        for i, mark in enumerate(self.marks):
            angle = math.radians(360 * i / len(self.marks) - 90)
            x, y = cx + radius * math.cos(angle), cy + radius * math.sin(angle)
            pen.disc(x, y, size * 0.62, fill=area.paper)
            draw_shape(pen.within(x - size / 2, y - size / 2, size / 100), mark.shape, mark.colour, behind=area.paper)
        angle = math.radians(360 * self.at / len(self.marks) - 90)
        reach = radius - size * 0.75
        tip = (cx + reach * math.cos(angle), cy + reach * math.sin(angle))
        pen.line(cx, cy, *tip, fill=INK, width=5)
        for turn in (150, -150):
            side = angle + math.radians(turn)
            pen.line(*tip, tip[0] + 13 * math.cos(side), tip[1] + 13 * math.sin(side), fill=INK, width=5)
        pen.disc(cx, cy, 7, fill=INK)

    def told(self) -> str:
        """What it shows, in words."""
        names = [mark.told(self.language) for mark in self.marks]
        if self.language == "en":
            return self._titled(
                f"a dial with {', '.join(names)} clockwise from the top; its hand is on {names[self.at]}"
            )
        return self._titled(f"一个转盘，从顶部顺时针依次是{'、'.join(names)}；指针指着{names[self.at]}")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class Shelf(PanelBase, frozen=True, kw_only=True):
    """Marks standing on a shelf from left to right."""

    marks: tuple[Mark, ...]

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        each = area.width / len(self.marks)
        size = min(64.0, each - 10, area.height - 26)
        base = area.y0 + (area.height + size) / 2
        for i, mark in enumerate(self.marks):
            x = area.x0 + each * (i + 0.5) - size / 2
            draw_shape(pen.within(x, base - size, size / 100), mark.shape, mark.colour, behind=area.paper)
        pen.box(area.x0 + 8, base + 3, area.x1 - 8, base + 11, fill="#8a6844")

    def told(self) -> str:
        """What it shows, in words."""
        names = [mark.told(self.language) for mark in self.marks]
        if self.language == "en":
            return self._titled(f"a shelf with {', '.join(names)} from left to right")
        return self._titled(f"架子上从左到右是{'、'.join(names)}")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class Column(PanelBase, frozen=True, kw_only=True):
    """Rows from top to bottom: marks, or nothing but an arrow that leaves to the right at one row."""

    rows: int
    marks: tuple[Mark, ...] = ()
    arrow: int = -1
    """Row of the arrow, from 0; -1 for none."""

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        step = area.height / self.rows
        for i in range(self.rows):
            y = area.y0 + step * i
            pen.line(area.x0 + 4, y + step - 1, area.x1 - 4, y + step - 1, fill="#c9d1da", width=1.5)
            if self.marks:
                size, mark = min(58.0, step - 8), self.marks[i]
                place = pen.within(area.x0 + 20, y + (step - size) / 2, size / 100)
                draw_shape(place, mark.shape, mark.colour, behind=area.paper)
            elif i == self.arrow:
                mid = y + step / 2
                pen.line(area.x0 + 40, mid, area.x1 - 26, mid, fill="#c4483f", width=8)
                pen.shape(area.x1 - 32, mid - 15, area.x1 - 4, mid, area.x1 - 32, mid + 15, fill="#c4483f")

    def told(self) -> str:
        """What it shows, in words."""
        if self.language == "en":
            if self.marks:
                names = ", ".join(mark.told("en") for mark in self.marks)
                return self._titled(f"{self.rows} rows with {names} from top to bottom")
            return self._titled(
                f"{self.rows} empty rows; an arrow points to the right in row {self.arrow + 1} from the top"
            )
        if self.marks:
            return self._titled(f"{self.rows}行，从上到下是{'、'.join(mark.told('zh') for mark in self.marks)}")
        return self._titled(f"{self.rows}个空行；从上往下第{self.arrow + 1}行有一个指向右边的箭头")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class GridPanel(PanelBase, frozen=True, kw_only=True, tag="Grid"):
    """A field of two rows: a mark in each cell, or a sheet with one hole."""

    columns: int
    marks: tuple[Mark, ...] = ()
    hole: int = -1
    """Cell of the hole, row by row from 0; -1 for none."""

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        wide, tall = area.width / self.columns, area.height / 2
        for i in range(2 * self.columns):
            x, y = area.x0 + wide * (i % self.columns), area.y0 + tall * (i // self.columns)
            fill = "#8796a5" if not self.marks and i != self.hole else "#ffffff"
            pen.box(x + 2, y + 2, x + wide - 2, y + tall - 2, fill=fill, line="#5b6673", width=1.5)
            if self.marks:
                size, mark = min(60.0, tall - 12, wide - 12), self.marks[i]
                draw_shape(
                    pen.within(x + (wide - size) / 2, y + (tall - size) / 2, size / 100), mark.shape, mark.colour
                )

    def told(self) -> str:
        """What it shows, in words."""
        if self.language == "en":
            if self.marks:
                rows = [", ".join(m.told("en") for m in self.marks[i : i + self.columns]) for i in (0, self.columns)]
                return self._titled(f"a field of two rows; upper row: {rows[0]}; lower row: {rows[1]}")
            row, column = divmod(self.hole, self.columns)
            return self._titled(
                f"a grey sheet of two rows of {self.columns} with one hole: {('upper', 'lower')[row]} row, "
                f"number {column + 1} from the left"
            )
        if self.marks:
            rows = ["、".join(m.told("zh") for m in self.marks[i : i + self.columns]) for i in (0, self.columns)]
            return self._titled(f"两行格子；上行：{rows[0]}；下行：{rows[1]}")
        row, column = divmod(self.hole, self.columns)
        return self._titled(f"一张两行、每行{self.columns}格的灰纸，只有一个洞：{'上下'[row]}行左起第{column + 1}格")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []
