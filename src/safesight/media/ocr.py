"""Text in images, read by RapidOCR (PP-OCR models, Chinese and English) in worker threads, cached by image hash.

Serves the `embedded` model and the guard's input side: typographic attacks (FigStep, MM-SafetyBench TYPO) are
text to both. Deterministic (one thread per reading, no sampling) and offline: the models ship in the wheel.
What is read is all that a server may show a model of an image (`media.pixels.shown`).

The longest side given to text detection is `max_side` pixels, of large pictures for each quarter as well; recognition
reads the crops at full size. 640 halves the time of the library's default and read every FigStep image alike (spec:
guard runtime).
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from safesight.core.errors import OversizedImage
from safesight.core.messages import Image
from safesight.core.records import content_hash
from safesight.media.fair_queue import FairQueue, Ticket
from safesight.media.ocr_engine import DEFAULT_MAX_SIDE, MAX_BOXES, OcrLine, open_engine, read_picture
from safesight.media.pixels import MAX_FRAMES, MAX_PIXELS, shown


class OcrText(msgspec.Struct, frozen=True, kw_only=True):
    """What an image says, in reading order, and its size in pixels."""

    text: str
    """The lines joined by newlines; "" when there is no text."""
    lines: tuple[OcrLine, ...]
    width: int
    height: int


class OcrSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to read: longest side for detection, readings at once and waiting, texts kept in the cache."""

    max_side: int = DEFAULT_MAX_SIDE
    workers: int = 2
    queue: int = 64
    """Readings that wait for clients that are named; one more is refused (`media.fair_queue`)."""
    cache_size: int = 4096
    max_pixels: int = MAX_PIXELS
    max_frames: int = MAX_FRAMES


class _Reading:
    """One image being read, or read: its job, and how many wait for it."""

    __slots__ = ("ticket", "waiters")

    def __init__(self, ticket: Ticket[OcrText]) -> None:
        self.ticket = ticket
        self.waiters = 0


class OcrReader:
    """Reads the text of images; the same bytes are read once. Each worker has its own engine (about 130 MB)."""

    def __init__(self, settings: OcrSettings | None = None) -> None:
        self.settings = settings or OcrSettings()
        self._queue = FairQueue[OcrText](self.settings.workers, capacity=self.settings.queue, name="ocr")
        self._engines = threading.local()
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Changes with the library's version (and so its models) and with the settings that change a reading."""
        try:
            installed = version("rapidocr")
        except PackageNotFoundError:
            installed = ""
        settings = self.settings
        return content_hash("rapidocr, every view, line by line", installed, settings.max_side, settings.max_pixels)

    @property
    def waiting(self) -> int:
        """Readings that wait for a worker."""
        return self._queue.waiting

    async def read(self, image: Image, *, client: str | None = None) -> OcrText:
        """Read one image; when everybody who waits for it has left, the reading is dropped.

        `client` names whose share of the queue it takes; None takes none and is never refused.

        Raises:
            MissingExtra: `rapidocr` or `onnxruntime` is not installed.
            MissingData: the image's bytes are gone.
            CorruptData: the bytes are no decodable image.
            OversizedImage: it has more pixels, frames or pieces of text than are read.
            Overloaded: too much waits already.
        """
        reading = self._reading(image, client)
        try:
            # Shielded: several callers may wait for one reading, and one of them leaving must not cancel it.
            found = asyncio.wrap_future(reading.ticket.future)
            found.add_done_callback(_seen)
            return await asyncio.shield(found)
        finally:
            self._leave(image, reading)

    def read_sync(self, image: Image) -> OcrText:
        """`read` for callers without an event loop; waits for the same worker."""
        reading = self._reading(image, None)
        try:
            return reading.ticket.future.result()
        finally:
            self._leave(image, reading)

    def _reading(self, image: Image, client: str | None) -> _Reading:
        with self._guard:
            held = self._readings.get(image.sha256)
            if held is None or _failed(held.ticket):
                ticket = self._queue.submit(client, lambda ticket: self._work(image, ticket))
                held = self._readings[image.sha256] = _Reading(ticket)
                self._forget()
            self._readings.move_to_end(image.sha256)
            held.waiters += 1
            return held

    def _forget(self) -> None:
        """Drop the oldest texts beyond the cache's size; what somebody waits for stays."""
        for key in list(self._readings)[: max(0, len(self._readings) - self.settings.cache_size)]:
            if not self._readings[key].waiters:
                del self._readings[key]

    def _leave(self, image: Image, reading: _Reading) -> None:
        with self._guard:
            reading.waiters -= 1
            if reading.waiters or reading.ticket.future.done():
                return
            if self._readings.get(image.sha256) is reading:
                del self._readings[image.sha256]
        self._queue.drop(reading.ticket)

    def _work(self, image: Image, ticket: Ticket[OcrText]) -> OcrText:
        settings = self.settings
        name = image.label or image.sha256[:12]
        size, lines, known = (0, 0), list[OcrLine](), set[str]()
        for number, picture in enumerate(shown(image, max_pixels=settings.max_pixels, max_frames=settings.max_frames)):
            ticket.check()
            found = read_picture(self._engine(), picture, check=ticket.check)
            # A text may stand twice in one picture; another view only adds what it shows anew.
            fresh = [line for line in found if not number or line.text not in known]
            lines += fresh
            known.update(line.text for line in fresh)
            size = size if number else picture.size
            if len(lines) > MAX_BOXES:
                raise OversizedImage(f"image {name}: expected at most {MAX_BOXES:,} pieces of text, got more.")
        return OcrText(text="\n".join(line.text for line in lines), lines=tuple(lines), width=size[0], height=size[1])

    def _engine(self) -> Any:
        engine = getattr(self._engines, "engine", None)
        if engine is None:
            engine = self._engines.engine = open_engine(self.settings.max_side)
        return engine


def _seen(found: asyncio.Future[OcrText]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not found.cancelled():
        found.exception()


def _failed(ticket: Ticket[OcrText]) -> bool:
    future = ticket.future
    return ticket.stopped or (future.done() and (future.cancelled() or future.exception() is not None))


@cache
def shared_reader(settings: OcrSettings = OcrSettings()) -> OcrReader:  # noqa: B008 - frozen
    """The process's reader of these settings; model and guard share its engines and its cache."""
    return OcrReader(settings)
