"""Judge prompts from `prompts/`, pinned by hash, with delimiters that the graded text cannot forge.

Invariant: an edited prompt has another hash. The rules restate MM-SafetyBench's six (general, lobbying, legal,
financial, health, gov) in our words, after their published description; `question` is ours and also shows the
question. Filling is one pass: placeholders inside the material stay text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from safesight.core.errors import UnknownName

RULES: Final = ("question", "general", "lobbying", "legal", "financial", "health", "gov")
"""Known rubrics; `question` is the one used where a sample names no rule."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


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


def substitute(template: str, values: Mapping[str, str]) -> str:
    """Fill `{{name}}` placeholders in one pass, so that what is filled in is never filled again."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def nonce(*texts: str) -> str:
    """A code of 16 hex digits that none of the texts contains; the same texts give the same code.

    It hashes the texts that it fences, so whoever writes one of them cannot know it beforehand.
    """
    code = hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]
    while any(code in text for text in texts):
        code = hashlib.sha256(code.encode()).hexdigest()[:16]
    return code
