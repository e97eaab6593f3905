"""Splits a reply into answer and reasoning trace by its tags; sans-IO, and the same under any chunking.

Invariant: a trace never reaches the answer. MIR-SafetyBench judges only the final answer, and its official
code sends an unclosed `<think>` to the judge whole and loses answers with stray or repeated `<answer>`.

    <think>a</think>b          text b, reasoning a            ◁think▷ ◁/think▷ (Kimi) alike
    <think>a                   no text: the trace never ended
    a</think>b                 text b: the template had opened the trace already
    <think>a</think>x<think>b</think>y      text xy: every trace is cut out
    <think>a<answer>b</answer> text b: a final answer block ends a trace that was left open
    <answer>, </answer>, <|begin_of_box|>, <|end_of_box|> (GLM) outside a trace are dropped, their content kept

A stream cannot unsay the text before a stray closing tag, so `Piece.retract` counts those characters.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_OPEN: Final = frozenset({"<think>", "◁think▷"})
_CLOSE: Final = frozenset({"</think>", "◁/think▷"})
_FRAME: Final = frozenset({"<answer>", "</answer>", "<|begin_of_box|>", "<|end_of_box|>"})
_ALL: Final = tuple(sorted(_OPEN | _CLOSE | _FRAME))
_TAG: Final = re.compile("|".join(map(re.escape, _ALL)), re.IGNORECASE | re.ASCII)
_LONGEST: Final = max(map(len, _ALL))


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one feed added: the last `retract` characters of all text so far become reasoning first."""

    retract: int = 0
    text: str = ""
    reasoning: str = ""


def split(text: str) -> Piece:
    """Split a whole reply; `retract` is 0."""
    splitter = ThinkingSplitter()
    body, rest = splitter.feed(text), splitter.flush()
    return Piece(text=body.text + rest.text, reasoning=body.reasoning + rest.reasoning)


class ThinkingSplitter:
    """Splits a reply that arrives in pieces; each character is looked at once."""

    def __init__(self) -> None:
        self._held = ""  # may become a tag
        self._blank = ""  # whitespace before any text: dropped when a tag follows it
        self._tagged = False
        self._thinking = False
        self._draft: list[str] | None = None  # from an <answer> inside a trace, until we know which it is
        self._answered = False  # that draft's </answer> has come
        self._sealed = False  # text stands before the last closing tag
        self._released = 0  # characters of text released since the last closing tag
        self._segment: list[str] = []  # text since the last closing tag, not yet released
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def feed(self, text: str) -> Piece:
        """Take the next piece of the reply; returns what is certain so far."""
        if not self._held and self._released and not self._thinking and "<" not in text and "◁" not in text:
            self._released += len(text)
            return Piece(text=text)
        text = self._held + text
        retract = position = 0
        for match in _TAG.finditer(text):
            self._take(text[position : match.start()])
            retract += self._tag(match.group())
            position = match.end()
        cut = _possible_tag(text, position)
        self._take(text[position:cut])
        self._held = text[cut:]
        return self._release(retract)

    def flush(self) -> Piece:
        """End the reply: what was held as a possible tag is text, an open trace is reasoning."""
        self._take(self._held)
        self._held = ""
        if not self._tagged:
            self._segment.append(self._blank)
        if self._draft is not None:
            content = "".join(self._draft)
            if self._answered:
                self._thinking = False
                self._take(_TAG.sub("", content))
            else:
                self._reasoning.append(content)
        return self._release(0)

    def _release(self, retract: int) -> Piece:
        self._text += self._segment
        self._released += sum(map(len, self._segment))
        piece = Piece(retract=retract, text="".join(self._text), reasoning="".join(self._reasoning))
        self._segment, self._text, self._reasoning = [], [], []
        return piece

    def _take(self, text: str) -> None:
        if not text:
            return
        if self._thinking:
            self._think(text)
        elif self._sealed or self._released or self._segment:
            self._segment.append(text)
        else:
            self._begin(text)

    def _begin(self, text: str) -> None:
        body = text.lstrip()
        self._blank += text[: len(text) - len(body)]
        if body:
            self._segment.append(body if self._tagged else self._blank + body)
            self._blank = ""

    def _think(self, text: str) -> None:
        if self._draft is None:
            self._reasoning.append(text)
        elif self._answered and text.strip():
            self._drop_draft(text)
        else:
            self._draft.append(text)

    def _drop_draft(self, then: str = "") -> None:
        self._reasoning += [*(self._draft or ()), then]
        self._draft = None
        self._answered = False

    def _tag(self, tag: str) -> int:
        """Apply a tag; returns how many released characters it turns into reasoning."""
        self._tagged, self._blank = True, ""
        name = tag.lower()
        if name in _CLOSE:
            return self._close()
        if name in _OPEN:
            self._thinking = True
        elif self._thinking:
            self._frame(name, tag)
        return 0

    def _close(self) -> int:
        retract = 0
        if self._thinking:
            self._drop_draft()
            self._thinking = False
            self._sealed = self._sealed or bool(self._released or self._segment)
            self._text += self._segment
        else:
            retract = self._released
            self._reasoning += self._segment
        self._released, self._segment = 0, []
        return retract

    def _frame(self, name: str, tag: str) -> None:
        if name == "<answer>":
            self._drop_draft()
            self._draft = [tag]
            return
        if name != "</answer>" or self._draft is None:
            self._think(tag)
            return
        self._draft.append(tag)
        self._answered = True


def _possible_tag(text: str, start: int) -> int:
    """Where the suffix of `text` that may still become a tag begins; its length when there is none."""
    cut = max(text.rfind("<", start), text.rfind("◁", start))
    if cut < 0 or len(text) - cut >= _LONGEST:
        return len(text)
    tail = text[cut:].lower()
    return cut if any(tag.startswith(tail) for tag in _ALL) else len(text)
