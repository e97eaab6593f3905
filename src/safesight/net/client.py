"""One HTTP client for one server: what the models' endpoints and the proxy's upstream are asked with.

aiohttp, because httpx costs 4-15 times more per request here (spec: docs/adr/0001), with what a deployment needs: a CA
bundle, the environment's proxies, bounded heads, and limits on time that say which of them ran out.
Invariant: a request is sent twice only where a *kept* connection turned out to be closed and nothing of a reply had
come, which is how servers close idle connections (RFC 9112, section 9.3.1; Go's net/http and nginx do the same).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from yarl import URL

from safesight.core.errors import ConfigError
from safesight.net.connector import MAX_HEAD, Connector, HeadTooLongError

BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError)
"""What a request and reading its reply may raise; `Client.says` puts it into words."""
_MAX_FIELD: Final = 2**15
"""Bytes of a line of a reply's head; `net.connector` bounds all of them."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
_dialled: ContextVar[list[bool] | None] = ContextVar("safesight_dialled", default=None)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait: for a connection, and for a whole exchange, in seconds."""

    connect_s: float = 30.0
    total_s: float = 600.0


BESIDE = "/../"
"""Begins a path that stands beside the base URL's last part (a server's version), not below it."""


class Client:
    """Sends requests to one server; opens its connections when first used, in the event loop that uses it."""

    def __init__(
        self,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience,
        ca_bundle: Path | None = None,
        kept_s: float = 60.0,
        resend: bool = True,
        skip: tuple[str, ...] = (),
    ) -> None:
        """Ask the server of a base URL, whose query, if any, goes with every request.

        Args:
            base: an http(s) URL.
            headers: sent with every request.
            patience: limits on time.
            ca_bundle: certificates to trust instead of the system's (which SSL_CERT_FILE may name).
            kept_s: seconds after which an idle connection is not used again.
            resend: send again where a kept connection turns out to be closed; False for callers that count attempts.
            skip: headers that are not added where a request lacks them.

        Raises:
            ConfigError: the bundle cannot be read.
        """
        parts = urlsplit(base)
        # A user and password would be sent beside an Authorization header; callers make a header of them.
        self._base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self._beside = self._base.removesuffix(parts.path.rstrip("/")) + parts.path.rstrip("/").rpartition("/")[0]
        self._query = parts.query
        self._patience = patience
        self._tls: ssl.SSLContext | bool = _tls(ca_bundle)
        self._kept_s = kept_s
        self._resend = resend
        self._proxy = environment_proxy(base)
        self._urls: dict[tuple[str, str], URL] = {}
        self._more: dict[str, Any] = {"headers": dict(headers or {}), "skip_auto_headers": skip, "proxy": self._proxy}
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether its connections belong to another event loop than the running one."""
        return bool(self._sessions) and self._loop is not asyncio.get_running_loop()

    @property
    def closed(self) -> bool:
        """Whether it has no connections, since `aclose`: a reply that ends now did not end by the server's word."""
        return not self._sessions

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = (),
        body: bytes | AsyncIterable[bytes | memoryview] | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request; returns when the reply's head is there. Redirects are not followed.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: there is no reply; `says` tells why.
        """
        url = self._url(path, query)
        dialled: list[bool] = []
        _dialled.set(dialled)
        try:
            response = await self._session(keep=True).request(
                method, url, data=body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not self._resend or dialled or not _unanswered(error) or not isinstance(body, bytes | None):
                raise
            # Others that were kept may be as dead as this one, so the second try dials.
            response = await self._session(keep=False).request(
                method, url, data=body, headers=headers, allow_redirects=False
            )
        if sum(len(name) + len(value) for name, value in response.raw_headers) > MAX_HEAD:
            response.close()
            raise HeadTooLongError
        return response

    def says(self, error: BaseException) -> str:
        """What went wrong, in words that hold no secret."""
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return f"no connection within {self._patience.connect_s:g} s"
        if isinstance(error, TimeoutError):
            return f"no answer within {self._patience.total_s:g} s"
        if isinstance(error, aiohttp.ClientHttpProxyError):  # its own words may hold the proxy's password
            return f"the proxy in the environment answered HTTP {error.status}"
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return "cannot connect to the proxy in the environment"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = getattr(error.certificate_error, "verify_message", "") or type(error.certificate_error).__name__
            return f"its certificate is not trusted ({why}); name its authority with --ca-bundle or SSL_CERT_FILE"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"cannot connect: {error.strerror or type(error.os_error).__name__}"
        if isinstance(error, aiohttp.ClientPayloadError):
            return "the connection closed in the middle of an answer"
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return "the connection closed without an answer"
        if isinstance(error, aiohttp.ClientResponseError):
            return "what came is no HTTP"
        detail = "" if isinstance(error, aiohttp.InvalidURL) else f": {error}"
        return f"the connection broke ({type(error).__name__}{detail})"

    async def aclose(self) -> None:
        """Close the connections; the client may be used again, in any event loop."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def _url(self, path: str, query: str) -> URL:
        known = self._urls.get((path, query))
        if known is None:
            both = "&".join(part for part in (_unless_named(self._query, query), query) if part)
            base = self._beside if path.startswith(BESIDE) else self._base
            # Encoded as the client wrote it: what is checked and what is sent must be one.
            below = path.removeprefix(BESIDE).removeprefix("/")
            known = URL(f"{base}/{below}{'?' if both else ''}{both}", encoded=True)
            if len(self._urls) < 64:
                self._urls[path, query] = known
        return known

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        found = self._sessions.get(keep)
        if found is None:
            self._loop = asyncio.get_running_loop()
            # Callers bound their concurrency, so the pool does not; what is tried again waits for no connection.
            if keep:
                connector = Connector(limit=0, ssl=self._tls, socket_factory=_dial, keepalive_timeout=self._kept_s)
            else:
                connector = Connector(limit=0, ssl=self._tls, socket_factory=_dial, force_close=True)
            found = self._sessions[keep] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=self._patience.total_s, sock_connect=min(self._patience.connect_s, self._patience.total_s)
                ),
                max_line_size=_MAX_FIELD,
                max_field_size=_MAX_FIELD,
                **self._more,
            )
        return found


def environment_proxy(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; looked up once, never for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = getproxies().get(parts.scheme)
    if not found or host in _LOOPBACK or proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"


def _dial(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a fresh connection, and tell the request that asked for it."""
    if (dialled := _dialled.get()) is not None:
        dialled.append(True)
    family, kind, protocol, *_ = address
    return socket.socket(family=family, type=kind, proto=protocol)


def _unanswered(error: Exception) -> bool:
    """Whether nothing of a reply had come: otherwise aiohttp attaches the head it was reading."""
    return not isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(error.message, str)


def _unless_named(kept: str, given: str) -> str:
    """The parameters of `kept` that `given` does not name itself."""
    named = {part.partition("=")[0] for part in given.split("&")}
    return "&".join(part for part in kept.split("&") if part and part.partition("=")[0] not in named)


def _tls(bundle: Path | None) -> ssl.SSLContext | bool:
    if bundle is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(bundle))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no certificates in PEM form"
        raise ConfigError(f"{bundle}: cannot read the CA bundle: {reason}.") from None
