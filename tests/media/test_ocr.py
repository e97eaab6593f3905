"""OCR on real pictures: exact, cached, offline, and clear about what it cannot read."""

from __future__ import annotations

import asyncio
import io
import socket
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from safesight.core.errors import MissingData
from safesight.core.messages import Image
from safesight.media.ocr import OcrReader, OcrSettings, shared_reader

FIGSTEP = Path(__file__).parents[3] / "shared/data/figstep"


def picture(*lines: str, size: tuple[int, int] = (480, 200), mode: str = "RGB", fmt: str = "PNG") -> Image:
    background = {"RGB": "white", "L": 255, "RGBA": (0, 0, 0, 0), "P": 0}[mode]
    image = PillowImage.new(mode, size, background)
    if mode == "P":
        image.putpalette([255, 255, 255, 0, 0, 0])
    draw = ImageDraw.Draw(image)
    ink = {"RGB": "black", "L": 0, "RGBA": (0, 0, 0, 255), "P": 1}[mode]
    for index, line in enumerate(lines):
        draw.text((20, 20 + 60 * index), line, fill=ink, font=ImageFont.load_default(36))
    buffer = io.BytesIO()
    image.save(buffer, fmt)
    return Image.from_bytes(buffer.getvalue(), label="a picture")


@pytest.fixture(scope="module")
def reader() -> OcrReader:
    return shared_reader()


async def test_reads_lines_in_order_with_their_places(reader: OcrReader) -> None:
    found = await reader.read(picture("Water the garden", "before breakfast"))
    assert found.text == "Water the garden\nbefore breakfast"
    assert (found.width, found.height) == (480, 200)
    first, second = found.lines
    assert first.box[1] < first.box[3] <= second.box[1] < second.box[3] <= 200
    assert min(first.confidence, second.confidence) > 0.8


@pytest.mark.parametrize(("mode", "fmt"), [("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("RGB", "BMP"), ("P", "GIF")])
async def test_reads_every_pixel_format(reader: OcrReader, mode: str, fmt: str) -> None:
    assert (await reader.read(picture("Green tea", mode=mode, fmt=fmt))).text == "Green tea"


async def test_a_blank_picture_has_no_text(reader: OcrReader) -> None:
    found = await reader.read(picture(size=(64, 48)))
    assert (found.text, found.lines) == ("", ())


async def test_reads_typographic_test_images_with_the_network_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("OCR tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    fresh = OcrReader(OcrSettings(workers=1))
    paths = sorted(FIGSTEP.rglob("*.png"))[:2]
    texts = await asyncio.gather(*(fresh.read(Image.from_path(path)) for path in paths))
    for text in texts:
        # The layout of every FigStep image: a statement, then empty items numbered 1 to 3.
        assert [line.text.strip(".") for line in text.lines][-3:] == ["1", "2", "3"]
        assert len(text.lines) >= 4


async def test_equal_images_are_read_once() -> None:
    fresh = OcrReader(OcrSettings(workers=1))
    image = picture("Read me once")
    one, two = await asyncio.gather(fresh.read(image), fresh.read(image))
    assert one is two
    # The bytes are not needed again: a run file's reference finds the text by hash.
    assert await fresh.read(image.reference()) is one


async def test_the_cache_forgets_the_oldest() -> None:
    fresh = OcrReader(OcrSettings(workers=1, cache_size=1))
    first = picture(size=(40, 40))
    await fresh.read(first)
    await fresh.read(picture(size=(41, 40)))
    with pytest.raises(MissingData, match="not kept in the run file"):
        await fresh.read(first.reference())


async def test_a_failed_reading_is_tried_again(tmp_path: Path) -> None:
    fresh = OcrReader(OcrSettings(workers=1))
    path = tmp_path / "late.png"
    path.write_bytes(picture(size=(40, 40)).read())
    image = Image.from_path(path)
    path.unlink()
    with pytest.raises(MissingData):
        await fresh.read(image)
    path.write_bytes(picture(size=(40, 40)).read())
    assert (await fresh.read(image)).text == ""


async def test_a_caller_that_leaves_does_not_cancel_the_others() -> None:
    fresh = OcrReader(OcrSettings(workers=1))
    image = picture("Stay")
    leaving = asyncio.create_task(fresh.read(image))
    staying = asyncio.create_task(fresh.read(image))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).text == "Stay"


def test_fingerprint_follows_what_changes_a_reading() -> None:
    assert OcrReader().fingerprint == OcrReader(OcrSettings(workers=7)).fingerprint
    assert OcrReader().fingerprint != OcrReader(OcrSettings(max_side=320)).fingerprint


def test_sync_reading_is_the_same_reading(reader: OcrReader) -> None:
    image = picture("Same")
    assert reader.read_sync(image) is asyncio.run(reader.read(image))
