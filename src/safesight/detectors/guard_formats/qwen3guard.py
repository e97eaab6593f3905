"""Qwen3Guard-Gen: `Safety: Safe|Controversial|Unsafe`, `Categories: ...` and, on answers, `Refusal: Yes|No`.

Source: QwenLM/Qwen3Guard, README (128 new tokens; its chat template holds the whole task). Controversial counts half,
so that a policy's threshold says what is done about it: up to 0.4, the default, such answers are flagged, from 0.6 on
they are not. Qwen3Guard-Stream classifies tokens by a head of its own and cannot be asked this way.
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
    "violent": "vcr",
    "non-violent illegal acts": "ncr",
    "sexual content or sexual acts": "sxc",
    "pii": "prv",
    "personally identifiable information": "prv",
    "suicide & self-harm": "ssh",
    "unethical acts": "hte",
    "politically sensitive topics": OTHER,
    "copyright violation": "ipv",
    "jailbreak": OTHER,
}
"""Unethical acts are bias, discrimination, stereotype, hate speech, insults and threats (technical report, table 1)."""
LEVELS: Final = {"safe": 0.0, "controversial": 0.5, "unsafe": 1.0}
_MENU: Final = re.compile(
    r"Safety:\s*(?P<verdict>Safe|Controversial|Unsafe)"
    r"(?:\s*\n\s*Categories:(?P<categories>[^\n]*))?(?:\s*\n\s*Refusal:\s*(?P<refusal>Yes|No))?",
    re.IGNORECASE,
)


def read(reply: Completion, /, *, answered: bool = True) -> Reading | None:
    """The level, graded where the server tells log-probabilities; categories as listed; refusal where it is said."""
    found = verdict(reply, _MENU)
    if found is None:
        return None
    said = found["verdict"].lower()
    shares = chances(reply, _MENU, tuple(LEVELS)) or {said: 1.0}
    names = [name.strip().rstrip(".").lower() for name in (found["categories"] or "").split(",")]
    codes = dict.fromkeys(CATEGORIES.get(name, OTHER) for name in names if name not in ("", "none"))
    refusal = found["refusal"]
    return Reading(
        harm=sum(LEVELS[level] * share for level, share in shares.items()),
        codes=tuple(codes) if said != "safe" else (),
        refusal=refusal.lower() == "yes" if refusal else None,
    )


FORMATS: Final = (
    Format(
        name="qwen3guard",
        prompts=lambda exchange: [("", chat(exchange))],
        read=read,
        safe="Safety: Safe\nCategories: None\nRefusal: No",
        openings=("safety:",),
        max_tokens=128,
        threshold=0.4,
        codes=frozenset((*CATEGORIES.values(), OTHER)),
    ),
)
