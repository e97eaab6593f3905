"""Makes images smaller, only when the user asks with `max_side`; otherwise no image is decoded to be sent.

The result is PNG: typographic attacks need legible text, which JPEG smears.
"""

from __future__ import annotations

import io

from safesight.core.messages import Image


def shrink(image: Image, *, max_side: int) -> Image:
    """The image with its longer side at most `max_side` pixels; the original bytes where it fits already.

    What is made smaller is upright and opaque (see `media.pixels`).

    Raises:
        MissingData: its file is gone.
        CorruptData: it cannot be decoded, or has too many pixels to be decoded safely.
    """
    from PIL import Image as Pillow

    from safesight.media.pixels import decode

    picture = decode(image)
    if max(picture.size) <= max_side:
        return image
    picture.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), label=image.label)
