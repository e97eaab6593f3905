"""The client library's connections, with the heads of replies counted while they come.

aiohttp bounds a head's lines (their length and number), and so its memory at their product, 4 MiB; here a connection is
broken off as soon as `MAX_HEAD` bytes have come and the head has not ended. Invariant: at most that and one read are
held of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

MAX_HEAD: Final = 2**17
"""Bytes of a reply's head; of each, where informational ones (1xx) come first."""


class HeadTooLongError(aiohttp.ClientError):
    """A reply's head is over `MAX_HEAD` bytes."""

    def __init__(self) -> None:
        super().__init__(f"the reply's head is over {MAX_HEAD >> 10} KiB")


class Connector(aiohttp.TCPConnector):
    """Opens connections whose heads are bounded; takes what `aiohttp.TCPConnector` takes."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._factory = partial(_BoundedHead, loop=self._loop)


class _BoundedHead(ResponseHandler):
    """A connection that counts the bytes of a head which has not ended."""

    _head: int | None = None
    """None while no head is awaited."""

    def set_response_params(self, **more: Any) -> None:
        """A request was sent: its reply's head comes next."""
        self._head = 0
        super().set_response_params(**more)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head has ended."""
        self._head = 0 if 100 <= data[0].code < 200 else None
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > MAX_HEAD and self.transport is not None:
            self.set_exception(HeadTooLongError())
            self.transport.close()
