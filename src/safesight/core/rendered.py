r"""What a reader sees of marked-up text: the view of a browser or a Markdown renderer, as plain characters.

Entities and numeric, `\u`, `\x` and percent escapes are decoded; tags, comments and a terminal's colours go (tags that
end a line leave a space); emphasis, code marks, brackets and targets of links, footnotes' marks and backslashes go; a
word hyphenated at a line's end is one word. It is a view for finding words, wrong on purpose where text only looks like
markup (`2*3`, a Windows path): detectors read it besides the text itself, never instead.

Invariant: after any sequence of `feed` calls, all that was returned plus `tail` is the view of the whole text. What may
be the beginning of markup waits in `tail` until it is told, at most `MAX_COMMENT` characters.
"""

from __future__ import annotations

import html
import re
from typing import Final

from safesight.core.normal_form import normal_form

MAX_TAG: Final = 2_000
MAX_COMMENT: Final = 2_000
_MARKUP: Final = re.compile(
    r"&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6});?"
    r"|&[A-Za-z][A-Za-z0-9]{1,31};"
    rf"|<!--[\s\S]{{0,{MAX_COMMENT}}}?-->"
    rf"|</?[A-Za-z][^<>]{{0,{MAX_TAG}}}>"
    rf"|<[!?][^<>]{{0,{MAX_TAG}}}>"
    r"|\x1b\[[0-9;]{0,16}[A-Za-z]"
    r"|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\x[0-9a-fA-F]{2}|\\(?!\s)"
    r"|%[0-9a-fA-F]{2}"
    r"|(?<=\w)[-\u2010]\r?\n[ \t]{0,16}(?=\w)"
    rf"|\]\([^()\s]{{0,{MAX_TAG}}}\)|\]\[[\w -]{{0,64}}\]|\[\^[\w-]{{1,64}}\]|!?\[|\]"
    r"|[*`~]+|(?<!\w)_+|_+(?!\w)"
)
_BEGUN: Final = re.compile(
    r"&(?:\#(?:[0-9]{0,7}|[xX][0-9a-fA-F]{0,6})|[A-Za-z][A-Za-z0-9]{0,31})?"
    rf"|<(?:!(?:-(?:-[\s\S]{{0,{MAX_COMMENT + 2}}})?)?|/?(?:[A-Za-z][^<>]{{0,{MAX_TAG}}})?)?"
    rf"|<[!?][^<>]{{0,{MAX_TAG}}}"
    r"|\x1b(?:\[[0-9;]{0,16})?"
    r"|\\(?:u(?:[0-9a-fA-F]{0,3}|\{[0-9a-fA-F]{0,6})|x[0-9a-fA-F]?)?"
    r"|%[0-9a-fA-F]?"
    r"|[-\u2010](?:\r?(?:\n[ \t]{0,16})?)?"
    rf"|\](?:\([^()\s]{{0,{MAX_TAG}}}|\[[\w -]{{0,64}})?|!?\[(?:\^[\w-]{{0,64}})?|!|_+"
)
_FIRST: Final = re.compile(r"[&<\\%\-\u2010\[\]!_\x1b]")
MARKS: Final = re.compile(r"[&<\\%\-\u2010\[\]!_*`~\x1b]")
"""A text without any of these is its own view."""
_LINE: Final = re.compile(r"</?(?:p|br|div|li|ul|ol|tr|td|th|table|h[1-6]|hr|pre|blockquote)\b", re.IGNORECASE)


class Renderer:
    """The view of one text, fed in pieces.

    Attributes:
        tail: what follows what was returned, if the text ended here.
        differs: whether the view of the text so far is another than the text.
        joins: whether, in what was returned, a mark stood inside a word or for a letter.
    """

    __slots__ = ("_before", "_gap", "_held", "_inside", "differs", "joins", "tail")

    def __init__(self) -> None:
        self.tail = ""
        self.differs = False
        self.joins = False
        self._held = ""
        self._before = ""
        """The last character before what is held, for the marks that depend on it."""
        self._inside = False
        """The last plain character belongs to a word,"""
        self._gap = False
        """and a mark that stands for nothing came after it."""

    def feed(self, text: str) -> str:
        """Add text; returns the view of what no further text can change."""
        if not self._held and MARKS.search(text) is None:
            if text:
                self.joins = self.joins or (self._gap and text[0].isalnum())
                self._before = text[-1]
                self._gap, self._inside = False, self._before.isalnum()
            return text
        text = self._held + text
        cut = _begun(text)
        self._held = text[cut:]
        found = self._view(text[:cut], settles=True)
        self._before = text[cut - 1] if cut else self._before
        self.tail = self._view(self._held) if self._held else ""
        self.differs = self.differs or found != text[:cut] or self.tail != self._held
        return found

    def _view(self, text: str, *, settles: bool = False) -> str:
        text = self._before + text
        made: list[str] = []
        at = len(self._before)
        for found in _MARKUP.finditer(text, at):
            stands_for = _decoded(found[0])
            made += (text[at : found.start()], stands_for)
            if settles and not self.joins:
                self._note(text[at : found.start()], stands_for)
            at = found.end()
        if settles and not self.joins:
            self._note(text[at:], None)
        return "".join(made) + text[at:]

    def _note(self, plain: str, stands_for: str | None) -> None:
        """See whether a mark joined two pieces of a word: plain text, then what a mark stands for."""
        if plain:
            self.joins = self.joins or (self._gap and plain[0].isalnum())
            self._gap, self._inside = False, plain[-1].isalnum()
        if stands_for is None:
            return
        if shown := normal_form(stands_for):
            self.joins = self.joins or any(map(str.isalnum, shown))
            self._gap = self._inside = False
        else:
            self._gap = self._inside


def _begun(text: str) -> int:
    """Where markup that more text may complete begins; the text's length where there is none."""
    for found in _FIRST.finditer(text, max(0, len(text) - MAX_COMMENT - 8)):
        if _BEGUN.fullmatch(text, found.start()):
            return _outside(text, found.start())
    return len(text)


def _outside(text: str, cut: int) -> int:
    """The same place, or the beginning of the mark that it lies in."""
    for found in _MARKUP.finditer(text):
        if found.end() > cut:
            return min(found.start(), cut)
    return cut


def _decoded(mark: str) -> str:
    if mark[0] == "&":
        return html.unescape(mark if mark.endswith(";") else mark + ";")
    if mark[0] == "<":
        return " " if _LINE.match(mark) else ""
    if mark[0] in "\\%" and len(mark) > 1:
        code = int(mark.strip("\\ux%{}"), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return ""


def rendered(text: str) -> str:
    """The view of a whole text."""
    reader = Renderer()
    return reader.feed(text) + reader.tail
