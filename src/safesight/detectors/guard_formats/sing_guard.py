"""Sing-Guard (2B, 4B, 8B; Qwen3-VL): `safe` or `unsafe` first, reasoning or none, then `<answer>...</answer>`.

Source: inclusionAI/Sing-Guard, README. The template's `thinking_type` is "fast" here: the judgement and the category,
nothing between. A server that passes no `chat_template_kwargs` on gets the default, which reasons between the two; the
answer in its tags is then the last word, and says more than the first. `policy` replaces the eight default rules; the
answer names one of the policy's then. It sees images.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from safesight.core.protocols import Completion
from safesight.core.taxonomy import OTHER
from safesight.detectors.guard_formats.form import Format, Reading
from safesight.detectors.guard_formats.spoken import chances, verdict
from safesight.detectors.guard_formats.turns import chat

CATEGORIES: Final = {"a": "sxc", "g": "vcr"}
"""Rules by their letter; those that span several hazards count as `other`."""
_MENU: Final = re.compile(
    r"(?P<verdict>safe|unsafe)(?:\s*\n(?:(?!<answer>).)*)?\s*(?:<answer>(?P<answer>[^<>]{1,200})</answer>)?",
    re.IGNORECASE | re.DOTALL,
)
_REASONED: Final = re.compile(r"\A\s*(?:safe|unsafe)\s*\n\s*(?!<answer>)\S", re.IGNORECASE)


def read(reply: Completion, /, *, answered: bool = True) -> Reading | None:
    """P(unsafe) at the first word, where the answer in its tags says the same; else what that answer says."""
    found = verdict(reply, _MENU)
    if found is None or (found["answer"] is None and _REASONED.match(reply.text)):
        return None  # reasoning that was cut off has not come to its answer
    unsafe = found["verdict"].lower() == "unsafe"
    named = (found["answer"] or "").strip()
    if named and (named.lower() not in ("safe", "none")) != unsafe:
        return Reading(harm=float(not unsafe), codes=() if unsafe else (_code(named),))
    shares = chances(reply, _MENU, ("safe", "unsafe"))
    return Reading(harm=shares.get("unsafe", float(unsafe)), codes=(_code(named),) if unsafe and named else ())


def _code(rule: str) -> str:
    letter, dot, _ = rule.partition(".")
    return CATEGORIES.get(letter.strip().lower(), OTHER) if dot else OTHER


def _under(policy: str) -> Format:
    return msgspec.structs.replace(FORMATS[0], template={**FORMATS[0].template, "policy": policy})


FORMATS: Final = (
    Format(
        name="sing-guard",
        prompts=lambda exchange: [("", chat(exchange, images=True))],
        read=read,
        safe="safe\n<answer>Safe</answer>",
        openings=("safe", "unsafe"),
        max_tokens=1024,
        images=True,
        codes=frozenset((*CATEGORIES.values(), OTHER)),
        reasons=True,
        template={"thinking_type": "fast"},
        under=_under,
    ),
)
