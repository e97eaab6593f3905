"""The guarded model's server: headers passed on, keys kept apart, failures as the client is told them."""

from __future__ import annotations

from safesight.net.client import BROKEN, Client, Patience
from safesight.proxy.asgi import Headers, Scope
from safesight.proxy.errors import BrokenReplyError, LateReplyError, UpstreamError
from safesight.proxy.reply import UpstreamReply
from safesight.proxy.settings import KEY_HEADERS, ProxySettings

KEPT_S = 15.0
"""Longer than many servers keep an idle connection (uvicorn 5 s, gunicorn 2 s): one they closed is replaced."""
_OWN = b"""host content-length connection keep-alive transfer-encoding te trailer upgrade accept-encoding cookie expect
proxy-authorization proxy-connection content-encoding x-safesight-policy"""
_HOP = frozenset(_OWN.split()) | KEY_HEADERS
"""Headers that belong to one connection, or that this proxy decides."""
_BACK = frozenset(
    b"""x-request-id request-id apim-request-id x-ms-request-id x-ms-region cf-ray retry-after retry-after-ms
x-should-retry openai-processing-ms openai-version openai-organization openai-project""".split()
)
_BACK_FAMILIES = (b"x-ratelimit-", b"ratelimit", b"anthropic-ratelimit-")
_GET_BYTES = 2**24


class Upstream:
    """Sends requests on. Without a key of its own it passes on the client's, unless the proxy asks for keys itself."""

    def __init__(self, settings: ProxySettings) -> None:
        """Prepare to ask the server that `settings` name.

        Raises:
            ConfigError: its URL, key or CA bundle cannot be used.
        """
        self._own = settings.upstream_headers()
        self._dropped = _HOP if settings.asks_keys or self._own else _HOP - KEY_HEADERS
        self._limits = limits = settings.limits
        self._client = Client(
            settings.upstream,
            patience=Patience(connect_s=limits.connect_timeout_s, total_s=limits.total_timeout_s),
            ca_bundle=settings.ca_bundle,
            kept_s=KEPT_S,
            skip=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def post(self, path: str, scope: Scope, body: bytes) -> UpstreamReply:
        """Start a request; the caller reads and closes the reply.

        Raises:
            UpstreamError: no connection, or no answer in time.
        """
        return await self._request("POST", path, scope, body)

    async def get(self, path: str, scope: Scope) -> tuple[int, bytes, bytes]:
        """Fetch status, body and content type.

        Raises:
            UpstreamError: as `post`.
        """
        async with await self._request("GET", path, scope, None) as reply:
            return reply.status, await read_all(reply, _GET_BYTES), reply.header(b"content-type")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _request(self, method: str, path: str, scope: Scope, body: bytes | None) -> UpstreamReply:
        query = scope.get("query_string", b"").decode("ascii", "ignore")
        try:
            response = await self._client.send(method, path, query=query, headers=self._headers(scope), body=body)
            limits = self._limits
            return UpstreamReply(response, self._client, idle_s=limits.idle_timeout_s, total_s=limits.total_timeout_s)
        except TimeoutError as error:
            raise UpstreamError(
                f"the upstream did not answer in time: {self._client.says(error)}.", status=504, kind="upstream_timeout"
            ) from None
        except BROKEN as error:
            raise UpstreamError(
                f"the upstream cannot be reached: {self._client.says(error)}.", status=502, kind="upstream_error"
            ) from None
        except BrokenReplyError as error:
            raise UpstreamError(f"the upstream {error}.", status=502, kind="upstream_error") from None

    def _headers(self, scope: Scope) -> list[tuple[str, str]]:
        sent: Headers = scope["headers"]
        dropped = self._dropped
        if any(name == b"connection" for name, _ in sent):
            # What a client names there is meant for this proxy alone (RFC 9110, section 7.6.1).
            named = b",".join([value for name, value in sent if name == b"connection"])
            dropped = dropped | {token.strip().lower() for token in named.split(b",")}
        try:
            headers = [(name.decode(), value.decode()) for name, value in sent if name not in dropped]
        except UnicodeDecodeError:
            headers = [(name.decode("latin-1"), _text(value)) for name, value in sent if name not in dropped]
        headers += self._own
        headers.append(("accept-encoding", "identity"))
        return headers


async def read_all(reply: UpstreamReply, limit: int) -> bytes:
    """A reply's whole body.

    Raises:
        UpstreamError: it broke off, took too long, or is longer than `limit` bytes.
    """
    chunks, size = list[bytes](), 0
    try:
        async for data in reply:
            chunks.append(data)
            size += len(data)
            if size > limit:
                raise UpstreamError(f"the upstream's reply is over {limit} bytes.", status=502, kind="upstream_error")
    except LateReplyError as error:
        raise UpstreamError(f"the upstream {error}.", status=504, kind="upstream_timeout") from None
    except BrokenReplyError as error:
        raise UpstreamError(f"the upstream {error}.", status=502, kind="upstream_error") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def passed_back(reply: UpstreamReply) -> Headers:
    """The upstream's headers that clients act on or quote."""
    return [pair for pair in reply.headers if pair[0] in _BACK or pair[0].startswith(_BACK_FAMILIES)]


def _text(value: bytes) -> str:
    """A header's value for the client library, which writes UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
