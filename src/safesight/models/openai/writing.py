"""Writes chat requests as one endpoint and model want them: settings, images, and what it refuses left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from safesight.core.messages import Image, Message
from safesight.core.records import Decoding
from safesight.media.described import describe_images
from safesight.media.ocr import OcrReader
from safesight.media.shrink import shrink
from safesight.models.openai.left_out import LeftOut
from safesight.net.upload import Upload, pack
from safesight.wire.chat_request import Piece, RequestLayout, Tail, chat_pieces, settings


class ChatWriter:
    """Makes request bodies.

    Args:
        layout: the request's shape before anything is known of the provider.
        max_side: pixels of a picture's longer side; None sends pictures as they are.
        reader: reads the pictures for a server that takes text only.
    """

    def __init__(self, layout: RequestLayout, *, max_side: int | None = None, reader: OcrReader | None = None) -> None:
        self.left_out = LeftOut(layout)
        self._max_side = max_side
        self._reader = reader

    def settings(self, decoding: Decoding, *, stream: bool = False) -> Tail:
        """The end of a request, without what the provider has refused."""
        return settings(decoding, self.left_out.layout, stream=stream, without=self.left_out.names)

    async def chat(self, messages: Sequence[Message], tail: Tail) -> bytes | Upload:
        """A chat request's body.

        Raises:
            DataError: an image cannot be read.
        """
        if self._reader is not None:
            messages = await describe_images(messages, self._reader)
        pieces = chat_pieces(messages, self.left_out.layout, tail.data)
        if self._max_side is not None:
            pieces = [await self._small(piece, self._max_side) for piece in pieces]
        return pack(pieces)

    async def _small(self, piece: Piece, max_side: int) -> Piece:
        return await asyncio.to_thread(shrink, piece, max_side=max_side) if isinstance(piece, Image) else piece
