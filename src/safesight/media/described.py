"""Images in words, for models that read only text: a layout line for each, then what OCR reads in it, quoted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from safesight.core.messages import ImagePart, Message, TextPart
from safesight.media.ocr import OcrReader, OcrText

IMAGE_CHARS = 1200
"""Text kept of one image; four images then still fit the context."""


async def describe_images(messages: Sequence[Message], reader: OcrReader) -> tuple[Message, ...]:
    """Replace every image by what a text model can be told of it; images are read side by side.

    Raises:
        DataError: an image cannot be read.
    """
    images = [image for message in messages for image in message.images]
    readings = await asyncio.gather(*(reader.read(image) for image in images))
    blocks = iter([image_block(text, index, len(images)) for index, text in enumerate(readings, 1)])
    return tuple(
        Message(
            message.role,
            tuple(TextPart(next(blocks)) if isinstance(part, ImagePart) else part for part in message.parts),
        )
        for message in messages
    )


def image_block(reading: OcrText, index: int, total: int) -> str:
    """The words that stand for image `index` of `total`: a layout line, then its text, each line after a bar."""
    size = f"Image {index} of {total} ({reading.width} x {reading.height} pixels)"
    lines = quote(reading.text)
    if not lines:
        return f"{size}: no text in it."
    return f"{size} shows this text:\n{lines}\n(end of image {index})"


def quote(text: str) -> str:
    """Quote text of an image so that no line of it can be taken for anything else; cut at `IMAGE_CHARS`."""
    safe = quoted_safely(text)
    return "\n".join(f"| {line.strip()}" for line in safe.splitlines() if line.strip())


def quoted_safely(text: str) -> str:
    """Text of an image without what a model could take for a control token; cut at `IMAGE_CHARS`."""
    cut = text if len(text) <= IMAGE_CHARS else text[:IMAGE_CHARS] + " …"
    return cut.translate(_BRACKETS)


_BRACKETS = str.maketrans({"<": "‹", ">": "›", "\x00": " "})
