"""Hashed n-grams of a growing text, the same under any chunking.

Invariant: after any sequence of `feed` calls, `settled` plus `tail` are the distinct features of the whole text
fed so far, whatever the chunk boundaries were. A token is settled once more text can no longer change it, so a
feed costs what the new text costs and nothing is ever rescanned. Text is read in its normal form (`core.normal_form`),
which is made one character at a time.

Tokens are runs of letters or digits (digits become `0`; runs longer than `MAX_TOKEN` are cut), single ideographs and
kana, and sentence marks. Features are word 1-3-grams, character n-grams inside words, and word 1-2-grams of the opening
under a separate salt, where answers refuse or comply.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
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


class _Word(NamedTuple):
    """What a token brings to every feature it is part of."""

    left: int
    """Its hash as the left of a pair, multiplied."""
    right: int
    word: int
    """Its feature, and those of its character n-grams."""
    grams: tuple[int, ...]
    opening: int
    """Its feature where a text opens with it."""


@lru_cache(maxsize=1 << 14)
def _word(token: str, shift: int) -> _Word:
    word = _DIGITS.sub("0", token)
    base = crc32(word.encode())
    grams: set[str] = set()
    if len(word) >= _CHAR_SIZES[0]:
        padded = f"<{word}>"
        grams = {padded[i : i + size] for size in _CHAR_SIZES for i in range(len(padded) - size + 1)}
    hashed = tuple(crc32(b"#" + gram.encode()) >> shift for gram in sorted(grams))
    left = base * _LEFT & _MASK
    return _Word(left, base * _RIGHT + _ADDED, base >> shift, hashed, _salted(left) >> shift)


_LEFT, _RIGHT, _ADDED, _SPREAD = 2654435761, 40503, 0x9E3779B9, 2246822519
"""A pair's hash: Knuth's multiplier, then a xor-shift."""
_OPENING_SALT = 0x5EED * _RIGHT + _ADDED


def _salted(left: int) -> int:
    value = (left + _OPENING_SALT) & _MASK
    return (value ^ (value >> 15)) * _SPREAD & _MASK


class NGrams:
    """Distinct hashed features of one text, fed in pieces.

    Attributes:
        settled: feature indices that no further text can change, in order of appearance.
        tail: further indices if the text ended here.
        words: settled tokens so far.
    """

    __slots__ = ("_buffer", "_last", "_normaliser", "_pair", "_seen", "_shift", "settled", "tail", "words")

    def __init__(self, *, bits: int) -> None:
        self.settled: list[int] = []
        self.tail: list[int] = []
        self.words = 0
        self._shift = 32 - bits
        self._normaliser = Normaliser()
        self._seen: set[int] = set()
        self._buffer = ""
        self._last = 0
        """The last token's hash as a left side."""
        self._pair = (_ADDED ^ (_ADDED >> 15)) * _SPREAD & _MASK
        """The hash of the last two tokens; there being none, of two zeros."""

    def feed(self, text: str) -> list[int]:
        """Add text; returns the newly settled feature indices (also appended to `settled`)."""
        buffer = self._buffer + self._normaliser.feed(text)
        tokens = _tokens(buffer)
        tail = tokens[-1] if tokens else ""
        if tail.isalnum() and len(tail) < MAX_TOKEN and buffer.endswith(tail):
            tokens.pop()
        else:
            tail = ""
        self._buffer = tail
        seen = self._seen
        fresh = [feature for feature in dict.fromkeys(self._features(tokens)) if feature not in seen]
        seen.update(fresh)
        self.settled += fresh
        ahead = _tokens(tail + self._normaliser.tail)
        self.tail = self._peek(ahead) if ahead else []
        return fresh

    def _features(self, tokens: list[str]) -> list[int]:
        """Take tokens; returns their features, repeated ones too."""
        found: list[int] = []
        shift, last, pair, words = self._shift, self._last, self._pair, self.words
        for token in tokens:
            left, right, word, grams, opening = _word(token, shift)
            value = (pair * _LEFT + right) & _MASK
            three = (value ^ (value >> 15)) * _SPREAD & _MASK
            value = (last + right) & _MASK
            pair = (value ^ (value >> 15)) * _SPREAD & _MASK
            last = left
            found += (word, pair >> shift, three >> shift)
            found += grams
            if words < OPENING:
                found += (opening, _salted(pair * _LEFT) >> shift)
            words += 1
        self._last, self._pair, self.words = last, pair, words
        return found

    def _peek(self, tokens: list[str]) -> list[int]:
        before = self._last, self._pair, self.words
        found = self._features(tokens)
        self._last, self._pair, self.words = before
        return [feature for feature in dict.fromkeys(found) if feature not in self._seen]


def _tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def features(text: str, *, bits: int) -> list[int]:
    """Distinct feature indices, in [0, 2**bits), of a whole text."""
    grams = NGrams(bits=bits)
    grams.feed(text)
    return grams.settled + grams.tail
