"""Things of street, garden and station."""

from __future__ import annotations

from safesight.benchmarks.drawing.icon import icon
from safesight.benchmarks.drawing.pen import INK, PAPER, Pen


@icon("bin", "a rubbish bin", "一个垃圾桶")
def _bin(p: Pen) -> None:
    p.shape(24, 30, 76, 30, 70, 96, 30, 96, fill="#6f8f72")
    p.box(18, 20, 82, 31, fill="#4f6f55", round_px=4)
    p.box(42, 12, 58, 22, fill="#4f6f55", round_px=3)
    for x in (40, 50, 60):
        p.line(x, 40, x, 86, fill="#4f6f55", width=3)


@icon("machine", "a ticket machine", "一台售票机")
def _machine(p: Pen) -> None:
    p.box(24, 4, 76, 96, fill="#24767a", round_px=6)
    p.box(31, 12, 69, 38, fill="#d8f0ee", round_px=3)
    p.box(31, 46, 50, 56, fill="#f2c14e", round_px=3)
    p.box(58, 46, 69, 50, fill="#123c3e", round_px=1)
    p.box(34, 66, 66, 78, fill="#123c3e", round_px=3)
    p.box(40, 70, 60, 88, fill="#fffdf7")


@icon("gate", "an open gate", "一道开着的闸门")
def _gate(p: Pen) -> None:
    for x in (6, 74):
        p.box(x, 34, x + 20, 96, fill="#7b8794", round_px=5)
        p.box(x + 4, 40, x + 16, 50, fill="#7fd08a", round_px=3)
    p.shape(26, 52, 38, 46, 38, 84, 26, 78, fill="#e8a15a")
    p.shape(74, 52, 62, 46, 62, 84, 74, 78, fill="#e8a15a")
    p.line(50, 28, 50, 8, fill="#3d9950", width=6)
    p.shape(38, 22, 62, 22, 50, 36, fill="#3d9950")


@icon("balloon", "a big round balloon", "一个大气球")
def _balloon(p: Pen) -> None:
    p.line(50, 76, 46, 86, 54, 92, 50, 99, fill="#7b8794", width=2)
    p.oval(14, 2, 86, 76, fill="#d9665d")
    p.oval(26, 12, 44, 32, fill="#eda29b")
    p.shape(44, 80, 56, 80, 50, 72, fill="#b23b34")


@icon("house", "a house", "一座房子")
def _house(p: Pen) -> None:
    p.box(16, 44, 84, 96, fill="#f1d9a8")
    p.shape(6, 48, 50, 10, 94, 48, fill="#b5523b")
    p.box(42, 64, 60, 96, fill="#6b4226", round_px=2)
    p.box(23, 56, 37, 70, fill="#bfe3f5", line="#8a6b4a", width=2)
    p.box(66, 56, 80, 70, fill="#bfe3f5", line="#8a6b4a", width=2)


@icon("town", "the houses of a town", "小镇的房子")
def _town(p: Pen) -> None:
    for x, colour, roof in ((0, "#f1d9a8", "#b5523b"), (34, "#cfe0d2", "#4f6f55"), (66, "#e3cfe2", "#7a557a")):
        p.box(x + 3, 52, x + 31, 94, fill=colour)
        p.shape(x, 54, x + 17, 26, x + 34, 54, fill=roof)
        p.box(x + 12, 70, x + 22, 94, fill="#6b4226")


@icon("weed", "a weed", "一株杂草")
def _weed(p: Pen) -> None:
    p.box(0, 78, 100, 96, fill="#8b6544", round_px=8)
    p.line(50, 80, 50, 30, fill="#4f7f45", width=5)
    for x, y in ((20, 50), (80, 46), (26, 68), (76, 66)):
        p.line(50, y + 10, x, y, fill="#5f9a52", width=8)
    for x, y in ((50, 22), (40, 28), (60, 28), (44, 18), (56, 18)):
        p.disc(x, y, 7, fill="#f2c14e")


@icon("garden", "a garden with flowers", "一座花园")
def _garden(p: Pen) -> None:
    p.box(0, 60, 100, 96, fill="#8fc177", round_px=8)
    for x, colour in ((18, "#d9665d"), (50, "#e3a1d0"), (82, "#f2c14e")):
        p.line(x, 78, x, 44, fill="#4f7f45", width=4)
        for dx, dy in ((-7, 0), (7, 0), (0, -7), (0, 7)):
            p.disc(x + dx, 38 + dy, 7, fill=colour)
        p.disc(x, 38, 5, fill=PAPER)


@icon("cactus", "a cactus in a pot", "一盆仙人掌")
def _cactus(p: Pen) -> None:
    p.box(40, 8, 60, 70, fill="#5f9a52", round_px=10)
    p.line(40, 48, 24, 48, 24, 30, fill="#5f9a52", width=11)
    p.line(60, 40, 76, 40, 76, 22, fill="#5f9a52", width=11)
    p.shape(28, 66, 72, 66, 66, 96, 34, 96, fill="#c8754b")
    p.box(24, 62, 76, 72, fill="#b5623a", round_px=3)


@icon("can", "a watering can", "一把浇水壶")
def _can(p: Pen) -> None:
    p.box(30, 40, 78, 90, fill="#4f8ec9", round_px=6)
    p.line(32, 66, 10, 40, fill="#4f8ec9", width=7)
    p.box(2, 30, 20, 42, fill="#35618e", round_px=4)
    p.arc(62, 34, 98, 84, 270, 450, fill="#35618e", width=6)
    p.arc(38, 18, 72, 58, 180, 360, fill="#35618e", width=6)


@icon("apples", "an apple tree", "一棵苹果树")
def _apples(p: Pen) -> None:
    p.box(43, 56, 57, 98, fill="#7a5230", round_px=3)
    for x, y, r in ((32, 40, 24), (68, 40, 24), (50, 24, 24)):
        p.disc(x, y, r, fill="#6fae5c")
    for x, y in ((28, 42), (48, 30), (66, 48), (72, 28), (46, 52)):
        p.disc(x, y, 6, fill="#d9463d")


@icon("bicycle", "a bicycle", "一辆自行车")
def _bicycle(p: Pen) -> None:
    for x in (22, 78):
        p.disc(x, 68, 20, fill=None, line="#35414e", width=5)
    p.line(22, 68, 40, 36, 68, 36, 78, 68, fill="#c4483f", width=5)
    p.line(40, 36, 50, 68, 68, 36, fill="#c4483f", width=5)
    p.line(22, 68, 50, 68, fill="#c4483f", width=5)
    p.line(68, 36, 66, 24, 78, 22, fill="#35414e", width=5)
    p.line(40, 36, 37, 28, fill="#35414e", width=5)
    p.line(29, 27, 46, 27, fill="#35414e", width=6)


@icon("dog", "a barking dog", "一只狗")
def _dog(p: Pen) -> None:
    p.box(26, 50, 80, 78, fill="#b98552", round_px=14)
    for x in (30, 42, 62, 72):
        p.box(x, 70, x + 8, 96, fill="#a5733f", round_px=4)
    p.line(78, 56, 94, 38, fill="#b98552", width=7)
    p.disc(28, 42, 18, fill="#c99762")
    p.box(4, 40, 26, 54, fill="#c99762", round_px=6)
    p.box(30, 26, 42, 50, fill="#8a5c30", round_px=6)
    p.disc(6, 44, 4, fill=INK)
    p.disc(22, 36, 3, fill=INK)


@icon("car", "a car", "一辆汽车")
def _car(p: Pen) -> None:
    p.shape(22, 48, 34, 26, 68, 26, 82, 48, fill="#9fc7e0")
    p.box(4, 46, 96, 76, fill="#3f7fb8", round_px=10)
    p.line(51, 28, 51, 46, fill="#3f7fb8", width=5)
    for x in (26, 74):
        p.disc(x, 77, 12, fill="#2c3640")
        p.disc(x, 77, 5, fill="#b9c2cc")
    p.disc(92, 57, 4, fill="#f7e08a")


@icon("dent", "a parked car with a dent", "一辆有凹痕的汽车")
def _dent(p: Pen) -> None:
    _car(p)
    p.shape(84, 50, 97, 44, 97, 70, 86, 66, 90, 60, 82, 56, fill="#2a5a86")
    for x0, y0, x1, y1 in ((88, 40, 94, 30), (96, 42, 104, 36), (82, 40, 82, 30)):
        p.line(x0, y0, x1, y1, fill="#d9463d", width=3)


@icon("bus", "a bus", "一辆公共汽车")
def _bus(p: Pen) -> None:
    p.box(4, 20, 96, 80, fill="#e9b44c", round_px=9)
    for x in (12, 32, 52, 72):
        p.box(x, 30, x + 16, 50, fill="#d8f0f7", round_px=3)
    p.box(4, 58, 96, 64, fill="#c4763a")
    for x in (26, 74):
        p.disc(x, 80, 10, fill="#2c3640")
        p.disc(x, 80, 4, fill="#b9c2cc")


@icon("train", "a train", "一列火车")
def _train(p: Pen) -> None:
    p.box(20, 8, 80, 80, fill="#c8574c", round_px=14)
    p.box(28, 20, 72, 46, fill="#d9edf7", round_px=5)
    p.line(50, 20, 50, 46, fill="#c8574c", width=3)
    p.box(20, 54, 80, 60, fill="#fffdf7")
    for x in (32, 68):
        p.disc(x, 69, 5, fill="#f7e08a")
    p.line(30, 82, 16, 97, fill="#55626f", width=4)
    p.line(70, 82, 84, 97, fill="#55626f", width=4)
    p.line(24, 91, 76, 91, fill="#55626f", width=4)


@icon("map", "a map with a route", "一张标了路线的地图")
def _map(p: Pen) -> None:
    p.box(6, 10, 94, 92, fill="#e6efd6", round_px=5, line="#a9b98f", width=2)
    p.shape(6, 62, 40, 92, 6, 92, fill="#9fc7e0")
    p.oval(52, 18, 88, 46, fill="#a9d28f")
    p.line(20, 30, 40, 50, 62, 54, 70, 76, fill="#c4483f", width=4)
    p.disc(20, 28, 6, fill="#35618e")
    p.shape(62, 64, 78, 64, 70, 80, fill="#c4483f")
    p.disc(70, 61, 9, fill="#c4483f")
    p.disc(70, 61, 3.5, fill="#ffffff")
