"""The one form in which detectors read text: what differs only to the machine, not to the eye, becomes equal.

Case, width and compatibility forms are folded (NFKD, which unlike NFKC needs no look ahead; what is compared is folded
alike), accents and other generic marks dropped, and so is all that shows nothing: format characters (zero width, bidi,
soft hyphen, tags), variation selectors, fillers, controls. Digits of every script are ASCII digits. In a word that also
has a Latin letter, letters of other scripts that look like Latin ones become those (UTS 39 skeletons); a word of one
script stays what it is. With `folded=False` case and accents stay: the same text for a model that reads as people do.

Invariant: after any sequence of `feed` calls, all that was returned plus `tail` is the normal form of the whole text,
whatever the chunk boundaries were. Only a word that has look-alikes and no Latin letter yet is held in `tail`, up to
`MAX_WORD` characters. ASCII text is its own lower case and costs what that costs.
"""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache
from typing import Final

from safesight.core.lookalikes import GROUPS

MAX_WORD: Final = 64
_LOOKS: Final = {letter: looks for looks, letters in GROUPS.items() for letter in letters}
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]+")
_LATIN: Final = re.compile(r"[A-Za-z]")
_ALPHANUMERIC: Final = string.ascii_letters + string.digits
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u0640")
"""Characters that show nothing and are not Cf, and the Arabic stretcher."""
_MARKS: Final = re.compile(
    # Generic marks, then Hebrew and Arabic points: spelling, not letters. Marks of other scripts are letters' parts.
    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    r"\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff]"
)
_STROKED: Final = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]) WITH .*|LATIN LETTER SMALL CAPITAL ([A-Z])")
_BOXED: Final = ((0x249C, 0x24B5), (0x1F110, 0x1F129), (0x1F150, 0x1F169), (0x1F170, 0x1F189), (0x1F1E6, 0x1F1FF))
"""Letters in circles and boxes that Unicode does not decompose, those in brackets, and regional indicators."""


def _shows_nothing(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character) in ("Cf", "Cs")
        or character in _FILLERS
        or 0xFE00 <= code <= 0xFE0F
        or 0x180B <= code <= 0x180F
        or 0xE0000 <= code <= 0xE0FFF
        or (unicodedata.category(character) == "Cc" and not character.isspace())
    )


@lru_cache(maxsize=1 << 15)
def _forms(character: str) -> tuple[str, str]:
    """A character as it stands in its own script, and as it stands in a word with Latin letters; "" shows nothing."""
    if _shows_nothing(character):
        return "", ""
    code = ord(character)
    for first, last in _BOXED:
        if first <= code <= last:
            return (boxed := chr(ord("a") + code - first)), boxed
    plain = _folded(character)
    if plain.isascii() or not plain.isalpha():
        return plain, plain
    looks = _LOOKS.get(character, "")
    if unicodedata.name(character, "").startswith("LATIN "):
        bare = _STROKED.fullmatch(unicodedata.name(plain, ""))
        own = looks or ((bare[1] or bare[2]).lower() if bare else plain)
        return own, own
    return plain, looks or plain


def _folded(character: str) -> str:
    made = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    made = _MARKS.sub("", made)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in made)


@lru_cache(maxsize=1 << 15)
def _kept_forms(character: str) -> tuple[str, str]:
    """As `_forms`, with case and accents kept."""
    plain, looks = _forms(character)
    if not plain:
        return "", ""
    own = unicodedata.normalize("NFKC", character)
    if plain != looks:
        return own, looks.upper() if character.isupper() else looks
    if plain.isascii() and len(own) == 1 and not own.isascii() and character not in _LOOKS:
        return own, own  # an accented letter
    return (own, own) if not plain.isascii() or own.isascii() else (plain, plain)


class Normaliser:
    """The normal form of one text, fed in pieces.

    Attributes:
        tail: what follows what was returned, if the text ended here.
    """

    __slots__ = ("_forms", "_latin", "_lookalike", "_lower", "_plain", "tail")

    def __init__(self, *, folded: bool = True) -> None:
        self.tail = ""
        self._lower = folded
        self._forms = _forms if folded else _kept_forms
        self._latin = False
        """The word that the text may still be inside has a Latin letter."""
        self._plain: list[str] = []
        self._lookalike: list[str] = []
        """That word in both forms, while it has look-alikes and no Latin letter."""

    def feed(self, text: str) -> str:
        """Add text; returns the normal form of what no further text can change."""
        if not text.isascii() or self._plain:
            return self._read(text)
        if not text.isprintable():
            text = _CONTROLS.sub("", text)
        if text:
            before = text.rstrip(_ALPHANUMERIC)
            word = text[len(before) :]
            self._latin = (self._latin and not before) or (word != "" and not word.isdigit())
        return text.lower() if self._lower else text

    def _read(self, text: str) -> str:
        found: list[str] = []
        for character in text:
            plain, looks = self._forms(character)
            if not plain:
                continue
            if not plain.isalnum():
                self._settle(found, self._plain)
                self._latin = False
                found.append(plain)
            elif self._latin:
                found.append(looks)
            elif _LATIN.search(plain):
                self._settle(found, self._lookalike)
                self._latin = True
                found.append(plain)
            elif self._plain or plain != looks:
                self._hold(found, plain, looks)
            else:
                found.append(plain)
        self.tail = "".join(self._plain)
        return "".join(found)

    def _hold(self, found: list[str], plain: str, looks: str) -> None:
        self._plain.append(plain)
        self._lookalike.append(looks)
        if len(self._plain) >= MAX_WORD:
            self._settle(found, self._plain)

    def _settle(self, found: list[str], form: list[str]) -> None:
        found += form
        self._plain, self._lookalike = [], []

    def copy(self) -> Normaliser:
        """A reader of the same text so far."""
        made = Normaliser(folded=self._lower)
        made.tail, made._latin = self.tail, self._latin
        made._plain, made._lookalike = [*self._plain], [*self._lookalike]
        return made


def normal_form(text: str, *, folded: bool = True) -> str:
    """The normal form of a whole text."""
    reader = Normaliser(folded=folded)
    return reader.feed(text) + reader.tail
