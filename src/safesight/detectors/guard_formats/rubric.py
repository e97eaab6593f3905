"""Any chat model as a guard: one question by a versioned rubric, answered `Yes` or `No`, graded by the first token.

For those who have no guard model: `self` asks the guarded model this way. The rubric is our own (`rubric-1.md`; an
edited one is a new file and a new format). The judged text stands inside a user turn, between delimiters it cannot
forge, so no server continues it. A model that is asked this way was not trained to judge: measure it before it guards
(`python -m bench.guards`).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

from safesight.core.fence import nonce, substitute
from safesight.core.messages import user
from safesight.core.protocols import Completion
from safesight.core.records import Exchange
from safesight.detectors.guard_formats.form import Format, Prompt, Reading
from safesight.detectors.guard_formats.spoken import chances, verdict
from safesight.detectors.guard_formats.turns import dialogue

RUBRIC_SHA256: Final = "c1042bc57bca16d92a891798f8624eb8af1656134d487e918c19ed611f2994dc"
"""Of rubric-1.md: an edited prompt is another format."""
_MENU: Final = re.compile(r"(?:\*\*)?(?P<verdict>Yes|No)(?:\*\*)?[.,]?", re.IGNORECASE)


@cache
def rubric_text() -> str:
    """The rubric with its placeholders."""
    return (files("safesight.detectors.guard_formats") / "rubric-1.md").read_text(encoding="utf-8").strip()


def prompts(exchange: Exchange, /) -> list[tuple[str, Prompt]]:
    """The rubric around the conversation, as one user turn."""
    conversation = dialogue(exchange, speakers=("User", "Assistant"))
    who = "Assistant" if exchange.answer else "User"
    values = {"conversation": conversation, "who": who, "nonce": nonce(conversation)}
    return [("", [user(substitute(rubric_text(), values))])]


def read(reply: Completion, /, *, answered: bool = True) -> Reading | None:
    """P(Yes) at the word where the server tells log-probabilities, else the word."""
    found = verdict(reply, _MENU)
    if found is None:
        return None
    shares = chances(reply, _MENU, ("yes", "no"))
    return Reading(harm=shares.get("yes", float(found["verdict"].lower() == "yes")))


FORMATS: Final = (Format(name="rubric-1", prompts=prompts, read=read, safe="No", openings=("yes", "no"), max_tokens=4),)
