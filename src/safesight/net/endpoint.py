"""One HTTP endpoint: a session, its key, and asking until there is an answer or no hope of one.

Invariant: the key leaves this module only in the Authorization header; every message is cleaned of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from safesight.core.errors import ModelError
from safesight.core.version import __version__
from safesight.net.body import read_all
from safesight.net.client import BROKEN, Client, Patience
from safesight.net.faults import Address, Fault, status_fault
from safesight.net.retry import Backoff
from safesight.net.upload import FileUpload, Upload

T = TypeVar("T")

_OPENAI: Final = "api.openai.com"


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
        self._backoff = backoff
        headers = {"Content-Type": "application/json", "User-Agent": f"safesight/{__version__}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._client = Client(address.url, headers=headers, patience=Patience(total_s=timeout_s), resend=False)
        self._reached = False

    async def ask(
        self,
        path: str,
        body: bytes | Upload | FileUpload | None,
        read: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        *,
        query: str = "",
        attempts: int | None = None,
    ) -> Asked[T]:
        """POST `body` (GET when None) and `read` the reply, again after each fault that a retry may mend.

        `attempts` bounds how often, where a caller must look before it asks again.

        Raises:
            Fault: no attempt gave an answer.
            ModelError: no request ever will.
        """

        async def attempt(number: int) -> Asked[T]:
            started = time.perf_counter()
            async with await self._send(path, body, query) as response:
                try:
                    value = await read(response)
                except BROKEN as error:
                    raise self._broken(error) from error
            return Asked(value, number, started, (time.perf_counter() - started) * 1000)

        return await self._until_answered(attempt, attempts)

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
        await self._client.aclose()

    def hide(self, message: str) -> str:
        """The message without the key."""
        return message.replace(self._key, "***") if self._key else message

    def broken(self, error: Exception) -> str:
        """What to say of a connection that broke."""
        return self._broken(error).message

    async def _until_answered(self, attempt: Callable[[int], Awaitable[T]], most: int | None = None) -> T:
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
                if number >= min(self._tries(fault), most or self._backoff.attempts):
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

    async def _send(
        self, path: str, body: bytes | Upload | FileUpload | None, query: str = ""
    ) -> aiohttp.ClientResponse:
        self._check()
        streamed = isinstance(body, Upload | FileUpload)
        more = {"Content-Length": str(body.length), "Content-Type": body.content_type} if streamed else {}
        method = "GET" if body is None else "POST"
        try:
            response = await self._client.send(method, path, query=query, headers=more, body=body)
        except BROKEN as error:
            if streamed and body.failure is not None:
                raise Fault("failed", str(body.failure)) from error
            raise self._broken(error) from error
        self._reached = True
        if 200 <= response.status < 300:
            return response
        async with response:
            try:
                raw = await read_all(response)
            except (*BROKEN, Fault):
                raw = b""  # the status alone says enough
        raise status_fault(response.status, response.headers, raw, self.address)

    def _broken(self, error: BaseException) -> Fault:
        return Fault("retry", f"{self.address.url}: {self._client.says(error)}")

    def _check(self) -> None:
        if self._client.elsewhere:
            raise ModelError(
                f"{self.address.url}: this model is open in another event loop. Await its aclose() there first."
            )
        if not self._key and urlsplit(self.address.url).hostname == _OPENAI:
            raise ModelError(f"{self.address.url}: {self.address.key_advice}.")
