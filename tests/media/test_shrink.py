from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image as Pillow

from safesight.core.errors import CorruptData
from safesight.core.messages import Image
from safesight.media.shrink import shrink
from tests.support import png


def encoded(mode: str, size: tuple[int, int], form: str, **save: object) -> Image:
    out = io.BytesIO()
    Pillow.new(mode, size).save(out, form, **save)
    return Image.from_bytes(out.getvalue(), label="picture")


def decoded(image: Image) -> Pillow.Image:
    return Pillow.open(io.BytesIO(image.read()))


def test_what_fits_stays_the_original():
    image = Image.from_bytes(png(40, 30))
    assert shrink(image, max_side=40) is image


@pytest.mark.parametrize(
    ("mode", "form"),
    [("RGB", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("P", "GIF"), ("I;16", "PNG")],
)
def test_the_longer_side_is_cut_and_the_shape_kept(mode: str, form: str):
    small = shrink(encoded(mode, (80, 40), form), max_side=20)
    assert (decoded(small).size, decoded(small).format, small.label) == ((20, 10), "PNG", "picture")


def test_transparency_shows_white():
    small = decoded(shrink(encoded("RGBA", (80, 40), "PNG"), max_side=20))
    assert (small.mode, small.getpixel((5, 5))) == ("RGB", (255, 255, 255))


def test_a_turned_photo_stays_upright():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    assert decoded(shrink(encoded("RGB", (80, 40), "JPEG", exif=exif), max_side=20)).size == (10, 20)


def huge(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("data", [png(64, 64)[:60], b"\x89PNG\r\n\x1a\n" + bytes(40), huge(20_000)])
def test_what_cannot_be_decoded_is_said_so(data: bytes):
    with pytest.raises(CorruptData, match="image"):
        shrink(Image.from_bytes(data), max_side=32)
