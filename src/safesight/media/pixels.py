"""Decodes images for what needs pixels (OCR, local models), with a limit that holds before any pixel is read."""

from __future__ import annotations

import io

from PIL import Image as PillowImage
from PIL import ImageOps

from safesight.core.errors import CorruptData
from safesight.core.messages import Image

MAX_PIXELS = 64_000_000
"""Larger images are refused: one takes at least three bytes a pixel, and a small file can hold billions."""

_BOMBS = (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning)


def decode(image: Image, *, max_pixels: int = MAX_PIXELS) -> PillowImage.Image:
    """Decode to upright RGB; transparency shows white, an animation its first frame.

    Raises:
        MissingData: the bytes are gone.
        CorruptData: not decodable, or more than `max_pixels`.
    """
    name = image.label or image.sha256[:12]
    data = image.read()
    try:
        opened = PillowImage.open(io.BytesIO(data))
        width, height = opened.size
        if width * height > max_pixels:
            raise CorruptData(
                f"image {name}: {width} x {height} pixels is more than the {max_pixels:,} allowed. Scale it down."
            )
        upright = ImageOps.exif_transpose(opened)
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        rgba = upright.convert("RGBA")
    except (OSError, SyntaxError, ValueError, *_BOMBS) as error:
        raise CorruptData(f"image {name}: cannot be decoded ({error}). Fetch it again.") from None
    white = PillowImage.new("RGBA", rgba.size, "white")
    return PillowImage.alpha_composite(white, rgba).convert("RGB")
