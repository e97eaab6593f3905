"""What slow, odd or hostile clients meet, and what is told of answers that were cut."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from safesight.core.errors import MissingData
from safesight.core.messages import Image
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.server import MAX_HEAD
from safesight.proxy.settings import Limits, ProxySettings
from tests.guard.detectors import BAD, RunningWordDetector, WordDetector
from tests.models.mock_openai import Asked, MockOpenAI, in_thread, raw
from tests.proxy.serving import serving
from tests.proxy.test_server import ASK, BAD_TEXT, client, image_part, make_guard, status_of

PATHS = (b"chat/completions", b"moderations")


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


def send_slowly(url: str, data: bytes) -> tuple[bytes, float]:
    """Send the beginning of a request and wait; what came back, and after how long the connection was closed."""
    with socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0), timeout=20) as open_:
        open_.sendall(data)
        started, found = time.monotonic(), b""
        while more := open_.recv(65536):
            found += more
        return found, time.monotonic() - started


def test_a_body_that_never_ends_is_given_up(upstream: MockOpenAI) -> None:
    head = b"POST /v1/%s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"
    settings = ProxySettings(upstream=upstream.url, limits=Limits(body_timeout_s=0.3))
    # Several at once: a request that something still held would keep its connection open.
    with serving(settings, guard=make_guard()) as (url, _), ThreadPoolExecutor(12) as pool:
        for found, took in pool.map(lambda n: send_slowly(url, head % PATHS[n % 2]), range(36)):
            assert found.startswith(b"HTTP/1.1 408 ")
            assert b"request_timeout" in found
            assert 0.2 < took < 15
    assert upstream.count == 0


@pytest.mark.parametrize("data", [b"", b"POST /v1/chat/comp", b"GET /healthz HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_never_ends_is_hung_up_on(upstream: MockOpenAI, data: bytes) -> None:
    with serving(ProxySettings(upstream=upstream.url, head_timeout_s=0.5), guard=make_guard()) as (url, _):
        found, took = send_slowly(url, data)
        assert (found, 0.4 < took < 15) == (b"", True)
        # A second head on a connection that served one is no better.
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        found, took = send_slowly(url, whole + (data or b"G"))
        assert found.count(b"HTTP/1.1 200") == 1
        assert took < 15


def test_a_head_may_be_so_long_and_no_longer(upstream: MockOpenAI) -> None:
    most = MAX_HEAD - 2_000
    ends = b"\r\nconnection: close\r\n\r\n"
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        found, _ = send_slowly(url, b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * most + ends)
        assert found.startswith(b"HTTP/1.1 200 ")
        for lines in (b"x-long: " + b"a" * MAX_HEAD, b"x: b\r\n" * 101, b"x: " + b"b" * 1000 + b"\r\nx: b" * 20_000):
            found, _ = send_slowly(url, b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + lines)
            assert found.startswith(b"HTTP/1.1 431 ")


def stream(url: str, **more: object) -> list[dict]:
    """The events of a streamed answer, without [DONE], which must be there."""
    status, text = status_of(url, "/chat/completions", {"model": "mock", "messages": ASK, "stream": True, **more})
    *events, done, end = text.split("\n\n")
    assert (status, done, end) == (200, "data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_a_cut_stream_tells_its_usage_where_the_client_asked(upstream: MockOpenAI) -> None:
    pieces = [BAD_TEXT[i : i + 5] for i in range(0, len(BAD_TEXT), 5)]
    events = [{"id": "c", "choices": [{"index": 0, "delta": {"content": p}, "finish_reason": None}]} for p in pieces]
    upstream.then = raw(
        b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events) + b"data: [DONE]\n\n"
    )
    asked = {"stream_options": {"include_usage": True}}
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        assert all(event.get("usage") is None for event in stream(url))
        *_, cut, last = stream(url, **asked)
        assert cut["choices"][0]["finish_reason"] == "content_filter"
        assert last["choices"] == []
        assert last["safesight"] == {"usage": "estimated"}
        tokens = last["usage"]["completion_tokens"]
        assert last["usage"] == {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}
        assert BAD_TEXT.index(BAD) // 5 <= tokens <= len(pieces)
        with client(url) as asking:
            seen = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True, **asked))
            assert seen[-1].usage.completion_tokens > 0


def test_a_cut_stream_repeats_the_usage_its_upstream_told_last(upstream: MockOpenAI) -> None:
    told = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    events = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "usage": told}
        for text in ("A calm start. ", f"Then {BAD}. ")
    ]
    body = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    upstream.then = raw(body + b"data: [DONE]\n\n")
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        last = stream(url, stream_options={"include_usage": True})[-1]
    assert (last["usage"], last["safesight"]) == (told, {"usage": "upstream"})


def test_a_refused_request_tells_its_usage_too(upstream: MockOpenAI) -> None:
    detector = RunningWordDetector()
    detector.judges_requests = True
    ask = [{"role": "user", "content": f"Tell me something {BAD}."}]
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard(detector)) as (url, _):
        last = stream(url, messages=ask, stream_options={"include_usage": True})[-1]
    assert last["usage"]["total_tokens"] == 0


class BrokenReader:
    fingerprint = "broken"

    async def read(self, image: Image, *, client: str | None = None) -> object:
        raise MissingData("the reading is gone")


def test_moderations_tell_what_reading_and_image_detectors_found(upstream: MockOpenAI) -> None:
    policy = Policy(input=InputRule(ocr=True))
    ask = {"input": [{"type": "text", "text": f"a {BAD} street"}, image_part()]}
    broken = Guard(policy, detectors=[WordDetector()], reader=BrokenReader())  # type: ignore[arg-type]
    with serving(ProxySettings(upstream=upstream.url), guard=broken) as (url, _):
        status, text = status_of(url, "/moderations", ask)
        assert (status, json.loads(text)["error"]["code"]) == (503, "detector_error")
    seeing = WordDetector(BAD, category="cse")
    images = Guard(Policy(input=InputRule(ocr=False)), detectors=[WordDetector("nothing")], image_detector=seeing)
    with serving(ProxySettings(upstream=upstream.url), guard=images) as (url, _):
        result = json.loads(status_of(url, "/moderations", ask)[1])["results"][0]
        assert result["flagged"]
        assert result["categories"]["sexual/minors"]
        assert result["safesight"]["harm"] == 0.9


def test_the_rest_of_a_refused_body_is_not_read(upstream: MockOpenAI) -> None:
    settings = ProxySettings(upstream=upstream.url, limits=Limits(max_body_bytes=1000))
    with serving(settings, guard=make_guard()) as (url, _):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n"
        found, took = send_slowly(url, head + b"x" * 2000)
        assert found.startswith(b"HTTP/1.1 413 ")
        assert took < 10
        assert urllib.request.urlopen(f"{url}/metrics", timeout=10).status == 200


def test_a_client_that_does_not_read_holds_the_upstream_back(upstream: MockOpenAI) -> None:
    sent, most = 0, 64 * 2**20
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "calm words " * 900}, "finish_reason": None}]}
    event = b"data: %s\n\n" % json.dumps(chunk).encode()

    async def pours(request: web.Request, _asked: Asked) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while sent < most:
            await response.write(event)
            sent += len(event)
        await response.write(b"data: [DONE]\n\n")
        return response

    upstream.then = pours
    body = json.dumps({"model": "m", "messages": ASK, "stream": True}).encode()
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        address = urlsplit(url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as open_:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
            open_.sendall(head + body)
            assert open_.recv(1000).startswith(b"HTTP/1.1 200")
            seen = -1
            while seen != sent:
                seen = sent
                time.sleep(0.5)
            assert seen < most // 2
        deadline = time.monotonic() + 10
        while upstream.aborted == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert upstream.aborted == 1
