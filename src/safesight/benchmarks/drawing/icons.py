"""Every thing that can be drawn, by name."""

from __future__ import annotations

from safesight.benchmarks.drawing import indoors, outdoors
from safesight.benchmarks.drawing.icon import ICONS, bottom

__all__ = ["ICONS", "bottom", "indoors", "outdoors"]
