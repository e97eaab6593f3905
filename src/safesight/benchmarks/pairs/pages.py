"""A page of one or two panels: drawn as a PNG of 512 x 384 pixels, or told in a sentence."""

from __future__ import annotations

import msgspec

from safesight.benchmarks.drawing.pen import HEIGHT, WIDTH, encode, page
from safesight.benchmarks.pairs.panel import Area, Language
from safesight.benchmarks.pairs.panels import Panel

PAPERS = ("#ffffff", "#fffdf7", "#eef1f7", "#e6edf3", "#f7efd9", "#f3e9f5")
_EDGE = 14.0


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One image of an item."""

    panels: tuple[Panel, ...]
    """One, or two side by side."""
    paper: str = PAPERS[0]

    def png(self) -> bytes:
        """Draw it; equal pages give equal bytes with the same Pillow."""
        pen = page(self.paper)
        middle = WIDTH / 2
        spans = [(_EDGE, WIDTH - _EDGE)] if len(self.panels) == 1 else [(8, middle - 6), (middle + 6, WIDTH - 8)]
        for panel, (x0, x1) in zip(self.panels, spans, strict=True):
            panel.draw(pen, Area(x0, _EDGE, x1, HEIGHT - _EDGE, self.paper))
        if len(self.panels) == 2:
            pen.line(middle, 10, middle, HEIGHT - 10, fill="#9aa5b1", width=2)
        return encode(pen)

    def told(self, language: Language) -> str:
        """What the page shows, in words."""
        if len(self.panels) == 1:
            said = self.panels[0].told()
            return said[0].upper() + said[1:] + ("." if language == "en" else "。")
        left, right = (panel.told() for panel in self.panels)
        if language == "en":
            return f"Left half: {left}. Right half: {right}."
        return f"左半边：{left}。右半边：{right}。"

    def texts(self) -> list[str]:
        """Every string drawn."""
        return [text for panel in self.panels for text in panel.texts()]
