"""The register of things: each is drawn in a 100 x 100 box and has a plain name in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PIL import ImageChops

from safesight.benchmarks.drawing.pen import OVER, Pen, page

ICONS: dict[str, tuple[Callable[[Pen], None], str, str]] = {}


def icon(name: str, english: str, chinese: str = "") -> Callable[[Callable[[Pen], None]], Callable[[Pen], None]]:
    """Register a drawing under `name`."""

    def keep(draw: Callable[[Pen], None]) -> Callable[[Pen], None]:
        ICONS[name] = (draw, english, chinese)
        return draw

    return keep


@cache
def bottom(name: str) -> float:
    """How far down the drawing reaches, as a share of its box, to stand it on something."""
    blank = page("#010203")
    ICONS[name][0](blank.within(0, 0, 3))
    box = ImageChops.difference(blank.image, page("#010203").image).getbbox()
    return (box[3] if box else 0) / OVER / 300
