from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageFont, ImageOps

from safesight.benchmarks.images import TYPO_WIDTH_PX, draw_typo, image_from_bytes, image_from_file, keep, typo_lines
from safesight.core.errors import CorruptData, MissingData
from tests.support import SHARED

from .conftest import Picture


def giant_png(side: int) -> bytes:
    """A valid PNG that says it is `side` pixels wide and high; decoding it would take gigabytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_whole_images_pass_untouched(picture: Picture, tmp_path: Path, kind: str) -> None:
    data = picture(3, kind=kind)
    path = tmp_path / "a"
    path.write_bytes(data)
    image = image_from_file(path, root=tmp_path)
    assert image.read() == data
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert image.data is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_images_are_named(tmp_path: Path, kind: str, share: float) -> None:
    encoded = io.BytesIO()
    Pillow.effect_noise((64, 64), 80).convert("RGB").save(encoded, format=kind)
    path = tmp_path / "cut.img"
    path.write_bytes(encoded.getvalue()[: int(len(encoded.getvalue()) * share)])
    with pytest.raises(CorruptData, match=r"cut\.img.*Fetch it again"):
        image_from_file(path, root=tmp_path)


def test_truncated_jpeg_with_a_thumbnail_is_found() -> None:
    small, big = io.BytesIO(), io.BytesIO()
    noise = Pillow.effect_noise((64, 64), 80).convert("RGB")
    noise.resize((16, 16)).save(small, format="JPEG")
    noise.save(big, format="JPEG", comment=small.getvalue())
    image_from_bytes(big.getvalue(), label="whole")
    with pytest.raises(CorruptData, match="cut short"):
        image_from_bytes(big.getvalue()[:-200], label="cut")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "zero bytes"),
        (b"<html>not found</html>", "expected PNG, JPEG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "expected PNG, JPEG"),
        (b"\x89PNG\r\n\x1a\nrubbish rubbish rubbish", "header"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(CorruptData, match=rf"bad\.png.*{words}.*Fetch it again"):
        image_from_file(path, root=tmp_path)


@pytest.mark.parametrize("side", [9_000, 20_000, 100_000])
def test_giant_images_are_refused_by_their_header(side: int) -> None:
    with pytest.raises(CorruptData, match=r"giant\.png.*pixels.*Fetch it again"):
        image_from_bytes(giant_png(side), label="giant.png")


def test_a_20000_pixel_strip_is_refused(picture: Picture) -> None:
    with pytest.raises(CorruptData, match="20,000 x 1"):
        image_from_bytes(picture(size=(20_000, 1)), label="strip.png")


def test_missing_and_unreadable_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"gone\.png: no such file\. Check --source"):
        image_from_file(tmp_path / "gone.png", root=tmp_path)
    with pytest.raises(MissingData, match="directory"):
        image_from_file(tmp_path, root=tmp_path)


def test_kept_images_leave_memory_and_keep_their_bytes(picture: Picture, image_cache: Path) -> None:
    image = image_from_bytes(picture(9), label="nine")
    kept = keep(image)
    assert kept.data is None
    assert kept.sha256 == image.sha256
    assert kept.read() == image.data
    assert keep(image) == kept
    assert [p.name for p in image_cache.rglob("*.*")] == [f"{image.sha256}.png"]


def test_a_damaged_cache_entry_is_written_again(picture: Picture) -> None:
    image = image_from_bytes(picture(9), label="nine")
    path = Path(keep(image).path or "")
    path.write_bytes(b"cut")
    assert keep(image).read() == image.data


def test_an_unwritable_cache_leaves_the_image_as_it_is(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SAFESIGHT_CACHE", str(tmp_path / "file"))
    image = image_from_bytes(picture(1), label="one")
    assert keep(image) is image


@given(st.text(st.sampled_from("abcdef ghij WW ii "), min_size=1, max_size=200))
def test_typo_wrap_keeps_every_word_once(phrase: str) -> None:
    lines = typo_lines(phrase)
    assert " ".join("".join(lines).split()) == " ".join(phrase.split())
    assert all(line.startswith(" ") for line in lines[1:])
    assert not lines[0].startswith(" ")


def test_typo_images_follow_the_published_recipe() -> None:
    short, long = draw_typo("garden hose"), draw_typo("a garden hose that is quite a lot longer than one line")
    one = Pillow.open(io.BytesIO(short.read()))
    assert one.size == (TYPO_WIDTH_PX, 180)
    assert one.getpixel((0, 0)) == (255, 255, 255)
    ink = ImageOps.invert(one.convert("L")).getbbox()
    assert ink is not None
    assert ink[0] < 20, "the first line has no space before it"
    assert 45 <= ink[1] < 75
    wrapped = typo_lines("a garden hose that is quite a lot longer than one line")
    assert len(wrapped) > 1
    assert Pillow.open(io.BytesIO(long.read())).size == (1024, 90 * (len(wrapped) + 1))
    assert draw_typo("garden hose").sha256 == short.sha256


def test_typo_wrap_is_arials() -> None:
    # 90-pt Arial: "W" is 85 px and a space 25 px, so 11 words of one W fit in 1,024 px (11 * 110 > 1,024 > 9 * 110).
    assert [len(line.split()) for line in typo_lines(" ".join("W" * 12))] == [9, 3]


def test_font_ships_with_its_licence() -> None:
    from importlib.resources import files

    fonts = files("safesight.benchmarks") / "fonts"
    assert "SIL OPEN FONT LICENSE Version 1.1" in (fonts / "OFL.txt").read_text()
    data = (fonts / "LiberationSans-Regular.ttf").read_bytes()
    assert "Open Font License".encode("utf-16-be") in data


def _space_before_every_line(phrase: str) -> list[list[str]]:
    """How phrases were wrapped before: the first line, too, began with a space and was measured with it."""
    with as_file(files("safesight.benchmarks") / "fonts" / "LiberationSans-Regular.ttf") as path:
        font = ImageFont.truetype(io.BytesIO(path.read_bytes()), 90, layout_engine=ImageFont.Layout.BASIC)
    lines: list[str] = []
    line = ""
    for word in phrase.split():
        if line and font.getlength(f"{line} {word}") > TYPO_WIDTH_PX:
            lines.append(line)
            line = ""
        line += f" {word}"
    return [text.split() for text in [*lines, line]]


def test_typo_wrap_differs_from_the_old_one_as_the_official_text_does() -> None:
    """Of the 1,680 key phrases an independent reading of the official code wrapped 96 otherwise than a space before
    every line does, and 52 to another height (with Raqm, whose kerning moves two; ours is the basic layout)."""
    folder = SHARED / "data" / "mm_safetybench" / "processed_questions"
    if not folder.is_dir():
        pytest.skip("the question files of MM-SafetyBench are not beside the checkout (../shared/data)")
    phrases = [q["Key Phrase"] for path in folder.glob("*.json") for q in json.loads(path.read_text()).values()]

    assert len(phrases) == 1680
    pairs = [(_space_before_every_line(phrase), [line.split() for line in typo_lines(phrase)]) for phrase in phrases]
    assert abs(sum(old != new for old, new in pairs) - 96) <= 2
    assert abs(sum(len(old) != len(new) for old, new in pairs) - 52) <= 2
