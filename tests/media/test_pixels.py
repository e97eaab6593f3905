"""Decoding: upright, opaque, eight bits deep, refused before a bomb goes off; and all that a server may show.

The expected pictures are drawn here by hand, pixel by pixel; malformed files are put together from their formats'
own blocks.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from PIL import Image as PillowImage

from safesight.benchmarks.arms import stitch
from safesight.core.errors import CorruptData
from safesight.core.messages import Image, user
from safesight.core.records import Case, Reply, Response
from safesight.media.pixels import MAX_FRAMES, decode, measure, shown
from safesight.media.shrink import shrink
from safesight.reports.pictures import SIDE, thumbnails
from tests.media.test_ocr import picture
from tests.support import make_sample


def encoded(image: PillowImage.Image, fmt: str = "PNG", **options: object) -> Image:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return Image.from_bytes(buffer.getvalue())


def png_file(size: tuple[int, int], *, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> Image:
    """A PNG from its blocks; `rows` are the scan lines, each after its filter byte."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    blocks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return Image.from_bytes(b"\x89PNG\r\n\x1a\n" + blocks)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def greys(*levels: int, extra: bytes = b"") -> Image:
    """A 16-bit grey PNG of one row."""
    rows = b"\0" + b"".join(struct.pack(">H", level) for level in levels)
    return png_file((len(levels), 1), depth=16, colour=0, rows=rows, extra=extra)


def turned(kind: int, fmt: str = "JPEG") -> Image:
    """Wide, left half black; what EXIF makes of it is told by where the black goes."""
    image = PillowImage.new("RGB", (64, 32), "white")
    image.paste("black", (0, 0, 16, 8))
    exif = PillowImage.Exif()
    exif[0x0112] = kind
    return encoded(image, fmt, exif=exif, **({"quality": 95} if fmt == "JPEG" else {}))


def thumbnail(image: Image) -> PillowImage.Image:
    sample = msgspec.structs.replace(make_sample(1), messages=(user(image),))
    response = Response(key="r", sample_key=sample.key, reply=Reply(status="ok"))
    (url,) = thumbnails([Case(sample=sample, response=response)], budget=1_000_000).values()
    return PillowImage.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def opened(image: Image) -> PillowImage.Image:
    return PillowImage.open(io.BytesIO(image.read()))


PATHS: dict[str, Callable[[Image], PillowImage.Image]] = {
    "decode": decode,
    "shown": lambda image: next(shown(image)),
    "stitched arm": lambda image: opened(stitch([image, image])),
    "max_side": lambda image: opened(shrink(image, max_side=8)),
    "thumbnail": thumbnail,
}
"""Every way in the package from a foreign image to pixels."""


def test_transparency_shows_white() -> None:
    pixels = decode(encoded(PillowImage.new("RGBA", (2, 1), (255, 0, 0, 0))))
    assert pixels.mode == "RGB"
    assert pixels.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_sixteen_bit_greys_keep_their_levels_everywhere(path: Callable[[Image], PillowImage.Image]) -> None:
    ramp = np.linspace(3000, 60_000, 32 * 32).reshape(32, 32).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in ramp)
    made = np.asarray(path(png_file((32, 32), depth=16, colour=0, rows=rows)).convert("L"))
    assert made.min() < 60
    assert made.max() > 180


def test_a_sixteen_bit_level_is_its_high_byte() -> None:
    # PNG 3rd edition, 13.12: sample depth is scaled down by taking the most significant byte.
    assert np.asarray(decode(greys(0x0000, 0x1234, 0x80FF, 0xFFFF)))[0, :, 0].tolist() == [0x00, 0x12, 0x80, 0xFF]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("kind", "upright"), [(1, True), (3, True), (6, False), (8, False), (5, False)])
def test_exif_turns_are_obeyed_everywhere(
    path: Callable[[Image], PillowImage.Image], fmt: str, kind: int, upright: bool
) -> None:
    made = path(turned(kind, fmt))
    width = made.width if path is not PATHS["stitched arm"] else (made.width - 50) // 2
    assert (width > made.height) is upright


# EXIF 2.32, table 6: where the stored first row and first column are shown.
@pytest.mark.parametrize(
    ("kind", "corner"),
    [
        (1, "top left"),
        (2, "top right"),
        (3, "bottom right"),
        (4, "bottom left"),
        (5, "top left"),
        (6, "top right"),
        (7, "bottom right"),
        (8, "bottom left"),
    ],
)
def test_the_stored_corner_goes_where_exif_says(kind: int, corner: str) -> None:
    dark = np.asarray(decode(turned(kind)).convert("L")) < 128
    halves = dark[: dark.shape[0] // 2].sum() > dark.sum() / 2, dark[:, : dark.shape[1] // 2].sum() > dark.sum() / 2
    assert corner == f"{'top' if halves[0] else 'bottom'} {'left' if halves[1] else 'right'}"


def test_an_animation_shows_its_first_frame() -> None:
    frames = [PillowImage.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    image = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(image).getpixel((1, 1)) == (255, 0, 0)


def colours(image: Image) -> list[object]:
    return [picture.getpixel((0, 0)) for picture in shown(image)]


def test_clear_pixels_are_shown_on_white_on_black_and_bare() -> None:
    image = encoded(PillowImage.new("RGBA", (2, 1), (255, 0, 0, 0)))
    assert colours(image) == [(255, 255, 255), (0, 0, 0), (255, 0, 0)]


def test_an_opaque_picture_is_shown_once() -> None:
    assert colours(encoded(PillowImage.new("RGBA", (2, 1), (9, 8, 7, 255)))) == [(9, 8, 7)]


@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP"])
def test_every_frame_is_shown_once(fmt: str) -> None:
    frames = [PillowImage.new("RGB", (3, 3), colour) for colour in ("red", "blue", "red", "lime")]
    options = {"lossless": True} if fmt == "WEBP" else {}
    image = encoded(frames[0], fmt, save_all=True, append_images=frames[1:], duration=100, **options)
    assert sorted(map(str, colours(image))) == ["(0, 0, 255)", "(0, 255, 0)", "(255, 0, 0)"]


def test_more_frames_than_are_read_are_refused() -> None:
    frames = [PillowImage.new("L", (3, 3), 5 * k) for k in range(MAX_FRAMES + 1)]
    image = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(CorruptData, match=f"at most {MAX_FRAMES} frames, got {MAX_FRAMES + 1}"):
        list(shown(image))
    assert decode(image).size == (3, 3)


def test_pixels_of_all_frames_count() -> None:
    frames = [PillowImage.new("L", (30, 30), 50 * k) for k in range(4)]
    image = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert measure(image.read(), label="gif", max_pixels=3600).pixels == 3600
    with pytest.raises(CorruptData, match="30 x 30 in 4 frames"):
        measure(image.read(), label="gif", max_pixels=3599)


def test_a_turned_picture_is_also_shown_as_it_is_stored() -> None:
    assert [picture.size for picture in shown(turned(6))] == [(32, 64), (64, 32)]


def test_sixteen_bit_greys_are_also_shown_as_servers_clip_them() -> None:
    scaled, clipped = shown(greys(0, 90, 200))
    assert np.asarray(scaled)[0, :, 0].tolist() == [0, 0, 0]
    assert np.asarray(clipped)[0, :, 0].tolist() == [0, 90, 200]


def test_the_one_clear_level_of_a_sixteen_bit_grey_is_clear() -> None:
    image = greys(0x1234, 0x8000, extra=chunk(b"tRNS", struct.pack(">H", 0x1234)))
    assert np.asarray(decode(image))[0, :, 0].tolist() == [255, 0x80]


def test_a_truncated_image_is_corrupt() -> None:
    with pytest.raises(CorruptData, match="a picture: cannot be decoded"):
        decode(Image.from_bytes(picture("cut").read()[:300], label="a picture"))


@pytest.mark.parametrize("size", [(20_000, 4_000), (20_000, 20_000)])
def test_a_huge_image_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    PillowImage.new("1", size).save(buffer, "PNG")
    with pytest.raises(CorruptData, match="pixels"):
        decode(Image.from_bytes(buffer.getvalue()))


BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 80_000_000, 9))
MALFORMED = {
    "text bomb": png_file((1, 1), depth=8, colour=0, rows=b"\0\0", extra=BOMB).read(),
    "international text bomb": png_file(
        (1, 1), depth=8, colour=0, rows=b"\0\0", extra=chunk(b"iTXt", b"c\0\1\0\0\0" + zlib.compress(b"a" * 80_000_000))
    ).read(),
    "profile bomb": png_file(
        (1, 1), depth=8, colour=0, rows=b"\0\0", extra=chunk(b"iCCP", b"c\0\0" + zlib.compress(b"a" * 80_000_000))
    ).read(),
    "no size": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b""),
    "zero size": png_file((0, 0), depth=8, colour=0, rows=b"").read(),
    "depth 99": png_file((1, 1), depth=99, colour=0, rows=b"\0\0").read(),
    "data that is no deflate": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", b"rubbish")
    + chunk(b"IEND", b""),
    "JPEG of a marker": b"\xff\xd8\xff\xdb\x00\x00",
    "GIF without blocks": b"GIF89a\xff\xff\xff\xff\xf7\0\0",
    "BMP of nonsense": b"BM" + bytes(range(60)),
    "WebP of nonsense": b"RIFF\x20\0\0\0WEBPVP8 " + bytes(20),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", [decode, lambda image: list(shown(image)), lambda image: stitch([image])])
def test_malformed_files_are_read_or_clear_errors(path: Callable[[Image], object], data: bytes) -> None:
    said = ""
    try:
        path(Image.from_bytes(data, label="odd"))
    except CorruptData as error:
        said = str(error)
    assert said in ("",) or said.startswith("image odd: ")


def test_broken_pixels_are_no_black_picture() -> None:
    whole = encoded(PillowImage.new("RGB", (200, 200), (1, 2, 3))).read()
    at = whole.index(b"IDAT") + 4
    for spoilt in (whole[:at] + bytes(20) + whole[at + 20 :], whole[: at + 30] + b"\xff" * 8 + whole[at + 38 :]):
        with pytest.raises(CorruptData, match="broken data stream"):
            decode(Image.from_bytes(spoilt))
        with pytest.raises(CorruptData, match="broken data stream"):
            list(shown(Image.from_bytes(spoilt)))


@pytest.mark.parametrize("name", ["text bomb", "international text bomb", "no size", "depth 99", "BMP of nonsense"])
def test_what_no_decoder_reads_is_refused(name: str) -> None:
    with pytest.raises(CorruptData, match="cannot be decoded"):
        decode(Image.from_bytes(MALFORMED[name]))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_leaves_the_picture() -> None:
    image = encoded(PillowImage.new("RGB", (8, 4), "red"), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(image).size == (8, 4)


def test_thumbnails_stay_small() -> None:
    assert max(thumbnail(encoded(PillowImage.new("RGB", (900, 450), "red"), "JPEG")).size) == SIDE
