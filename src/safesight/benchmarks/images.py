"""A benchmark's images: checked by their headers and ends, hashed once, kept by hash, never re-encoded.

A checked image is complete as a file (its format's end marker is there) and small enough to decode
safely. Images that come out of a table or are drawn go to a content-addressed cache, so that a sample
holds a path and not megabytes, and a report can still show them.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from safesight.benchmarks.sources import stay_inside
from safesight.core.errors import CorruptData, MissingData
from safesight.core.files import cache_folder
from safesight.core.messages import Image
from safesight.media.complete import is_complete
from safesight.media.pixels import measure

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/bmp": "bmp"}


def image_from_bytes(data: bytes, *, label: str) -> Image:
    """Wrap and check encoded image bytes.

    Raises:
        CorruptData: empty, not an image, cut short, or over the limits of `media.pixels`; names `label`.
    """
    image = Image.from_bytes(data, label=label)
    measure(data, label=label)
    if not is_complete(data, image.media_type):
        raise CorruptData(
            f"image {label}: expected a whole {image.media_type} file, got {len(data):,} bytes without its end: "
            "it was cut short. Fetch it again."
        )
    return image


def image_from_file(path: Path, *, root: Path) -> Image:
    """Hash and check an image file of a data set; its bytes are read again when they are sent.

    `path` may be made of names in the data: after resolving links it must lie in `root`, the folder the user named.

    Raises:
        MissingData: there is no such file, or it cannot be read.
        CorruptData: it lies outside `root`, or as `image_from_bytes`.
    """
    stay_inside(path, root=root)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingData(f"image {path}: no such file. Check --source, or fetch the data again.") from None
    except OSError as error:
        raise MissingData(f"image {path}: {error.strerror or error}. Check its permissions.") from None
    return msgspec.structs.replace(image_from_bytes(data, label=str(path)), path=str(path), data=None, label=path.name)


def keep(image: Image) -> Image:
    """Move an image's bytes from memory to the cache; where the cache cannot be written, return it as it is."""
    if image.data is None:
        return image
    name = f"{image.sha256}.{_EXTENSIONS.get(image.media_type, 'webp')}"
    path = cache_folder() / "images" / image.sha256[:2] / name
    if not path.is_file() or path.stat().st_size != len(image.data):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, image.data)
        except OSError:
            return image
    return msgspec.structs.replace(image, path=str(path), data=None)


TYPO_WIDTH_PX: Final = 1024
TYPO_FONT_PT: Final = 90


def draw_typo(phrase: str) -> Image:
    """Draw a key phrase as MM-SafetyBench's TYPO images are drawn (arXiv 2311.17600), as a PNG.

    White canvas 1024 px wide and 90 px high for each line and one more, black 90-pt Liberation Sans (it has
    Arial's metrics) from (0, 45), greedy wrap at 1024 px, a space before each word but the first.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    font = _typo_font()
    lines = typo_lines(phrase)
    canvas = Pillow.new("RGB", (TYPO_WIDTH_PX, TYPO_FONT_PT * (len(lines) + 1)), "white")
    ImageDraw.Draw(canvas).text((0, 45), "\n".join(lines), font=font, fill="black")
    encoded = io.BytesIO()
    canvas.save(encoded, format="PNG", compress_level=1)
    return Image.from_bytes(encoded.getvalue(), label="typo")


def typo_lines(phrase: str) -> list[str]:
    """Wrap a phrase at 1024 px, greedily, as the official code does.

    Every word but the first brings its space along, onto a new line too; a word too long for a line stays whole.
    """
    font = _typo_font()
    line, *words = phrase.split() or [""]
    lines: list[str] = []
    for word in words:
        if font.getlength(f"{line} {word}") > TYPO_WIDTH_PX:
            lines.append(line)
            line = ""
        line += f" {word}"
    return [*lines, line]


@cache
def _typo_font() -> FreeTypeFont:
    from PIL import ImageFont

    with as_file(files("safesight.benchmarks") / "fonts" / "LiberationSans-Regular.ttf") as path:
        # Basic layout is always built in; Raqm's kerning would wrap differently from one machine to another.
        return ImageFont.truetype(io.BytesIO(path.read_bytes()), TYPO_FONT_PT, layout_engine=ImageFont.Layout.BASIC)


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
