"""The diagram of README and docs, as a browser draws it: every word of a box stays inside its box, with room."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

DIAGRAM = Path(__file__).parents[2] / "docs" / "loop.svg"
OUTSIDE = """
() => [...document.querySelectorAll("g")].flatMap((group) => {
  const box = group.querySelector("rect.box").getBBox();
  return [...group.querySelectorAll("text")].map((text) => [text.textContent, text.getBBox()])
    .filter(([, t]) => t.x < box.x + 8 || t.x + t.width > box.x + box.width - 8 || t.y < box.y + 4
      || t.y + t.height > box.y + box.height - 4)
    .map(([words, t]) => `${words}: ends ${Math.round(box.x + box.width - t.x - t.width)} px before its box does`);
})
"""


# What people see it in: this machine's font, and the widest common one (Verdana and DejaVu Sans are some 15 % wider).
@pytest.mark.parametrize("font", ["system-ui", "DejaVu Sans", "sans-serif"])
def test_text_stays_in_its_boxes(page: Page, font: str) -> None:
    drawing = DIAGRAM.read_text(encoding="utf-8").replace('font-family="', f"font-family=\"'{font}', ")
    page.set_content(drawing)
    assert page.locator("g rect.box").count() == 4
    assert page.evaluate(OUTSIDE) == []


def test_nothing_reaches_over_the_edge(page: Page) -> None:
    page.set_content(DIAGRAM.read_text(encoding="utf-8"))
    left, top, right, bottom = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("rect, text, path:not(marker path)")].map((n) => n.getBBox());
          return [Math.min(...all.map((b) => b.x)), Math.min(...all.map((b) => b.y)),
                  Math.max(...all.map((b) => b.x + b.width)), Math.max(...all.map((b) => b.y + b.height))];
        }"""
    )
    assert left >= 0
    assert top >= 0
    assert right <= 954
    assert bottom <= 250
