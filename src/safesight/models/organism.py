"""How the organism is asked: each picture squared for its tower, and what OCR reads in it on the line after.

A picture becomes 36 image tokens (stretched to 192 x 192, llama.cpp's LLaVA path) and one line of read text
(`organism_text`), which cannot pose as the prompt's frame. docs/organism.md says what the organism is.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Final

from safesight.core.messages import Image, ImagePart, Message, Part, TextPart, system
from safesight.core.records import Decoding
from safesight.media.ocr import OcrReader
from safesight.media.pixels import decode
from safesight.models.organism_text import NOTHING, told

SIDE: Final = 192
"""Pixels across and down that the tower sees."""
SYSTEM: Final = "Look at the pictures and answer."
"""Stands before every conversation that has no system prompt of its own."""
DEFAULTS: Final = Decoding(temperature=0.0, max_tokens=48, seed=0)
PROMPT_VERSION: Final = "1"
"""Changes with the words that stand around a picture."""


async def framed(messages: Sequence[Message], reader: OcrReader | None) -> tuple[Message, ...]:
    """Messages as the organism was trained on them: each picture squared, and its text on the line after it.

    Raises:
        DataError: an image cannot be read.
    """
    framed = [Message(m.role, await _parts(m.parts, reader)) for m in messages]
    return tuple(framed) if any(m.role == "system" for m in messages) else (system(SYSTEM), *framed)


async def _parts(parts: Sequence[Part], reader: OcrReader | None) -> tuple[Part, ...]:
    images = [part.image for part in parts if isinstance(part, ImagePart)]
    texts = iter(await asyncio.gather(*(_read(image, reader) for image in images)))
    done: list[Part] = []
    for k, part in enumerate(parts):
        if isinstance(part, TextPart):
            done.append(part)
            continue
        # llama.cpp joins two texts with a line break, and a text and a picture with nothing.
        before_picture = k + 1 < len(parts) and isinstance(parts[k + 1], ImagePart)
        done += [ImagePart(await asyncio.to_thread(squared, part.image))]
        done += [TextPart(f"\n{next(texts)}\n" if before_picture else f"\n{next(texts)}")]
    return tuple(done)


async def _read(image: Image, reader: OcrReader | None) -> str:
    return NOTHING if reader is None else told(await reader.read(image))


def squared(image: Image) -> Image:
    """A picture stretched to the square that the tower sees, so that no engine resizes it in a way of its own.

    Raises:
        DataError: it cannot be decoded.
    """
    from PIL.Image import Resampling

    out = io.BytesIO()
    decode(image).resize((SIDE, SIDE), Resampling.BOX).save(out, format="PNG")
    return Image.from_bytes(out.getvalue(), label=image.label)
