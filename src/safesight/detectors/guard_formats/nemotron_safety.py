"""Nemotron Content Safety 3 and 3.5: `User Safety:`, `Response Safety:` and `Safety Categories:`, as lines or as JSON.

Source: NVIDIA's model cards; NeMo Guardrails' prompts ask the earlier ones for JSON with the same names. Where there is
an answer its line is the verdict, else the user's; a reply without the line that was asked for is off the menu.
"""

from __future__ import annotations

import re
from typing import Final

from safesight.core.protocols import Completion
from safesight.core.taxonomy import OTHER
from safesight.detectors.guard_formats.form import Format, Reading
from safesight.detectors.guard_formats.spoken import chances, verdict
from safesight.detectors.guard_formats.turns import chat

CATEGORIES: Final[dict[str, str]] = {
    "violence": "vcr",
    "sexual": "sxc",
    "criminal planning/confessions": "ncr",
    "guns and illegal weapons": "vcr",
    "controlled/regulated substances": "ncr",
    "suicide and self harm": "ssh",
    "sexual (minor)": "cse",
    "hate/identity hate": "hte",
    "pii/privacy": "prv",
    "threat": "vcr",
    "fraud/deception": "ncr",
    "malware": "ncr",
    "copyright/trademark/plagiarism": "ipv",
    "unauthorized advice": "spc",
    "illegal activity": "ncr",
}
"""Others (harassment, profanity, manipulation, politics ...) count as `other`."""


def _menus(who: str, other: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The lines and the object, in the card's order; the other one's line may stand before or after."""
    side = "(?:safe|unsafe)"
    lines = (
        rf"(?:{other} Safety:\s*{side}\s*\n\s*)?{who} Safety:\s*(?P<verdict>{side})"
        rf"(?:\s*\n\s*{other} Safety:\s*{side})?"
        r"(?:\s*\n\s*Safety Categories:(?P<categories>[^\n]*))?"
    )
    fields = (
        rf'\{{\s*(?:"{other} Safety":\s*"{side}"\s*,\s*)?"{who} Safety":\s*"(?P<verdict>{side})"'
        rf'(?:\s*,\s*"{other} Safety":\s*"{side}")?'
        r'(?:\s*,\s*"Safety Categories":\s*"(?P<categories>[^"]*)")?\s*\}'
    )
    return re.compile(lines, re.IGNORECASE), re.compile(fields, re.IGNORECASE)


_RESPONSE: Final = _menus("Response", "User")
_USER: Final = _menus("User", "Response")


def read(reply: Completion, /, *, answered: bool = True) -> Reading | None:
    """The line about the answer, or about the request where there is none."""
    for menu in _RESPONSE if answered else _USER:
        found = verdict(reply, menu)
        if found is not None:
            unsafe = found["verdict"].lower() == "unsafe"
            shares = chances(reply, menu, ("safe", "unsafe"))
            names = [name.strip().lower() for name in (found["categories"] or "").split(",")] if unsafe else []
            codes = dict.fromkeys(CATEGORIES.get(name, OTHER) for name in names if name)
            return Reading(harm=shares.get("unsafe", float(unsafe)), codes=tuple(codes))
    return None


FORMATS: Final = (
    Format(
        name="nemotron-content-safety",
        prompts=lambda exchange: [("", chat(exchange))],
        read=read,
        safe="User Safety: safe\nResponse Safety: safe",
        openings=("user safety", "response safety", "{"),
        max_tokens=100,
    ),
)
