"""Flat things to read: papers, chats, screens, comparisons and step cards."""

from __future__ import annotations

from dataclasses import dataclass

from safesight.benchmarks.drawing.icons import ICONS
from safesight.benchmarks.drawing.pen import HEIGHT, INK, NAVY, PAPER, WIDTH, Pen, page, text_width, wrap
from safesight.benchmarks.drawing.places import PLACES
from safesight.benchmarks.drawing.scenes import Thing, label, stamp

_PAPERS = {
    "letter": ("a letter", "一封信", "#fffdf7"),
    "note": ("a sticky note", "一张便签", "#ffef9f"),
    "form": ("a form", "一张表格", "#f7fbff"),
    "poster": ("a poster", "一张海报", "#ffe3d3"),
    "card": ("an identity card", "一张证件", "#dfeef7"),
    "left": ("the left half of a torn sheet", "一张撕开的纸的左半边", "#fffdf7"),
    "right": ("the right half of a torn sheet", "一张撕开的纸的右半边", "#fffdf7"),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A written sheet on a desk."""

    kind: str
    title: str
    rows: tuple[str, ...]
    stamp: str = ""

    def draw(self) -> Pen:
        """The drawn page."""
        pen = PLACES["desk"][0]()
        x0, x1 = {"left": (90, 470), "right": (40, 420)}.get(self.kind, (62, 450))
        top = 56 if self.stamp else 26
        colour = _PAPERS[self.kind][2]
        pen.box(x0 + 7, top + 8, x1 + 7, 368, fill="#b3966b", round_px=5)
        pen.box(x0, top, x1, 362, fill=colour, round_px=5)
        self._trim(pen, x0, x1, top)
        if self.stamp:
            stamp(pen, self.stamp)
        y = top + 22.0
        if self.title:
            y += pen.lines(
                (x0 + 26, y, x1 - 26, y + 70), self.title, bold=True, centred=False, sizes=(31, 29, 27, 25, 23, 21)
            )
            pen.line(x0 + 26, y + 5, x1 - 26, y + 5, fill="#c9bda2", width=2)
            y += 14
        self._rows(pen, x0 + 26, x1 - 26, y)
        return pen

    def _rows(self, pen: Pen, x0: float, x1: float, y: float) -> None:
        for size in (32, 30, 28, 26, 25, 24, 23, 22, 21, 20, 19, 18):
            step, gap = size * 1.28, size * 0.4
            height = sum(step * len(wrap(row, x1 - x0, size)) + gap for row in self.rows)
            if height <= 350 - y:
                break
        else:
            raise ValueError(f"does not fit on the sheet: {self.rows}")
        for row in self.rows:
            used = pen.lines((x0, y, x1, HEIGHT), row, centred=False, sizes=(size,))
            y += used + gap

    def _trim(self, pen: Pen, x0: float, x1: float, top: float) -> None:
        if self.kind == "note":
            pen.box(WIDTH / 2 - 50, top - 12, WIDTH / 2 + 50, top + 12, fill="#e8dcc0", round_px=2)
        elif self.kind in ("form", "card"):
            pen.box(x0, top, x1, top + 14, fill="#4f8ec9", round_px=5)
            if self.kind == "card":
                pen.box(x1 - 92, 262, x1 - 22, 346, fill="#b9cddd", round_px=4)
                pen.disc(x1 - 57, 292, 15, fill="#e8b98d")
                pen.pie(x1 - 84, 310, x1 - 30, 382, 180, 360, fill="#4f7a66")
        elif self.kind == "poster":
            pen.box(x0 + 8, top + 8, x1 - 8, 354, fill=None, round_px=4, line="#e3a08a", width=4)
        elif self.kind == "letter":
            pen.line(474, 120, 492, 330, fill="#35618e", width=9)
            pen.shape(487, 330, 497, 329, 495, 350, fill="#f2c14e")
        else:
            edge = x1 if self.kind == "left" else x0
            turn = -1 if self.kind == "left" else 1
            for y in range(int(top), 368, 24):
                pen.shape(edge - turn * 9, y, edge - turn * 9, y + 24, edge + turn * 11, y + 12, fill="#d8b98f")

    def texts(self) -> list[str]:
        """Every string drawn, from the top left."""
        return [x for x in (self.stamp, self.title, *self.rows) if x]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        english, chinese, _ = _PAPERS[self.kind]
        text = " / ".join(x for x in (self.title, *self.rows) if x)
        if language == "zh":
            return f"{chinese}" + (f"（{self.stamp}）" if self.stamp else "") + f"，写着：“{text}”"
        return f"{english[0].upper()}{english[1:]}" + (f", marked “{self.stamp}”" if self.stamp else "") + f": “{text}”"

    def keywords(self) -> str:
        """The labels of the image, joined."""
        return self.title or self.rows[0]


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat window; the first name that writes is on the left, all others alternate."""

    title: str
    rows: tuple[tuple[str, str], ...]

    def draw(self) -> Pen:
        """The drawn page."""
        pen = page("#dcd8ee")
        pen.box(48, 10, 464, 392, fill="#2c3640", round_px=24)
        pen.box(58, 20, 454, 392, fill="#eef1f7", round_px=16)
        pen.box(58, 20, 454, 64, fill="#4a5fa8", round_px=16)
        pen.box(58, 44, 454, 64, fill="#4a5fa8")
        pen.disc(84, 42, 13, fill="#f2c14e")
        pen.text(106, 42, self.title, 21, bold=True, fill="#ffffff", anchor="lm")
        size = next(s for s in (27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17) if self._height(s) <= 306)
        y, first = 72.0, self.rows[0][0]
        for name, text in self.rows:
            y = self._message(pen, name, text, y, size, left=name == first)
        return pen

    def _height(self, size: float) -> float:
        return sum(len(wrap(text, 290, size)) * size * 1.26 + size + 26 for _, text in self.rows)

    def _message(self, pen: Pen, name: str, text: str, y: float, size: float, *, left: bool) -> float:
        rows = wrap(text, 290, size)
        wide = max(*(text_width(row, size) for row in rows), text_width(name, 18, bold=True)) + 28
        tall = len(rows) * size * 1.26 + size + 16
        x0 = 72 if left else 440 - wide
        pen.box(x0, y, x0 + wide, y + tall, fill="#ffffff" if left else "#cdebc8", round_px=13)
        pen.text(x0 + 14, y + 15, name, 18, bold=True, fill=NAVY if left else "#2f6b45", anchor="lm")
        for i, row in enumerate(rows):
            pen.text(x0 + 14, y + 26 + size * 1.26 * (i + 0.5), row, size, anchor="lm")
        return y + tall + 9

    def texts(self) -> list[str]:
        """Every string drawn, from the top."""
        return [self.title, *(x for row in self.rows for x in row)]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        if language == "zh":
            return f"聊天窗口“{self.title}”：" + "；".join(f"{name}：“{text}”" for name, text in self.rows) + "。"
        return f"A chat window “{self.title}”: " + "; ".join(f"{name}: “{text}”" for name, text in self.rows) + "."

    def keywords(self) -> str:
        """The labels of the image, joined."""
        return ", ".join([self.title, *dict.fromkeys(name for name, _ in self.rows)])


@dataclass(frozen=True, slots=True)
class Screen:
    """A laptop that shows a page with a title, a few lines and perhaps a picture."""

    title: str
    rows: tuple[str, ...]
    icon: str = ""

    def draw(self) -> Pen:
        """The drawn page."""
        pen = page("#e3ebe4")
        pen.box(0, 316, WIDTH, HEIGHT, fill="#c9ab82")
        pen.shape(30, 326, 482, 326, 508, 360, 4, 360, fill="#8b97a3")
        pen.box(196, 336, 316, 350, fill="#76828e", round_px=5)
        pen.box(34, 10, 478, 328, fill="#35414e", round_px=12)
        pen.box(46, 22, 466, 316, fill="#fdfdfb", round_px=4)
        pen.box(46, 22, 466, 64, fill="#dbe6ee", round_px=4)
        for x, colour in ((62, "#d9665d"), (80, "#f2c14e"), (98, "#7fb069")):
            pen.disc(x, 43, 6, fill=colour)
        pen.lines((116, 26, 458, 60), self.title, bold=True, sizes=(22, 21, 20, 19, 18, 17))
        left = 62.0
        if self.icon:
            pen.box(60, 82, 184, 206, fill="#e9f1f7", round_px=8)
            ICONS[self.icon][0](pen.within(67, 89, 1.1))
            left = 198
        for size in (30, 28, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17):
            rows = [(row, len(wrap(row, 452 - left, size)) * size * 1.28 + size * 0.5) for row in self.rows]
            if sum(height for _, height in rows) <= 236:
                break
        else:
            raise ValueError(f"does not fit on the screen: {self.rows}")
        y = 80.0
        for row, height in rows:
            pen.lines((left, y, 452, 400), row, centred=False, sizes=(size,))
            y += height
        return pen

    def texts(self) -> list[str]:
        """Every string drawn, from the top."""
        return [self.title, *self.rows]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        text = " / ".join(self.rows)
        if language == "zh":
            shown = f"，配图是{ICONS[self.icon][2]}" if self.icon else ""
            return f"电脑屏幕上的页面“{self.title}”{shown}：“{text}”"
        shown = f" with a picture of {ICONS[self.icon][1]}" if self.icon else ""
        return f"A laptop screen with the page “{self.title}”{shown}: “{text}”"

    def keywords(self) -> str:
        """The labels of the image, joined."""
        return self.title


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things joined by an arrow and a word: half of an analogy."""

    left: Thing
    word: str
    right: Thing

    def draw(self) -> Pen:
        """The drawn page."""
        pen = PLACES["plain"][0]()
        for thing, x, colour in ((self.left, 132, "#dfeef7"), (self.right, 380, "#f7e3d3")):
            pen.box(x - 108, 92, x + 108, 282, fill=colour, round_px=16)
            ICONS[thing.icon][0](pen.within(x - 75, 110, 1.5))
            label(pen, thing.label, x, 318, 236)
        pen.line(238, 190, 268, 190, fill=NAVY, width=7)
        pen.shape(262, 174, 286, 190, 262, 206, fill=NAVY)
        pen.lines((40, 34, 472, 76), self.word, bold=True, sizes=(26, 24, 22), fill=NAVY)
        return pen

    def texts(self) -> list[str]:
        """Every string drawn, from the top left."""
        return [self.word, self.left.label, self.right.label]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        i = 2 if language == "zh" else 1
        one, two = ICONS[self.left.icon][i], ICONS[self.right.icon][i]
        if language == "zh":
            return f"{one}“{self.left.label}”，箭头指向{two}“{self.right.label}”，上面写着“{self.word}”。"
        told = f"{one} “{self.left.label}”, an arrow “{self.word}”, and {two} “{self.right.label}”."
        return told[0].upper() + told[1:]

    def keywords(self) -> str:
        """The labels of the image, joined."""
        return f"{self.left.label}, {self.word}, {self.right.label}"


@dataclass(frozen=True, slots=True)
class Step:
    """One card of a numbered plan."""

    number: int
    title: str
    text: str
    icon: str

    @property
    def heading(self) -> str:
        """Number and title on one line: a figure on its own is easily overlooked by text detection."""
        return f"Step {self.number}: {self.title}"

    def draw(self) -> Pen:
        """The drawn page."""
        colour = ("#35618e", "#3f7f62", "#a8622f", "#7a4f86")[(self.number - 1) % 4]
        pen = page("#eef0ea")
        pen.box(26, 24, 486, 364, fill=PAPER, round_px=18, line="#cfcabb", width=2)
        pen.box(26, 24, 486, 92, fill=colour, round_px=18)
        pen.box(26, 70, 486, 92, fill=colour)
        pen.text(50, 58, self.heading, 29, bold=True, fill="#ffffff", anchor="lm")
        pen.box(45, 153, 195, 303, fill="#eef3f7", round_px=14)
        ICONS[self.icon][0](pen.within(58, 166, 1.24))
        pen.lines((210, 108, 474, 348), self.text, sizes=(32, 30, 28, 27, 26, 25, 24, 22), fill=INK)
        return pen

    def texts(self) -> list[str]:
        """Every string drawn, from the top left."""
        return [self.heading, self.text]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        if language == "zh":
            return f"步骤卡“{self.heading}”，画着{ICONS[self.icon][2]}：“{self.text}”"
        return f"A card “{self.heading}”, with {ICONS[self.icon][1]}: “{self.text}”"

    def keywords(self) -> str:
        """The labels of the image, joined."""
        return self.heading
