"""A real HTTP server on loopback that speaks the OpenAI protocol, and every way of getting it wrong.

    async with MockOpenAI(rate_limited(0), reply("hi")) as server:
        model = open_plugin("models", server.name)      # http://127.0.0.1:PORT/v1#mock

Behaviours answer requests in order; afterwards, and when none are given, `choose` picks one by the decoded
request, or `then` answers. `in_thread` serves synchronous tests; `python -m
tests.models.mock_openai --port 8000 --delay-ms 20` serves benches from a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.raw)


Behaviour = Callable[[web.Request, Asked], Awaitable[web.StreamResponse]]
Chooser = Callable[[dict[str, Any]], Behaviour]


def reply(
    text: str | None = "Hello.",
    *,
    delay_s: float = 0.0,
    chunks: Sequence[str] | None = None,
    cut: int = 0,
    message: dict[str, Any] | None = None,
    finish_reason: str | None = "stop",
    usage: dict[str, Any] | None = None,
    done: bool = True,
    **choice: Any,
) -> Behaviour:
    """A good answer, streamed when asked so.

    `chunks` are the streamed pieces; `cut` writes the stream in pieces of so many bytes, whatever they split;
    `message` adds fields to the message or first delta; `choice` to the choice (logprobs).
    """
    counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18} if usage is None else usage

    async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
        body = asked.json
        await asyncio.sleep(delay_s)
        head = {"id": "chatcmpl-1", "created": 1, "model": f"{body['model']}-served"}
        if body.get("stream"):
            pieces = chunks if chunks is not None else [text[i : i + 4] for i in range(0, len(text or ""), 4)]  # type: ignore[index]
            events = _stream_events(head, pieces, message or {}, finish_reason, choice, counts)
            return await _send_events(request, events, cut=cut, done=done)
        if asked.path.endswith("/chat/completions"):
            said = {"role": "assistant", "content": text, **(message or {})}
            choices = [{"index": 0, "message": said, "finish_reason": finish_reason, **choice}]
        else:
            choices = [{"index": 0, "text": text, "finish_reason": finish_reason, **choice}]
        return web.json_response({**head, "object": "chat.completion", "choices": choices, "usage": counts})

    return behave


def _stream_events(
    head: dict[str, Any],
    pieces: Sequence[str],
    extra: dict[str, Any],
    finish_reason: str | None,
    choice: dict[str, Any],
    usage: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    deltas = [{"role": "assistant", "content": "", **extra}, *({"content": piece} for piece in pieces)]
    base = {**head, "object": "chat.completion.chunk"}
    for delta in deltas:
        yield {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None, **choice}]}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]}
    yield {**base, "choices": [], "usage": usage}


async def _send_events(
    request: web.Request, events: Iterator[dict[str, Any]], *, cut: int = 0, done: bool = True
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    frames = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events]
    frames += [b"data: [DONE]\n\n"] if done else []
    if cut:
        whole = b"".join(frames)
        frames = [whole[i : i + cut] for i in range(0, len(whole), cut)]
    for frame in frames:
        await response.write(frame)
        await asyncio.sleep(0)
    await response.write_eof()
    return response


def raw(
    body: bytes | str,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Behaviour:
    """Exactly these bytes."""
    data = body.encode() if isinstance(body, str) else body

    async def behave(_request: web.Request, _asked: Asked) -> web.StreamResponse:
        return web.Response(body=data, status=status, headers={"Content-Type": content_type, **(headers or {})})

    return behave


def failure(status: int, message: str = "", *, headers: dict[str, str] | None = None, **fields: Any) -> Behaviour:
    """An OpenAI-style error; `fields` are added to the error object (code, type, innererror ...)."""
    return raw(json.dumps({"error": {"message": message, **fields}}), status=status, headers=headers)


def rate_limited(retry_after: float | str | None = None) -> Behaviour:
    """429, with `Retry-After` where given."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return failure(429, "Rate limit reached", headers=headers, code="rate_limit_exceeded")


def azure_block() -> Behaviour:
    """Azure's content filter stops the prompt."""
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}
    return failure(400, "The response was filtered.", code="content_filter", innererror=inner)


def html(status: int = 200) -> Behaviour:
    """A login or error page where JSON should be."""
    return raw("<!DOCTYPE html><html><body>Sign in</body></html>", status=status, content_type="text/html")


def empty(status: int = 200) -> Behaviour:
    """No body at all."""
    return raw(b"", status=status)


def malformed() -> Behaviour:
    """JSON that breaks off."""
    return raw('{"choices": [{"message": {"content": "half an ans')


def garbage_stream() -> Behaviour:
    """An event stream of things that are not JSON."""
    return raw(b"data: \xff\xfe not json\n\ndata: {]\n\n", content_type="text/event-stream")


async def hang(request: web.Request, _asked: Asked) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3600)
    raise web.HTTPGatewayTimeout


async def close(request: web.Request, _asked: Asked) -> web.StreamResponse:
    """Close the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def close_mid_body(request: web.Request, asked: Asked) -> web.StreamResponse:
    """Close the connection in the middle of an answer, streamed or not."""
    stream = asked.json.get("stream")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream" if stream else "application/json"})
    if not stream:
        response.content_length = 4096
    await response.prepare(request)
    chunk = {"model": "mock", "choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": None}]}
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode() if stream else b'{"choices": [{"mess')
    await asyncio.sleep(0.01)
    assert request.transport is not None
    request.transport.abort()
    return response


async def endless(request: web.Request, _asked: Asked) -> web.StreamResponse:
    """Stream for ever; ends only when the client goes away."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    chunk = {"model": "mock", "choices": [{"index": 0, "delta": {"content": "more "}, "finish_reason": None}]}
    while True:
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await asyncio.sleep(0.005)


async def _no_model(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


class MockOpenAI:
    """The server.

    `requests` holds what came in (unless `keep` is off), `count` how many did, `peak` the most at one time,
    `aborted` those whose client went away (`abort` is set by the first), `peers` the connections they came over.
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        then: Behaviour | None = None,
        choose: Chooser | None = None,
        models: Sequence[str] = ("mock",),
        keep: bool = True,
    ) -> None:
        self.behaviours = list(behaviours)
        self.then = then or reply()
        self.choose = choose
        self.models = tuple(models)
        self.keep = keep
        self.requests: list[Asked] = []
        self.url = ""
        self.count = self.active = self.peak = self.aborted = 0
        self.abort = asyncio.Event()
        self.peers: set[object] = set()
        self.one_model: Callable[[web.Request], Awaitable[web.StreamResponse]] = _no_model
        self._runner: web.AppRunner | None = None
        self._transports: set[asyncio.WriteTransport] = set()

    @property
    def name(self) -> str:
        """The model name to open."""
        return f"{self.url}#{self.models[0]}"

    @property
    def last(self) -> Asked:
        return self.requests[-1]

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> Self:
        app = web.Application(client_max_size=2**30, middlewares=[self._remember])
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/v1/models/{name:.+}", self._one)
        app.router.add_post("/v1/{path:.*}", self._answer)
        app.router.add_post("/{path:(de)?tokenize}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}/v1"
        return self

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        for transport in self._transports:
            # One whose client reads no more would wait for it beyond the end of the loop.
            transport.abort()
        await asyncio.sleep(0)

    @web.middleware
    async def _remember(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if isinstance(request.transport, asyncio.WriteTransport):
            self._transports.add(request.transport)
        return await handler(request)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.count += 1
        return web.json_response({"object": "list", "data": [{"id": name} for name in self.models]})

    async def _one(self, request: web.Request) -> web.StreamResponse:
        return await self.one_model(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.count += 1
        self.active += 1
        self.peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        self.peak = max(self.peak, self.active)
        try:
            asked = Asked(request.path, dict(request.headers), await request.read())
            if self.keep:
                self.requests.append(asked)
            return await self._behaviour(asked)(request, asked)
        except (asyncio.CancelledError, ConnectionResetError):
            self.aborted += 1
            self.abort.set()
            raise
        finally:
            self.active -= 1

    def _behaviour(self, asked: Asked) -> Behaviour:
        if self.behaviours:
            return self.behaviours.pop(0)
        return self.choose(asked.json) if self.choose else self.then


@contextmanager
def in_thread(*behaviours: Behaviour, **settings: Any) -> Generator[MockOpenAI]:
    """Serve from another thread, for synchronous tests."""
    server = MockOpenAI(*behaviours, **settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(port: int, delay_s: float, text: str) -> None:
    server = await MockOpenAI(then=reply(text, delay_s=delay_s), keep=False).start(port=port)
    print(server.name, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve a mock OpenAI endpoint; prints its model name.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=20.0)
    parser.add_argument("--text", default="A mild answer.")
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.delay_ms / 1000, given.text))
