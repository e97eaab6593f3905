"""The guarded model's server: headers passed on, keys kept apart, failures as the client is told them."""

from __future__ import annotations

import os

from safesight.core.errors import ConfigError
from safesight.proxy.asgi import Headers, Scope, header
from safesight.proxy.pool import Pool
from safesight.proxy.reply import BrokenReplyError, Reply
from safesight.proxy.settings import Keys, Settings

_OWN = b"""host content-length connection keep-alive transfer-encoding te trailer upgrade accept-encoding
authorization cookie expect proxy-authorization proxy-connection content-encoding"""
_HOP = frozenset(_OWN.split())
"""Headers that belong to one connection, or that this proxy decides."""
_BACK = (b"x-request-id", b"retry-after", b"openai-processing-ms", b"openai-version")
_GET_BYTES = 2**24


class UpstreamError(Exception):
    """The upstream could not be reached or broke off; `status` is what the client gets."""

    def __init__(self, message: str, *, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Upstream:
    """Sends requests on. Without a key of its own it passes on the client's, unless the proxy asks for keys itself."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        name = settings.upstream_key_env
        self._key = os.environ.get(name, "").strip().encode() if name else b""
        if name and not self._key:
            raise ConfigError(f"${name} holds no key for the upstream. Set it, or leave out --upstream-key-env.")
        if any(byte < 33 or byte > 126 for byte in self._key):
            raise ConfigError(f"${name}: expected a key of printable ASCII characters.")
        self._pass_key = not keys
        limits = settings.limits
        self.pool = Pool(
            settings.upstream,
            connect_s=limits.connect_timeout_s,
            idle_s=limits.idle_timeout_s,
            total_s=limits.total_timeout_s,
        )

    def _headers(self, scope: Scope) -> Headers:
        headers: Headers = [pair for pair in scope["headers"] if pair[0] not in _HOP]
        if self._key:
            headers.append((b"authorization", b"Bearer " + self._key))
        elif self._pass_key:
            sent = header(scope, b"authorization")
            if sent:
                headers.append((b"authorization", sent))
        headers.append((b"accept-encoding", b"identity"))
        return headers

    async def post(self, path: str, scope: Scope, body: bytes) -> Reply:
        """Start a request; the caller reads and closes the reply.

        Raises:
            UpstreamError: no connection, or no answer in time.
        """
        return await self._request(b"POST", path, scope, body)

    async def get(self, path: str, scope: Scope) -> tuple[int, bytes, bytes]:
        """Fetch status, body and content type.

        Raises:
            UpstreamError: as `post`.
        """
        async with await self._request(b"GET", path, scope, None) as reply:
            return reply.status, await read_all(reply, _GET_BYTES), reply.header(b"content-type")

    async def _request(self, method: bytes, path: str, scope: Scope, body: bytes | None) -> Reply:
        try:
            return await self.pool.request(method, path, self._headers(scope), body)
        except TimeoutError:
            raise UpstreamError("the upstream did not answer in time.", status=504, kind="upstream_timeout") from None
        except BrokenReplyError as error:
            raise UpstreamError(
                f"the upstream cannot be reached ({error}).", status=502, kind="upstream_error"
            ) from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self.pool.aclose()


async def read_all(reply: Reply, limit: int) -> bytes:
    """A reply's whole body.

    Raises:
        UpstreamError: it broke off, or is longer than `limit` bytes.
    """
    chunks, size = list[bytes](), 0
    try:
        async for data in reply:
            chunks.append(data)
            size += len(data)
            if size > limit:
                raise UpstreamError(f"the upstream's reply is over {limit} bytes.", status=502, kind="upstream_error")
    except (BrokenReplyError, TimeoutError):
        raise UpstreamError("the upstream broke off.", status=502, kind="upstream_error") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def passed_back(reply: Reply) -> Headers:
    """The upstream's headers that clients use."""
    return [pair for pair in reply.headers if pair[0] in _BACK]
