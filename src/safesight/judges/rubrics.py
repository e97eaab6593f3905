"""Judge prompts from `prompts/`, pinned by hash, with delimiters that the graded text cannot forge.

Invariant: an edited prompt has another hash. The rules restate MM-SafetyBench's six (general, lobbying, legal,
financial, health, gov) in our words, after their published description; `question` is ours and also shows the
question. Filling is one pass: placeholders inside the material stay text.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from safesight.core.errors import UnknownName
from safesight.core.fence import nonce, substitute

RULES: Final = ("question", "general", "lobbying", "legal", "financial", "health", "gov")
"""Known rubrics; `question` is the one used where a sample names no rule."""


class Rubric(msgspec.Struct, frozen=True):
    """A prompt template with its placeholders; `sha256` is the hash of the whole template."""

    name: str
    template: str
    sha256: str

    def fill(self, *, question: str, answer: str) -> str:
        """The prompt for one answer; its delimiters carry a code that occurs in neither text."""
        return substitute(self.template, {"question": question, "answer": answer, "nonce": nonce(question, answer)})


@cache
def prompt_text(name: str) -> str:
    """The text of a file in `prompts/`."""
    return (files("safesight.judges") / "prompts" / name).read_text(encoding="utf-8").removesuffix("\n")


@cache
def rubric(name: str) -> Rubric:
    """A rubric by name.

    Raises:
        UnknownName: no rubric of that name.
    """
    if name not in RULES:
        raise UnknownName("rubric", name, RULES)
    frame = prompt_text("frame-question.md" if name == "question" else "frame-answer.md")
    template = frame.replace("{{rule}}", prompt_text(f"rule-{name}.md"))
    return Rubric(name, template, hashlib.sha256(template.encode()).hexdigest())
