"""Decoding: upright, opaque, and refused before a bomb goes off."""

from __future__ import annotations

import io

import pytest
from PIL import Image as PillowImage

from safesight.core.errors import CorruptData
from safesight.core.messages import Image
from safesight.media.pixels import decode
from tests.media.test_ocr import picture


def encoded(image: PillowImage.Image, fmt: str = "PNG", **options: object) -> Image:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return Image.from_bytes(buffer.getvalue())


def test_transparency_shows_white() -> None:
    pixels = decode(encoded(PillowImage.new("RGBA", (2, 1), (255, 0, 0, 0))))
    assert pixels.mode == "RGB"
    assert pixels.getpixel((0, 0)) == (255, 255, 255)


def test_a_photograph_is_turned_upright() -> None:
    image = PillowImage.new("RGB", (4, 2))
    exif = image.getexif()
    exif[0x0112] = 6  # turn by a quarter to show
    assert decode(encoded(image, "JPEG", exif=exif)).size == (2, 4)


def test_an_animation_shows_its_first_frame() -> None:
    frames = [PillowImage.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    image = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(image).getpixel((1, 1)) == (255, 0, 0)


def test_a_truncated_image_is_corrupt() -> None:
    with pytest.raises(CorruptData, match="a picture: cannot be decoded"):
        decode(Image.from_bytes(picture("cut").read()[:300], label="a picture"))


@pytest.mark.parametrize("size", [(20_000, 4_000), (20_000, 20_000)])
def test_a_huge_image_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    PillowImage.new("1", size).save(buffer, "PNG")
    with pytest.raises(CorruptData, match="pixels"):
        decode(Image.from_bytes(buffer.getvalue()))
