"""What goes wrong on the way of a request: signals between the proxy's modules, each ending as an answer."""

from __future__ import annotations

from collections.abc import Sequence


class BadRequestError(Exception):
    """The request is refused before anything is asked: the message goes to the client with `status`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "invalid_request_error",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.headers = list(headers)
        self.status = status
        self.code = code


class TooLargeError(Exception):
    """The request's body is over the limit."""


class ClientGoneError(Exception):
    """The client closed the connection."""


class TooSlowError(Exception):
    """The request's body did not come in time."""


class UpstreamError(Exception):
    """The upstream could not be reached or broke off; `status` is what the client gets."""

    def __init__(self, message: str, *, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class BrokenReplyError(Exception):
    """The upstream refused the connection, broke off, or sent what is no HTTP; `str` ends a sentence about it."""


class LateReplyError(TimeoutError):
    """The upstream took too long; `str` ends a sentence about it and names the limit."""
