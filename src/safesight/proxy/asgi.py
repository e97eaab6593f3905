"""The few pieces of ASGI the proxy needs: a request read within limits, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from safesight.proxy.errors import ClientGoneError, TooLargeError, TooSlowError
from safesight.wire.chat_dialect import error_body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"


async def read_body(receive: Receive, limit: int, *, seconds: float) -> bytes:
    """The whole request body.

    Raises:
        TooLargeError: it is longer than `limit` bytes.
        TooSlowError: it took longer than `seconds`.
        ClientGoneError: the client left before it was complete.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read_body(receive, limit)
    except TimeoutError:
        raise TooSlowError from None


async def _read_body(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def header(scope: Scope, name: bytes) -> bytes:
    """A request header's value, or b"" where it is missing."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


async def start(send: Send, status: int, content_type: bytes, headers: Headers | None = None) -> None:
    """Begin an answer."""
    fields = [(b"content-type", content_type), *(headers or ())]
    await send({"type": "http.response.start", "status": status, "headers": fields})


async def respond(
    send: Send, status: int, body: bytes, content_type: bytes = JSON, headers: Headers | None = None
) -> None:
    """Give a whole answer."""
    await start(send, status, content_type, [(b"content-length", str(len(body)).encode()), *(headers or ())])
    await send({"type": "http.response.body", "body": body})


def with_headers(send: Send, extra: Headers) -> Send:
    """A `send` whose answers begin with more headers."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


class InShape:
    """A `send` that says errors in another API's shape than OpenAI's."""

    def __init__(self, send: Send, error: Callable[..., bytes]) -> None:
        self._send = send
        self.error = error

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        await self._send(message)


async def fail(
    send: Send,
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str = "",
    headers: Headers | None = None,
) -> None:
    """Answer with an error in the shape of the route's API."""
    told = send.error if isinstance(send, InShape) else error_body
    await respond(send, status, told(message, kind=kind, code=code or kind), headers=headers)
