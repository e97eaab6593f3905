"""Sing-Guard (2B, 4B, 8B; Qwen3-VL): `safe` or `unsafe` as its first token, then `<answer>...</answer>`.

Source: the model cards of the family; it sees images and is served with its own chat template. Only the first word is
the verdict.
"""

from __future__ import annotations

import re
from typing import Final

from safesight.core.protocols import Completion
from safesight.detectors.guard_formats.form import Format, Reading
from safesight.detectors.guard_formats.spoken import chances, verdict
from safesight.detectors.guard_formats.turns import chat

_MENU: Final = re.compile(
    r"(?P<verdict>safe(?:\s*<answer>[^<>]{0,200}</answer>)?|unsafe(?:\s*<answer>.*)?)", re.IGNORECASE | re.DOTALL
)


def read(reply: Completion, /, *, answered: bool = True) -> Reading | None:
    """P(unsafe) at the first word where the server tells log-probabilities, else the word."""
    found = verdict(reply, _MENU)
    if found is None:
        return None
    shares = chances(reply, _MENU, ("safe", "unsafe"))
    return Reading(harm=shares.get("unsafe", float(found["verdict"].lower().startswith("unsafe"))))


FORMATS: Final = (
    Format(
        name="sing-guard",
        prompts=lambda exchange: [("", chat(exchange, images=True))],
        read=read,
        safe="safe\n<answer>safe</answer>",
        openings=("safe", "unsafe"),
        max_tokens=64,
        images=True,
    ),
)
