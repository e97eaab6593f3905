"""A request as the guard reads it: all that the model reads, as text, with the text read from images where it stands.

Typographic attacks put the request into a picture; judged as text together with the prompt, in order, they are
ordinary requests again. Readings are made in worker threads and cached by image hash (`media.ocr`).

Every turn of every role is read. What is judged is cut into windows that overlap, never into a part: what is longer
than the policy's `max_chars` is refused. Text parts are judged joined by a line break and joined by nothing, because
chat templates do either.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Final, Literal

import msgspec

from safesight.core.errors import MissingExtra, OversizedImage
from safesight.core.messages import Image, ImagePart, Message, TextPart
from safesight.media.ocr import OcrReader, OcrText, shared_reader

QUESTION_CHARS: Final = 4_000
"""The latest characters of the user's turns that an answer is judged with, and the length of a window."""
OVERLAP_CHARS: Final = 1_000
"""What a window repeats of the one before: no phrase that is shorter is cut."""
TURNS_CHARS: Final = 8_000
"""The latest characters of the conversation that detectors of conversations are shown."""
REQUEST_BOXES: Final = 3_000
"""Pieces of text in all images of a request; one with more is refused."""
_BLANK: Final = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]{9,}"
)
"""A long run of what shows nothing: it would push a phrase's words into different windows."""
_EDGE: Final = 100
_LAST_BLANK: Final = re.compile(r"\s(?!.*\s)", re.DOTALL)
_FIRST_BLANK: Final = re.compile(r"\s")


class ReadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says."""

    question: str
    """The user's turns, their latest characters: what an answer is judged with."""
    asked: str
    """The same of the turns that are judged."""
    windows: tuple[str, ...]
    """All that is judged, in windows that overlap."""
    turns: tuple[Message, ...]
    """The conversation as text, its latest characters."""
    images: tuple[Image, ...]
    asked_images: tuple[Image, ...]
    """Those of the turns that are judged."""
    chars: int
    """Characters that were to be judged."""


def open_reader() -> OcrReader:
    """The process's OCR reader.

    Raises:
        MissingExtra: OCR is not installed; says how to install it or do without.
    """
    for package in ("rapidocr", "onnxruntime"):
        if find_spec(package) is None:
            how = "pip install 'safesight[embedded]' (or set `ocr = false` under [input] in the policy)"
            raise MissingExtra(package, "embedded", how=how)
    return shared_reader()


async def read_request(
    messages: Sequence[Message],
    *,
    reader: OcrReader | None = None,
    turns: Literal["all", "latest"] = "all",
    client: str | None = None,
) -> ReadRequest:
    """Read a request; without a reader images are left out of its text.

    Args:
        messages: Every turn.
        reader: Reads the images of every turn.
        turns: What is judged: everything, or what the system says and what follows the last answered turn.
        client: Whose share of the reader's queue the images take; None takes none and is never refused.

    Raises:
        CorruptData: an image cannot be decoded.
        OversizedImage: an image, or all together, show more than is read.
        MissingData: an image's bytes are gone.
        Overloaded: too many images wait to be read.
    """
    images = tuple(image for message in messages for image in message.images)
    readings = await _readings(reader, images, client) if reader is not None and images else []
    texts = iter([reading.text.strip() for reading in readings])
    said = [_read(message, texts) for message in messages]
    chosen = range(len(said)) if turns == "all" else _latest(said)
    judged = [said[at] for at in chosen if said[at].parts]
    question = _question(said)
    pieces = ["\n".join(map(_said, judged))]
    if any(len(message.parts) > 1 for message in judged):
        pieces.append("\n".join("".join(_texts(message)) for message in judged))
    return ReadRequest(
        question=question,
        asked=question if len(judged) == len(said) else _question(judged),
        windows=tuple(dict.fromkeys(window for piece in pieces for window in windows(piece))),
        turns=tuple(_newest(said)),
        images=images,
        asked_images=tuple(image for at in chosen for image in messages[at].images),
        chars=len(pieces[0]),
    )


async def _readings(reader: OcrReader, images: Sequence[Image], client: str | None) -> list[OcrText]:
    """Every image read; where one cannot be, nobody waits for the others any more."""
    tasks = [asyncio.ensure_future(reader.read(image, client=client)) for image in images]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    boxes = sum(len(text.lines) for text in found)
    if boxes > REQUEST_BOXES:
        raise OversizedImage(f"expected at most {REQUEST_BOXES:,} pieces of text in all images, got {boxes:,}.")
    return found


def windows(text: str) -> Iterator[str]:
    """A text in windows of `QUESTION_CHARS`, each beginning with the end of the one before; blanks shortened."""
    text = _BLANK.sub(lambda run: run[0][:8], text).strip()
    if not text:
        return
    for start in range(0, max(1, len(text) - OVERLAP_CHARS), QUESTION_CHARS - OVERLAP_CHARS):
        end = start + QUESTION_CHARS
        # Whole words at both edges, where a blank is near.
        before = _LAST_BLANK.search(text, max(0, start - _EDGE), start) if start else None
        after = _FIRST_BLANK.search(text, end, end + _EDGE)
        yield text[before.end() if before else start : after.start() if after else end]


def _read(message: Message, texts: Iterator[str]) -> Message:
    """A turn with its images as the text in them."""
    if all(isinstance(part, TextPart) and part.text.strip() for part in message.parts):
        return message
    found = [next(texts, "") if isinstance(part, ImagePart) else part.text for part in message.parts]
    return Message(message.role, tuple(TextPart(text) for text in found if text.strip()))


def _question(messages: Sequence[Message]) -> str:
    return "\n".join(_said(message) for message in messages if message.role == "user")[-QUESTION_CHARS:]


def _said(message: Message) -> str:
    return "\n".join(text.strip() for text in _texts(message))


def _texts(message: Message) -> list[str]:
    return [part.text for part in message.parts if isinstance(part, TextPart)]


def _latest(messages: Sequence[Message]) -> list[int]:
    """What the system says, and what follows the last assistant turn that anything follows (a prefill is judged)."""
    end = len(messages)
    while end and messages[end - 1].role == "assistant":
        end -= 1
    answered = max((at for at in range(end) if messages[at].role == "assistant"), default=-1)
    return [at for at, message in enumerate(messages) if at > answered or message.role == "system"]


def _newest(messages: Sequence[Message]) -> list[Message]:
    """The last turns, `TURNS_CHARS` of them; the oldest kept is cut at its beginning."""
    kept: list[Message] = []
    left = TURNS_CHARS
    for message in reversed(messages):
        text = message.text[-left:] if left else ""
        if text:
            kept.append(Message(message.role, (TextPart(text),)))
            left -= len(text)
    return kept[::-1]
