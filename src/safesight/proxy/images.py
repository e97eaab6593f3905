"""Images of a request: data URLs decoded within limits; remote ones fetched (`proxy.fetch`) only where allowed.

A fetched image replaces its URL in what the upstream gets, so that what was checked is what the model sees.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from safesight.core.errors import CorruptData, Overloaded, OversizedImage
from safesight.core.messages import Image
from safesight.media.pixels import MAX_FRAMES, PictureSize, measure
from safesight.proxy.conversation import RemoteImage, Spoken
from safesight.proxy.errors import BadRequestError
from safesight.proxy.settings import Limits

if TYPE_CHECKING:
    from safesight.proxy.fetch import Fetcher


def overloaded(error: Overloaded) -> BadRequestError:
    """The answer to a client whose images cannot be read now: 429 where its own are in the way, else 503."""
    status, code = (429, "rate_limit_exceeded") if error.own else (503, "overloaded")
    return BadRequestError(str(error), status=status, code=code, headers=[(b"retry-after", b"1")])


async def read_images(
    conversation: Sequence[Spoken], limits: Limits, *, fetcher: Fetcher | None
) -> dict[bytes | RemoteImage, Image]:
    """Decode (in a thread) or fetch every image of a conversation, once each.

    Raises:
        BadRequestError: too many, too large, no image, or a URL where fetching is not allowed.
    """
    sources = {part for turn in conversation for part in turn.parts if not isinstance(part, str)}
    count = sum(not isinstance(part, str) for turn in conversation for part in turn.parts)
    if count > limits.max_images:
        raise BadRequestError(f"expected at most {limits.max_images} images, got {count}.", status=413)
    if fetcher is None and any(isinstance(source, RemoteImage) for source in sources):
        raise BadRequestError(
            "image URLs are not fetched here: send the image as a data URL (operators: --allow-image-urls)."
        )
    if not sources:
        return {}
    refused: BaseException | None = None
    tasks: dict[bytes | RemoteImage, asyncio.Task[tuple[Image, PictureSize]]] = {}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {source: group.create_task(_read(source, limits, fetcher)) for source in sources}
    except* BadRequestError as errors:
        refused = errors.exceptions[0]
    if refused is not None:
        raise refused
    read = {source: task.result() for source, task in tasks.items()}
    pixels = sum(size.pixels for _, size in read.values())
    if pixels > limits.max_request_pixels:
        says = f"expected at most {limits.max_request_pixels:,} pixels in all images together, got {pixels:,}."
        raise BadRequestError(says, status=413, code="request_too_large")
    return {source: image for source, (image, _) in read.items()}


async def _read(source: bytes | RemoteImage, limits: Limits, fetcher: Fetcher | None) -> tuple[Image, PictureSize]:
    if isinstance(source, RemoteImage):
        data = await fetcher.fetch(source.url) if fetcher is not None else b""
        return await asyncio.to_thread(_decode, data, limits, encoded=False)
    return await asyncio.to_thread(_decode, source, limits, encoded=True)


def _decode(data: bytes, limits: Limits, *, encoded: bool) -> tuple[Image, PictureSize]:
    """Check one image; what came is never quoted: it may have been fetched from where the client cannot look."""
    if (len(data) * 3 // 4 if encoded else len(data)) > limits.max_image_bytes:
        says = f"expected images of at most {limits.max_image_bytes} bytes."
        raise BadRequestError(says, status=413, code="request_too_large")
    try:
        raw = base64.b64decode(data, validate=True) if encoded else data
        image = Image.from_bytes(raw)
        size = measure(raw, label="of the request", max_pixels=limits.max_pixels)
    except OversizedImage as error:
        raise BadRequestError(str(error), status=413, code="request_too_large") from None
    except (binascii.Error, CorruptData):
        raise BadRequestError("an image cannot be read: expected a whole PNG, JPEG, WebP, GIF or BMP file.") from None
    if size.frames > MAX_FRAMES:
        says = f"expected images of at most {MAX_FRAMES} frames, got {size.frames}: send a still picture."
        raise BadRequestError(says, status=413, code="request_too_large")
    return image, size


def data_url(image: Image) -> str:
    """An image as a data URL of its original bytes."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.read()).decode()}"
