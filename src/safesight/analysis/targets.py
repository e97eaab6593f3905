"""Whether an answer is the right one, for items with a target: options by letter, words otherwise.

Invariant: an answer that names several options, or none, is wrong, never guessed (`benchmarks.option_letters`).
"""

from __future__ import annotations

import re

from safesight.benchmarks.option_letters import option_letter

_WORDS = re.compile(r"[^\W_]+")


def answers_target(text: str, target: str) -> bool:
    """Whether an answer gives its target: the same option letter, or the target's words in order.

    A target of one letter is an option. For "yes" and "no" the first of the two words said counts.
    """
    wanted = target.strip()
    if len(wanted) == 1 and wanted.upper().isascii() and wanted.isalpha():
        return option_letter(text) == wanted.upper()
    said, words = _words(text), _words(wanted)
    if words in (["yes"], ["no"]):
        return next((word for word in said if word in ("yes", "no")), None) == words[0]
    if not words:
        return False
    return any(said[i : i + len(words)] == words for i in range(len(said) - len(words) + 1))


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())
