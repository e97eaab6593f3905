"""The configurations of docs/deploy.md, taken from the page and given to the programs they are for, where those are.

`apt-get install systemd nginx-light caddy` has them all on Debian; a program that is missing is a skipped test. A
stream goes through the page's nginx and Caddy, TLS and all, to a real guard. The unit is verified, not started: that
needs systemd as process 1.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest
import trustme

from tests.models.mock_openai import in_thread, reply
from tests.proxy.test_guard_command import free_port, running

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
BODY = b'{"model": "mock", "stream": true, "messages": [{"role": "user", "content": "What is shown?"}]}'
SAID = "A calm street with two people. " * 5


def block(start: str) -> str:
    """The code block that begins with `start`."""
    found = re.search(rf"```\w+\n({re.escape(start)}.*?)```", PAGE, re.DOTALL)
    assert found, start
    return found[1]


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "safesight-guard.service"
    unit.write_text(block("# /etc/systemd/system").replace("/opt/safesight/bin/safesight", shutil.which("true") or ""))
    done = run(program("systemd-analyze"), "verify", str(unit))
    assert done.returncode == 0, done.stderr
    assert str(unit) not in done.stderr, "not even a warning"


def server(folder: Path, guarded: str, port: int) -> str:
    """The page's nginx server on a free port, before a guard, with a certificate that is there."""
    text = block("server {")
    for what, instead in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/guard.pem", str(folder / "guard.pem")),
        ("/etc/ssl/guard.key", str(folder / "guard.key")),
        ("http://127.0.0.1:8900", guarded),
    ):
        assert what in text
        text = text.replace(what, instead)
    return text


@contextlib.contextmanager
def started(*command: str) -> Generator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def streamed(port: int, authority: trustme.CA) -> str:
    """A stream through whatever ends TLS at a port, once it listens."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    url = f"https://guard.example:{port}/v1/chat/completions"
    with at_home("guard.example"):
        deadline = time.monotonic() + 60
        while True:
            request = urllib.request.Request(url, BODY, {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=60, context=context) as response:
                    return response.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    raise AssertionError(error.read().decode()) from None
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


@contextlib.contextmanager
def at_home(name: str) -> Generator[None]:
    """Resolve one name to this machine, as an entry in /etc/hosts would."""
    import socket

    real = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *more, **named: real("127.0.0.1" if host == name else host, *more, **named)  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = real


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_stream_passes_the_tls_of_the_page(tmp_path: Path, name: str) -> None:
    binary, port = program(name), free_port()
    authority = trustme.CA()
    issued = authority.issue_cert("guard.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "guard.pem")
    issued.private_key_pem.write_to_path(tmp_path / "guard.key")
    with in_thread() as upstream:
        upstream.then = reply(SAID)
        with running(upstream.url, "--allowed-host", "guard.example") as (url, _):
            if name == "nginx":
                path = tmp_path / "nginx.conf"
                temporary = "".join(
                    f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
                )
                path.write_text(
                    f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
                    f"http {{ access_log off; {temporary}\n{server(tmp_path, url, port)} }}\n"
                )
                command = (binary, "-c", str(path), "-e", f"{tmp_path}/error.log", "-p", str(tmp_path))
                checked = run(*command, "-t")
            else:
                path = tmp_path / "Caddyfile"
                address, directive = block("guard.example\n").splitlines()
                assert directive == "reverse_proxy 127.0.0.1:8900"
                path.write_text(
                    f"{{\nadmin off\nauto_https disable_redirects\nstorage file_system {tmp_path}\n}}\n"
                    f"{address}:{port}\ntls {tmp_path}/guard.pem {tmp_path}/guard.key\n"
                    f"{directive.replace('127.0.0.1:8900', url.removeprefix('http://'))}\n"
                )
                command = (binary, "run", "--config", str(path), "--adapter", "caddyfile")
                checked = run(binary, "validate", "--config", str(path), "--adapter", "caddyfile")
            assert checked.returncode == 0, checked.stderr
            with started(*command):
                text = streamed(port, authority)
    assert text.endswith("data: [DONE]\n\n")
    assert '"finish_reason": "stop"' in text or '"finish_reason":"stop"' in text
