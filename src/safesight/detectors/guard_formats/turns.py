"""A conversation as a guard model's chat template takes it: user and assistant in turn, the newest kept.

Every published template wants the roles to alternate and to begin with the user's, so neighbours of one role are joined
and an assistant's opening is dropped. A system turn is the operator's and is not judged. What does not fit is left out
from the oldest on; the last user turn and the answer always go, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from safesight.core.messages import ImagePart, Message, Part, TextPart, assistant, user
from safesight.core.records import Exchange
from safesight.detectors.guard_formats.form import defuse

CONTEXT_CHARS: Final = 8_000
"""Characters of earlier turns that a guard is shown."""


def chat(exchange: Exchange, *, images: bool = False, limit: int = CONTEXT_CHARS) -> list[Message]:
    """The exchange as a conversation; without an answer the request is what is judged."""
    turns = _bounded(_alternating(exchange.turns), limit) if exchange.turns else []
    if not turns or turns[-1].role != "user":
        turns = [*turns, user(*exchange.images, exchange.question)]
    shown = [_defused(turn, images=images) for turn in turns]
    return [*shown, assistant(defuse(exchange.answer))] if exchange.answer else shown


def dialogue(exchange: Exchange, *, speakers: tuple[str, str] = ("User", "Agent")) -> str:
    """The conversation as labelled lines, for prompts that are text."""
    names = {"user": speakers[0], "assistant": speakers[1]}
    return "\n\n".join(f"{names[turn.role]}: {turn.text.strip()}" for turn in chat(exchange))


def _alternating(turns: Sequence[Message]) -> list[Message]:
    spoken = [turn for turn in turns if turn.role != "system"]
    joined = [
        Message(run[0].role, tuple(part for turn in run for part in turn.parts))
        for run in (list(run) for _, run in groupby(spoken, key=lambda turn: turn.role))
    ]
    return joined[1:] if joined and joined[0].role == "assistant" else joined


def _bounded(turns: list[Message], limit: int) -> list[Message]:
    """The newest turns within `limit` characters before the last, from a user's turn on."""
    first, left = len(turns) - 1, limit
    while first > 0 and len(turns[first - 1].text) <= left:
        first -= 1
        left -= len(turns[first].text)
    while first < len(turns) - 1 and turns[first].role != "user":
        first += 1
    return turns[first:]


def _defused(turn: Message, *, images: bool) -> Message:
    parts: list[Part] = [
        TextPart(defuse(part.text)) if isinstance(part, TextPart) else part
        for part in turn.parts
        if images or not isinstance(part, ImagePart)
    ]
    return Message(turn.role, tuple(parts))
