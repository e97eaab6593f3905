"""The arms show one case in five ways and change nothing else."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from safesight.benchmarks.arms import ARMS, GAP_PX, apply_arm, shuffled_order, stitch
from safesight.core.errors import CorruptData, DataError, MissingData, UnknownName
from safesight.core.messages import Image, ImagePart, TextPart


def picture(size: tuple[int, int], colour: tuple[int, ...], mode: str = "RGB", kind: str = "PNG") -> Image:
    encoded = io.BytesIO()
    Pillow.new(mode, size, colour).save(encoded, format=kind)
    return Image.from_bytes(encoded.getvalue(), label=f"{size}")


def pixels(image: Image) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(image.read())).convert("RGB"))


RED, GREEN, BLUE = (
    picture((30, 20), (255, 0, 0)),
    picture((10, 40), (0, 255, 0)),
    picture((5, 5), (0, 0, 255)),
)
CASE = {"images": [RED, GREEN, BLUE], "descriptions": ["red", "green", "blue"], "prompt": "What changes?"}


def test_multi_keeps_order_and_bytes_and_is_the_default() -> None:
    parts = apply_arm("multi", **CASE)
    assert parts == (ImagePart(RED), ImagePart(GREEN), ImagePart(BLUE), TextPart("What changes?"))
    assert apply_arm("", **CASE) == parts
    assert ARMS[0] == "multi"


def test_single_shows_the_first_image() -> None:
    assert apply_arm("single", **CASE) == (ImagePart(RED), TextPart("What changes?"))


def test_text_tells_every_image_before_the_prompt() -> None:
    assert apply_arm("text", **CASE) == (TextPart("Image 1: red\nImage 2: green\nImage 3: blue\n\nWhat changes?"),)


@pytest.mark.parametrize("descriptions", [[], ["red"], ["red", " ", "blue"]])
def test_text_needs_a_description_for_each_image(descriptions: list[str]) -> None:
    with pytest.raises(DataError, match="each of 3 images"):
        apply_arm("text", images=CASE["images"], descriptions=descriptions, prompt="p")


def test_stitched_joins_on_white_with_tops_aligned() -> None:
    image, text = apply_arm("stitched", **CASE)
    assert text == TextPart("What changes?")
    joined = pixels(image.image)
    assert joined.shape == (40, 30 + GAP_PX + 10 + GAP_PX + 5, 3)
    expected = np.full_like(joined, 255)
    expected[:20, :30] = (255, 0, 0)
    expected[:40, 80:90] = (0, 255, 0)
    expected[:5, 140:145] = (0, 0, 255)
    assert np.array_equal(joined, expected)


def test_stitched_passes_one_image_on_untouched() -> None:
    assert apply_arm("stitched", images=[RED], descriptions=[], prompt="p") == (ImagePart(RED), TextPart("p"))


def test_stitch_shows_transparency_as_white_and_reads_other_formats() -> None:
    clear = picture((4, 4), (0, 0, 0, 0), mode="RGBA")
    grey = picture((4, 4), (128,), mode="L", kind="BMP")
    joined = pixels(stitch([clear, grey]))
    assert (joined[:, :4] == 255).all()
    assert (joined[:, -4:] == 128).all()


def huge_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_stitch_says_which_image_it_cannot_read() -> None:
    truncated = Image.from_bytes(picture((300, 300), (1, 2, 3)).read()[:60], label="cut.png")
    with pytest.raises(CorruptData, match=r"cut\.png"):
        stitch([RED, truncated])
    with pytest.raises(CorruptData, match="pixels"):
        stitch([RED, Image.from_bytes(huge_png(), label="huge.png")])
    with pytest.raises(MissingData):
        stitch([RED, GREEN.reference()])
    with pytest.raises(DataError, match="at least one"):
        stitch([])


@given(count=st.integers(0, 6), seed=st.integers(0, 2**32))
def test_shuffled_is_a_repeatable_permutation_that_moves_something(count: int, seed: int) -> None:
    images = [RED] * count
    order = shuffled_order(images, seed=seed)
    assert sorted(order) == list(range(count))
    assert order == shuffled_order(images, seed=seed)
    assert (order == list(range(count))) == (count < 2)


def test_shuffled_reaches_every_other_order_and_follows_the_seed() -> None:
    orders = {tuple(shuffled_order(CASE["images"], seed=seed)) for seed in range(200)}
    assert len(orders) == 5
    shown = apply_arm("shuffled", **CASE, seed=3)
    order = shuffled_order(CASE["images"], seed=3)
    assert [part.image for part in shown[:-1]] == [CASE["images"][i] for i in order]
    assert shown[-1] == TextPart("What changes?")


def test_an_unknown_arm_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'stitched'"):
        apply_arm("stiched", **CASE)
