"""A mock OpenAI endpoint that costs next to nothing: fixed answers, optional latency, streamed or whole."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

from aiohttp import web

SENTENCE = "The picture shows a calm street with two people who talk about the weather. "


def completion() -> bytes:
    return json.dumps(
        {
            "id": "mock",
            "object": "chat.completion",
            "created": 0,
            "model": "mock",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": SENTENCE}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 16, "total_tokens": 116},
        }
    ).encode()


def event(delta: dict, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "mock", "object": "chat.completion.chunk", "created": 0, "model": "mock", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def application(latency_s: float, default_chunks: int) -> web.Application:
    whole = completion()
    words = [word + " " for word in SENTENCE.split()]
    events = [event({"content": word}) for word in words]
    first, last = event({"role": "assistant", "content": ""}), event({}, "stop") + b"data: [DONE]\n\n"

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if latency_s:
            await asyncio.sleep(latency_s)
        # The last kilobyte holds the settings; parsing megabytes of base64 would be the mock's own cost.
        tail = body[-1024:]
        if b'"stream":true' not in tail.replace(b" ", b"") and b'"stream": true' not in body[:1024]:
            return web.Response(body=whole, content_type="application/json")
        chunks = int(request.headers.get("x-mock-chunks", default_chunks))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with contextlib.suppress(ConnectionResetError):  # a guard that stops a stream hangs up
            await response.prepare(request)
            await response.write(first)
            for i in range(chunks):
                await response.write(events[i % len(events)])
                if i % 16 == 15:
                    await asyncio.sleep(0)
            await response.write(last)
        return response

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--chunks", type=int, default=32)
    options = parser.parse_args()
    app = application(options.latency_ms / 1e3, options.chunks)
    # With aiohttp's 128, a starved machine leaves some of the load test's first 200 connections waiting for longer than
    # the proxy's ten seconds, and they end with 504.
    web.run_app(app, host="127.0.0.1", port=options.port, print=None, access_log=None, backlog=1024)
