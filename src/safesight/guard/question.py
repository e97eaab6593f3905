"""The question an answer belongs to: what the user wrote, with the text read from the images where it stands.

Typographic attacks put the request into a picture; judged as text together with the prompt, in order, they are
ordinary requests again. Readings are made in worker threads and cached by image hash (`media.ocr`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from safesight.core.errors import MissingExtra
from safesight.core.messages import Image, ImagePart, Message
from safesight.media.ocr import OcrReader, shared_reader

QUESTION_CHARS = 4_000
"""The latest characters of the user's turns that a question keeps."""


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


def user_images(messages: Sequence[Message]) -> tuple[Image, ...]:
    """Every image of the user's turns, in order."""
    return tuple(image for message in messages if message.role == "user" for image in message.images)


async def read_question(messages: Sequence[Message], *, reader: OcrReader | None = None) -> str:
    """The user's turns as text, images as the text in them; without a reader images are left out.

    Raises:
        CorruptData: an image cannot be decoded or is too large.
        MissingData: an image's bytes are gone.
    """
    images = user_images(messages) if reader is not None else ()
    readings = await asyncio.gather(*(reader.read(image) for image in images)) if reader is not None and images else []
    texts = iter([reading.text.strip() for reading in readings])
    lines = [line for message in messages if message.role == "user" for line in _lines(message, texts)]
    return "\n".join(lines)[-QUESTION_CHARS:]


def _lines(message: Message, texts: Iterator[str]) -> list[str]:
    found = [next(texts, "") if isinstance(part, ImagePart) else part.text.strip() for part in message.parts]
    return [line for line in found if line]
