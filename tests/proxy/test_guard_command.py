"""`safesight guard` as operators run it: a policy in words, workers, SIGTERM, keys."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.models.mock_openai import Asked, in_thread, reply

EXAMPLE = Path(__file__).parents[2] / "docs" / "guard-policy.toml"
BODY = {"model": "mock", "messages": [{"role": "user", "content": "What is shown?"}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def guard(*options: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "safesight", "guard", *options]
    return subprocess.Popen(
        command, env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@contextlib.contextmanager
def running(upstream: str, *options: str, **more: str) -> Generator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    process = guard("--upstream", upstream, "--port", str(port), *options, **more)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
                break
            time.sleep(0.05)
        yield url, process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(url: str, *, key: str = "", stream: bool = False) -> tuple[int, str]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = json.dumps({**BODY, "stream": stream}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_example_policy_is_explained_in_words_and_wrong_ones_are_errors(tmp_path: Path) -> None:
    process = guard("--check", str(EXAMPLE))
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "embedded" in words
    wrong = tmp_path / "policy.toml"
    wrong.write_text("thresold = 3\n")
    process = guard("--check", str(wrong))
    words, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "thresold" in words
    assert "Traceback" not in words


@pytest.mark.slow
def test_workers_add_up_their_metrics_and_ask_for_keys() -> None:
    with in_thread() as upstream:
        upstream.then = reply("A calm street.")
        more = {"GUARD_KEYS": "one,two"}
        with running(upstream.url, "--workers", "2", "--key-env", "GUARD_KEYS", **more) as (url, _):
            assert ask(url)[0] == ask(url, key="three")[0] == 401
            assert [ask(url, key=key)[0] for key in ("one", "two") * 6] == [200] * 12
            request = urllib.request.Request(f"{url}/metrics", headers={"Authorization": "Bearer two"})
            wanted = 'safesight_requests_total{route="/chat/completions",status="200"} 12.0'
            deadline = time.monotonic() + 10
            text = ""
            while wanted not in text and time.monotonic() < deadline:
                text = urllib.request.urlopen(request, timeout=10).read().decode()
            assert wanted in text
            assert "safesight_leaked_chars_total 0.0" in text
            assert all("authorization" not in {k.lower() for k in r.headers} for r in upstream.requests)


def test_sigterm_lets_streams_in_flight_end() -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def slowly(request: web.Request, asked: Asked) -> web.StreamResponse:
        begun.set()
        await asyncio.to_thread(go_on.wait, 30)
        return await reply("A calm street with two people. " * 5)(request, asked)

    with in_thread() as upstream:
        upstream.then = slowly
        with running(upstream.url) as (url, process):
            found: list[tuple[int, str]] = []
            client = threading.Thread(target=lambda: found.append(ask(url, stream=True)))
            client.start()
            assert begun.wait(30)
            process.send_signal(signal.SIGTERM)
            refused = False
            deadline = time.monotonic() + 10
            while not refused and time.monotonic() < deadline:
                try:
                    urllib.request.urlopen(f"{url}/healthz", timeout=1).close()
                except OSError:
                    refused = True
            go_on.set()
            client.join(30)
            assert refused
            assert found[0][0] == 200
            assert found[0][1].endswith("data: [DONE]\n\n")
            assert process.wait(30) in (0, -signal.SIGTERM)


def said(process: subprocess.Popen[str], last: str) -> str:
    """What was printed up to the line that starts with `last`."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith(last):
        line = process.stdout.readline()
        assert line, lines
        lines.append(line)
    return "".join(lines)


@pytest.mark.parametrize(
    ("options", "more", "says", "last"),
    [
        ((), {}, ["policy: ", "patterns:", "none asked for", "the client's own"], "  clients"),
        (("--key-env", "GUARD_KEYS"), {"GUARD_KEYS": "top-secret"}, ["one of $GUARD_KEYS", "key: none"], "  clients"),
        (
            ("--key-env", "GUARD_KEYS", "--upstream-key-env", "UP_KEY"),
            {"GUARD_KEYS": "top-secret", "UP_KEY": "top-secret"},
            ["one of $GUARD_KEYS", "key: $UP_KEY"],
            "  clients",
        ),
        (("--shadow",), {}, ["SHADOW"], "  clients"),
        (("--off",), {}, ["OFF: everything passes unguarded"], "  clients"),
        (("--host", "0.0.0.0"), {}, ["warning: listening on 0.0.0.0 without keys"], "warning"),
    ],
)
def test_the_start_lines_name_what_is_guarded_by_what_and_no_secret(
    tmp_path: Path, options: tuple[str, ...], more: dict[str, str], says: list[str], last: str
) -> None:
    (tmp_path / "words.txt").write_text("unspeakable\n")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{tmp_path / "words.txt"}"\n')
    port = free_port()
    upstream = "http://127.0.0.1:9/v1?sig=top-secret"
    process = guard("--upstream", upstream, "--port", str(port), "--policy", str(policy), *options, **more)
    try:
        text = said(process, last)
        # It listens once it has said so.
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as response:
            assert response.status == 200
        assert "guarding http://127.0.0.1:9/v1?sig=*** at http://" in text
        assert all(part in text for part in says), text
        assert "top-secret" not in text
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=60)
    assert "guarding" not in rest, "it is said once"


@pytest.mark.parametrize("fault", ["policy", "upstream", "bundle", "port", "key"])
def test_nothing_is_guarded_where_it_cannot_start(tmp_path: Path, fault: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        policy = tmp_path / "policy.toml"
        policy.write_text("[input]\nocr = false\n" if fault != "policy" else "thresold = 3\n")
        upstream = "ftp://me:top-secret@host/v1" if fault == "upstream" else "http://me:top-secret@127.0.0.1:9/v1"
        options = {
            "bundle": ("--ca-bundle", str(tmp_path / "none.pem")),
            "port": ("--port", str(taken.getsockname()[1])),
            "key": ("--key-env", "NO_SUCH_VARIABLE"),
        }.get(fault, ())
        port = () if fault == "port" else ("--port", str(free_port()))
        process = guard("--upstream", upstream, "--policy", str(policy), *port, *options)
        text, _ = process.communicate(timeout=120)
    assert process.returncode not in (0, None)
    assert "error: " in text
    assert "guarding" not in text
    assert "Traceback" not in text
    assert "top-secret" not in text


def test_a_drain_that_is_over_ends_streams_and_the_process(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def hangs(request: web.Request, asked: Asked) -> web.StreamResponse:
        begun.set()
        await asyncio.to_thread(go_on.wait, 60)
        return await reply("late")(request, asked)

    with in_thread() as upstream:
        upstream.then = hangs
        with running(upstream.url, "--drain-s", "1") as (url, process):
            found: list[tuple[int, str]] = []
            client = threading.Thread(target=lambda: found.append(ask(url, stream=True)))
            client.start()
            assert begun.wait(30)
            process.send_signal(signal.SIGTERM)
            client.join(60)
            assert found[0][0] == 503
            assert "shutting_down" in found[0][1]
            assert process.wait(60) == 0
        go_on.set()


def test_workers_end_with_a_parent_that_was_killed() -> None:
    with in_thread() as upstream, running(upstream.url) as (url, process):
        process.kill()
        process.wait(30)
        deadline = time.monotonic() + 60
        gone = False
        while not gone and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
                time.sleep(0.05)
            except OSError:
                gone = True
        assert gone


class Whole(BaseHTTPRequestHandler):
    """An upstream that gives one whole answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": "A calm street."}, "finish_reason": "stop"}
        body = json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
        """Nothing."""


@pytest.mark.parametrize("how", ["option", "variable", "neither"])
def test_an_upstream_with_a_certificate_of_its_own_authority(tmp_path: Path, how: str) -> None:
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Whole)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ("--ca-bundle", str(bundle)) if how == "option" else ()
    more = {"SSL_CERT_FILE": str(bundle)} if how == "variable" else {}
    try:
        with running(f"https://127.0.0.1:{server.server_port}/v1", *options, **more) as (url, _):
            status, text = ask(url)
    finally:
        server.shutdown()
        server.server_close()
    if how == "neither":
        assert status == 502
        assert "certificate is not trusted" in text
    else:
        assert status == 200
        assert "A calm street." in text
