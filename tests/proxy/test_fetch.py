"""Fetching: a real server on this machine counts who reaches it; nobody may, however its address is spelt.

The one test that lets the fetcher reach it says so: it takes the gate away, to test what is behind.
"""

from __future__ import annotations

import gzip
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from safesight.proxy import fetch
from safesight.proxy.errors import BadRequestError
from safesight.proxy.fetch import Fetcher, NotPublicError, public_socket
from safesight.proxy.settings import Limits
from tests.support import png

SECRET = b"AKIA1234SECRETKEY"


class Inner(http.server.BaseHTTPRequestHandler):
    hits: list[str]

    def do_GET(self) -> None:
        self.hits.append(self.path)
        body = {"/p.png": png(), "/long": bytes(2_000), "/zip": gzip.compress(bytes(10_000_000))}.get(self.path, SECRET)
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("location", "http://10.0.0.1/")
        self.send_header("content-length", str(len(body)))
        if self.path == "/zip":
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def inner() -> Iterator[tuple[int, list[str]]]:
    hits: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Counting", (Inner,), {"hits": hits}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], hits
    server.shutdown()
    server.server_close()


HOSTS = [
    *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "0"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::1%25lo]"),
    *("１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①", "𝟙𝟚𝟟.0.0.1", "ⓛocalhost", "l\u00adocalhost", "127\u200b.0.0.1"),
    *(
        "127.0.0.1%00.example.com",
        "user@127.0.0.1",
        "user:pass@127.0.0.1",
        "127.0.0.1\\@example.com",
        "[::ffff:7f00:1]",
    ),
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_this_machine_is_reached(inner: tuple[int, list[str]], host: str) -> None:
    port, hits = inner
    fetcher = Fetcher(Limits())
    try:
        with pytest.raises(BadRequestError) as caught:
            await fetcher.fetch(f"http://{host}:{port}/secret")
    finally:
        await fetcher.aclose()
    assert (hits, caught.value.status) == ([], 400)
    assert "AKIA" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://" + "a" * 70 + ".com/",
        "http://a..b/",
        "http://xn--/",
        "http://x.test:99999/",
        "http://x.test:port/",
        "http:///x.png",
        "//x.test/a",
        "file:///etc/passwd",
        "ftp://x.test/a.png",
        "gopher://127.0.0.1/",
        "",
        "http://\x00/",
        "http://\ud800.test/",
    ],
)
async def test_what_is_no_image_url_is_a_clear_error(url: str) -> None:
    fetcher = Fetcher(Limits())
    try:
        with pytest.raises(BadRequestError, match="image URL"):
            await fetcher.fetch(url)
    finally:
        await fetcher.aclose()


async def test_the_socket_is_the_last_gate(inner: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the check of literals and the resolver had let a name through that leads here.
    port, hits = inner
    monkeypatch.setattr(fetch.PublicResolver, "resolve", _resolving("127.0.0.1"))
    fetcher = Fetcher(Limits())
    try:
        with pytest.raises(BadRequestError, match="not public"):
            await fetcher.fetch(f"http://x.test:{port}/p.png")
    finally:
        await fetcher.aclose()
    assert hits == []
    with pytest.raises(NotPublicError):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))


async def test_behind_the_gate_bytes_come_as_they_are_within_limits(
    inner: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, hits = inner
    monkeypatch.setattr(fetch, "is_public", lambda _: True)
    fetcher = Fetcher(Limits(max_image_bytes=1_000_000))
    small = Fetcher(Limits(max_image_bytes=1_000))
    try:
        assert await fetcher.fetch(f"http://127.0.0.1:{port}/p.png") == png()
        assert len(await fetcher.fetch(f"http://127.0.0.1:{port}/zip")) < 100_000, "a bomb is not inflated"
        with pytest.raises(BadRequestError, match="at most 1000 bytes"):
            await small.fetch(f"http://127.0.0.1:{port}/long")
        with pytest.raises(BadRequestError, match="answered 302"):
            await fetcher.fetch(f"http://127.0.0.1:{port}/away")
    finally:
        await fetcher.aclose()
        await small.aclose()
    assert hits == ["/p.png", "/zip", "/long", "/away"]


def _resolving(address: str):
    async def resolve(self: object, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, object]]:
        return [{"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    return resolve
