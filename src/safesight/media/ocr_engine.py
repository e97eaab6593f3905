"""RapidOCR, taken step by step: found lines are counted before they are read, and reading stops when nobody waits.

The library reads a picture in one call that cannot be stopped, keeps the first thousand spots that may be text and
silently drops the rest, and pads every line it recognises to the width of the widest of its batch, at least 320
pixels: a page of 560 short words took 7.6 s of a core, an A4 page of 50 lines 5.4 s. One line at a time, padded to
160 pixels at least, they take 4.7 and 3.1 s (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
from PIL.Image import Image as Picture

from safesight.core.errors import MissingExtra, OversizedImage

DEFAULT_MAX_SIDE: Final = 640
"""Longest side that text is looked for at, in pixels."""
MAX_BOXES: Final = 1_000
"""Pieces of text read of one image; one with more is refused. A4 pages have 50, dense tables some hundreds."""
MAX_READ_PX: Final = 2_000
"""A longer side is shrunk to this first, as the library does; models are shown no more by most servers."""
_PART_PX: Final = 1_100
_SHARED_PX: Final = 200
"""What neighbouring parts have in common, so that a word at the edge of one is whole in the other."""
_SURE: Final = 0.85
"""On a page of prose lines read with .99 in their right place, and with .60 to .81 upside down."""
_CANDIDATES: Final = 20 * MAX_BOXES


Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""


class OcrLine(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of text; `box` is (left, top, right, bottom) in pixels, `confidence` in [0, 1]."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


def open_engine(max_side: int = DEFAULT_MAX_SIDE) -> Any:
    """A RapidOCR engine for one thread; `max_side` is the longest side given to text detection, in pixels.

    Raises:
        MissingExtra: `rapidocr` or `onnxruntime` is not installed.
    """
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtra(error.name or "rapidocr", "embedded") from None
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Det.limit_type": "max",
            "Det.limit_side_len": max_side,
            "Det.max_candidates": _CANDIDATES,
            "Rec.rec_img_shape": [3, 48, 160],
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def read_picture(engine: Any, picture: Picture, *, check: Callable[[], None] = lambda: None) -> list[OcrLine]:
    """The lines of an RGB picture in reading order; `check` is called between steps and may raise.

    Text is looked for in the whole, and in a picture over 1,100 pixels in overlapping quarters of it too: what is found
    has letters of 1/100 of the longer side, in large pictures 1/180, as models that tile their images see them. (To
    look closer at the whole finds less: the network loses a lone line in a large blank.)

    Raises:
        OversizedImage: it has more than `MAX_BOXES` pieces of text.
    """
    shrunk = picture
    if max(picture.size) > MAX_READ_PX:
        shrunk = picture.copy()
        shrunk.thumbnail((MAX_READ_PX, MAX_READ_PX))
    scale = max(picture.size) / max(shrunk.size)
    # The library takes arrays in OpenCV's order of channels, blue first.
    pixels = np.ascontiguousarray(np.asarray(shrunk)[:, :, ::-1])
    found: list[tuple[Any, Box]] = []
    for left, top, right, bottom in _parts(*shrunk.size):
        check()
        before = [place for _, place in found]
        for crop, box in _detect(engine, np.ascontiguousarray(pixels[top:bottom, left:right])):
            place = box[0] + left, box[1] + top, box[2] + left, box[3] + top
            if not any(_same(place, other) for other in before):
                found.append((crop, place))
        if len(found) > MAX_BOXES:
            raise OversizedImage(f"expected at most {MAX_BOXES:,} pieces of text in an image, got {len(found):,}.")
    lines: list[OcrLine] = []
    for crop, place in found:
        check()
        score, text = _recognise(engine, crop)
        if text.strip() and score >= engine.text_score:
            left, top, right, bottom = (round(scale * side) for side in place)
            lines.append(OcrLine(text=text, confidence=score, box=(left, top, right, bottom)))
    return lines


def _parts(width: int, height: int) -> Iterator[Box]:
    """The whole, and where it is large its overlapping halves along each longer side."""
    yield 0, 0, width, height
    if max(width, height) <= _PART_PX:
        return
    across, down = ([(0, size)] if size <= _PART_PX else _halves(size) for size in (width, height))
    yield from ((left, top, right, bottom) for top, bottom in down for left, right in across)


def _halves(size: int) -> list[tuple[int, int]]:
    half = (size + _SHARED_PX) // 2
    return [(0, half), (size - half, size)]


def _same(box: Box, other: Box) -> bool:
    """Whether a box holds text of another, found before: its middle lies in it, and it is about as high.

    A box much higher is no line (a region of spots), and what stands in it is read for itself.
    """
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    within = other[0] <= across <= other[2] and other[1] <= down <= other[3]
    return within and other[3] - other[1] <= 2 * (box[3] - box[1])


def _detect(engine: Any, pixels: Any) -> list[tuple[Any, Box]]:
    """Pieces of text in a part of a picture: each cut out, and where it stands in the part."""
    from rapidocr.main import RapidOCRError
    from rapidocr.utils.process_img import map_boxes_to_original

    prepared, record = engine.preprocess_img(pixels)
    try:
        crops, found = engine.detect_and_crop(prepared, record)
    except RapidOCRError:
        return []  # the library's word for a picture without text
    boxes = map_boxes_to_original(found.boxes, record, *pixels.shape[:2])
    return list(zip(crops, map(_extent, boxes), strict=True))


def _recognise(engine: Any, crop: Any) -> tuple[float, str]:
    """One line's confidence and text.

    The library turns a line that its classifier takes for upside down, and the classifier, which sees a long line
    squeezed, is wrong about every fourth line of an A4 page. So a line that it would turn, and one that reads badly as
    it stands, is read both ways, and the surer reading wins.
    """
    _, classes = engine.cls_and_rotate([crop])
    best = _once(engine, crop)
    if classes.cls_res[0][0] == "180" or best[0] < _SURE:
        best = max(best, _once(engine, np.ascontiguousarray(crop[::-1, ::-1])))
    return best


def _once(engine: Any, crop: Any) -> tuple[float, str]:
    read = engine.recognize_txt([crop])
    return float(read.scores[0]), str(read.txts[0])


def _extent(corners: Any) -> tuple[int, int, int, int]:
    points = np.asarray(corners)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return round(float(left)), round(float(top)), round(float(right)), round(float(bottom))
