"""Whether an answer is the right one, for items with a target: options by letter, words otherwise.

Invariant: an answer that names several options, or none, is wrong, never guessed. The last explicit statement
counts ("Answer: B"), and the article "A" at the start of a sentence is no option.
"""

from __future__ import annotations

import re

_STATED = re.compile(
    r"(?:answer|option|choice|choose|pick|select|答案|选项|选择|选)(?:\s+(?:is|would be|should be))?"
    r"\s*(?:是|为)?\s*[:：]?\s*"
    r"[*(（\[]*([A-Z])(?![A-Za-z'])",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^[\s*(（\[]*([A-Z])(?:[\s*]*[.):：,，）\]]|\*|\s*$)")
_MARKED = re.compile(r"[(（\[]([A-Z])[)）\]]")
_WORDS = re.compile(r"[^\W_]+")


def chosen_option(text: str) -> str | None:
    """The option letter an answer settles on, in upper case; None when it names none or several."""
    stated = [letter for letter in _STATED.findall(text) if letter.isupper()]
    if stated:
        return stated[-1]
    leading = _LEADING.match(text)
    if leading:
        return leading[1]
    marked = set(_MARKED.findall(text))
    return marked.pop() if len(marked) == 1 else None


def answers_target(text: str, target: str) -> bool:
    """Whether an answer gives its target: the same option letter, or the target's words in order.

    A target of one letter is an option. For "yes" and "no" the first of the two words said counts.
    """
    wanted = target.strip()
    if len(wanted) == 1 and wanted.upper().isascii() and wanted.isalpha():
        return chosen_option(text) == wanted.upper()
    said, words = _words(text), _words(wanted)
    if words in (["yes"], ["no"]):
        return next((word for word in said if word in ("yes", "no")), None) == words[0]
    if not words:
        return False
    return any(said[i : i + len(words)] == words for i in range(len(said) - len(words) + 1))


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())
