"""Which web pages may use the proxy, told by raw requests as browsers make them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest

from safesight.proxy.origins import is_loopback
from safesight.proxy.settings import ProxySettings
from tests.models.mock_openai import MockOpenAI, in_thread
from tests.proxy.serving import serving
from tests.proxy.test_server import ASK, make_guard

BODY = json.dumps({"model": "m", "messages": ASK}).encode()
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-stainless-os"}


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


def ask(
    url: str, *, host: str = "127.0.0.1:8900", method: str = "POST", body: bytes | None = BODY, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request that names `host`; underscores in `headers` stand for hyphens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    # A page may post text/plain without a preflight.
    connection.request(method, "/v1/chat/completions", body, {"host": host, "content-type": "text/plain", **sent})
    response = connection.getresponse()
    found = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8900", True),
        ("127.8.9.1", True),
        ("[::1]:8900", True),
        ("LOCALHOST:8900", True),
        ("app.localhost", True),
        ("guard:8900", True),  # a name in a container's network; none of the internet's
        ("evil.example:8900", False),
        ("evil.example.", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.7:8900", False),
        ("0.0.0.0:8900", False),
        ("[::ffff:1.2.3.4]", False),
    ],
)
def test_without_keys_a_request_on_loopback_names_this_machine(
    upstream: MockOpenAI, host: str, *, allowed: bool
) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        status, _, text = ask(url, host=host)
    assert status == (200 if allowed else 403)
    assert upstream.count == int(allowed)
    if not allowed:
        assert json.loads(text)["error"]["code"] == "forbidden_origin"
        assert "--allowed-host" in text


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://127.0.0.1:3000", True),
        ("https://[::1]", True),
        ("https://app.example", True),
        ("https://app.example.evil.example", False),
        ("http://app.example", False),
        ("http://evil.example", False),
        ("null", False),
        ("file://", False),
        ("http://[", False),
    ],
)
def test_without_keys_a_page_on_loopback_is_allowed_or_refused(
    upstream: MockOpenAI, origin: str, *, allowed: bool
) -> None:
    settings = ProxySettings(upstream=upstream.url, allowed_origins=("https://app.example",))
    with serving(settings, guard=make_guard()) as (url, _):
        status, headers, _ = ask(url, origin=origin)
        assert (status, upstream.count) == ((200, 1) if allowed else (403, 0))
        assert headers.get("access-control-allow-origin") == (origin if allowed else None)
        status, headers, _ = ask(url, method="OPTIONS", body=None, origin=origin, **PREFLIGHT)
        assert status == (204 if allowed else 403)
        if allowed:
            assert headers["access-control-allow-origin"] == origin
            assert headers["access-control-allow-headers"] == PREFLIGHT["access-control-request-headers"]
            assert "POST" in headers["access-control-allow-methods"]


@pytest.mark.parametrize("how", ["keys", "beyond loopback"])
def test_elsewhere_a_foreign_page_is_told_nothing(
    upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("GUARD_KEYS", "one")
    settings = ProxySettings(
        upstream=upstream.url,
        allowed_origins=("https://app.example",),
        **({"key_env": "GUARD_KEYS"} if how == "keys" else {"host": "0.0.0.0"}),
    )
    with serving(settings, guard=make_guard()) as (url, _):
        status, headers, _ = ask(url, host="guard.example", origin="https://evil.example", authorization="Bearer one")
        assert status == 200
        assert "access-control-allow-origin" not in headers
        status, headers, _ = ask(url, host="guard.example", origin="https://app.example", authorization="Bearer one")
        assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example")
        # A preflight carries no key.
        origin = "https://app.example"
        status, headers, _ = ask(url, host="x.example", method="OPTIONS", body=None, origin=origin, **PREFLIGHT)
        assert (status, headers["access-control-allow-origin"]) == (204, origin)


def test_an_allowed_host_and_any_origin(upstream: MockOpenAI) -> None:
    settings = ProxySettings(upstream=upstream.url, allowed_hosts=("guard.example",), allowed_origins=("*",))
    with serving(settings, guard=make_guard()) as (url, _):
        status, headers, _ = ask(url, host="Guard.Example:443", origin="https://any.example")
        assert (status, headers["access-control-allow-origin"]) == (200, "https://any.example")
        assert ask(url, host="other.example")[0] == 403


@pytest.mark.parametrize(
    ("host", "found"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("host", False)],
)
def test_what_is_loopback(host: str, *, found: bool) -> None:
    assert is_loopback(host) is found
