"""The middleware around a real ASGI server of the chat protocol (Starlette on uvicorn, as vLLM's), over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.integrations.asgi import GuardMiddleware
from tests.proxy.serving import free_port

WORD = "forbidden tower"
MILD = "Go down the road and over the bridge. Then on, past the mill."


class Engine:
    """What vLLM's server does here: answers what it is told to, and knows when a client has left."""

    def __init__(self) -> None:
        self.says = MILD
        self.asked: list[Any] = []
        self.left = threading.Event()
        self.endless = False

    async def chat(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer k":
            return JSONResponse({"error": {"message": "Unauthorized"}}, status_code=401)
        body = await request.json()
        self.asked.append(body)
        if body.get("stream"):
            return StreamingResponse(self._events(), media_type="text/event-stream")
        said = {"role": "assistant", "content": self.says}
        choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
        return JSONResponse({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices})

    async def _events(self) -> AsyncIterator[str]:
        try:
            pieces = [self.says[i : i + 5] for i in range(0, len(self.says), 5)]
            for piece in pieces:
                yield self._event({"content": piece})
            while self.endless:
                yield self._event({"content": " more"})
                await asyncio.sleep(0.01)
            yield self._event({}, "stop") + "data: [DONE]\n\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.left.set()
            raise

    def _event(self, delta: dict[str, str], finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
        return f"data: {json.dumps(event)}\n\n"

    async def echo(self, request: Request) -> Response:
        return JSONResponse({"got": (await request.body()).decode(), "path": request.url.path})


@contextmanager
def serving(app: Any) -> Generator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def guarded() -> Generator[tuple[str, Engine]]:
    engine = Engine()
    routes = [
        Route("/v1/chat/completions", engine.chat, methods=["POST"]),
        *(Route(path, engine.echo, methods=["GET", "POST"]) for path in ("/health", "/tokenize", "/v1/audio/speech")),
    ]
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text=WORD)])])
    app = Starlette(routes=routes)
    app.add_middleware(GuardMiddleware, guard=guard)  # as vLLM adds a class that --middleware names
    with serving(app) as url:
        yield url, engine


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)


def ask(url: str, said: str) -> tuple[str, str]:
    with client(url) as model:
        answer = model.chat.completions.create(model="m", messages=[{"role": "user", "content": said}])
    return answer.choices[0].message.content or "", answer.choices[0].finish_reason


def stream(url: str, said: str) -> tuple[str, str]:
    text, finish = "", ""
    with client(url) as model:
        for event in model.chat.completions.create(
            model="m", messages=[{"role": "user", "content": said}], stream=True
        ):
            text += event.choices[0].delta.content or ""
            finish = event.choices[0].finish_reason or finish
    return text, finish


@pytest.mark.parametrize("way", [ask, stream])
def test_mild_words_pass_and_others_do_not(guarded: tuple[str, Engine], way: Any) -> None:
    url, engine = guarded
    engine.says = MILD
    assert way(url, "Where?") == (MILD, "stop")
    engine.asked.clear()
    text, finish = way(url, f"To the {WORD}!")
    assert ("can't help" in text, finish, engine.asked) == (True, "content_filter", [])
    engine.says = f"{MILD} Turn left at the {WORD}."
    text, finish = way(url, "Where?")
    assert ("can't help" in text, finish, "forbidden" in text) == (True, "content_filter", False)


def test_the_engine_stops_when_the_guard_does(guarded: tuple[str, Engine]) -> None:
    url, engine = guarded
    engine.says, engine.endless = f"{MILD} Turn left at the {WORD}.", True
    engine.left.clear()
    try:
        assert stream(url, "Where?")[1] == "content_filter"
        assert engine.left.wait(60)
    finally:
        engine.endless = False


def test_keys_and_pages_are_the_applications_to_judge(guarded: tuple[str, Engine]) -> None:
    url, engine = guarded
    engine.says = MILD
    body = {"model": "m", "messages": [{"role": "user", "content": "Where?"}]}
    headers = {"origin": "http://ui.example", "authorization": "Bearer wrong"}
    answer = requests.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "http://ui.example")
    headers["authorization"] = "Bearer k"
    assert requests.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60).ok


def test_what_is_no_text_of_a_model_passes_and_what_is_not_guarded_does_not(guarded: tuple[str, Engine]) -> None:
    url, _ = guarded
    assert requests.get(f"{url}/health", timeout=60).json()["path"] == "/health"
    assert requests.post(f"{url}/tokenize", data="x", timeout=60).json() == {"got": "x", "path": "/tokenize"}
    for method, path in (("POST", "/v1/audio/speech"), ("PUT", "/health"), ("GET", "/v1/responses/resp_1")):
        refused = requests.request(method, url + path, data="x", timeout=60)
        assert (refused.status_code, "not guarded" in refused.text) == (404, True)


async def test_websockets_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def app(*_: Any) -> None:
        raise AssertionError

    await GuardMiddleware(app)({"type": "websocket", "path": "/v1/realtime"}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
