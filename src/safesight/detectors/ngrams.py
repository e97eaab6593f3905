"""Hashed n-grams of a growing text, the same under any chunking.

Invariant: after any sequence of `feed` calls, what was returned plus `tail` are the steps of the whole text fed so far,
whatever the chunk boundaries were. A token is settled once more text can no longer change it, so a feed costs what the
new text costs and nothing is ever rescanned. Text is read in its normal form (`core.normal_form`), which is made one
character at a time.

Tokens are runs of letters or digits (digits become `0`; runs longer than `MAX_TOKEN` are cut), single ideographs and
kana, and sentence marks. Features are word 1-3-grams, character n-grams of words, and word 1-2-grams of the opening
under a separate salt, where answers refuse or comply. A text has those of each distinct word, pair and triple once; a
character n-gram counts once for every distinct word it is in, so that what a word brings is worked out once and kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

from safesight.core.normal_form import Normaliser

MAX_TOKEN = 24
OPENING = 16
_CHAR_SIZES = (4, 5)
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_IDEOGRAPH}]|(?:(?![{_IDEOGRAPH}])[^\W_]){{1,{MAX_TOKEN}}}|[.!?:;。！？：；]")
_ASCII_TOKEN = re.compile(rf"[a-z0-9]{{1,{MAX_TOKEN}}}|[.!?:;]")
"""The same for a folded ASCII text, several times as fast."""
_MASK = 0xFFFFFFFF
_DIGITS = re.compile(r"\d+")


Step = tuple[str, int, int]
"""A token, and the 32-bit hashes of the pair and of the triple that end with it."""


@lru_cache(maxsize=1 << 14)
def _sides(token: str) -> tuple[int, int]:
    """A token's hash as the left of a pair, and as its right."""
    base = crc32(_DIGITS.sub("0", token).encode())
    return base * _LEFT & _MASK, base * _RIGHT + _ADDED


def word_features(token: str, *, bits: int) -> tuple[int, ...]:
    """What a token brings wherever it stands: its own feature, and those of its character n-grams."""
    word = _DIGITS.sub("0", token)
    grams: set[str] = set()
    if len(word) >= _CHAR_SIZES[0]:
        padded = f"<{word}>"
        grams = {padded[i : i + size] for size in _CHAR_SIZES for i in range(len(padded) - size + 1)}
    shift = 32 - bits
    return crc32(word.encode()) >> shift, *(crc32(b"#" + gram.encode()) >> shift for gram in sorted(grams))


_LEFT, _RIGHT, _ADDED, _SPREAD = 2654435761, 40503, 0x9E3779B9, 2246822519
"""A pair's hash: Knuth's multiplier, then a xor-shift."""
_OPENING_SALT = 0x5EED * _RIGHT + _ADDED


def opening_hashes(step: Step) -> tuple[int, int]:
    """The 32-bit hashes of a token, and of the pair it ends, as the opening of a text."""
    return _salted(_sides(step[0])[0]), _salted(step[1] * _LEFT)


def _salted(left: int) -> int:
    value = (left + _OPENING_SALT) & _MASK
    return (value ^ (value >> 15)) * _SPREAD & _MASK


class NGrams:
    """The steps of one text, fed in pieces.

    Attributes:
        tail: further steps if the text ended here.
    """

    __slots__ = ("_buffer", "_last", "_normaliser", "_pair", "tail")

    def __init__(self) -> None:
        self.tail: list[Step] = []
        self._normaliser = Normaliser()
        self._buffer = ""
        self._last = 0
        """The last token's hash as a left side."""
        self._pair = (_ADDED ^ (_ADDED >> 15)) * _SPREAD & _MASK
        """The hash of the last two tokens; there being none, of two zeros."""

    def feed(self, text: str) -> list[Step]:
        """Add text; returns the newly settled steps."""
        buffer = self._buffer + self._normaliser.feed(text)
        tokens = _tokens(buffer)
        tail = tokens[-1] if tokens else ""
        if tail.isalnum() and len(tail) < MAX_TOKEN and buffer.endswith(tail):
            tokens.pop()
        else:
            tail = ""
        self._buffer = tail
        steps = self._steps(tokens)
        held = self._normaliser.tail
        if tail or held:
            before = self._last, self._pair
            self.tail = self._steps(_tokens(tail + held) if held else [tail])
            self._last, self._pair = before
        else:
            self.tail = []
        return steps

    def _steps(self, tokens: list[str]) -> list[Step]:
        found: list[Step] = []
        last, pair = self._last, self._pair
        for token in tokens:
            left, right = _sides(token)
            value = (pair * _LEFT + right) & _MASK
            three = (value ^ (value >> 15)) * _SPREAD & _MASK
            value = (last + right) & _MASK
            pair = (value ^ (value >> 15)) * _SPREAD & _MASK
            last = left
            found.append((token, pair, three))
        self._last, self._pair = last, pair
        return found


def _tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def features(text: str, *, bits: int) -> list[int]:
    """Feature indices, in [0, 2**bits), of a whole text; one that several of its words bring is there as often."""
    grams = NGrams()
    steps = grams.feed(text) + grams.tail
    hashes = dict.fromkeys(hashed for step in steps for hashed in step[1:])
    hashes.update(dict.fromkeys(hashed for step in steps[:OPENING] for hashed in opening_hashes(step)))
    shift = 32 - bits
    found = [hashed >> shift for hashed in hashes]
    for token in dict.fromkeys(step[0] for step in steps):
        found += word_features(token, bits=bits)
    return found
