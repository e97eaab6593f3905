"""Whole files and cut ones, in every format, with what phones and editors leave inside and behind them."""

from __future__ import annotations

import io

import pytest
from PIL import Image as PillowImage

from safesight.media.complete import is_complete

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp", "BMP": "image/bmp"}

TAILS = {
    "nothing": b"",
    "zeros": bytes(32),
    "a long padding": bytes(10_000),
    "motion photo": b"\0\0\0\x18ftypmp42\xff\xda\x00\x01" + bytes(64),
    "another picture's start": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "a cut PNG": b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
    "text": b"; not the end" * 9,
}


def file(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    PillowImage.effect_noise((48, 40), 80).convert("P" if kind == "GIF" else "RGB").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_what_stands_behind_the_end_does_not_matter(kind: str, tail: bytes) -> None:
    assert is_complete(file(kind) + tail, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_without_its_end_is_cut(kind: str, share: float) -> None:
    data = file(kind)
    assert not is_complete(data[: int(len(data) * share)], KINDS[kind])


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"restart_marker_blocks": 1},
        {"optimize": True, "quality": 3},
        {"comment": b"\xff\xd9 an end inside a comment"},
        {"exif": b"Exif\0\0" + file("JPEG")[:8000]},
    ],
    ids=["progressive", "restarts", "coarse", "comment", "thumbnail"],
)
def test_an_end_inside_a_jpeg_is_not_its_own(options: dict[str, object]) -> None:
    data = file("JPEG", **options)
    assert is_complete(data, "image/jpeg")
    assert not is_complete(data[:-2], "image/jpeg")
    assert not is_complete(data[: len(data) * 3 // 4], "image/jpeg")


def test_animations_are_walked_to_their_end() -> None:
    frames = [PillowImage.effect_noise((20, 20), 20 * k).convert("P") for k in range(1, 4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], comment=b";" * 300)
    assert is_complete(out.getvalue(), "image/gif")
    assert not is_complete(out.getvalue()[:-1], "image/gif")


@pytest.mark.parametrize("media_type", KINDS.values())
@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_scraps_are_no_files(data: bytes, media_type: str) -> None:
    assert not is_complete(data, media_type) or media_type in ("image/bmp",)
