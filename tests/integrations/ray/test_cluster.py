"""A real Ray cluster of several processes: the same run as a local one, with workers and drivers killed on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
import pytest

from safesight.core.store import RunStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("ray")]
SAFESIGHT = Path(sys.executable).parent / "safesight"
NODES = Path(__file__).with_name("nodes.py")
LIMIT = 24
IN_FLIGHT = 4


class Upstream:
    """An OpenAI-compatible server that takes its time and counts what it is asked."""

    def __init__(self, latency_s: float) -> None:
        self.asked: Counter[str] = Counter()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                text = msgspec.json.decode(body)["messages"][-1]["content"]
                said = text if isinstance(text, str) else " ".join(p.get("text", "") for p in text)
                owner.asked[said] += 1
                time.sleep(latency_s)
                message = {"role": "assistant", "content": f"I was asked: {said}"}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                reply = msgspec.json.encode({"id": "1", "model": "slow", "choices": [choice]})
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1#slow"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Nodes(NamedTuple):
    """A cluster's first process and its address."""

    pid: int
    address: str


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(0.3)
    yield server
    server.close()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with subprocess.Popen(
        [sys.executable, str(NODES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Nodes(process.pid, process.stdout.readline().strip())
        assert process.stdin is not None
        process.stdin.close()


def command(upstream: Upstream, run: str, *more: str) -> list[str]:
    return [
        *(str(SAFESIGHT), "run", "starter", "--model", upstream.url),
        *("--limit", str(LIMIT), "--judge", "refusal", "--run", run, "--concurrency", str(IN_FLIGHT), *more),
    ]


def there(nodes: Nodes) -> tuple[str, str]:
    return "--engine", f"ray?replicas=2&address={nodes.address}"


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0, said
    return said


def begun(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def rows(path: Path) -> list[object]:
    """Everything of a run file that does not depend on clocks."""
    with RunStore.open(path, readonly=True) as store:
        cases = [
            (c.sample, c.response.key, c.response.reply.status, c.response.reply.text, c.verdict and c.verdict.label)
            for c in store.cases("refusal")
        ]
        return [*cases, store.manifest.identity, store.positions(), store.judges()]


def answered(path: Path) -> int:
    if not path.exists():
        return 0
    with suppress(Exception), RunStore.open(path, readonly=True) as store:
        return len(store.done())
    return 0


def wait_until(path: Path, answers: int) -> None:
    deadline = time.monotonic() + 600
    while answered(path) < answers:
        assert time.monotonic() < deadline, f"{answered(path)} of {answers} answers"
        time.sleep(0.05)


def workers(nodes: Nodes) -> list[psutil.Process]:
    """Processes of this cluster that hold a model."""
    found = psutil.Process(nodes.pid).children(recursive=True)
    return [p for p in found if p.is_running() and " ".join(p.cmdline()).startswith("ray::ModelReplica")]


def test_a_run_whose_workers_are_killed_is_a_local_run_row_by_row(
    nodes: Nodes, upstream: Upstream, tmp_path: Path
) -> None:
    finished(begun(command(upstream, "local.sqlite"), tmp_path))
    upstream.asked.clear()
    running = begun(command(upstream, "there.sqlite", *there(nodes)), tmp_path)
    wait_until(tmp_path / "there.sqlite", 4)
    alive = workers(nodes)
    assert len(alive) == 2, "the model's replicas are processes of their own"
    alive[0].kill()
    finished(running)
    assert rows(tmp_path / "there.sqlite") == rows(tmp_path / "local.sqlite")
    assert LIMIT <= upstream.asked.total() <= LIMIT + IN_FLIGHT, (
        "only what the dead worker had in flight is asked again"
    )


def test_a_killed_driver_loses_what_was_in_flight_and_a_second_start_resumes(
    nodes: Nodes, upstream: Upstream, tmp_path: Path
) -> None:
    words = command(upstream, "there.sqlite", *there(nodes))
    running = begun(words, tmp_path)
    wait_until(tmp_path / "there.sqlite", 6)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = answered(tmp_path / "there.sqlite")
    assert before < LIMIT
    finished(begun(words, tmp_path))
    finished(begun(command(upstream, "local.sqlite"), tmp_path))
    assert rows(tmp_path / "there.sqlite") == rows(tmp_path / "local.sqlite")
    assert upstream.asked.total() - LIMIT <= LIMIT + 2 * IN_FLIGHT


def test_judges_and_a_defence_say_there_what_they_say_here(nodes: Nodes, tmp_path: Path) -> None:
    plain = [str(SAFESIGHT), "run", "starter", "--model", "scripted:echo", "--limit", "6", "--judge", "refusal"]
    guarded = [*plain, "--defence", "safety_prompt"]
    for name, more in (("here", ()), ("there", there(nodes))):
        finished(begun([*guarded, "--run", f"{name}.sqlite", *more], tmp_path))
        finished(begun([str(SAFESIGHT), "judge", f"{name}.sqlite", "--judge", "detector:embedded", *more], tmp_path))
    assert rows(tmp_path / "here.sqlite") == rows(tmp_path / "there.sqlite")
    verdicts = []
    for name in ("here", "there"):
        with RunStore.open(tmp_path / f"{name}.sqlite", readonly=True) as store:
            verdicts.append(list(store.verdicts("detector:embedded")))
    assert len(verdicts[0]) == 6
    assert verdicts[0] == verdicts[1]


def test_a_plugins_error_reads_as_it_does_locally(nodes: Nodes, tmp_path: Path) -> None:
    words = [str(SAFESIGHT), "run", "starter", "--limit", "2", "--model", "scripted:none.jsonl"]
    said = [subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
            for more in ((), there(nodes))]  # fmt: skip
    assert said[0].returncode == said[1].returncode == 2
    assert said[0].stderr == said[1].stderr
    assert "cannot read the script" in said[0].stderr
