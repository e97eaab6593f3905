"""Splits a reply into answer and reasoning trace by its tags; sans-IO, and the same under any chunking.

Invariant: a trace never reaches the answer, and an answer that mentions a tag stays whole. MIR-SafetyBench judges only
the final answer, and its official code sends an unclosed `<think>` to the judge whole and loses answers with stray or
repeated `<answer>`. The tags of all families are in `thinking_tags`; each works as these do:

    <think>a</think>b          text b, reasoning a            ◁think▷ ◁/think▷ (Kimi) alike
    <think>a                   no text: the trace never ended
    a</think>b                 text b: the template had opened the trace already
    <think>a</think>x<think>b</think>y      text xy: every trace is cut out
    <think>a<answer>b</answer> text b: a final answer block ends a trace that was left open; one that words or
                               another trace follow was a draft
    <answer>, </answer>, <|begin_of_box|>, <|end_of_box|> (GLM) outside a trace are dropped, their content kept
    <|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b     text b (harmony)
    Put it into <think> tags.  text as it is: a mention

A stream cannot unsay the text before a stray closing tag, so `Piece.retract` counts those characters.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from safesight.wire.thinking_tags import (
    ANSWER,
    ANSWERED,
    CLOSE,
    ENDS,
    FINAL,
    HEADERS,
    LOOK,
    MESSAGE,
    OPEN,
    STARTS,
    TAG,
    is_mention,
    is_tag,
    may_be_mention,
    possible_tag,
)

_HARMONY: Final = "analysis"
_NAMES: Final = ("analysis", "commentary", "final", "assistant")
"""Channels and the role that harmony's headers name."""
_BARE_ANALYSIS: Final = re.compile(r"\s*analysis[A-Z\"'<]")
"""Harmony without its special tokens: a channel's name glued to a sentence."""


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one feed added: the last `retract` characters of all text so far become reasoning first."""

    retract: int = 0
    text: str = ""
    reasoning: str = ""


def split(text: str) -> Piece:
    """Split a whole reply; `retract` is 0."""
    splitter = ThinkingSplitter()
    body, rest = splitter.feed(text), splitter.flush()
    keep = len(body.text) - rest.retract
    return Piece(text=body.text[:keep] + rest.text, reasoning=body.reasoning + body.text[keep:] + rest.reasoning)


class ThinkingSplitter:
    """Splits a reply that arrives in pieces; each character is looked at a bounded number of times."""

    def __init__(self) -> None:
        self._held = ""  # may become a tag, or a mention of one
        self._before = ""  # the last raw characters before `_held`
        self._opening = ""  # the first raw characters of the reply
        self._blank = ""  # whitespace before any text: dropped when a tag follows it
        self._tagged = False
        self._thinking = False
        self._header: list[str] | None = None  # harmony: a channel's name, until its message begins
        self._draft: list[str] | None = None  # from an <answer> inside a trace, until we know which it is
        self._answered = False  # that draft's </answer> has come
        self._sealed = False  # text stands before the last closing tag
        self._released = 0  # characters of text released since the last closing tag
        self._segment: list[str] = []  # text since the last closing tag, not yet released
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def feed(self, text: str) -> Piece:
        """Take the next piece of the reply; returns what is certain so far."""
        self._opening = (self._opening + text)[:64] if len(self._opening) < 64 else self._opening
        if self._plain(text):
            self._released += len(text)
            self._before = (self._before + text)[-LOOK:]
            return Piece(text=text)
        return self._release(self._read(self._held + text, last=False))

    def flush(self) -> Piece:
        """End the reply: what was held as a possible tag is text, an open trace is reasoning."""
        retract = self._read(self._held, last=True)
        if self._header is not None:
            self._reasoning += self._header
            self._header = None
        if not self._tagged:
            self._segment.append(self._blank)
        if self._draft is not None:
            content = "".join(self._draft)
            if self._answered:
                self._thinking = False
                self._take(TAG.sub("", content))
            else:
                self._reasoning.append(content)
        if not self._tagged and _BARE_ANALYSIS.match(self._opening):
            # Cut before its final channel: all of it is a trace.
            retract += self._close()
        return self._release(retract)

    def _plain(self, text: str) -> bool:
        """Nothing in sight can be a tag: the fast path of long answers."""
        idle = not self._held and self._released and not self._thinking and self._header is None
        return bool(idle) and not self._harmony and not any(start in text for start in STARTS)

    @property
    def _harmony(self) -> bool:
        opening = self._opening.lstrip()[: len(_HARMONY)].lower()
        return _HARMONY.startswith(opening)

    def _read(self, text: str, *, last: bool) -> int:
        """Go through `text`, keep in `_held` what is not certain, return how many released characters to retract."""
        retract = position = 0
        cut = None
        for match in TAG.finditer(text):
            if not last and match.end() + LOOK > len(text) and self._undecided(match, text):
                cut = match.start()
                break
            if self._is_text(match, text):
                continue
            self._take(text[position : match.start()])
            retract += self._tag(match.group())
            position = match.end()
        if cut is None:
            cut = len(text) if last else possible_tag(text, position, harmony=self._harmony)
        self._take(text[position:cut])
        self._before = (self._before + text[:cut])[-LOOK:]
        self._held = text[cut:]
        return retract

    def _is_text(self, match: re.Match[str], text: str) -> bool:
        tag = match.group()
        if not is_tag(tag) or (tag.lower() == FINAL and (self._tagged or not self._harmony)):
            return True
        after = text[match.end() : match.end() + LOOK]
        return not self._thinking and is_mention(self._left_of(match, text), tag.lower(), after)

    def _undecided(self, match: re.Match[str], text: str) -> bool:
        return not self._thinking and may_be_mention(self._left_of(match, text), match.group().lower())

    def _left_of(self, match: re.Match[str], text: str) -> str:
        return (self._before + text[: match.start()])[-LOOK:]

    def _release(self, retract: int) -> Piece:
        self._text += self._segment
        self._released += sum(map(len, self._segment))
        piece = Piece(retract=retract, text="".join(self._text), reasoning="".join(self._reasoning))
        self._segment, self._text, self._reasoning = [], [], []
        return piece

    def _take(self, text: str) -> None:
        if not text:
            return
        if self._header is not None:
            self._header.append(text)
        elif self._thinking:
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
        if name != MESSAGE and self._header is not None:
            header, self._header = "".join(self._header), None
            if not header.strip().lower().startswith(_NAMES):
                self._take(header)  # no header after all
        if name in HEADERS:
            self._header = []
        elif name == MESSAGE:
            return self._message()
        elif name in CLOSE or name == FINAL or (name in ENDS and self._thinking):
            return self._close()
        elif name in OPEN:
            self._open()
        elif self._thinking and name not in ENDS:
            self._frame(name, tag)
        return 0

    def _message(self) -> int:
        """Harmony's header is over: `final` is the answer, every other channel a trace."""
        header, self._header = "".join(self._header or ()), None
        channel = header.strip().lower()
        if channel.startswith("final"):
            return self._close()
        if not channel.startswith("assistant"):
            if channel:
                self._open()
            if not channel.startswith(_NAMES):
                self._reasoning.append(header)
        return 0

    def _open(self) -> None:
        self._thinking = True
        if self._answered:
            self._drop_draft()  # the model went on thinking, so that was no final answer

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
        if name in ANSWER:
            self._drop_draft()
            self._draft = [tag]
            return
        if name not in ANSWERED or self._draft is None:
            self._think(tag)
            return
        self._draft.append(tag)
        self._answered = True
