"""A guard's reply taken apart: the words of its verdict, and how likely each of them was where it stands.

Servers differ in what surrounds a verdict: blank lines, an empty thinking block, end tokens kept in the text or not,
one token or several for a word. All of these are passed over on either side of the menu alike; nothing else is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from safesight.core.protocols import Completion

_BEFORE: Final = re.compile(r"(?:\s|<\|(?:begin_of_text|im_start)\|>)*(?:<think>.*?</think>\s*)?", re.DOTALL)
_AFTER: Final = re.compile(
    r"(?:\s|<\|(?:eot_id|eom_id|end_of_text|endoftext|im_end|end|return|eot)\|>|</s>|<eos>|<end_of_turn>|<pad>)*\Z"
)
_AROUND: Final = " \t\r\n▁ĠĊ:>*\"'"
"""What a token may hold beside its word."""


def verdict(reply: Completion, menu: re.Pattern[str]) -> re.Match[str] | None:
    """The reply as a whole match of `menu`, blank space, an opening thinking block and end tokens aside."""
    return _whole(reply.text, menu)


def _whole(text: str, menu: re.Pattern[str]) -> re.Match[str] | None:
    before, after = _BEFORE.match(text), _AFTER.search(text)
    start = before.end() if before else 0
    return menu.fullmatch(text, start, max(start, after.start() if after else len(text)))


def chances(reply: Completion, menu: re.Pattern[str], words: Sequence[str], group: str = "verdict") -> dict[str, float]:
    """P(word) of each of `words` where the verdict's `group` stands; {} where the server does not tell.

    The alternatives of the token that begins the word are summed by the one word they may begin. Shares are of their
    sum, which has to be at least half of the whole.
    """
    found = _whole("".join(token.text for token in reply.tokens), menu)
    if found is None:
        return {}
    end = 0
    for token in reply.tokens:
        end += len(token.text)
        if end > found.start(group):
            return shares(token.alternatives, words)
    return {}


def shares(alternatives: Mapping[str, float], words: Sequence[str]) -> dict[str, float]:
    """Each word's share of the mass by the alternatives that begin it; {} when they hold less than half of all."""
    mass = dict.fromkeys(words, 0.0)
    for token, value in alternatives.items():
        piece = token.strip(_AROUND).casefold()
        begun = [word for word in words if piece and word.startswith(piece)]
        if len(begun) == 1:
            mass[begun[0]] += math.exp(min(0.0, value))
    total = sum(mass.values())
    return {word: share / total for word, share in mass.items()} if total >= 0.5 else {}
