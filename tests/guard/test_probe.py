"""A guard model that does not answer as a guard is refused before anything is guarded, as a user starts the proxy."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from safesight.guard.policy import DetectorRule, InputRule, Policy, validated
from safesight.guard.probe import probe_policy


@contextmanager
def guard_model(judge: Callable[[str], str]) -> Generator[str]:
    """A chat server whose reply is a function of the last turn's text; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = msgspec.json.decode(self.rfile.read(int(self.headers["content-length"])))
            message = {"role": "assistant", "content": judge(body["messages"][-1]["content"])}
            reply = msgspec.json.encode({"choices": [{"message": message, "finish_reason": "stop"}]})
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def judging(text: str) -> str:
    return "unsafe\nS1" if "burn your house" in text else "safe"


def continuing(text: str) -> str:
    return text + "\nsafe"


def safesight(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "safesight", "guard", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], str]:
    def write(url: str) -> str:
        path = tmp_path / "policy.toml"
        name = f"generative:{url}#Llama-Guard-3-8B?retries=0"
        path.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "embedded"\n[[detectors]]\nname = "{name}"\n')
        return str(path)

    return write


def test_a_guard_is_probed_on_request(policy: Callable[[str], str]) -> None:
    with guard_model(judging) as url:
        code, said = safesight("--check", policy(url), "--probe")
    assert code == 0, said
    assert f"probed generative:{url}#Llama-Guard-3-8B" in said


def test_a_server_that_continues_the_answer_is_refused_at_check_and_at_start(policy: Callable[[str], str]) -> None:
    with guard_model(continuing) as url:
        file = policy(url)
        assert safesight("--check", file)[0] == 0, "a check without --probe asks nobody"
        for arguments in (("--check", file, "--probe"), ("--upstream", url, "--policy", file, "--port", "18999")):
            code, said = safesight(*arguments)
            assert code != 0
            assert "--no-prefill-assistant" in said
            assert "Traceback" not in said


async def test_detectors_inside_others_are_probed_and_others_are_not_asked() -> None:
    with guard_model(judging) as url:
        name = f"cascade:embedded,generative:{url}#Llama-Guard-3-8B"
        rules = (DetectorRule(name=name), DetectorRule(name="embedded"))
        found = await probe_policy(validated(Policy(input=InputRule(ocr=False), detectors=rules)))
    assert found == [name]
