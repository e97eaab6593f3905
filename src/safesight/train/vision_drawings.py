"""Training drawings of the vision stage: one to four things strewn over a small page, and the caption true of it.

Invariant: the templates are this module's own. No page, text, name or layout of `verifiable` or `starter` is drawn here
(a test compares them); what is shared is the pen, the icons, the coloured shapes and the papers' colours.

A caption has a fixed form, so that image token k always stands for word k: from left to right "<colour> <shape>," or
"<big|small> <thing>,", four slots of three words, then full stops.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from safesight.benchmarks.drawing.icons import ICONS
from safesight.benchmarks.drawing.pen import OVER, page
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES, draw_shape

SLOTS: Final = 4
THINGS: Final = {
    "plate": " plate",
    "headphones": " headphones",
    "phone": " phone",
    "gloves": " gloves",
    "scale": " scale",
    "wallet": " wallet",
    "card": " card",
    "family": " family",
    "basket": " basket",
    "book": " book",
    "diary": " diary",
    "question": " question",
    "window": " window",
    "letter": " letter",
    "laptop": " laptop",
    "robot": " robot",
    "trophy": " trophy",
    "bed": " bed",
    "camera": " camera",
    "ticket": " ticket",
    "girl": " girl",
    "bin": " bin",
    "machine": " machine",
    "gate": " gate",
    "balloon": " balloon",
    "house": " house",
    "town": " town",
    "weed": " weed",
    "garden": " garden",
    "cactus": " cactus",
    "apples": " tree",
    "bicycle": " bicycle",
    "dog": " dog",
    "car": " car",
    "bus": " bus",
    "train": " train",
    "map": " map",
}
"""Word by icon; each word is one token of SmolLM2."""

WORDS: Final = tuple(sorted({".", ",", " big", " small", *THINGS.values(), *(f" {w}" for w in (*COLOURS, *SHAPES))}))
"""Every word that a caption can hold."""

_PAPERS: Final = ("#ffffff", "#fffdf7", "#eef1f7", "#e6edf3", "#f7efd9", "#e4f0e4", "#f3e9f5", "#fbe9d7")
_GREY: Final = (200, 216)


class Drawn(NamedTuple):
    """A page and its caption, one word per image token."""

    pixels: npt.NDArray[np.uint8]
    """Shape (side, side, 3)."""
    words: tuple[str, ...]


class Drawings:
    """An endless, seeded supply of drawings; the k-th depends on the seed and k alone, so training can resume at k.

    Args:
        side: width and height in pixels.
        tokens: words of a caption; 12 are used, the rest are full stops.
        seed: seeds everything.
        shapes_share: share of things that are coloured shapes.
        lone_until: pages before this index hold one thing, up to three times as many two at most: which word stands
            where is learned on them, and does not begin to be learned without.
    """

    def __init__(self, *, side: int, tokens: int, seed: int, shapes_share: float = 0.5, lone_until: int = 0) -> None:
        if tokens < 3 * SLOTS:
            raise ValueError(f"expected at least {3 * SLOTS} image tokens for a caption, got {tokens}.")
        self._side, self._tokens, self._seed, self._share = side, tokens, seed, shapes_share
        self._lone_until = lone_until

    def draw(self, index: int) -> Drawn:
        """The drawing of that index."""
        rng = np.random.default_rng((self._seed, index))
        side = self._side
        paper = _PAPERS[rng.integers(len(_PAPERS))]
        canvas = Image.new("RGB", (side, side), paper)
        if rng.random() < 0.4:  # a floor, so that a horizon is no thing
            shade = tuple(int(v) for v in rng.integers(*_GREY, size=3))
            canvas.paste(shade, (0, int(side * rng.uniform(0.6, 0.9)), side, side))
        most = 1 if index < self._lone_until else 2 if index < 3 * self._lone_until else SLOTS
        count = int(rng.integers(1, most + 1))
        words: list[str] = []
        for k in range(count):
            big = bool(rng.random() < 0.5)
            size = int(side * (rng.uniform(0.30, 0.40) if big else rng.uniform(0.17, 0.23)))
            if count == 4:
                size = min(size, side // 4)
                big = size > 0.235 * side
            name, described = self._thing(rng, big=big)
            sprite = mark_sprite(*name, paper).resize((size, size), Image.Resampling.BILINEAR)
            left = side * k / count
            x = int(left + rng.uniform(0, max(1.0, side / count - size)))
            canvas.paste(sprite, (x, int(rng.uniform(0, side - size))), sprite)
            words += [*described, ","]
        words[-1] = "."
        words += ["."] * (self._tokens - len(words))
        return Drawn(np.asarray(canvas, dtype=np.uint8), tuple(words))

    def _thing(self, rng: np.random.Generator, *, big: bool) -> tuple[tuple[str, str], tuple[str, str]]:
        if rng.random() < self._share:
            shape = tuple(SHAPES)[rng.integers(len(SHAPES))]
            colour = tuple(COLOURS)[rng.integers(len(COLOURS))]
            return (shape, colour), (f" {colour}", f" {shape}")
        icon = tuple(THINGS)[rng.integers(len(THINGS))]
        return (icon, ""), (" big" if big else " small", THINGS[icon])


@cache
def mark_sprite(name: str, colour: str, paper: str) -> Any:
    """The thing alone, 96 px, transparent around it."""
    pens = [page("#010203"), page("#fefdfc")]
    for pen in pens:
        box = pen.within(0, 0, 1)
        if colour:
            draw_shape(box, name, colour, behind=paper)
        else:
            ICONS[name][0](box)
    dark, light = (np.asarray(p.image.crop((0, 0, 100 * OVER, 100 * OVER)), dtype=np.int16) for p in pens)
    alpha = np.where(np.abs(dark - light).max(axis=2) > 8, 0, 255).astype(np.uint8)
    whole = np.dstack([dark.astype(np.uint8), alpha])
    return Image.fromarray(whole, "RGBA").resize((96, 96), Image.Resampling.BOX)
