"""Fetches image URLs, never from an address that is not public. Loaded only where the operator allows fetching."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from safesight.proxy.images import BadRequestError
from safesight.proxy.settings import Limits


class Fetcher:
    """Fetches image URLs over one session whose resolver never answers with a private address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> bytes:
        """The bytes at a public http(s) URL; redirects are not followed.

        Raises:
            BadRequestError: the address is not public, or nothing usable came within the limits.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadRequestError(f"expected an http(s) image URL, got scheme {parts.scheme!r}.")
        if _literal(parts.hostname) and not _public(parts.hostname):
            raise BadRequestError("an image URL points to an address that is not public.")
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=PublicResolver())
            timeout = aiohttp.ClientTimeout(total=self._limits.image_timeout_s)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise BadRequestError(f"an image URL answered {response.status}.")
                data = await response.content.read(self._limits.max_image_bytes + 1)
                while len(data) <= self._limits.max_image_bytes and (more := await response.content.read(65536)):
                    data += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BadRequestError(f"an image URL could not be fetched ({type(error).__name__}).") from None
        if len(data) > self._limits.max_image_bytes:
            raise BadRequestError(f"expected images of at most {self._limits.max_image_bytes} bytes.", status=413)
        return data

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


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
        found = [entry for entry in await self._inner.resolve(host, port, family) if _public(entry["host"])]
        if not found:
            raise OSError(f"{host} has no public address")
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._inner.close()


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not (mapped or ip).is_multicast
