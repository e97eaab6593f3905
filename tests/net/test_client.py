"""The HTTP client against real servers: TLS, the environment's proxies, time limits, queries, words without secrets."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from safesight.core.errors import ConfigError
from safesight.net.client import BROKEN, Client, Patience
from safesight.net.urls import names_a_server, shown

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
PATIENT = Patience(connect_s=30, total_s=60)


@asynccontextmanager
async def served(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """The port of a server that lets `serve` talk."""

    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            # A close waits for a client that reads no more, and would be left to the garbage collector.
            writer.transport.abort()
        await asyncio.sleep(0)


def heard(into: list[bytes], reply: bytes = HELLO) -> Serve:
    """Keep every request's head, and reply."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            into.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply)
            await writer.drain()

    return serve


async def get(client: Client, path: str = "/models", *, query: str = "") -> bytes:
    try:
        async with await client.send("GET", path, query=query) as response:
            return await response.read()
    finally:
        await client.aclose()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def over_tls(authority: trustme.CA) -> AsyncGenerator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    async with served(heard([]), context) as port:
        yield f"https://127.0.0.1:{port}/v1"


async def test_a_server_of_an_own_authority_is_trusted_by_its_bundle_alone(
    authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    async with over_tls(authority) as url:
        assert await get(Client(url, patience=PATIENT, ca_bundle=bundle)) == b"hello"
        strange = Client(url, patience=PATIENT)
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as found:
            await get(strange)
        assert "certificate is not trusted" in strange.says(found.value)
        assert "--ca-bundle" in strange.says(found.value)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    async with over_tls(authority) as url:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await get(Client(url, patience=PATIENT, ca_bundle=other))


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_is_none_is_said_at_once(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ConfigError, match=r"ca\.pem: cannot read the CA bundle"):
        Client("https://127.0.0.1/v1", patience=PATIENT, ca_bundle=bundle)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
async def test_the_environments_proxy_is_asked_and_its_password_never_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    asked: list[bytes] = []
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with served(heard(asked)) as port:
        monkeypatch.setenv(variable, f"http://me:secret@127.0.0.1:{port}")
        assert await get(Client("http://model.example/v1", patience=PATIENT)) == b"hello"
    head = asked[0]
    assert head.startswith(b"GET http://model.example/v1/models HTTP/1.1\r\n")
    assert b"proxy-authorization: basic " + base64.b64encode(b"me:secret") in head.replace(
        b"Proxy-Authorization: Basic", b"proxy-authorization: basic"
    )
    refused = Client("http://model.example/v1", patience=PATIENT)
    with pytest.raises(BROKEN) as found:
        await get(refused)
    assert "secret" not in refused.says(found.value)
    assert "proxy" in refused.says(found.value)


@pytest.mark.parametrize("exempt", ["127.0.0.1", "localhost"])
async def test_loopback_and_exempt_hosts_are_asked_directly(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with served(heard([])) as port:
        assert await get(Client(f"http://{exempt}:{port}/v1", patience=PATIENT)) == b"hello"


@pytest.mark.parametrize(
    ("base", "query", "path"),
    [
        ("/v1", "", "/v1/models"),
        ("/v1/", "a=1", "/v1/models?a=1"),
        ("/v1?api-version=2", "", "/v1/models?api-version=2"),
        ("/v1?api-version=2", "a=%20b&c", "/v1/models?api-version=2&a=%20b&c"),
        ("/v1?api-version=2&k=v", "api-version=3", "/v1/models?k=v&api-version=3"),
        ("", "q=%2F", "/models?q=%2F"),
    ],
)
async def test_queries_reach_the_server_as_they_were_written(base: str, query: str, path: str) -> None:
    asked: list[bytes] = []
    async with served(heard(asked)) as port:
        await get(Client(f"http://127.0.0.1:{port}{base}", patience=PATIENT), query=query)
    assert asked[0].split(b" ")[1] == path.encode()


async def test_time_limits_say_which_of_them_ran_out() -> None:
    async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(hangs) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", patience=Patience(total_s=0.2))
        with pytest.raises(TimeoutError) as found:
            await get(client)
        assert client.says(found.value) == "no answer within 0.2 s"
    # A listener whose queue is full accepts nobody.
    import socket

    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        client = Client(f"http://127.0.0.1:{full.getsockname()[1]}/v1", patience=Patience(connect_s=0.2, total_s=60))
        with pytest.raises(TimeoutError) as found:
            await get(client)
        assert client.says(found.value) == "no connection within 0.2 s"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("https://me:secret@host/v1", "https://host/v1"),
        ("https://secret@host:1/v1", "https://host:1/v1"),
        ("https://host/v1?api-version=2024-10-21&key=secret", "https://host/v1?api-version=2024-10-21&key=***"),
        ("https://host/v1?sig=secret&x", "https://host/v1?sig=***&x=***"),
        ("https://host/v1#secret", "https://host/v1"),
        ("http://[::1/secret", "(a URL that cannot be read)"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(url: str, seen: str) -> None:
    assert shown(url) == seen


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/v1", "http://", "http://x:port/v1", "127.0.0.1:8000", "http://é/v1", "http://x:0/", "http://[1/"],
)
def test_what_names_no_server(url: str) -> None:
    assert not names_a_server(url)
