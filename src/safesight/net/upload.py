"""The body of a request on its way: small ones as bytes, large ones encoded image by image while they are sent."""

from __future__ import annotations

import asyncio
import binascii
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from safesight.core.errors import DataError, MissingData
from safesight.core.messages import Image
from safesight.wire.chat_request import Piece

INLINE_BYTES: Final = 192 * 1024
"""Images up to this size together are read and encoded in the event loop: a thread costs more than they do."""
_SLICE: Final = 128 * 1024


class Upload:
    """A body of known length that is encoded while it is sent; iterate it anew for each attempt.

    `failure` holds what went wrong with an image, which the HTTP client would hide.
    """

    content_type = "application/json"

    def __init__(self, pieces: Sequence[Piece], length: int) -> None:
        self.length = length
        self.failure: DataError | None = None
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            try:
                encoded = memoryview(await asyncio.to_thread(_base64, piece))
            except DataError as error:
                self.failure = error
                raise
            for start in range(0, len(encoded), _SLICE):
                yield encoded[start : start + _SLICE]


class FileUpload:
    """A multipart form with one file, read from disk while it is sent; iterate it anew for each attempt.

    Args:
        path: the file.
        fields: the form's other fields.
    """

    def __init__(self, path: Path, fields: Mapping[str, str]) -> None:
        boundary = f"safesight-{uuid.uuid4().hex}"
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.failure: DataError | None = None
        self._head = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._path = path
        self.length = len(self._head) + path.stat().st_size + len(self._tail)

    async def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        yield self._head
        with self._path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _SLICE):
                yield chunk
        yield self._tail


def pack(pieces: Sequence[Piece]) -> bytes | Upload:
    """The body to send: bytes while it is small, else an `Upload`.

    Raises:
        MissingData: an image is not there.
        CorruptData: a small image changed since it was hashed (a large one is found out while sending).
    """
    sizes = [_size(piece) for piece in pieces if isinstance(piece, Image)]
    if sum(sizes) <= INLINE_BYTES:
        return b"".join(piece if isinstance(piece, bytes) else _base64(piece) for piece in pieces)
    texts = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
    return Upload(pieces, texts + sum((size + 2) // 3 * 4 for size in sizes))


def _base64(image: Image) -> bytes:
    return binascii.b2a_base64(image.read(), newline=False)


def _size(image: Image) -> int:
    if image.data is not None:
        return len(image.data)
    if image.path is None:
        return len(image.read())  # raises, saying that the bytes are not kept
    try:
        return Path(image.path).stat().st_size
    except OSError as error:
        raise MissingData(f"image {image.path}: {error.strerror or error}. Fetch the data again.") from None
