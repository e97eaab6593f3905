"""What passes between client and upstream besides the conversation, read at both ends of the wire."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Generator
from urllib.parse import urlsplit

import openai
import pytest
from aiohttp import web

from safesight.proxy.settings import ProxySettings
from tests.models import mock_openai
from tests.models.mock_openai import Asked, MockOpenAI, in_thread, raw
from tests.proxy.serving import serving
from tests.proxy.test_server import ASK, client, make_guard

BACK = {
    "retry-after-ms": "1500",
    "retry-after": "2",
    "x-should-retry": "true",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "1.5s",
    "x-request-id": "req_1",
    "apim-request-id": "a",
    "openai-processing-ms": "7",
}
KEPT_AWAY = {"set-cookie": "a=b", "access-control-allow-origin": "*", "server": "x", "x-internal": "1"}


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


def ask(url: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of one request; underscores in `headers` stand for hyphens."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(url + path, data=data, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode()


@pytest.mark.parametrize("status", [200, 429, 500])
@pytest.mark.parametrize("guarded", [True, False])
def test_headers_that_clients_act_on_come_back_and_no_others(
    upstream: MockOpenAI, status: int, *, guarded: bool
) -> None:
    good = {"id": "1", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    upstream.then = raw(json.dumps(good if status == 200 else {"error": {}}), status=status, headers=BACK | KEPT_AWAY)
    settings = ProxySettings(upstream=upstream.url, guard=guarded)
    with serving(settings, guard=make_guard() if guarded else None) as (url, _):
        found, headers, _ = ask(url, "/chat/completions", {"model": "m", "messages": ASK})
    assert found == status
    assert BACK.items() <= headers.items()
    assert not {name for name, value in KEPT_AWAY.items() if headers.get(name) == value}


def test_the_official_client_waits_as_the_upstream_asked(upstream: MockOpenAI) -> None:
    """`x-should-retry: false` keeps openai's client from asking again; without it a 429 is asked three times."""
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        for header, asked in (("false", 1), ("true", 3)):
            upstream.count = 0
            more = {"x-should-retry": header, "retry-after-ms": "1"}
            upstream.then = mock_openai.failure(400, "busy", headers=more)
            asking = openai.OpenAI(base_url=url, api_key="x", max_retries=2)
            with asking, pytest.raises(openai.APIStatusError):
                asking.chat.completions.create(model="m", messages=ASK)
            assert upstream.count == asked


def test_a_stream_is_not_held_back_by_nginx(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        _, headers, _ = ask(url, "/chat/completions", {"model": "m", "messages": ASK, "stream": True})
    assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "no-cache")


@pytest.mark.parametrize(
    ("base", "asked", "sent"),
    [
        ("", "?api-version=2024-10-21", "api-version=2024-10-21"),
        ("?api-version=1", "", "api-version=1"),
        ("?api-version=1&a=b", "?api-version=2", "a=b&api-version=2"),
        ("", "?q=%2F%20+", "q=%2F%20+"),
    ],
)
def test_queries_pass(upstream: MockOpenAI, base: str, asked: str, sent: str) -> None:
    seen: list[str] = []

    async def keep(request: web.Request, asked_for: Asked) -> web.StreamResponse:
        seen.append(request.raw_path)
        return await mock_openai.reply()(request, asked_for)

    upstream.then = keep
    with serving(ProxySettings(upstream=upstream.url + base), guard=make_guard()) as (url, _):
        assert ask(url, "/chat/completions" + asked, {"model": "m", "messages": ASK})[0] == 200
    assert seen == ["/v1/chat/completions?" + sent]


@pytest.mark.parametrize("field", ["authorization", "api-key", "x-api-key"])
def test_keys_are_admitted_in_every_header_and_stay_here(
    upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setenv("PROXY_KEYS", "sk-client")
    monkeypatch.setenv("UP_KEY", "sk-upstream")
    settings = ProxySettings(
        upstream=upstream.url, key_env="PROXY_KEYS", upstream_key_env="UP_KEY", upstream_key_header="Api-Key"
    )
    key = "Bearer sk-client" if field == "authorization" else "sk-client"
    others = {"x-api-key": "sk-client"} if field == "authorization" else {"authorization": "Bearer sk-other"}
    with serving(settings, guard=make_guard()) as (url, _):
        assert ask(url, "/chat/completions", {"model": "m", "messages": ASK}, **{field: key, **others})[0] == 200
        wrong = {field: key.replace("client", "wrong")}
        assert ask(url, "/chat/completions", {"model": "m", "messages": ASK}, **wrong)[0] == 401
    (request,) = upstream.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["api-key"] == "sk-upstream"
    assert "sk-client" not in str(headers)
    assert not {"authorization", "x-api-key"} & headers.keys()


def test_without_keys_here_the_clients_own_pass_on(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        ask(url, "/chat/completions", {"model": "m", "messages": ASK}, api_key="one", x_api_key="two")
    headers = {name.lower(): value for name, value in upstream.last.headers.items()}
    assert (headers["api-key"], headers["x-api-key"]) == ("one", "two")


def test_the_user_of_an_upstreams_url_is_sent_as_a_header(upstream: MockOpenAI) -> None:
    address = upstream.url.replace("http://", "http://me:p%40ss@")
    with serving(ProxySettings(upstream=address), guard=make_guard()) as (url, _):
        assert ask(url, "/chat/completions", {"model": "m", "messages": ASK}, authorization="Bearer x")[0] == 200
    headers = {name.lower(): value for name, value in upstream.last.headers.items()}
    assert headers["authorization"] == "Basic bWU6cEBzcw=="


def test_trailers_and_headers_of_one_connection_never_pass(upstream: MockOpenAI) -> None:
    body = json.dumps({"model": "m", "messages": ASK}).encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close, X-Hop\r\nx-hop: 1\r\nx-kept: 1\r\n"
        b"transfer-encoding: chunked\r\ntrailer: x-tenant\r\nproxy-authorization: Basic x\r\ncookie: a\r\n\r\n"
    )
    end = b"0\r\nauthorization: Bearer from-trailer\r\nx-tenant: other\r\n\r\n"
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as open_:
            open_.sendall(head + b"%x\r\n%b\r\n" % (len(body), body) + end)
            found = b""
            while more := open_.recv(65536):
                found += more
    assert found.startswith(b"HTTP/1.1 200")
    names = {name.lower() for name in upstream.last.headers}
    assert "x-kept" in names
    gone = {"x-hop", "x-tenant", "authorization", "trailer", "proxy-authorization", "cookie", "transfer-encoding"}
    assert not gone & names


def test_one_model_by_name_is_the_upstreams(upstream: MockOpenAI) -> None:
    async def one(request: web.Request) -> web.StreamResponse:
        return web.json_response({"id": request.match_info["name"], "object": "model", "raw": request.raw_path})

    upstream.one_model = one
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        assert asking.models.retrieve("mock").id == "mock"
        assert asking.models.retrieve("org/name").id == "org/name"
        for climbs in ("/models/../files", "/models/%2e%2e/files", "/models/a/..%2f../files"):
            assert ask(url, climbs)[0] in (400, 404)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/chat", "Use POST /v1/chat/completions"),
        ("/responses/resp_01", "Served: "),
        ("/audio/speech", "Audio is not guarded"),
        ("/images/edits", "Served: GET /healthz"),
        ("/chat/completion", "POST /v1/chat/completions"),
    ],
)
def test_an_unknown_route_says_what_is_served(upstream: MockOpenAI, path: str, says: str) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, _, text = ask(url, path, {"model": "m"})
    error = json.loads(text)["error"]
    assert (status, error["code"]) == (404, "unknown_url")
    assert says in error["message"]
    assert upstream.count == 0


def test_embeddings_pass_with_what_clients_act_on(upstream: MockOpenAI) -> None:
    body = {"object": "list", "data": [{"index": 0, "embedding": [0.5, 0.25], "object": "embedding"}], "model": "e"}
    upstream.then = raw(json.dumps({**body, "usage": {"prompt_tokens": 1, "total_tokens": 1}}), headers=BACK)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        found = asking.embeddings.create(model="e", input="hi", encoding_format="float")
        assert found.data[0].embedding == [0.5, 0.25]
        _, headers, text = ask(url, "/embeddings?api-version=1", {"model": "e", "input": "hi"})
        assert BACK.items() <= headers.items()
        assert json.loads(text)["data"] == body["data"]
        upstream.then = mock_openai.failure(429, "slow down", headers=BACK)
        assert ask(url, "/embeddings", {"model": "e", "input": "hi"})[0] == 429
        upstream.then = mock_openai.close
        assert ask(url, "/embeddings", {"model": "e", "input": "hi"})[0] == 502
    assert upstream.requests[0].path == "/v1/embeddings"
