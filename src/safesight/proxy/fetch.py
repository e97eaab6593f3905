"""Fetches image URLs, never from an address that is not public. Loaded only where the operator allows fetching.

What is checked is what is connected to: the URL is taken apart by the client library's own parser, names are resolved
by a resolver that drops other addresses, and the last gate is the address a socket is opened for, so that neither a
host spelt in other digits nor a second look-up leads elsewhere.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from safesight.proxy.addresses import is_public
from safesight.proxy.errors import BadRequestError
from safesight.proxy.settings import Limits

_CHUNK: Final = 65_536
_HEADERS: Final = {"accept": "image/*", "accept-encoding": "identity"}


class Fetcher:
    """Fetches image URLs over one session that connects to public addresses alone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> bytes:
        """The bytes at a public http(s) URL; redirects are not followed, and no message quotes what came.

        Raises:
            BadRequestError: the address is not public, or nothing usable came within the limits.
        """
        target = _parsed(url)
        try:
            async with self._connected().get(target, allow_redirects=False, headers=_HEADERS) as response:
                if response.status != 200:
                    raise BadRequestError(f"an image URL answered {response.status}.")
                data = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK):
                    data += chunk
                    if len(data) > self._limits.max_image_bytes:
                        break
        except NotPublicError:
            raise BadRequestError("an image URL points to an address that is not public.") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if isinstance(error.__cause__, NotPublicError):
                raise BadRequestError("an image URL points to an address that is not public.") from None
            raise BadRequestError(f"an image URL could not be fetched ({type(error).__name__}).") from None
        if len(data) > self._limits.max_image_bytes:
            says = f"expected images of at most {self._limits.max_image_bytes} bytes."
            raise BadRequestError(says, status=413, code="request_too_large")
        return bytes(data)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=PublicResolver(), socket_factory=public_socket)
            timeout = aiohttp.ClientTimeout(total=self._limits.image_timeout_s)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, auto_decompress=False
            )
        return self._session

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


class NotPublicError(OSError):
    """A connection to an address that is not public was about to be opened."""


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for one address, as `socket.getaddrinfo` names it.

    Raises:
        NotPublicError: the address is not public.
    """
    family, kind, protocol, _, place = info
    if not is_public(str(place[0])):
        raise NotPublicError("not a public address")
    return socket.socket(family, kind, protocol)


class PublicResolver(AbstractResolver):
    """Resolves like the system does, and drops every address that is not public."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Public addresses of `host`.

        Raises:
            OSError: it has none.
        """
        found = [entry for entry in await self._inner.resolve(host, port, family) if is_public(entry["host"])]
        if not found:
            raise NotPublicError(f"{host} has no public address")
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._inner.close()


def _parsed(url: str) -> URL:
    """A URL as the client library will connect to it."""
    try:
        target = URL(url)
        host = target.raw_host
        target.port  # noqa: B018 - read so that a wrong one is found here
    except ValueError:
        raise BadRequestError("expected an http(s) image URL, got none that can be read.") from None
    if target.scheme not in ("http", "https") or not host:
        raise BadRequestError(f"expected an http(s) image URL, got scheme {target.scheme[:20]!r}.")
    if target.raw_user is not None or target.raw_password is not None:
        raise BadRequestError("expected an image URL without a user name or password.")
    if not host.replace(".", "").isdigit() and ":" not in host:
        return target  # a name, for the resolver
    try:
        public = is_public(host)
    except ValueError:
        public = False
    if not public:
        raise BadRequestError("an image URL points to an address that is not public.")
    return target
