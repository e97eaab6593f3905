"""People and things in a place: what stands side by side, who says what, when, and what hangs on the wall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from safesight.benchmarks.drawing.icons import ICONS, bottom
from safesight.benchmarks.drawing.pen import INK, NAVY, PAPER, WIDTH, Block, Pen, fit, is_cjk, text_width
from safesight.benchmarks.drawing.people import Figure, draw_figure
from safesight.benchmarks.drawing.places import FLOOR, PLACES

_ON_FLOOR = {"machine", "gate", "car", "dent", "house", "town", "sofa", "bicycle", "bus", "dog", "bed", "apples", "bin"}
_TRAITS = {
    "scarf": ("with a headscarf", "戴头巾的"),
    "chair": ("in a wheelchair", "坐轮椅的"),
    "crutch": ("with a crutch", "拄拐杖的"),
    "grey": ("with grey hair", "头发花白的"),
    "bag": ("with a shoulder bag", "背着挎包的"),
}
_MOODS = {"sad": ("looking sad", "神情难过的"), "cross": ("looking cross", "神情不快的")}


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing from `icons.ICONS` with its label."""

    icon: str
    label: str


@dataclass(frozen=True, slots=True)
class Poster:
    """A sheet on the wall."""

    title: str
    text: str
    colour: str = "#fff3c4"


@dataclass(frozen=True, slots=True)
class Sign:
    """A board on a post."""

    text: str


Slot = Figure | Thing | Poster | Sign


@dataclass(frozen=True, slots=True)
class People:
    """A place, a cast from left to right, a date or time in the corner and a sign along the top."""

    place: str
    cast: tuple[Slot, ...]
    stamp: str = ""
    banner: str = ""

    def draw(self) -> Pen:
        """The drawn page."""
        pen = PLACES[self.place][0]()
        left = stamp(pen, self.stamp) if self.stamp else 14
        if self.banner:
            _banner(pen, self.banner, left)
        bounds = list(self._bounds())
        talking = any(isinstance(slot, Figure) and slot.says for slot in self.cast)
        for slot, (x0, x1) in zip(self.cast, bounds, strict=True):
            _draw_slot(pen, slot, x0, x1, small=talking, on_table=self.place == "table")
        self._bubbles(pen, bounds)
        return pen

    def _bounds(self) -> Iterator[tuple[float, float]]:
        weights = [1.7 if isinstance(s, Poster) else 1.25 if isinstance(s, Sign) else 1.0 for s in self.cast]
        unit, x = (WIDTH - 16) / sum(weights), 8.0
        for weight in weights:
            yield x, x + unit * weight
            x += unit * weight

    def _bubbles(self, pen: Pen, bounds: list[tuple[float, float]]) -> None:
        free = [b for slot, b in zip(self.cast, bounds, strict=True) if not isinstance(slot, Poster)]
        speakers = [
            (slot.says, (b[0] + b[1]) / 2)
            for slot, b in zip(self.cast, bounds, strict=True)
            if isinstance(slot, Figure) and slot.says
        ]
        if not speakers:
            return
        low, high = min(b[0] for b in free) + 4, max(b[1] for b in free) - 4
        share = (high - low) / len(speakers)
        for k, (says, x) in enumerate(speakers):
            block = fit(says, share - 34, 78, sizes=(25, 24, 23, 22, 21, 20, 19, 18, 17), balanced=True)
            wide = max(110.0, block.width + 30)
            span = (low + share * k, low + share * (k + 1))
            x0 = min(max(x - wide / 2, span[0]), span[1] - wide)
            _bubble(pen, block, x0, x0 + wide, x)

    def texts(self) -> list[str]:
        """Every string drawn, from the top left."""
        parts = [self.stamp, self.banner]
        for slot in self.cast:
            match slot:
                case Figure():
                    parts += [slot.says, slot.label]
                case Thing():
                    parts.append(slot.label)
                case Poster():
                    parts += [slot.title, slot.text]
                case Sign():
                    parts.append(slot.text)
        return [part for part in parts if part]

    def describe(self, language: str) -> str:
        """One sentence that says what a viewer sees."""
        zh = language == "zh"
        told = [describe_slot(slot, language) for slot in self.cast]
        _, english, chinese = PLACES[self.place]
        if zh:
            time = f"，左上角标着“{self.stamp}”" if self.stamp else ""
            board = f"，上方牌子写着“{self.banner}”" if self.banner else ""
            return f"{chinese}{time}{board}：" + "；".join(told) + "。"
        time = f", marked “{self.stamp}”" if self.stamp else ""
        board = f", with a sign “{self.banner}”" if self.banner else ""
        return f"{english[0].upper()}{english[1:]}{time}{board}: " + "; ".join(told) + "."

    def keywords(self) -> str:
        """The labels of the image, joined."""
        named = [s.title if isinstance(s, Poster) else s.text if isinstance(s, Sign) else s.label for s in self.cast]
        return ", ".join([*(x for x in (self.stamp, self.banner) if x), *named])


def describe_slot(slot: Slot, language: str) -> str:
    """What a viewer sees of one member of the cast."""
    zh = language == "zh"
    match slot:
        case Figure():
            return _describe_figure(slot, zh=zh)
        case Thing():
            name = ICONS[slot.icon][2 if zh else 1]
            return f"{name}，标签是“{slot.label}”" if zh else f"{name} labelled “{slot.label}”"
        case Poster():
            text = " ".join(x for x in (slot.title, slot.text) if x)
            return f"墙上的一张纸，写着“{text}”" if zh else f"a sheet on the wall that reads “{text}”"
        case Sign():
            return f"路牌“{slot.text}”" if zh else f"a sign post that reads “{slot.text}”"


def _describe_figure(figure: Figure, *, zh: bool) -> str:
    words, i = figure.words, 1 if zh else 0
    traits = [v[i] for k, v in _TRAITS.items() if k in words] + [v[i] for k, v in _MOODS.items() if k in words]
    if zh:
        said = f"，说：“{figure.says}”" if figure.says else ""
        return f"{''.join(traits)}{figure.who or '一个人'}，标签是“{figure.label}”{said}"
    said = f", who says “{figure.says}”" if figure.says else ""
    return " ".join([figure.who or "a person", *traits, f"labelled “{figure.label}”"]) + said


def stamp(pen: Pen, text: str) -> float:
    """A clock and a date or time in the top left corner; returns where the next thing may begin."""
    wide = text_width(text, 19, bold=True)
    pen.box(10, 8, 56 + wide, 46, fill=PAPER, round_px=19, line=NAVY, width=2)
    pen.disc(30, 27, 12, fill="#ffffff", line="#c4483f", width=3)
    pen.line(30, 27, 30, 20, fill=INK, width=2)
    pen.line(30, 27, 35, 29, fill=INK, width=2)
    pen.text(48, 27, text, 19, bold=True, anchor="lm")
    return 66 + wide


def _banner(pen: Pen, text: str, left: float) -> None:
    wide = text_width(text, 20, bold=True) + 36
    x0 = max(left, (WIDTH - wide) / 2)
    if x0 + wide > WIDTH - 8:
        raise ValueError(f"no room for the banner {text!r}")
    pen.box(x0, 8, x0 + wide, 46, fill="#fbe3a1", round_px=5, line="#b98f2c", width=2)
    pen.text(x0 + wide / 2, 27, text, 20, bold=True)


def label(pen: Pen, text: str, x: float, y: float, width: float) -> None:
    """A name plate centred on (x, y), no wider than `width`."""
    size = next((s for s in (20, 19, 18, 17, 16) if text_width(text, s, bold=True) + 18 <= width), None)
    if size is None:
        raise ValueError(f"label too long for {width:.0f} px: {text!r}")
    half = text_width(text, size, bold=True) / 2 + 9
    pen.box(x - half, y - 17, x + half, y + 17, fill=PAPER, round_px=7, line="#8b97a3", width=1.5)
    pen.text(x, y, text, size, bold=True)


def _bubble(pen: Pen, block: Block, x0: float, x1: float, speaker: float) -> None:
    at = min(max(speaker, x0 + 22), x1 - 22)
    top = 140 - block.height - 12
    pen.shape(at - 13, 134, at + 13, 134, speaker, 157, fill="#8b97a3")
    pen.box(x0, top, x1, 140, fill="#ffffff", round_px=16, line="#8b97a3", width=2)
    pen.shape(at - 10, 133, at + 10, 133, speaker, 152, fill="#ffffff")
    for i, row in enumerate(block.rows):
        pen.text((x0 + x1) / 2, top + 6 + block.step * (i + 0.5), row, block.size)


def _draw_slot(pen: Pen, slot: Slot, x0: float, x1: float, *, small: bool, on_table: bool) -> None:
    x = (x0 + x1) / 2
    match slot:
        case Figure():
            scale = 0.94 if small else 1.22
            draw_figure(pen.within(x - 50 * scale, FLOOR + 12 - 190 * scale, scale), slot)
            label(pen, slot.label, x, 356, x1 - x0 - 4)
        case Thing():
            _draw_thing(pen, slot, x, x1 - x0, on_table=on_table, small=small)
        case Poster():
            _draw_poster(pen, slot, x0 + 8, x1 - 8)
        case Sign():
            pen.box(x - 5, 176, x + 5, FLOOR + 10, fill="#7b8794")
            wide = x1 - x0 - 14
            pen.box(x - wide / 2, 150, x + wide / 2, 214, fill="#2f6db0", round_px=6, line="#ffffff", width=3)
            pen.lines((x - wide / 2 + 8, 154, x + wide / 2 - 8, 210), slot.text, bold=True, fill="#ffffff")


def _draw_thing(pen: Pen, thing: Thing, x: float, width: float, *, on_table: bool, small: bool) -> None:
    draw, low = ICONS[thing.icon][0], bottom(thing.icon)
    if on_table:
        size = min(216.0, width - 20)
        pen.oval(x - size * 0.42, 280, x + size * 0.42, 304, fill="#b5875a")
        draw(pen.within(x - size / 2, 294 - size * low, size / 100))
        label(pen, thing.label, x, 344, width - 6)
        return
    base: float = FLOOR + 8
    if thing.icon not in _ON_FLOOR:
        pen.box(x - 40, 262, x + 40, 272, fill="#a5733f", round_px=3)
        for dx in (-32, 26):
            pen.box(x + dx, 270, x + dx + 6, base, fill="#8b5a2b")
        base = 262
    size = min(width - 12, 108 if small or thing.icon not in _ON_FLOOR else 150)
    draw(pen.within(x - size / 2, base - size * low, size / 100))
    label(pen, thing.label, x, 356, width - 4)


def _draw_poster(pen: Pen, poster: Poster, x0: float, x1: float) -> None:
    low = 256
    pen.box(x0 + 4, 62, x1 + 4, low + 4, fill="#a9a28f", round_px=4)
    pen.box(x0, 58, x1, low, fill=poster.colour, round_px=4, line="#b9a36a", width=2)
    for x in (x0 + 10, x1 - 10):
        pen.disc(x, 67, 4, fill="#c4483f")
    pen.lines((x0 + 10, 76, x1 - 10, 144), poster.title, bold=True)
    pen.line(x0 + 24, 149, x1 - 24, 149, fill="#d8c27a", width=2)
    pen.lines((x0 + 10, 154, x1 - 10, low - 6), poster.text)


def language_of(texts: list[str]) -> str:
    """`zh` when any text is Chinese, else `en`."""
    return "zh" if any(is_cjk(text) for text in texts) else "en"
