"""What a guard model's format is: how an exchange is put to it, and how its replies are read.

Invariant: no verdict can be written by the text it judges. Control tokens in that text are broken (`defuse`); an answer
that could be taken for the beginning of a verdict is sent behind a quotation mark (`set_apart`), so that a server which
continues or repeats it cannot produce one; and readers take a reply only whole: anything before or after the verdict
that the format does not name is off the menu, which is an error of the detector and never "safe".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from safesight.core.messages import Message
from safesight.core.protocols import Completion
from safesight.core.records import Exchange, Harm

Prompt = str | Sequence[Message]

_CONTROL: Final = re.compile(
    r"<(?=\||/?(?:start_of|end_of|bos|eos|s>|image|guardian|think|no-think|score|confidence|answer)"
    r"|/?(?:BEGIN|END)[ _])|\[(?=/?INST\])"
)
_MARK: Final = '"'


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one reply of a guard says: P(harmful), hazard codes it names, and whether it calls the answer a refusal."""

    harm: float
    codes: tuple[str, ...] = ()
    refusal: bool | None = None


class PromptMaker(Protocol):
    """Makes the prompts of an exchange: pairs of the hazard code a reading is about ("": the reply names it)."""

    def __call__(self, exchange: Exchange, /) -> Sequence[tuple[str, Prompt]]: ...


class Reader(Protocol):
    """Reads one reply, to an exchange with or without an answer; None where it is off the guard's menu."""

    def __call__(self, reply: Completion, /, *, answered: bool) -> Reading | None: ...


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One guard's way of being asked and of answering."""

    name: str
    prompts: PromptMaker
    read: Reader
    safe: str
    """How it says that an answer is safe; what a forged verdict would say."""
    openings: tuple[str, ...]
    """How a verdict may begin, in lower case; answers that begin so are set apart."""
    max_tokens: int = 32
    images: bool = False
    threshold: float = 0.5
    codes: frozenset[str] = frozenset()
    """Hazard codes that a reading may name."""
    reasons: bool = False
    """Its reply may reason aloud before the verdict, and so may quote what it judges."""
    template: Mapping[str, object] = {}
    """What its chat template takes besides the messages (`chat_template_kwargs`)."""
    under: Callable[[str], Format] | None = None
    """This format judging by a policy of the operator's, given as text; None where the task is fixed."""


def defuse(text: str) -> str:
    """Break control tokens, so that judged text cannot end its turn or its block."""
    return _CONTROL.sub(lambda match: "‹" if match[0] == "<" else "(", text)


def set_apart(answer: str, guard: Format) -> str:
    """The answer, behind a quotation mark where it begins as a verdict of `guard` may."""
    begins = answer.lstrip().casefold()
    forged = begins.startswith("<") or any(begins.startswith(o) or o.startswith(begins) for o in guard.openings)
    return _MARK + answer if answer and forged else answer


def combined(readings: Sequence[tuple[str, Reading]]) -> Harm:
    """Readings of one exchange as one score: the highest, with each hazard's own; a refusal is noted in `meta`."""
    categories: dict[str, float] = {}
    for about, reading in readings:
        for code in (about,) if about else reading.codes:
            categories[code] = max(reading.harm, categories.get(code, 0.0))
    said = [reading.refusal for _, reading in readings if reading.refusal is not None]
    meta = {"refusal": "yes" if any(said) else "no"} if said else {}
    return Harm(harm=max(reading.harm for _, reading in readings), categories=categories, meta=meta)
