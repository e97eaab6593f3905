"""Whatever goes wrong is an answer of the protocol, and counted: deep JSON, the unforeseen, a drain that is over."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from safesight.proxy import app, chat_request
from safesight.proxy.settings import ProxySettings
from safesight.wire import chat_dialect
from tests.models.mock_openai import Asked, MockOpenAI, in_thread, raw, reply
from tests.proxy.serving import drain, serving
from tests.proxy.test_passing import ask
from tests.proxy.test_server import ASK, _wait, make_guard, metric

DEEP = "[" * 100_000 + "]" * 100_000
BODY = {"model": "m", "messages": ASK}


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


def fails(*_: object, **__: object) -> NoReturn:
    raise KeyError("nobody foresaw this")


@pytest.mark.parametrize("path", ["/chat/completions", "/moderations"])
@pytest.mark.parametrize("where", ["x", "messages", "input"])
def test_a_request_nested_without_end_is_a_bad_request(upstream: MockOpenAI, path: str, where: str) -> None:
    body = json.dumps({"model": "m", "messages": ASK, "input": "hi"})[:-1].replace(f'"{where}":', '"_":')
    deep = f'{body}, "{where}": {DEEP}}}'.encode()
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, text = _raw(url + path, deep)
        route = f'safesight_requests_total{{route="{path}",status="400"}}'
        if path == "/moderations" and where != "input":
            assert status in (200, 400)
            return
        assert status == 400
        assert json.loads(text)["error"]["type"] == "invalid_request_error"
        _wait(lambda: metric(url, route) == 1)
    assert upstream.count == 0


def test_a_reply_nested_without_end_is_an_upstream_error(upstream: MockOpenAI) -> None:
    event = f'{{"choices": [{{"index": 0, "delta": {{"content": "Goodbye"}}}}], "x": {DEEP}}}'
    whole = f'{{"choices": [{{"index": 0, "message": {{"content": "Goodbye"}}}}], "x": {DEEP}}}'
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        upstream.then = raw(whole)
        status, _, text = ask(url, "/chat/completions", BODY)
        assert (status, json.loads(text)["error"]["code"]) == (502, "upstream_error")
        upstream.then = raw(f"data: {event}\n\ndata: [DONE]\n\n", content_type="text/event-stream")
        status, _, text = ask(url, "/chat/completions", {**BODY, "stream": True})
        assert status in (200, 502)
        assert "upstream_error" in text
        assert "Goodbye" not in text
        _wait(lambda: metric(url, 'safesight_errors_total{kind="upstream"}') == 2)


@pytest.mark.parametrize("stream", [False, True])
def test_what_nobody_foresaw_is_an_answer_and_counted(
    upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    monkeypatch.setattr(chat_request, "read_conversation", fails)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, _, text = ask(url, "/chat/completions", {**BODY, "stream": stream})
        assert (status, json.loads(text)["error"]["code"]) == (500, "internal_error")
        assert "foresaw" not in text, "what it was stays in the log"
        _wait(lambda: metric(url, 'safesight_errors_total{kind="internal"}') == 1)
        _wait(lambda: metric(url, 'safesight_requests_total{route="/chat/completions",status="500"}') == 1)
    assert "nobody foresaw this" in caplog.text


def test_other_routes_have_the_same_border(upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.moderations, "answer", fails)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, _, text = ask(url, "/moderations", {"input": "hi"})
        assert (status, json.loads(text)["error"]["code"]) == (500, "internal_error")
        _wait(lambda: metric(url, 'safesight_errors_total{kind="internal"}') == 1)


def test_a_stream_that_fails_in_the_middle_ends_as_streams_do(
    upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_dialect, "encode", _fails_later(chat_dialect.encode))
    upstream.then = reply("A calm street with two people. " * 40)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, _, text = ask(url, "/chat/completions", {**BODY, "stream": True})
        *_, error, done, end = text.split("\n\n")
        assert (status, done, end) == (200, "data: [DONE]", "")
        assert json.loads(error.removeprefix("data: "))["error"]["code"] == "internal_error"


def _fails_later(encode):
    """An `encode` whose second call fails."""
    calls = 0

    def encoding(payloads: list[bytes]) -> bytes:
        nonlocal calls
        calls += 1
        return fails() if calls == 2 else encode(payloads)

    return encoding


@pytest.mark.parametrize("stream", [False, True])
def test_a_drain_that_is_over_ends_answers_as_their_protocol_says(upstream: MockOpenAI, *, stream: bool) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def hangs(request: web.Request, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if stream:
            await response.prepare(request)
            choice = {"index": 0, "delta": {"content": "A calm street. " * 20}, "finish_reason": None}
            await response.write(b"data: %s\n\n" % json.dumps({"id": "c", "choices": [choice]}).encode())
        begun.set()
        await asyncio.to_thread(go_on.wait, 60)
        return await reply("late")(request, asked)

    upstream.then = hangs
    found: list[tuple[int, dict[str, str], str]] = []
    with serving(ProxySettings(upstream=upstream.url, drain_s=0), guard=make_guard()) as (url, proxy):
        client = threading.Thread(
            target=lambda: found.append(ask(url, "/chat/completions", {**BODY, "stream": stream}))
        )
        client.start()
        assert begun.wait(30)
        drain(proxy)
        client.join(30)
        go_on.set()
        (status, _, text) = found[0]
        if stream:
            *_, error, done, end = text.split("\n\n")
            assert (status, done, end) == (200, "data: [DONE]", "")
            text = error.removeprefix("data: ")
        else:
            assert status == 503
        assert json.loads(text)["error"]["code"] == "shutting_down"
        _wait(lambda: metric(url, 'safesight_errors_total{kind="drain"}') == 1)


def _raw(url: str, data: bytes) -> tuple[int, str]:
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_drain_that_is_over_answers_who_is_still_sending(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url, drain_s=0), guard=make_guard()) as (url, proxy):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as open_:
            open_.sendall(b"POST /v1/moderations HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
            while not proxy._draining._tasks:
                pass
            drain(proxy)
            assert open_.recv(65536).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models"])
def test_head_is_answered_as_get_without_its_body(upstream: MockOpenAI, path: str) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        request = urllib.request.Request(url.removesuffix("/v1") + path, method="HEAD")
        with urllib.request.urlopen(request, timeout=30) as response:
            assert (response.status, response.read()) == (200, b"")
