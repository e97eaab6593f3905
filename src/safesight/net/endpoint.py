"""One HTTP endpoint: a session, its key, and asking until there is an answer or no hope of one.

Invariant: the key leaves this module only in the Authorization header; every message is cleaned of it.
aiohttp, because httpx costs 4-15 times more per request here (spec/harness.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec

from safesight.core.errors import ModelError
from safesight.core.version import __version__
from safesight.net.body import read_all
from safesight.net.faults import Address, Fault, status_fault
from safesight.net.retry import Backoff
from safesight.wire.chat_request import Upload

T = TypeVar("T")

_CONNECT_S: Final = 30.0
_OPENAI: Final = "api.openai.com"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class Asked(msgspec.Struct, Generic[T], frozen=True):
    """What came back, from which attempt, when that attempt started (`time.perf_counter`) and how long it took."""

    value: T
    attempts: int
    started: float
    latency_ms: float


class Endpoint:
    """Sends requests to one base URL.

    `pressure`, where set, is called with the seconds of `Retry-After` (0.0 when the server does not say) at
    every 429, 503 and 529, before the wait: the runner lowers its concurrency by it.
    """

    def __init__(self, address: Address, *, key: str | None, timeout_s: float, backoff: Backoff) -> None:
        self.address = address
        self.pressure: Callable[[float], None] | None = None
        self._key = key
        self._timeout_s = timeout_s
        self._backoff = backoff
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reached = False

    async def ask(
        self, path: str, body: bytes | Upload | None, read: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> Asked[T]:
        """POST `body` (GET when None) and `read` the reply, again after each fault that a retry may mend.

        Raises:
            Fault: no attempt gave an answer.
            ModelError: no request ever will.
        """

        async def attempt(number: int) -> Asked[T]:
            started = time.perf_counter()
            async with await self._send(path, body) as response:
                try:
                    value = await read(response)
                except _BROKEN as error:
                    raise self._broken(error) from error
            return Asked(value, number, started, (time.perf_counter() - started) * 1000)

        return await self._until_answered(attempt)

    async def open(self, path: str, body: bytes | Upload) -> aiohttp.ClientResponse:
        """POST `body` and return the open reply; retried until its headers say 200, never after.

        Raises:
            Fault, ModelError: as `ask`.
        """

        async def attempt(_number: int) -> aiohttp.ClientResponse:
            return await self._send(path, body)

        return await self._until_answered(attempt)

    async def aclose(self) -> None:
        """Close the connections; the endpoint may be used again, in any event loop."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def hide(self, message: str) -> str:
        """The message without the key."""
        return message.replace(self._key, "***") if self._key else message

    def broken(self, error: Exception) -> str:
        """What to say of a connection that broke."""
        return self._broken(error).message

    async def _until_answered(self, attempt: Callable[[int], Awaitable[T]]) -> T:
        number = 0
        while True:
            number += 1
            try:
                return await attempt(number)
            except ModelError as error:
                raise ModelError(self.hide(str(error))) from None
            except Fault as fault:
                if fault.pressure and self.pressure is not None:
                    self.pressure(fault.retry_after_s or 0.0)
                if number >= self._tries(fault):
                    self._give_up(fault, number)
                    raise
                await asyncio.sleep(self._backoff.wait_s(number, fault.retry_after_s))

    def _tries(self, fault: Fault) -> int:
        """How often a request that met this fault may be sent in all."""
        if fault.kind == "retry":
            return self._backoff.attempts
        return min(2, self._backoff.attempts) if fault.kind == "empty" else 1

    def _give_up(self, fault: Fault, attempts: int) -> None:
        fault.attempts = attempts
        fault.message = self.hide(fault.message)
        fault.args = (fault.message,)
        if fault.kind == "retry" and not self._reached:
            raise ModelError(
                f"{fault.message} (after {attempts} attempts, and nothing has ever answered there). "
                "Start the server or check the URL, then run the same command again."
            ) from fault

    async def _send(self, path: str, body: bytes | Upload | None) -> aiohttp.ClientResponse:
        session = self._connect()
        url = self.address.url + path
        try:
            if body is None:
                response = await session.get(url, allow_redirects=False)
            elif isinstance(body, bytes):
                response = await session.post(url, data=body, allow_redirects=False)
            else:
                length = {"Content-Length": str(body.length)}
                response = await session.post(url, data=body, headers=length, allow_redirects=False)
        except _BROKEN as error:
            if isinstance(body, Upload) and body.failure is not None:
                raise Fault("failed", str(body.failure)) from error
            raise self._broken(error) from error
        self._reached = True
        if 200 <= response.status < 300:
            return response
        async with response:
            try:
                raw = await read_all(response)
            except (*_BROKEN, Fault):
                raw = b""  # the status alone says enough
        raise status_fault(response.status, response.headers, raw, self.address)

    def _broken(self, error: Exception) -> Fault:
        if isinstance(error, TimeoutError):
            what = f"no answer within {self._timeout_s:g} s"
        elif isinstance(error, aiohttp.ClientHttpProxyError):  # its own words may hold the proxy's password
            what = f"the proxy in the environment answered HTTP {error.status}"
        elif isinstance(error, aiohttp.ClientConnectorError):
            what = f"cannot connect: {error.strerror or error}"
        elif isinstance(error, aiohttp.ClientPayloadError):
            what = "the connection closed in the middle of an answer"
        elif isinstance(error, aiohttp.ServerDisconnectedError):
            what = "the connection closed without an answer"
        else:
            what = f"the connection broke ({type(error).__name__}: {error})"
        return Fault("retry", f"{self.address.url}: {what}")

    def _connect(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is loop:
            return self._session
        if self._session is not None:
            raise ModelError(
                f"{self.address.url}: this model is open in another event loop. Await its aclose() there first."
            )
        headers = {"Content-Type": "application/json", "User-Agent": f"safesight/{__version__}"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        elif urlsplit(self.address.url).hostname == _OPENAI:
            raise ModelError(f"{self.address.url}: {self.address.key_advice}.")
        # The runner bounds concurrency, so the pool does not; retried requests wait for no connection.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(_CONNECT_S, self._timeout_s)),
            proxy=_environment_proxy(self.address.url),
        )
        self._loop = loop
        return self._session


def _environment_proxy(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; looked up once, never for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = getproxies().get(parts.scheme)
    if not found or host in _LOOPBACK or proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"
