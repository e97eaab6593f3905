"""Text in images, read by RapidOCR (PP-OCR models, Chinese and English) in worker threads, cached by image hash.

Serves the `embedded` model and the guard's input side: typographic attacks (FigStep, MM-SafetyBench TYPO) are
text to both. Deterministic (one thread per reading, no sampling) and offline: the models ship in the wheel.

The longest side given to text detection is `max_side` pixels; recognition reads the crops at full size.
640 halves the time of the library's default and read every FigStep image alike (spec: guard runtime).
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import numpy as np

from safesight.core.errors import MissingExtra
from safesight.core.messages import Image
from safesight.core.records import content_hash
from safesight.media.pixels import MAX_PIXELS, decode

DEFAULT_MAX_SIDE = 640


class OcrLine(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of text; `box` is (left, top, right, bottom) in pixels, `confidence` in [0, 1]."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


class OcrText(msgspec.Struct, frozen=True, kw_only=True):
    """What an image says, in reading order, and its size in pixels."""

    text: str
    """The lines joined by newlines; "" when there is no text."""
    lines: tuple[OcrLine, ...]
    width: int
    height: int


class OcrSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to read: longest side for detection, readings at once, texts kept in the cache."""

    max_side: int = DEFAULT_MAX_SIDE
    workers: int = 2
    cache_size: int = 4096
    max_pixels: int = MAX_PIXELS


class OcrReader:
    """Reads the text of images; the same bytes are read once. Each worker has its own engine (about 130 MB)."""

    def __init__(self, settings: OcrSettings | None = None) -> None:
        self.settings = settings or OcrSettings()
        self._pool = ThreadPoolExecutor(self.settings.workers, thread_name_prefix="ocr")
        self._engines = threading.local()
        self._texts: OrderedDict[str, Future[OcrText]] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Changes with the library's version (and so its models) and with the settings that change a reading."""
        try:
            installed = version("rapidocr")
        except PackageNotFoundError:
            installed = ""
        return content_hash("rapidocr", installed, self.settings.max_side, self.settings.max_pixels)

    async def read(self, image: Image) -> OcrText:
        """Read one image.

        Raises:
            MissingExtra: `rapidocr` or `onnxruntime` is not installed.
            MissingData: the image's bytes are gone.
            CorruptData: the bytes are no decodable image, or it has more than `max_pixels`.
        """
        # Shielded: several callers may wait for one reading, and one of them leaving must not cancel it.
        return await asyncio.shield(asyncio.wrap_future(self._reading(image)))

    def read_sync(self, image: Image) -> OcrText:
        """`read` for callers without an event loop; waits for the same worker."""
        return self._reading(image).result()

    def _reading(self, image: Image) -> Future[OcrText]:
        with self._guard:
            held = self._texts.get(image.sha256)
            if held is not None and not (held.done() and (held.cancelled() or held.exception())):
                self._texts.move_to_end(image.sha256)
                return held
            future = self._texts[image.sha256] = self._pool.submit(self._work, image)
            while len(self._texts) > self.settings.cache_size:
                self._texts.popitem(last=False)
            return future

    def _work(self, image: Image) -> OcrText:
        picture = decode(image, max_pixels=self.settings.max_pixels)
        width, height = picture.size
        engine = getattr(self._engines, "engine", None)
        if engine is None:
            engine = self._engines.engine = _engine(self.settings.max_side)
        # The library takes arrays in OpenCV's order of channels, blue first.
        found = engine(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
        if found.boxes is None or found.txts is None:
            return OcrText(text="", lines=(), width=width, height=height)
        lines = tuple(
            OcrLine(text=text, confidence=float(score), box=_extent(box))
            for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
        )
        return OcrText(text="\n".join(line.text for line in lines), lines=lines, width=width, height=height)


@cache
def shared_reader(settings: OcrSettings = OcrSettings()) -> OcrReader:  # noqa: B008 - frozen
    """The process's reader of these settings; model and guard share its engines and its cache."""
    return OcrReader(settings)


def _engine(max_side: int) -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtra(error.name or "rapidocr", "embedded") from None
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Det.limit_type": "max",
            "Det.limit_side_len": max_side,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _extent(corners: Any) -> tuple[int, int, int, int]:
    points = np.asarray(corners)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return round(float(left)), round(float(top)), round(float(right)), round(float(bottom))
