"""Backdrops: quiet, flat scenes that leave the middle free."""

from __future__ import annotations

from collections.abc import Callable

from safesight.benchmarks.drawing.pen import HEIGHT, WIDTH, Pen, page

FLOOR = 318
"""Where feet stand; labels go below."""


def _room(wall: str, floor: str) -> Pen:
    p = page(wall)
    p.box(0, FLOOR - 26, WIDTH, HEIGHT, fill=floor)
    p.box(0, FLOOR - 32, WIDTH, FLOOR - 26, fill="#ffffff")
    return p


def _outdoors(sky: str, ground: str) -> Pen:
    p = page(sky)
    p.box(0, FLOOR - 30, WIDTH, HEIGHT, fill=ground)
    return p


def _park() -> Pen:
    p = _outdoors("#d9eefa", "#a9d28f")
    p.oval(-90, 210, 250, 420, fill="#bfdfa6")
    p.oval(220, 230, 620, 430, fill="#b4d99b")
    for x in (36, 478):
        p.box(x - 7, 220, x + 7, 296, fill="#8a6844", round_px=3)
        for dx, dy, r in ((-20, 206, 28), (20, 206, 28), (0, 180, 30)):
            p.disc(x + dx, dy, r, fill="#7fb56b")
    p.box(0, 330, WIDTH, HEIGHT, fill="#e6d9b8")
    return p


def _street() -> Pen:
    p = _outdoors("#dfeef7", "#c9cdd2")
    walls = ("#f0d9b5", "#d9e2c8", "#e9cfc4", "#d5dbe8", "#f0e3c0")
    for i, wall in enumerate(walls):
        x = i * 104 - 4
        p.box(x, 150 - 14 * (i % 2), x + 100, FLOOR - 30, fill=wall)
        p.shape(x - 4, 152 - 14 * (i % 2), x + 50, 112 - 14 * (i % 2), x + 104, 152 - 14 * (i % 2), fill="#b98a74")
        for wx in (x + 16, x + 62):
            p.box(wx, 176, wx + 22, 204, fill="#bcdcec", line="#ffffff", width=2)
            p.box(wx, 226, wx + 22, 254, fill="#bcdcec", line="#ffffff", width=2)
    p.box(0, 336, WIDTH, HEIGHT, fill="#aeb4bb")
    return p


def _classroom() -> Pen:
    p = _room("#f7efd9", "#d9b98a")
    p.box(60, 66, 452, 226, fill="#8a6844", round_px=4)
    p.box(67, 73, 445, 219, fill="#4f7a66")
    p.box(200, 226, 312, 232, fill="#c9a36b")
    return p


def _office() -> Pen:
    p = _room("#e6edf3", "#b8c3cd")
    for x in (30, 372):
        p.box(x, 66, x + 110, 190, fill="#ffffff")
        p.box(x + 6, 72, x + 104, 184, fill="#cfe6f5")
        p.line(x + 55, 72, x + 55, 184, fill="#ffffff", width=4)
    p.box(484, 240, 506, 296, fill="#c8754b", round_px=3)
    for dx in (-14, 0, 12):
        p.line(494, 242, 494 + dx, 200, fill="#6fae5c", width=9)
    return p


def _home() -> Pen:
    p = _room("#fbe9d7", "#cf9f76")
    p.box(186, 60, 326, 190, fill="#ffffff", round_px=3)
    p.box(194, 68, 318, 182, fill="#cfe6f5")
    p.line(256, 68, 256, 182, fill="#ffffff", width=4)
    p.shape(172, 54, 214, 54, 188, 200, 172, 200, fill="#e3a08a")
    p.shape(340, 54, 298, 54, 324, 200, 340, 200, fill="#e3a08a")
    p.line(30, 296, 30, 190, fill="#8a6844", width=4)
    p.shape(8, 196, 52, 196, 42, 160, 18, 160, fill="#f2c14e")
    p.oval(90, 326, 422, 380, fill="#d98f6f")
    return p


def _kitchen() -> Pen:
    p = _room("#e9f3ee", "#cdb48f")
    for x in range(0, WIDTH, 64):
        p.line(x, 150, x, 240, fill="#d3e4db", width=2)
    for y in (150, 180, 210, 240):
        p.line(0, y, WIDTH, y, fill="#d3e4db", width=2)
    p.box(0, 240, WIDTH, 252, fill="#b98f5f")
    p.box(0, 252, WIDTH, FLOOR - 26, fill="#8fb3a5")
    for x in (60, 190, 320, 450):
        p.box(x, 268, x + 34, 273, fill="#e9f3ee", round_px=2)
    return p


def _shop() -> Pen:
    p = _room("#f3e9f5", "#c7b6cf")
    for y in (120, 186, 252):
        p.box(0, y, WIDTH, y + 8, fill="#a98bb3")
        colours = ("#e3a08a", "#9fc7e0", "#e9d08a", "#a9d2a0", "#d3a9cf")
        for i, x in enumerate(range(12, WIDTH - 20, 38)):
            p.box(x, y - 36 + 6 * (i % 3), x + 26, y, fill=colours[(i + y) % 5], round_px=4)
    return p


def _hall() -> Pen:
    p = _room("#efe3f3", "#b99b86")
    for i in range(9):
        x = 28 + i * 57
        p.shape(x - 16, 54, x + 16, 54, x, 78, fill=("#e3a08a", "#e9d08a", "#9fc7e0")[i % 3])
    p.line(0, 53, WIDTH, 53, fill="#a98bb3", width=3)
    return p


def _gym() -> Pen:
    p = _room("#e4eef5", "#d8a974")
    for x in (20, 420):
        for y in range(90, 280, 24):
            p.line(x, y, x + 72, y, fill="#c49a6c", width=6)
        for dx in (0, 72):
            p.line(x + dx, 80, x + dx, 292, fill="#a87f52", width=6)
    return p


def _station() -> Pen:
    p = _outdoors("#e2ebf2", "#bcc3ca")
    p.box(0, 60, WIDTH, 84, fill="#7c8fa1")
    for x in (40, 256, 472):
        p.box(x - 6, 84, x + 6, FLOOR - 30, fill="#94a5b5")
    p.box(0, 200, WIDTH, 262, fill="#c8574c")
    for x in range(16, WIDTH, 84):
        p.box(x, 210, x + 56, 240, fill="#d9edf7", round_px=4)
    p.box(0, 262, WIDTH, 272, fill="#55626f")
    p.box(0, 330, WIDTH, 336, fill="#f2d16b")
    return p


def _desk() -> Pen:
    p = page("#d8b98f")
    for y in range(0, HEIGHT, 48):
        p.line(0, y, WIDTH, y, fill="#cbaa7d", width=2)
    for x, y in ((90, 24), (300, 72), (180, 120), (410, 168), (60, 216), (340, 264), (220, 312), (450, 360)):
        p.line(x, y - 24, x, y + 24, fill="#cbaa7d", width=2)
    return p


def _table() -> Pen:
    p = page("#eef3f0")
    for x in range(0, WIDTH, 64):
        p.box(x, 0, x + 32, 276, fill="#e7eeea")
    p.box(0, 270, WIDTH, HEIGHT, fill="#c99a6a")
    p.box(0, 262, WIDTH, 276, fill="#b5875a")
    return p


def _plain() -> Pen:
    p = page("#f4efe4")
    p.box(10, 10, 502, 374, fill="#fbf8f0", round_px=14, line="#e0d6c0", width=3)
    return p


PLACES: dict[str, tuple[Callable[[], Pen], str, str]] = {
    "park": (_park, "a park", "公园里"),
    "street": (_street, "a street", "街上"),
    "classroom": (_classroom, "a classroom", "教室里"),
    "office": (_office, "an office", "办公室里"),
    "home": (_home, "a living room", "家里"),
    "kitchen": (_kitchen, "a kitchen", "厨房里"),
    "shop": (_shop, "a shop", "商店里"),
    "hall": (_hall, "a decorated hall", "装饰过的大厅里"),
    "gym": (_gym, "a gym", "体育馆里"),
    "station": (_station, "a railway station", "车站里"),
    "desk": (_desk, "a wooden desk", "木桌上"),
    "table": (_table, "a table", "桌上"),
    "plain": (_plain, "a plain page", "白纸上"),
}
