"""A guard inside another ASGI server of the chat protocol, such as vLLM's: no proxy, no second process.

    vllm serve MODEL --middleware safesight.integrations.asgi.GuardMiddleware

The whole proxy stands in front of the application and asks it in this process: requests, whole answers and streams are
guarded as by `safesight guard`. A GET passes (health, metrics, models) but for kept answers; other routes that are not
guarded are refused, WebSockets too, unless their answers hold no text of a model (embeddings, scores, tokens).
SAFESIGHT_POLICY names the policy.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, cast

from safesight.guard.guard import Guard
from safesight.proxy.app import Proxy
from safesight.proxy.asgi import Headers, Receive, Scope, Send
from safesight.proxy.errors import UpstreamError
from safesight.proxy.settings import ProxySettings
from safesight.proxy.upstream import Upstream

PASSED: Final = frozenset(
    {"/embeddings", "/score", "/rerank", "/pooling", "/classify", "/tokenize", "/detokenize", "/load", "/ping"}
)
"""POST routes whose answers hold no text that a model wrote."""
STORED: Final = ("/responses", "/chat/completions", "/conversations", "/batches", "/files")
"""Where servers hand out answers that they kept, flagged ones too."""
_INSIDE: Final = "http://inside.invalid/v1"
"""The upstream that is this application: nothing is ever asked at that address."""


_log = logging.getLogger(__name__)


class GuardMiddleware:
    """Guards the application it wraps; give it a guard, or let it open the policy that SAFESIGHT_POLICY names."""

    def __init__(self, app: Any, *, guard: Guard | None = None) -> None:
        policy = os.environ.get("SAFESIGHT_POLICY", "")
        # Nothing listens here: which names and pages may ask, and with which keys, is the application's to say (it
        # answers the preflights, and every request carries its headers on).
        settings = ProxySettings(
            upstream=_INSIDE,
            policy=Path(policy) if policy else None,
            host="0.0.0.0",  # noqa: S104
            allowed_origins=("*",),
        )
        self._app = app
        self._proxy = Proxy(settings, guard=guard, upstream=cast("Upstream", _Inside(app)))
        self._opening: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "WebSockets are not guarded"})
            return
        if scope["type"] != "http" or _passes(str(scope["method"]), str(scope["path"]).removeprefix("/v1")):
            await self._app(scope, receive, send)
            return
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._proxy.startup())
        await self._opening
        await self._proxy(scope, receive, send)


def _passes(method: str, path: str) -> bool:
    """Whether a request is the application's alone."""
    if method in ("GET", "HEAD"):
        return not path.startswith(STORED)
    return method == "OPTIONS" or (method == "POST" and path in PASSED)


class _Inside:
    """The wrapped application as the proxy's upstream."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def post(self, path: str, scope: Scope, body: bytes) -> _Reply:
        reply = _Reply(self._app, scope, body)
        await reply.begun()
        return reply

    async def aclose(self) -> None: ...


class _Reply:
    """What the application answers, as it comes."""

    def __init__(self, app: Any, scope: Scope, body: bytes) -> None:
        kept = [pair for pair in scope["headers"] if pair[0] not in (b"content-length", b"accept-encoding")]
        asked = {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}
        self._body: bytes | None = body
        self._gone = asyncio.Event()
        self._parts: asyncio.Queue[Any] = asyncio.Queue(maxsize=8)
        self._work = asyncio.create_task(self._run(app(asked, self._receive, self._parts.put)))
        self.status, self.headers, self.at_end = 502, Headers(), False

    async def begun(self) -> None:
        start = await self._parts.get()
        if start is None:
            raise UpstreamError("the application gave no answer.", status=502, kind="upstream_error")
        self.status = start["status"]
        self.headers = [(name.lower(), value) for name, value in start["headers"]]

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.at_end and (part := await self._parts.get()) is not None:
            self.at_end = not part.get("more_body")
            if part.get("body"):
                yield part["body"]

    async def __aenter__(self) -> _Reply:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Tell the application that its client has left, and end it."""
        self._gone.set()
        self._work.cancel()

    async def _run(self, work: Any) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the border to another's application: its reply breaks off
            _log.exception("the application failed")
        finally:
            if not self._gone.is_set():
                await self._parts.put(None)

    async def _receive(self) -> dict[str, Any]:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}
