"""Block list: flags text that contains one of the phrases of a file, in microseconds (Aho-Corasick).

Each line of the file is a phrase; `[ssh]` (a hazard code) puts the phrases below it in that category, `#` starts a
comment. Matching ignores case, full-width forms and runs of white space, and takes whole words where a phrase begins
or ends with a letter or digit of a script that separates words. A session sees each character once: what it keeps is
as long as the longest phrase. A match stays a match, whatever follows; one at the very end of what was fed counts,
although the next character might have made it part of a longer word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError, MissingExtra, UnknownName
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.taxonomy import HAZARDS, OTHER

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick

_SPACE: Final = re.compile(r"\s+")
_SECTION: Final = re.compile(r"\[(\w+)\]")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Thai, Lao, Burmese, Khmer, kana and Han: scripts that write words without spaces between them."""


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """One phrase, normalised, and its hazard code ("" when it has none)."""

    text: str
    category: str = ""


def normalise(text: str) -> str:
    """Fold case and width, and make every run of white space one space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return _SPACE.sub(" ", text.lower())


def read_phrases(path: Path) -> tuple[Phrase, ...]:
    """Read a block list.

    Raises:
        ConfigError: the file cannot be read or holds no phrase.
        UnknownName: a section is not a hazard code.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"patterns:{path}: cannot read the block list: {error}.") from None
    found: dict[str, Phrase] = {}
    category = ""
    for line in lines:
        text = normalise(line.partition("#")[0]).strip()
        if section := _SECTION.fullmatch(text):
            category = section[1]
            if category not in HAZARDS and category != OTHER:
                raise UnknownName("harm category", category, [*HAZARDS, OTHER])
        elif text:
            found.setdefault(text, Phrase(text=text, category=category))
    if not found:
        raise ConfigError(f"patterns:{path}: expected one phrase a line, found none.")
    return tuple(found.values())


def _spaced(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)


class PatternSession:
    """The matches of one streamed answer."""

    __slots__ = ("_categories", "_hit", "_owner", "_tail")

    def __init__(self, owner: Patterns) -> None:
        self._owner = owner
        self._tail = ""
        self._hit = False
        self._categories: dict[str, float] = {}

    def feed(self, text: str) -> Harm:
        """Add the next piece of the answer; harm is 1.0 from the first match on."""
        fresh = normalise(text)
        if fresh[:1] == " " and self._tail[-1:] == " ":
            fresh = fresh[1:]
        known = len(self._tail)
        text = self._tail + fresh
        for phrase in self._owner.matches(text, beyond=known):
            self._hit = True
            self._categories[phrase.category or OTHER] = 1.0
        self._tail = text[-self._owner.reach :]
        if not self._hit:
            return _SAFE
        # Phrases of no category stay apart from those of one, which a policy may tolerate.
        named = self._categories.keys() != {OTHER} or self._owner.names_other
        return Harm(harm=1.0, categories=dict(self._categories) if named else {})


_SAFE: Final = Harm(harm=0.0)


class Patterns:
    """Flags answers (and requests) that contain a phrase of a block list."""

    judges_requests = True

    def __init__(self, phrases: Sequence[Phrase], *, name: str = "patterns") -> None:
        self.name = name
        self.threshold = 0.5
        self.fingerprint = content_hash("patterns", [(p.text, p.category) for p in phrases])
        self.reach = max(len(phrase.text) for phrase in phrases)
        """Characters kept of what was seen: no phrase that ends in new text starts earlier, nor does its left edge."""
        self.names_other = any(phrase.category == OTHER for phrase in phrases)
        self._phrases = tuple(phrases)
        self._automaton = _automaton([phrase.text for phrase in phrases])

    def matches(self, text: str, *, beyond: int = 0) -> list[Phrase]:
        """Phrases of normalised `text` that end after its first `beyond` characters, as whole words."""
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return [self._phrases[i] for i, start, end in found if end > beyond and _whole(text, start, end)]

    def session(self, question: str) -> PatternSession:
        """A running match over one answer; the question plays no part."""
        return PatternSession(self)

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Match whole answers, or questions where there is no answer."""
        return [PatternSession(self).feed(e.answer or e.question) for e in exchanges]

    async def aclose(self) -> None:
        """Nothing to close."""


def _whole(text: str, start: int, end: int) -> bool:
    left = start > 0 and _spaced(text[start]) and _spaced(text[start - 1])
    right = end < len(text) and _spaced(text[end - 1]) and _spaced(text[end])
    return not left and not right


def _automaton(texts: Sequence[str]) -> AhoCorasick:
    try:
        from ahocorasick_rs import AhoCorasick
    except ImportError:
        raise MissingExtra("ahocorasick-rs", "proxy") from None
    return AhoCorasick(texts)


def open_detector(rest: str, options: dict[str, str]) -> Patterns:
    """Block list from a file, one phrase a line under `[category]` headings: `patterns:FILE`.

    Raises:
        ConfigError: there is no such file, or no phrase in it.
        MissingExtra: `ahocorasick-rs` is not installed.
    """
    PluginName("patterns", rest, options).reject_unknown([])
    if not rest:
        raise ConfigError("patterns: expected a file of phrases, as in 'patterns:words.txt', got none.")
    return Patterns(read_phrases(Path(rest)), name=f"patterns:{rest}")
