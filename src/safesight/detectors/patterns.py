"""Block list: flags text that contains one of the phrases of a file, in microseconds (Aho-Corasick).

Each line of the file is a phrase; `[ssh]` (a hazard code) puts the phrases below it in that category, `#` starts a
comment; `[spoilers: how a film ends]` makes a category of the list's own. Phrases and text are compared in their normal
form (`core.normal_form`), white space runs as one space; marked-up text is read as it renders too (`core.rendered`). A
phrase has to be whole words where it begins or ends with a letter or digit of a script that separates words and adds
nothing to them; scripts without spaces, and those that put particles to words (Hangul, Arabic, Hebrew), match anywhere,
but never half a syllable.

A session sees each character once: what it keeps is as long as the longest phrase. A match stays a match, whatever
follows; one at the very end of what was fed counts, although the next character might have made it part of a longer
word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, MissingExtra, UnknownName
from safesight.core.normal_form import Normaliser, normal_form
from safesight.core.protocols import Repertoire
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.rendered import Renderer
from safesight.core.taxonomy import HAZARDS, OTHER

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick

_SPACE: Final = re.compile(r"\s+")
_SECTION: Final = re.compile(r"\[([\w-]+)(?:\s*:\s*([^\]]+))?\]")
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u1100-\u11ff\uac00-\ud7ff\u0590-\u06ff\u0750-\u077f]"
)
"""Scripts that write words without spaces between them (Thai, Lao, Tibetan, Burmese, Khmer, kana, Han) or join
particles to them (Hangul, whose syllables the normal form takes apart; Hebrew; Arabic)."""
_JOINED: Final = re.compile(r"[\u1160-\u11ff]")
"""Vowels and finals of a Hangul syllable; like a mark, one belongs to the letter before it."""
_SPELT: Final = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,2}[^\W_](?![^\W_])){3,}")
"""At least four letters, each alone, with one or two separators between them."""


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """One phrase, normalised, and its hazard code ("" when it has none)."""

    text: str
    category: str = ""


def normalise(text: str) -> str:
    """The normal form, with every run of white space as one space."""
    return _SPACE.sub(" ", normal_form(text))


def read_phrases(path: Path) -> tuple[Phrase, ...]:
    """Read a block list.

    Raises:
        ConfigError: the file cannot be read or holds no phrase.
        UnknownName: a section is neither a hazard code nor said to be one of the list's own.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"patterns:{path}: cannot read the block list: {error}.") from None
    found: dict[str, Phrase] = {}
    category, own = "", list[str]()
    for line in lines:
        text = normalise(line.partition("#")[0]).strip()
        if section := _SECTION.fullmatch(text):
            category = section[1]
            if section[2] and category not in HAZARDS:
                own.append(category)
            known = [*HAZARDS, OTHER, *own]
            if category not in known:
                hint = f" To make one of your own, say what it is: [{category}: ...]."
                raise UnknownName("harm category", category, known, hint=hint)
        elif text:
            found.setdefault(text, Phrase(text=text, category=category))
    if not found:
        raise ConfigError(f"patterns:{path}: expected one phrase a line, found none.")
    return tuple(found.values())


def _spaced(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)


class _Reader:
    """One way of reading an answer: its normal form, as far back as a phrase reaches."""

    __slots__ = ("_kept", "_normaliser", "_owner")

    def __init__(self, owner: Patterns, normaliser: Normaliser | None = None, kept: str = "") -> None:
        self._owner = owner
        self._normaliser = normaliser or Normaliser()
        self._kept = kept

    def feed(self, text: str, *, tail: str = "") -> list[Phrase]:
        """Add text; returns the phrases that end in it, or in the `tail` that may follow."""
        known = len(self._kept)
        read = self._joined(self._kept, self._normaliser.feed(text))
        self._kept = read[-self._owner.kept :]
        if tail:
            ahead = self._normaliser.copy()
            read = self._joined(read, ahead.feed(tail) + ahead.tail)
        elif self._normaliser.tail:
            read += self._normaliser.tail
        return self._owner.matches(read, beyond=known)

    def copy(self) -> _Reader:
        """A reader of the same text so far."""
        return _Reader(self._owner, self._normaliser.copy(), self._kept)

    @staticmethod
    def _joined(before: str, text: str) -> str:
        if "  " in text or not text.isprintable():
            text = _SPACE.sub(" ", text)
        return before + (text[1:] if text[:1] == " " and before[-1:] == " " else text)


class PatternSession:
    """The matches of one streamed answer."""

    __slots__ = ("_categories", "_hit", "_names_other", "_plain", "_renderer", "_shown")

    def __init__(self, owner: Patterns) -> None:
        self._plain = _Reader(owner)
        self._names_other = owner.names_other
        self._renderer = Renderer()
        self._shown: _Reader | None = None
        """Reads the text as it renders, from where that began to differ."""
        self._hit = False
        self._categories: dict[str, float] = {}

    def feed(self, text: str) -> Harm:
        """Add the next piece of the answer; harm is 1.0 from the first match on."""
        shown = self._renderer.feed(text)
        if self._shown is None and (self._renderer.differs or self._renderer.tail):
            self._shown = self._plain.copy()
        found = self._plain.feed(text)
        if self._shown is not None:
            found += self._shown.feed(shown, tail=self._renderer.tail)
            if not self._renderer.differs and not self._renderer.tail:
                self._shown = None
        for phrase in found:
            self._hit = True
            self._categories[phrase.category or OTHER] = 1.0
        if not self._hit:
            return _SAFE
        # Phrases of no category stay apart from those of one, which a policy may tolerate.
        named = self._categories.keys() != {OTHER} or self._names_other
        return Harm(harm=1.0, categories=dict(self._categories) if named else {})


_SAFE: Final = Harm(harm=0.0)


class Patterns:
    """Flags answers (and requests) that contain a phrase of a block list."""

    judges_requests = True

    def __init__(self, phrases: Sequence[Phrase], *, name: str = "patterns", separators: bool = False) -> None:
        """Take a block list; with `separators`, phrases spelt letter by letter (`b-a-d`, `b a d`) match too."""
        self.name = name
        self.threshold = 0.5
        self.fingerprint = content_hash("patterns", 3, separators, [(p.text, p.category) for p in phrases])
        reach = max(len(phrase.text) for phrase in phrases)
        self.kept = 3 * reach + 1 if separators else reach
        """Characters kept of what was seen: no phrase that ends in new text starts earlier, nor does its left edge."""
        self.repertoire = Repertoire(
            categories=frozenset(phrase.category for phrase in phrases if phrase.category),
            levels=(0.0, 1.0),
            reach=reach,
        )
        self.names_other = any(phrase.category == OTHER for phrase in phrases)
        self._phrases = tuple(phrases)
        self._automaton = _automaton([phrase.text for phrase in phrases])
        self._spelt = _automaton([phrase.text.replace(" ", "") for phrase in phrases]) if separators else None

    def matches(self, text: str, *, beyond: int = 0) -> list[Phrase]:
        """Phrases of normalised `text` that end after its first `beyond` characters, as whole words."""
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        matched = [self._phrases[i] for i, start, end in found if end > beyond and _whole(text, start, end)]
        return matched + self._matches_spelt(text, beyond) if self._spelt is not None else matched

    def _matches_spelt(self, text: str, beyond: int) -> list[Phrase]:
        found: list[Phrase] = []
        for run in _SPELT.finditer(text):
            if self._spelt is not None and run.end() > beyond:
                letters = "".join(c for c in run[0] if c.isalnum())
                indexes = self._spelt.find_matches_as_indexes(letters, overlapping=True)
                found += [self._phrases[i] for i, start, end in indexes if end - start > 3]
        return found

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
    if end == len(text):
        return not left
    right = _spaced(text[end - 1]) and _spaced(text[end])
    return not left and not right and not _JOINED.match(text[end]) and unicodedata.category(text[end])[0] != "M"


def _automaton(texts: Sequence[str]) -> AhoCorasick:
    try:
        from ahocorasick_rs import AhoCorasick
    except ImportError:
        raise MissingExtra("ahocorasick-rs", "proxy") from None
    return AhoCorasick(texts)


class _Options(msgspec.Struct, kw_only=True):
    separators: bool = False


def open_detector(rest: str, options: dict[str, str]) -> Patterns:
    """Block list from a file, one phrase a line under `[category]` headings: `patterns:FILE`.

    `?separators=true` also finds phrases of four letters and more that are spelt letter by letter.

    Raises:
        ConfigError: there is no such file, no phrase in it, or an option is malformed.
        MissingExtra: `ahocorasick-rs` is not installed.
    """
    PluginName("patterns", rest, options).reject_unknown(_Options.__struct_fields__)
    chosen = convert(options, _Options, where=f"patterns:{rest}")
    if not rest:
        raise ConfigError("patterns: expected a file of phrases, as in 'patterns:words.txt', got none.")
    return Patterns(read_phrases(Path(rest)), name=f"patterns:{rest}", separators=chosen.separators)
