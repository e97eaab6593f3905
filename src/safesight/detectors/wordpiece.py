"""BERT's uncased WordPiece tokens of a growing text, the same under any chunking.

Follows the BasicTokenizer and WordpieceTokenizer of google-research/bert: lower case, accents stripped, ideographs and
punctuation apart, longest match first. A word is settled once a character after it arrives; until then its pieces are
the `tail`. Words longer than `MAX_WORD` characters are cut there (BERT makes them unknown, but a stream cannot wait for
the end of an endless word).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from safesight.core.normal_form import Normaliser

MAX_WORD = 40
_WORD = re.compile(rf"[㐀-鿿豈-﫿]|(?:(?![㐀-鿿豈-﫿])[^\W_]){{1,{MAX_WORD}}}|[^\w\s\x00-\x1f\x7f]|_")
_ASCII_WORD = re.compile(rf"[a-z0-9]{{1,{MAX_WORD}}}|[^\w\s\x00-\x1f\x7f]|_", re.ASCII)
"""The same for a folded ASCII text, several times as fast."""


@lru_cache(maxsize=1 << 12)
def _fold(character: str) -> str:
    """One character in lower case without its accents; control characters vanish, other spaces become one."""
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFD", character.lower())
    return "".join(c for c in plain if unicodedata.category(c) not in {"Mn", "Cc", "Cf"})


def fold(text: str) -> str:
    """Fold a text one character at a time, so that chunk boundaries make no difference."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


class Vocabulary:
    """Token ids of words, cached."""

    def __init__(self, tokens: Mapping[str, int]) -> None:
        self._tokens = tokens
        self._unknown = tokens["[UNK]"]
        self.pieces = lru_cache(maxsize=1 << 14)(self._pieces)

    def _pieces(self, word: str) -> tuple[int, ...]:
        """The ids of one folded word; unknown when some part of it is in no token."""
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                index = self._tokens.get(prefix + word[start:end])
                if index is not None:
                    found.append(index)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(found)


class WordPieces:
    """Token ids of one text, fed in pieces; `tail` holds those of the word the text may still be inside."""

    __slots__ = ("_buffer", "_normaliser", "_vocabulary", "tail")

    def __init__(self, vocabulary: Vocabulary, *, normal: bool = False) -> None:
        """Start a text; with `normal` it is read in its normal form first."""
        self._vocabulary = vocabulary
        self._normaliser = Normaliser() if normal else None
        self._buffer = ""
        self.tail: tuple[int, ...] = ()

    def feed(self, text: str) -> list[int]:
        """Add text; returns the ids that no further text can change."""
        buffer = self._buffer + fold(self._normaliser.feed(text) if self._normaliser else text)
        words = _words(buffer)
        last = words[-1] if words else ""
        inside = last.isalnum() and len(last) < MAX_WORD and buffer.endswith(last)
        self._buffer = words.pop() if inside else ""
        pieces = self._vocabulary.pieces
        settled = [index for word in words for index in pieces(word)]
        held = self._normaliser.tail if self._normaliser else ""
        if held:
            self.tail = tuple(index for word in _words(self._buffer + fold(held)) for index in pieces(word))
        else:
            self.tail = pieces(self._buffer) if self._buffer else ()
        return settled


def _words(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)
