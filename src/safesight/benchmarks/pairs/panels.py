"""What a page of `verifiable` can show: boards, rings, shelves, grids, torn halves, wires, notes; drawn and described.

Invariant: a panel's description tells everything that its drawing shows and nothing more, so the `text` arm asks the
same question. Colours and forms have one word each in a language (`drawing.shapes`).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from safesight.benchmarks.drawing.icons import ICONS
from safesight.benchmarks.drawing.pen import INK, NAVY, Pen
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES, draw_shape

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


class _Panel(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind"):
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


class Board(_Panel, frozen=True, kw_only=True):
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


class Legend(_Panel, frozen=True, kw_only=True):
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


class Ring(_Panel, frozen=True, kw_only=True):
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


class Shelf(_Panel, frozen=True, kw_only=True):
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


class Column(_Panel, frozen=True, kw_only=True):
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


class GridPanel(_Panel, frozen=True, kw_only=True):
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


class Half(_Panel, frozen=True, kw_only=True):
    """Half of a torn label: a patch of colour, or the outline of a shape without colour."""

    colour: str = ""
    shape: str = ""

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        size = min(area.width - 40, area.height - 20, 150.0)
        x, y = (area.x0 + area.x1 - size) / 2, (area.y0 + area.y1 - size) / 2
        pen.box(x - 14, y - 8, x + size + 14, y + size + 8, fill="#fffdf7", line="#b9a98a", width=2)
        edge = x + size + 14 if self.colour else x - 14
        for k in range(6):
            top = y - 8 + (size + 16) * k / 6
            pen.shape(edge - 8, top, edge + 8, top + (size + 16) / 12, edge - 8, top + (size + 16) / 6, fill="#b9a98a")
        if self.colour:
            pen.box(x + 6, y + 6, x + size - 6, y + size - 6, fill=COLOURS[self.colour][0], round_px=10)
        else:
            place = pen.within(x + 8, y + 8, (size - 16) / 100)
            draw_shape(place, self.shape, "#9aa5b1", behind="#fffdf7")

    def told(self) -> str:
        """What it shows, in words."""
        if self.language == "en":
            what = f"the colour {self.colour}" if self.colour else f"the outline of a {self.shape}, without colour"
            return self._titled(f"half of a torn label with {what}")
        what = COLOURS[self.colour][1] if self.colour else f"没有颜色的{SHAPES[self.shape]}轮廓"
        return self._titled(f"半张撕开的标签，上面是{what}")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class Change(_Panel, frozen=True, kw_only=True):
    """One mark becomes another; the second may be a question mark."""

    before: Mark
    after: Mark | None

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        size = min(110.0, area.height - 10, area.width / 3.2)
        mid, cx = (area.y0 + area.y1) / 2, (area.x0 + area.x1) / 2
        place = pen.within(cx - 38 - size, mid - size / 2, size / 100)
        draw_shape(place, self.before.shape, self.before.colour, behind=area.paper)
        pen.line(cx - 24, mid, cx + 18, mid, fill=INK, width=5)
        pen.shape(cx + 14, mid - 12, cx + 32, mid, cx + 14, mid + 12, fill=INK)
        if self.after is None:
            pen.text(cx + 42 + size / 2, mid, "?", size * 0.8, bold=True)
        else:
            place = pen.within(cx + 42, mid - size / 2, size / 100)
            draw_shape(place, self.after.shape, self.after.colour, behind=area.paper)

    def told(self) -> str:
        """What it shows, in words."""
        after = "?" if self.after is None else self.after.told(self.language)
        return self._titled(f"{self.before.told(self.language)} → {after}")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, "?" if self.after is None else "") if t]


class Wires(_Panel, frozen=True, kw_only=True):
    """Numbered levers on the left, marks on the right, a wire from each lever to one mark."""

    marks: tuple[Mark, ...]
    """From top to bottom."""
    to: tuple[int, ...]
    """Index of the mark that lever k, from the top, is wired to."""

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        step = area.height / len(self.marks)
        size = min(46.0, step - 6)
        x0, x1 = area.x0 + 66, area.x1 - size - 26
        tints = ("#5b6673", "#a86c34", "#4a5fa8", "#4f7a66", "#a33b6b", "#39424c")
        for lever, end in enumerate(self.to):
            y, z = area.y0 + step * (lever + 0.5), area.y0 + step * (end + 0.5)
            pen.line(x0, y, x0 + 20, y, x1 - 20, z, x1, z, fill=tints[lever % len(tints)], width=4)
        for i, mark in enumerate(self.marks):
            y = area.y0 + step * (i + 0.5)
            pen.box(area.x0 + 22, y - 15, x0, y + 15, fill="#39424c", round_px=6)
            pen.text(area.x0 + 44, y, str(i + 1), 22, bold=True, fill="#ffffff")
            place = pen.within(x1 + 8, y - size / 2, size / 100)
            draw_shape(place, mark.shape, mark.colour, behind=area.paper)

    def told(self) -> str:
        """What it shows, in words."""
        names = [self.marks[end].told(self.language) for end in self.to]
        if self.language == "en":
            return self._titled("; ".join(f"lever {k} is wired to {name}" for k, name in enumerate(names, 1)))
        return self._titled("；".join(f"拉杆{k}连着{name}" for k, name in enumerate(names, 1)))

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, *(str(i + 1) for i in range(len(self.marks)))) if t]


class Levers(_Panel, frozen=True, kw_only=True):
    """A row of numbered levers; one is pulled down."""

    count: int
    pulled: int

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        each, mid = area.width / self.count, (area.y0 + area.y1) / 2
        reach = min(52.0, area.height / 2 - 18)
        for i in range(self.count):
            x = area.x0 + each * (i + 0.5)
            pen.box(x - 19, mid - 13, x + 19, mid + 13, fill="#39424c", round_px=5)
            pen.text(x, mid, str(i + 1), 20, bold=True, fill="#ffffff")
            end = mid + 13 + reach * 0.7 if i == self.pulled else mid - 13 - reach * 0.7
            pen.line(x, mid + (13 if end > mid else -13), x, end, fill="#6e7a86", width=6)
            pen.disc(x, end, 9, fill="#c4483f" if i == self.pulled else "#b9c2cc")

    def told(self) -> str:
        """What it shows, in words."""
        if self.language == "en":
            return self._titled(f"{self.count} levers; lever {self.pulled + 1} is pulled down, the others are up")
        return self._titled(f"{self.count}根拉杆；拉杆{self.pulled + 1}被拉下，其余朝上")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, *(str(i + 1) for i in range(self.count))) if t]


class StepsPanel(_Panel, frozen=True, kw_only=True):
    """A step of a plan: go so many rows down, one arrow a row."""

    down: int

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        size = min(64.0, area.width / (self.down + 1), area.height - 10)
        left = (area.x0 + area.x1 - size * self.down) / 2
        for k in range(self.down):
            x, mid = left + size * (k + 0.5), (area.y0 + area.y1) / 2
            pen.line(x, mid - size * 0.36, x, mid + size * 0.1, fill="#2a63c4", width=9)
            pen.shape(x - 17, mid + size * 0.06, x + 17, mid + size * 0.06, x, mid + size * 0.42, fill="#2a63c4")

    def told(self) -> str:
        """What it shows, in words."""
        if self.language == "en":
            return self._titled(f"{self.down} arrow{'s' if self.down > 1 else ''} pointing down")
        return self._titled(f"{self.down}个向下的箭头")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [self.title] if self.title else []


class Named(_Panel, frozen=True, kw_only=True):
    """People by name, each with a mark."""

    people: tuple[tuple[str, Mark], ...]

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        area = self._head(pen, area)
        columns = 3 if len(self.people) > 4 else 2
        rows = -(-len(self.people) // columns)
        wide, tall = area.width / columns, area.height / rows
        for i, (name, mark) in enumerate(self.people):
            x, y = area.x0 + wide * (i % columns), area.y0 + tall * (i // columns)
            pen.box(x + 5, y + 3, x + wide - 5, y + tall - 3, fill="#ffffff", line="#b9c2cc", round_px=6, width=1.5)
            size = min(54.0, tall - 34, wide - 20)
            draw_shape(pen.within(x + (wide - size) / 2, y + 8, size / 100), mark.shape, mark.colour)
            pen.text(x + wide / 2, y + tall - 16, name, 19, bold=True, fill=NAVY)

    def told(self) -> str:
        """What it shows, in words."""
        verb, join = (" has the ", "; ") if self.language == "en" else ("有", "；")
        return self._titled(join.join(f"{name}{verb}{mark.told(self.language)}" for name, mark in self.people))

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, *(name for name, _ in self.people)) if t]


class NotePanel(_Panel, frozen=True, kw_only=True):
    """A sheet with a thing and a few sentences."""

    text: str
    thing: str = ""
    tint: str = "#fff3c4"

    def draw(self, pen: Pen, area: Area) -> None:
        """Draw it."""
        pen.box(area.x0 + 4, area.y0 + 4, area.x1 - 4, area.y1 - 4, fill=self.tint, line="#c9bda2", width=2, round_px=5)
        inner = self._head(pen, Area(area.x0 + 12, area.y0 + 10, area.x1 - 12, area.y1 - 10, self.tint))
        left = inner.x0
        if self.thing:
            size = min(84.0, inner.height - 6)
            ICONS[self.thing][0](pen.within(left, inner.y0 + 4, size / 100))
            left += size + 12
        sizes = (26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14)
        pen.lines((left + 4, inner.y0, inner.x1 - 4, inner.y1), self.text, centred=False, sizes=sizes)

    def told(self) -> str:
        """What it shows, in words."""
        what = ICONS[self.thing][1 if self.language == "en" else 2] if self.thing else ""
        if self.language == "en":
            return self._titled(f"a note{f' with a drawing of {what}' if what else ''}: “{self.text}”")
        return self._titled(f"一张{f'画着{what}的' if what else ''}便条：“{self.text}”")

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [t for t in (self.title, self.text) if t]


Panel = (
    Board | Legend | Ring | Shelf | Column | GridPanel | Half | Change | Wires | Levers | StepsPanel | Named | NotePanel
)
