"""What a page of `verifiable` can show: boards, rings, shelves, grids, torn halves, wires, notes; drawn and described.

Invariant: a panel's description tells everything that its drawing shows and nothing more, so the `text` arm asks the
same question. Colours and forms have one word each in a language (`drawing.shapes`).
"""

from __future__ import annotations

from safesight.benchmarks.drawing.icons import ICONS
from safesight.benchmarks.drawing.pen import INK, NAVY, Pen
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES, draw_shape
from safesight.benchmarks.pairs.boards import Board, Column, GridPanel, Legend, Ring, Shelf
from safesight.benchmarks.pairs.panel import Area, Mark, PanelBase


class Half(PanelBase, frozen=True, kw_only=True):
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


class Change(PanelBase, frozen=True, kw_only=True):
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


class Wires(PanelBase, frozen=True, kw_only=True):
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


class Levers(PanelBase, frozen=True, kw_only=True):
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


class StepsPanel(PanelBase, frozen=True, kw_only=True, tag="Steps"):
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


class Named(PanelBase, frozen=True, kw_only=True):
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


class NotePanel(PanelBase, frozen=True, kw_only=True, tag="Note"):
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
