"""Coloured shapes: each colour and form has one plain word in English and in Chinese, and no two look alike in grey."""

from __future__ import annotations

import math
from typing import Final

from safesight.benchmarks.drawing.pen import Pen

COLOURS: Final = {
    "red": ("#d3372f", "红色"),
    "blue": ("#2a63c4", "蓝色"),
    "green": ("#2f9e4f", "绿色"),
    "yellow": ("#f2c41d", "黄色"),
    "purple": ("#7d3fa8", "紫色"),
    "orange": ("#ee8322", "橙色"),
    "black": ("#22262b", "黑色"),
    "brown": ("#87542b", "棕色"),
}
"""Fill and Chinese name by English name."""

SHAPES: Final = {
    "star": "星形",
    "circle": "圆形",
    "square": "方形",
    "triangle": "三角形",
    "heart": "心形",
    "moon": "月牙",
    "cross": "十字",
    "ring": "圆环",
}
"""Chinese name by English name."""


def draw_shape(pen: Pen, shape: str, colour: str, *, behind: str = "#ffffff") -> None:
    """Draw a shape in a 100 x 100 box; `behind` is the colour seen through a ring and beside a moon.

    `colour` is a name of `COLOURS`, or "#rrggbb".

    Raises:
        KeyError: no such shape or colour.
    """
    fill = colour if colour.startswith("#") else COLOURS[colour][0]
    match shape:
        case "star":
            points: list[float] = []
            for k in range(10):
                radius, angle = (46.0, 18.0)[k % 2], math.radians(36 * k - 90)
                points += [50 + radius * math.cos(angle), 52 + radius * math.sin(angle)]
            pen.shape(*points, fill=fill)
        case "circle":
            pen.disc(50, 50, 42, fill=fill)
        case "square":
            pen.box(12, 12, 88, 88, fill=fill)
        case "triangle":
            pen.shape(50, 8, 94, 88, 6, 88, fill=fill)
        case "heart":
            pen.disc(30, 34, 24, fill=fill)
            pen.disc(70, 34, 24, fill=fill)
            pen.shape(9, 46, 91, 46, 50, 92, fill=fill)
            pen.box(32, 30, 68, 52, fill=fill)
        case "moon":
            pen.disc(50, 50, 42, fill=fill)
            pen.disc(68, 42, 36, fill=behind)
        case "cross":
            pen.box(36, 8, 64, 92, fill=fill)
            pen.box(8, 36, 92, 64, fill=fill)
        case "ring":
            pen.disc(50, 50, 42, fill=fill)
            pen.disc(50, 50, 24, fill=behind)
        case _:
            raise KeyError(shape)
