"""Spans as a collector receives them: `safesight guard --otel`, an OTLP/HTTP receiver, an upstream keeping headers."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes, http_attributes

from safesight.integrations.otel import NAMES
from tests.core.test_doors import without_extras
from tests.proxy.serving import free_port
from tests.proxy.test_guard_command import guard, said

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
"""The example of the W3C's Trace Context recommendation."""


class Received:
    """What came in at a loopback server: paths, headers and bodies."""

    def __init__(self, answer: bytes, kind: str) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                owner.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Collector(Received):
    """An OTLP receiver over HTTP: decodes the protobuf it is sent."""

    def __init__(self) -> None:
        super().__init__(b"", "application/x-protobuf")

    def spans(self, count: int) -> list[Span]:
        """The spans so far, once there are so many."""
        deadline = time.monotonic() + 120
        while True:
            exports = [ExportTraceServiceRequest.FromString(body) for _, _, body in self.requests]
            resources = [held for export in exports for held in export.resource_spans]
            found = [span for held in resources for scope in held.scope_spans for span in scope.spans]
            if len(found) >= count:
                assert all(path == "/v1/traces" for path, _, _ in self.requests)
                named = {a.key: a.value.string_value for held in resources for a in held.resource.attributes}
                assert named["service.name"] == "safesight-guard"
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} spans"
            time.sleep(0.05)


def attributes(held: object) -> dict[str, object]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in held.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.close()


@pytest.fixture
def upstream() -> Iterator[Received]:
    message = {"role": "assistant", "content": "A bridge spans a river."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    server = Received(json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode(), "application/json")
    yield server
    server.close()


@contextmanager
def guarded(upstream: Received, folder: Path, *options: str, **variables: str) -> Generator[str]:
    (folder / "words.txt").write_text("[iwp]\nthermite\n", encoding="utf-8")
    policy = folder / "policy.toml"
    policy.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{folder / "words.txt"}"\n')
    port = free_port()
    words = ("--upstream", f"{upstream.url}/v1", "--port", str(port), "--policy", str(policy), *options)
    process = guard(*words, **variables)
    try:
        said(process, "  clients")
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(url: str, text: str, **headers: str) -> dict[str, object]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


def test_a_guarded_request_is_a_span_and_its_context_goes_upstream(
    collector: Collector, upstream: Received, tmp_path: Path
) -> None:
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with guarded(upstream, tmp_path, "--otel", **where) as url:
        ask(url, "What is a bridge?", traceparent=PARENT, tracestate="vendor=1")
        ask(url, "Say thermite.")
        passed, stopped = sorted(collector.spans(2), key=lambda span: span.start_time_unix_nano)
    trace, parent = PARENT.split("-")[1:3]
    assert (passed.trace_id.hex(), passed.parent_span_id.hex()) == (trace, parent)
    assert (passed.name, passed.kind) == ("chat m", Span.SPAN_KIND_SERVER)
    (_, headers, _) = upstream.requests[0]
    assert headers["traceparent"] == f"00-{trace}-{passed.span_id.hex()}-01"
    assert headers["tracestate"] == "vendor=1"
    told = attributes(passed)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == "m"
    assert told["http.response.status_code"] == 200
    assert told["safesight.guard.action"] == "release"
    assert told["safesight.guard.chars.released"] == len("A bridge spans a river.")
    assert len(upstream.requests) == 1, "the second request is refused before the model is asked"
    assert stopped.trace_id != passed.trace_id
    assert attributes(stopped)["safesight.guard.action"] == "refuse"
    decisions = [attributes(event) for event in stopped.events if event.name == "gen_ai.evaluation.result"]
    assert [(d["gen_ai.evaluation.score.label"], d["gen_ai.evaluation.score.value"]) for d in decisions] == [
        ("refuse", 1.0)
    ]
    assert all(b"thermite" not in body and b"bridge" not in body.lower() for _, _, body in collector.requests)


def test_without_the_option_the_clients_context_passes_and_nothing_is_sent(
    collector: Collector, upstream: Received, tmp_path: Path
) -> None:
    with guarded(upstream, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as url:
        ask(url, "What is a bridge?", traceparent=PARENT)
    assert upstream.requests[0][1]["traceparent"] == PARENT
    assert not collector.requests


def test_the_names_are_those_of_the_conventions() -> None:
    known = {
        value
        for module in (gen_ai_attributes, error_attributes, http_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    events = {"gen_ai.evaluation.result"}
    ours = [name for name in NAMES.values() if not name.startswith("safesight.")]
    assert set(ours) - events <= known


def test_without_the_sdk_the_extra_is_named(tmp_path: Path) -> None:
    words = ("guard", "--upstream", "http://127.0.0.1:9/v1", "--otel", "--no-probe")
    done = without_extras(tmp_path, *words, also=("opentelemetry.sdk",))
    assert done.returncode == 2
    assert "safesight[otel]" in done.stdout + done.stderr
