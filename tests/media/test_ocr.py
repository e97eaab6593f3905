"""OCR on real pictures: exact, cached, offline, and clear about what it cannot read."""

from __future__ import annotations

import asyncio
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from safesight.core.errors import MissingData, Overloaded, OversizedImage
from safesight.core.messages import Image
from safesight.media import ocr
from safesight.media.ocr import OcrReader, OcrSettings, shared_reader
from safesight.media.ocr_engine import MAX_BOXES, OcrLine, open_engine, read_picture

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


FONT = Path(ocr.__file__).parents[1] / "benchmarks/fonts/LiberationSans-Regular.ttf"
WORDS = """the garden was quiet in the early morning when the gardener came with his old watering can and a basket of
seeds for the long beds near the wall""".split()  # noqa: SIM905 - prose


def page(dpi: int, points: int = 11) -> tuple[Image, list[str]]:
    """An A4 page of plain prose, and its lines."""
    width, height, margin = int(8.27 * dpi), int(11.69 * dpi), int(0.9 * dpi)
    canvas = PillowImage.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.truetype(FONT, points * dpi // 72)
    lines: list[str] = []
    for number, top in enumerate(range(margin, height - margin, int(points * 1.35 * dpi / 72))):
        line, at = "", number
        while draw.textlength(f"{line} {WORDS[at % len(WORDS)]}", font=font) < width - 2 * margin:
            line, at = f"{line} {WORDS[at % len(WORDS)]}".strip(), at * 7 + 3
        draw.text((margin, top), line, fill="black", font=font)
        lines.append(line)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue()), lines


@pytest.mark.parametrize("dpi", [100, 150])
async def test_an_ordinary_page_is_read_word_for_word(reader: OcrReader, dpi: int) -> None:
    image, lines = page(dpi)
    found = await reader.read(image)
    read = [line.text for line in sorted(found.lines, key=lambda line: line.box[1])]
    assert len(read) == len(lines)
    words = [(set(one.split()), set(other.split())) for one, other in zip(read, lines, strict=True)]
    assert sum(len(one & other) for one, other in words) >= 0.97 * sum(len(other) for _, other in words)


def test_lines_taken_for_upside_down_are_read_both_ways() -> None:
    # The library alone turns about every fourth of these lines and reads rubbish.
    from PIL import ImageOps

    image, lines = page(150)
    top = PillowImage.open(io.BytesIO(image.read())).crop((0, 0, 1240, 400))
    engine = open_engine()
    upright = {line.text for line in read_picture(engine, top)}
    turned = {line.text for line in read_picture(engine, ImageOps.flip(ImageOps.mirror(top)))}
    assert upright == turned
    assert lines[0] in upright


@pytest.mark.parametrize("clear", [(255, 255, 255, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize("ink", [(255, 255, 255, 255), (0, 0, 0, 255), (200, 30, 30, 255)])
async def test_text_is_read_on_white_and_on_black(
    reader: OcrReader, clear: tuple[int, ...], ink: tuple[int, ...]
) -> None:
    image = PillowImage.new("RGBA", (480, 100), clear)
    ImageDraw.Draw(image).text((20, 20), "Green tea", fill=ink, font=ImageFont.load_default(36))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert "Green tea" in (await reader.read(Image.from_bytes(buffer.getvalue()))).text


async def test_text_under_full_transparency_is_read(reader: OcrReader) -> None:
    image = PillowImage.new("RGBA", (480, 100), (255, 255, 255, 0))
    ImageDraw.Draw(image).text((20, 20), "Hidden tea", fill=(0, 0, 0, 0), font=ImageFont.load_default(36))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert "Hidden tea" in (await reader.read(Image.from_bytes(buffer.getvalue()))).text


async def test_every_frame_is_read_and_repeats_are_told_once(reader: OcrReader) -> None:
    frames = [PillowImage.open(io.BytesIO(picture(*lines).read())) for lines in (["One"], ["One", "Two"], ["Three"])]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert (await reader.read(Image.from_bytes(buffer.getvalue()))).text == "One\nTwo\nThree"


async def test_sixteen_bit_greys_are_read(reader: OcrReader) -> None:
    import numpy as np

    grey = np.asarray(PillowImage.open(io.BytesIO(picture("Deep grey").read())).convert("L"))
    buffer = io.BytesIO()
    PillowImage.fromarray(grey.astype(np.uint16) * 200 + 3000).save(buffer, "PNG")
    assert (await reader.read(Image.from_bytes(buffer.getvalue()))).text == "Deep grey"


async def test_more_text_than_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safesight.media.ocr_engine.MAX_BOXES", 1)
    with pytest.raises(OversizedImage, match="pieces of text"):
        await OcrReader(OcrSettings(workers=1)).read(picture("One", "Two", "Three"))
    assert MAX_BOXES == 1_000


async def test_many_spots_do_not_crowd_out_the_text(reader: OcrReader) -> None:
    # The library looks at a thousand spots and drops the rest, the bottom of the picture first or last.
    canvas = PillowImage.new("L", (640, 640), 255)
    draw = ImageDraw.Draw(canvas)
    for top in (*range(0, 250, 8), *range(380, 640, 8)):
        for left in range(0, 640, 8):
            draw.rectangle((left, top, left + 2, top + 2), fill=0)
    draw.text((60, 290), "Read this line", fill=0, font=ImageFont.load_default(40))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    try:
        found = await reader.read(Image.from_bytes(buffer.getvalue()))
    except OversizedImage:
        return
    assert "Read this line" in found.text


@pytest.mark.parametrize(("side", "letters"), [(512, 10), (1024, 14), (2048, 16), (3000, 28)])
async def test_small_print_is_read_as_models_that_tile_see_it(reader: OcrReader, side: int, letters: int) -> None:
    canvas = PillowImage.new("RGB", (side, side), (225, 230, 235))
    font = ImageFont.truetype(FONT, letters)
    ImageDraw.Draw(canvas).text((30, side // 2), "water the roses", fill="black", font=font)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    assert (await reader.read(Image.from_bytes(buffer.getvalue()))).text.replace(" ", "") == "watertheroses"


class Slow:
    """Stands for the reading of a picture: notes what it is asked, and goes on when told."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.go = threading.Event()
        self.stopped = 0

    def __call__(self, engine: object, shown: PillowImage.Image, *, check: Callable[[], None]) -> list[OcrLine]:
        self.begun.append(shown.width)
        while not self.go.wait(0.002):
            try:
                check()
            except CancelledError:
                self.stopped += 1
                raise
        return []


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr(ocr, "read_picture", made)
    monkeypatch.setattr(ocr, "open_engine", lambda _: object())
    return made


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
        await asyncio.sleep(0.001)  # the condition is a thread's


async def test_readings_that_nobody_waits_for_stop(slow: Slow) -> None:
    fresh = OcrReader(OcrSettings(workers=1))
    tasks = [asyncio.create_task(fresh.read(picture(size=(40 + k, 40)), client="a")) for k in range(4)]
    other = asyncio.create_task(fresh.read(picture(size=(60, 40)), client="b"))
    await _until(lambda: slow.begun == [40] and fresh.waiting == 4)
    for task in tasks:
        task.cancel()
    await _until(lambda: slow.begun == [40, 60])
    assert (slow.stopped, fresh.waiting) == (1, 0)
    slow.go.set()
    assert (await other).text == ""
    assert (await fresh.read(picture(size=(40, 40)))).text == "", "what was dropped is read when it is asked for again"


async def test_a_client_with_a_backlog_starves_nobody(slow: Slow) -> None:
    fresh = OcrReader(OcrSettings(workers=1, queue=8))
    heavy = [asyncio.create_task(fresh.read(picture(size=(40, 40)), client="heavy"))]
    await _until(lambda: slow.begun == [40])
    heavy += [asyncio.create_task(fresh.read(picture(size=(40 + k, 40)), client="heavy")) for k in range(1, 9)]
    await _until(lambda: fresh.waiting == 8)
    with pytest.raises(Overloaded):
        await fresh.read(picture(size=(90, 40)), client="heavy")
    light = asyncio.create_task(fresh.read(picture(size=(60, 40)), client="light"))
    await _until(lambda: heavy[8].done())
    slow.go.set()
    assert (await light).text == ""
    results = await asyncio.gather(*heavy, return_exceptions=True)
    assert [isinstance(result, Overloaded) for result in results] == [False] * 8 + [True]
    assert slow.begun.index(60) <= 2


LEAVES = """
import io, sys, time
from PIL import Image as Picture, ImageDraw
from safesight.core.messages import Image
from safesight.media.ocr import OcrReader

reader = OcrReader()
for number in range(4):
    page = Picture.new("RGB", (900, 700), "white")
    for y in range(0, 700, 24):
        ImageDraw.Draw(page).text((10, y), f"page {number}: words at {y} that stand here", fill="black", font_size=18)
    out = io.BytesIO()
    page.save(out, "PNG")
    reader._reading(Image.from_bytes(out.getvalue()), None)
while not reader._readings or getattr(reader, "_queue").waiting > 2:
    time.sleep(0.05)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("seconds", ["0", "4"])
def test_a_process_ends_well_in_the_middle_of_a_reading(seconds: str) -> None:
    """A thread ended inside ONNX Runtime would abort the process (status -6)."""
    done = subprocess.run([sys.executable, "-c", LEAVES, seconds], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
