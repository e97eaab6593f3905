"""RapidOCR, taken step by step: found lines are counted before they are read, and reading stops when nobody waits.

The library reads a picture in one call that cannot be stopped, keeps the first thousand spots that may be text and
silently drops the rest, and pads every line it recognises to the width of the widest of its batch, at least 320
pixels: a page of 560 short words took 7.6 s of a core, an A4 page of 50 lines 5.4 s. One line at a time, padded to
160 pixels at least, they take 4.7 and 3.1 s (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
from PIL.Image import Image as Picture

from safesight.core.errors import MissingExtra, OversizedImage

MAX_BOXES: Final = 1_000
"""Pieces of text read of one image; one with more is refused. A4 pages have 50, dense tables some hundreds."""
MAX_READ_PX: Final = 4_000
"""A longer side is shrunk to this first: the library reads at most 2,000 pixels a side, and memory is bounded so."""
_SURE: Final = 0.85
"""On a page of prose lines read with .99 in their right place, and with .60 to .81 upside down."""
_CANDIDATES: Final = 20 * MAX_BOXES


class OcrLine(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of text; `box` is (left, top, right, bottom) in pixels, `confidence` in [0, 1]."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


def open_engine(max_side: int) -> Any:
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

    Raises:
        OversizedImage: it has more than `MAX_BOXES` pieces of text.
    """
    from rapidocr.utils.process_img import map_boxes_to_original

    shrunk = picture
    if max(picture.size) > MAX_READ_PX:
        shrunk = picture.copy()
        shrunk.thumbnail((MAX_READ_PX, MAX_READ_PX))
    # The library takes arrays in OpenCV's order of channels, blue first.
    pixels = np.ascontiguousarray(np.asarray(shrunk)[:, :, ::-1])
    check()
    prepared, record = engine.preprocess_img(pixels)
    crops, found = _detect(engine, prepared, record)
    if not crops:
        return []
    if len(crops) > MAX_BOXES:
        raise OversizedImage(f"expected at most {MAX_BOXES:,} pieces of text in an image, got {len(crops):,}.")
    boxes = map_boxes_to_original(found.boxes, record, *pixels.shape[:2]) * (max(picture.size) / max(shrunk.size))
    lines: list[OcrLine] = []
    for crop, box in zip(crops, boxes, strict=True):
        check()
        score, text = _recognise(engine, crop)
        if text.strip() and score >= engine.text_score:
            lines.append(OcrLine(text=text, confidence=score, box=_extent(box)))
    return lines


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


def _detect(engine: Any, pixels: Any, record: dict[str, Any]) -> tuple[list[Any], Any]:
    from rapidocr.main import RapidOCRError

    try:
        return engine.detect_and_crop(pixels, record)
    except RapidOCRError:
        return [], None  # the library's word for a picture without text


def _extent(corners: Any) -> tuple[int, int, int, int]:
    points = np.asarray(corners)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return round(float(left)), round(float(top)), round(float(right)), round(float(bottom))
