"""The one opener of images: what a file says of itself, its picture, and every picture a model may be shown of it.

Nothing else in the package decodes a foreign image, so one limit holds everywhere, before any pixel is read: a
small file can hold billions of them. Pictures are upright, opaque and eight bits deep; 16-bit greys keep their
levels (Pillow's own conversion clips them: python-pillow/Pillow #2574).

A server that shows an image to a model need not do what a person's viewer does. `shown` gives each rendering
that real servers make: transparency on white, on black, or dropped; turned by EXIF or not; 16-bit greys scaled
or clipped; every frame. What is read from all of them is all that the model can have read.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import numpy as np
from PIL import Image as PillowImage

from safesight.core.errors import CorruptData, OversizedImage, SafeSightError
from safesight.core.messages import Image

MAX_PIXELS: Final = 64_000_000
"""Of an image, all its frames together: one pixel takes at least three bytes."""
MAX_SIDE_PX: Final = 16_000
MAX_FRAMES: Final = 16
"""Frames that `shown` renders; an image with more is refused there."""

_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag Orientation: what puts a picture upright."""
_DEEP: Final = ("I", "I;16", "I;16B", "I;16L", "I;16N")


class PictureSize(msgspec.Struct, frozen=True, kw_only=True):
    """What an image's header says, before it is turned upright."""

    width: int
    height: int
    frames: int = 1

    @property
    def pixels(self) -> int:
        """Pixels of all frames together."""
        return self.width * self.height * self.frames


def measure(data: bytes, *, label: str, max_pixels: int = MAX_PIXELS) -> PictureSize:
    """Read an image's header; no pixel is decoded.

    Raises:
        CorruptData: there is no readable header.
        OversizedImage: a side is over 16,000 pixels, or all frames together have more than `max_pixels`.
    """
    with _opened(data, label, max_pixels) as (_, size):
        return size


def decode(image: Image, *, max_pixels: int = MAX_PIXELS, draft_px: int = 0) -> PillowImage.Image:
    """Decode to upright RGB of 8 bits; transparency shows white, an animation its first frame.

    Args:
        image: What to decode.
        max_pixels: Refuse more, over all frames.
        draft_px: A JPEG may be decoded smaller, its longer side at least this long; 0 asks for its own size.

    Raises:
        MissingData: the bytes are gone.
        CorruptData: it cannot be decoded.
        OversizedImage: it is over the limits.
    """
    with _opened(image.read(), _name(image), max_pixels) as (opened, _):
        if draft_px:
            opened.draft("RGB", (draft_px, draft_px))
        turn = _turn(opened)
        picture = _on(_eight_bits(opened), "white")
        return picture.transpose(turn) if turn is not None else picture


def shown(image: Image, *, max_pixels: int = MAX_PIXELS, max_frames: int = MAX_FRAMES) -> Iterator[PillowImage.Image]:
    """Yield each distinct RGB picture that a server may show a model of `image`; the first is that of `decode`.

    Raises:
        MissingData: the bytes are gone.
        CorruptData: it cannot be decoded.
        OversizedImage: it is over the limits, or has more than `max_frames` frames.
    """
    name = _name(image)
    with _opened(image.read(), name, max_pixels) as (opened, size):
        if size.frames > max_frames:
            raise OversizedImage(
                f"image {name}: expected at most {max_frames} frames, got {size.frames}. Send a still picture."
            )
        turn = _turn(opened)
        seen: set[bytes] = set()
        for number in range(size.frames):
            if number:
                opened.seek(number)
            for picture in _renderings(opened, turn):
                digest = hashlib.blake2b(picture.tobytes(), key=str(picture.size).encode()).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield picture


def _renderings(frame: PillowImage.Image, turn: PillowImage.Transpose | None) -> Iterator[PillowImage.Image]:
    plain = _eight_bits(frame)
    white = _on(plain, "white")
    yield white.transpose(turn) if turn is not None else white
    others = [white] if turn is not None else []
    if plain.has_transparency_data:
        others += [_on(plain, "black"), plain.convert("RGBA").convert("RGB")]
    if frame.mode in _DEEP:
        others.append(PillowImage.fromarray(np.clip(np.asarray(frame), 0, 255).astype(np.uint8)).convert("RGB"))
    for other in others:
        yield other.transpose(turn) if turn is not None and other is not white else other


@contextmanager
def _opened(data: bytes, name: str, max_pixels: int) -> Generator[tuple[PillowImage.Image, PictureSize]]:
    try:
        with PillowImage.open(io.BytesIO(data), formats=_FORMATS) as opened:
            width, height = opened.size
            _within(PictureSize(width=width, height=height), name, max_pixels)
            size = PictureSize(width=width, height=height, frames=getattr(opened, "n_frames", 1))
            _within(size, name, max_pixels)
            yield opened, size
    except SafeSightError:
        raise
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning):
        raise OversizedImage(_too_large(name, "more", max_pixels)) from None
    except Exception as error:  # noqa: BLE001 - a decoder of foreign bytes raises whatever they lead it to
        reason = "its header cannot be read" if isinstance(error, PillowImage.UnidentifiedImageError) else error
        raise CorruptData(f"image {name}: cannot be decoded ({reason}). Fetch it again.") from None


def _within(size: PictureSize, name: str, max_pixels: int) -> None:
    if max(size.width, size.height) > MAX_SIDE_PX or size.pixels > max_pixels:
        times = f" in {size.frames} frames" if size.frames > 1 else ""
        raise OversizedImage(_too_large(name, f"{size.width:,} x {size.height:,}{times}", max_pixels))


def _too_large(name: str, came: str, max_pixels: int) -> str:
    return (
        f"image {name}: expected at most {max_pixels:,} pixels and {MAX_SIDE_PX:,} a side, got {came}. "
        "Fetch it again, or make it smaller."
    )


def _name(image: Image) -> str:
    return image.label or image.sha256[:12]


def _turn(opened: PillowImage.Image) -> PillowImage.Transpose | None:
    """What puts a picture upright; an EXIF block that cannot be read turns nothing, as everywhere else."""
    opened.load()  # a PNG's EXIF may stand behind its pixels, and a failure to load those must not be taken for its own
    try:
        return _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a parser of foreign bytes
        return None


def _eight_bits(frame: PillowImage.Image) -> PillowImage.Image:
    """A frame with its 16-bit greys scaled to 8 bits, their one transparent level (PNG tRNS) as alpha."""
    if frame.mode not in _DEEP:
        return frame
    levels = np.clip(np.asarray(frame), 0, 0xFFFF).astype(np.uint16)
    grey = PillowImage.fromarray((levels >> 8).astype(np.uint8))
    clear = frame.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(PillowImage.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
    return grey


def _on(frame: PillowImage.Image, colour: str) -> PillowImage.Image:
    """A frame as RGB, its transparency over `colour`."""
    if not frame.has_transparency_data:
        return frame.convert("RGB")
    rgba = frame.convert("RGBA")
    return PillowImage.alpha_composite(PillowImage.new("RGBA", rgba.size, colour), rgba).convert("RGB")
