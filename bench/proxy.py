"""The proxy against a bare pass-through, LiteLLM's proxy and NeMo Guardrails' server, on one mock upstream.

    python -m bench proxy                     the table and the load test: 200 concurrent streams for two minutes
    python -m bench.proxy --no-peers          without installing the peers
    python -m bench.proxy --servers           only the pass-through, under each server that was to choose from
    python -m bench.proxy --load 120          only the load test, for so many seconds

CPU is that of the server's process, so load generator and upstream don't count. Rounds go through all contestants in
turn and medians are shown, since only ratios of one run mean something on a shared machine.
The pass-through has the proxy's own server and client library, so a ratio is what guarding costs, not what servers do.
Bars: request <= 2x (patterns) and 3x (embedded) of the pass-through; chunk <= 2x and 4x; CPU per chunk at 1,600 chunks
<= 1.2x that at 100; LiteLLM >= 20x the pass-through; a worker under 80 MB; started in under 1.5 CPU-seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from bench.harness import ROOT, free_port, median, mock_upstream, peer_python, process_cpu_s, table, wait_for

LENGTHS = (100, 400, 1600)
CONNECTIONS = 32
LOAD_S = 120
LITELLM_GUARD = """
from litellm.integrations.custom_guardrail import CustomGuardrail
class Trivial(CustomGuardrail):
    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        assert "unspeakable" not in str(response.choices[0].message.content)
    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        seen = ""
        async for chunk in response:
            seen += chunk.choices[0].delta.content or ""
            assert "unspeakable" not in seen
            yield chunk
"""
LITELLM = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: "{upstream}", api_key: none}}
general_settings: {{dangerously_permit_weak_or_unset_master_key: true}}
guardrails:
  - guardrail_name: trivial
    litellm_params: {{guardrail: trivial.Trivial, mode: post_call, default_on: true}}
"""
NEMO = """
models:
  - {{type: main, engine: openai, model: mock, parameters: {{base_url: "{upstream}", api_key: none}}}}
rails:
  config:
    regex_detection: {{output: {{patterns: ["unspeakable"]}}}}
  output:
    flows: ["regex check output"]
    streaming: {{enabled: true}}
"""


@dataclass
class Contestant:
    """A server under measurement and what it cost."""

    name: str
    url: str
    process: psutil.Process
    model: str = "mock"
    start_cpu_s: float = 0.0
    request_us: list[float] = field(default_factory=list)
    chunk_us: dict[int, list[float]] = field(default_factory=dict)
    latency_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    rss_mb: float = 0.0
    chunks: Sequence[int] = LENGTHS

    def memory_mb(self) -> float:
        """Resident memory of its largest process: the worker, where there is a supervisor."""
        return max(p.memory_info().rss for p in [self.process, *self.process.children(recursive=True)]) / 2**20

    def cpu_s(self) -> float:
        """CPU time of the server and its children so far."""
        every = [self.process, *self.process.children(recursive=True)]
        return sum(process_cpu_s(p.pid) for p in every)


def body(model: str, *, stream: bool) -> bytes:
    """A request; the settings come last, where the mock looks for them."""
    messages = [{"role": "user", "content": "What is going on in this picture of a street?"}]
    return json.dumps({"model": model, "messages": messages, "stream": stream}, separators=(",", ":")).encode()


@contextlib.contextmanager
def server(name: str, port: int, command: Sequence[str], **more: str) -> Generator[Contestant | None]:
    """Start one contestant; None (with the reason printed) where it does not come up."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **more}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            try:
                wait_for(port, seconds=90)
            except SystemExit as error:
                log.seek(0)
                print(f"  {name} did not start: {error}: {log.read().decode()[-200:]!r}")
                yield None
                return
            found = Contestant(name, f"http://127.0.0.1:{port}/v1", psutil.Process(process.pid))
            found.start_cpu_s = found.cpu_s()
            yield found
        finally:
            process.terminate()
            process.wait(20)


async def unary(session: aiohttp.ClientSession, one: Contestant, count: int) -> None:
    """`count` whole answers over `CONNECTIONS` connections."""
    payload, left = body(one.model, stream=False), iter(range(count))

    async def worker() -> None:
        for _ in left:
            started = time.perf_counter()
            async with session.post(f"{one.url}/chat/completions", data=payload, headers=JSON) as response:
                await response.read()
                if response.status != 200:
                    raise SystemExit(f"{one.name} answered {response.status}")
            one.latency_ms.append(1e3 * (time.perf_counter() - started))

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))


JSON = {"content-type": "application/json"}


async def streams(session: aiohttp.ClientSession, one: Contestant, count: int, chunks: int) -> None:
    """`count` streams, four at a time."""
    payload, left = body(one.model, stream=True), iter(range(count))
    headers = {**JSON, "x-mock-chunks": str(chunks)}

    async def worker() -> None:
        for _ in left:
            started = time.perf_counter()
            async with session.post(f"{one.url}/chat/completions", data=payload, headers=headers) as response:
                tail = await response.content.readany()
                one.first_ms.append(1e3 * (time.perf_counter() - started))
                async for data in response.content.iter_any():
                    tail = (tail + data)[-400:]
                if b"[DONE]" not in tail:
                    raise SystemExit(f"{one.name} cut a stream: {tail!r}")

    await asyncio.gather(*(worker() for _ in range(4)))


async def measure(contestants: Sequence[Contestant], *, rounds: int, scale: float) -> None:
    """Rounds over all contestants; the first round only warms up."""
    # Servers close what was idle for five seconds; contestants are idle while it is others' turn.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=1)) as session:
        for turn in range(rounds + 1):
            for one in contestants:
                slow = one.chunks != LENGTHS
                count = max(40, int(scale * (40 if slow else 400)))
                before = one.cpu_s()
                await unary(session, one, count)
                one.request_us.append(1e6 * (one.cpu_s() - before) / count)
                for length in one.chunks:
                    some = max(4, int(scale * (1_000 if slow else 16_000) / length))
                    before = one.cpu_s()
                    await streams(session, one, some, length)
                    one.chunk_us.setdefault(length, []).append(1e6 * (one.cpu_s() - before) / some / length)
                if turn == 0:
                    one.request_us, one.chunk_us, one.latency_ms, one.first_ms = [], {}, [], []
                one.rss_mb = one.memory_mb()


def ours(name: str, upstream: str, *options: str):
    """SafeSight's own server, as its users start it."""
    port = free_port()
    command = [sys.executable, "-m", "safesight", "guard", "--upstream", upstream, "--port", str(port), *options]
    return server(name, port, command)


@contextlib.contextmanager
def peers(upstream: str, folder: Path) -> Generator[list[Contestant]]:
    """LiteLLM and NeMo where they install; the mock decides how many chunks they see."""
    found: list[Contestant] = []
    with contextlib.ExitStack() as stack:
        if python := peer_python("litellm[proxy]", "opentelemetry-sdk"):
            port = free_port()
            (folder / "trivial.py").write_text(LITELLM_GUARD)
            (folder / "litellm.yaml").write_text(LITELLM.format(upstream=upstream))
            command = [str(python.parent / "litellm"), "--config", str(folder / "litellm.yaml"), "--port", str(port)]
            one = stack.enter_context(server("LiteLLM, trivial guardrail", port, command, PYTHONPATH=str(folder)))
            found += [one] if one else []
        if python := peer_python("nemoguardrails[server]"):
            port = free_port()
            (folder / "nemo" / "rails").mkdir(parents=True)
            (folder / "nemo" / "rails" / "config.yml").write_text(NEMO.format(upstream=upstream))
            command = [str(python), "-m", "nemoguardrails", "server", "--config", str(folder / "nemo")]
            command += ["--port", str(port), "--default-config-id", "rails"]
            more = {"OPENAI_API_KEY": "none", "MAIN_MODEL_BASE_URL": upstream, "MAIN_MODEL_ENGINE": "openai"}
            one = stack.enter_context(server("NeMo Guardrails, regex rail", port, command, **more))
            found += [one] if one else []
        for one in found:
            one.chunks = (100,)
        yield found


@contextlib.contextmanager
def servers(upstream: str) -> Generator[list[Contestant]]:
    """The pass-through under every server that there was to choose from (docs/adr/0005-http.md)."""
    python = peer_python("hypercorn", "uvicorn", "h11", "httptools", "uvloop", "granian", "aiohttp")
    with contextlib.ExitStack() as stack:
        found: list[Contestant] = []
        for name in ("granian", "httptools", "h11", "hypercorn") if python else ():
            port = free_port()
            command = [str(python), "-m", "bench.relay", "--upstream", upstream, "--port", str(port), "--server", name]
            one = stack.enter_context(server(f"pass-through under {name}", port, command))
            found += [one] if one else []
        yield found


def percentile(values: Sequence[float], q: int) -> float:
    """The q-th percentile."""
    return statistics.quantiles(values, n=100)[q - 1]


def report(contestants: Sequence[Contestant]) -> None:
    """The figures, and the bars with whether they hold."""
    base = contestants[0]
    per = {one.name: {n: median(v) for n, v in one.chunk_us.items()} for one in contestants}
    rows = []
    for one in contestants:
        chunk = per[one.name]
        ratio = median([a / b for a, b in zip(one.request_us, base.request_us, strict=False)])
        longest = max(chunk)
        chunked = median([a / b for a, b in zip(one.chunk_us[longest], base.chunk_us[longest], strict=False)])
        rows.append(
            [
                one.name,
                f"{median(one.request_us):.0f}",
                f"{ratio:.2f}",
                *(f"{chunk[n]:.1f}" if n in chunk else "-" for n in LENGTHS),
                f"{chunked:.2f}" if longest == LENGTHS[-1] else f"{chunk[100] / per[base.name][100]:.2f} (at 100)",
                f"{percentile(one.latency_ms, 50):.1f} / {percentile(one.latency_ms, 99):.1f}",
                f"{median(one.first_ms):.1f}",
                f"{one.rss_mb:.0f}",
                f"{one.start_cpu_s:.2f}",
            ]
        )
    table(
        [
            "",
            "us/request",
            "x",
            *(f"us/chunk at {n}" for n in LENGTHS),
            "x",
            "p50 / p99 ms",
            "first byte ms",
            "RSS MB",
            "start CPU-s",
        ],
        rows,
    )


@contextlib.contextmanager
def field_of(upstream: str, folder: Path, *, with_peers: bool) -> Generator[list[Contestant]]:
    """Every contestant that starts, the pass-through first."""
    (folder / "words.txt").write_text("[ncr]\n" + "\n".join(f"unspeakable phrase {i}" for i in range(500)))
    (folder / "patterns.toml").write_text(f'[[detectors]]\nname = "patterns:{folder / "words.txt"}"\n')
    port = free_port()
    bare = [sys.executable, "-m", "bench.relay", "--upstream", upstream, "--port", str(port)]
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(server("pass-through", port, bare)),
            stack.enter_context(ours("SafeSight --off", upstream, "--off")),
            stack.enter_context(ours("SafeSight, patterns", upstream, "--policy", str(folder / "patterns.toml"))),
            stack.enter_context(ours("SafeSight, embedded", upstream)),
        ]
        found = [one for one in started if one]
        if len(found) < len(started):
            raise SystemExit("a server of ours did not start")
        found += stack.enter_context(peers(upstream, folder)) if with_peers else []
        yield found


async def load(one: Contestant, *, clients: int, seconds: float) -> None:
    """Concurrent streams in a closed loop; counts how they ended, the longest silence, and memory over time."""
    payload, headers = body(one.model, stream=True), {**JSON, "x-mock-chunks": "200"}
    until = time.monotonic() + seconds
    ended = broken = 0
    silence = 0.0
    memory: list[float] = []
    how: dict[str, int] = {}

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal ended, broken, silence
        while time.monotonic() < until:
            tail, heard = b"", time.monotonic()
            async with session.post(f"{one.url}/chat/completions", data=payload, headers=headers) as response:
                async for data in response.content.iter_any():
                    now = time.monotonic()
                    silence, heard = max(silence, now - heard), now
                    tail = (tail + data)[-600:]
            good = response.status == 200 and b"[DONE]" in tail and b'"stop"' in tail
            if not good:
                kind = f"{response.status} {tail[-160:]!r}"
                how[kind] = how.get(kind, 0) + 1
            ended, broken = ended + good, broken + (not good)

    async def watch() -> None:
        while True:
            memory.append(one.memory_mb())
            await asyncio.sleep(0.5)

    before = one.cpu_s()
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=120, sock_read=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        watcher = asyncio.ensure_future(watch())
        await asyncio.gather(*(client(session) for _ in range(clients)))
        watcher.cancel()
        async with session.get(f"{one.url}/metrics") as response:
            text = await response.text()
    leaked = next(line for line in text.splitlines() if line.startswith("safesight_leaked_chars_total"))
    early = max(memory[: max(1, len(memory) // 4)])
    print(
        f"load: {clients} streams at once for {seconds:.0f} s: {ended} ended with stop and [DONE], {broken} did not; "
        f"longest silence {silence:.2f} s; RSS {early:.0f} MB in the first quarter, {max(memory):.0f} MB at most; "
        f"{one.cpu_s() - before:.0f} CPU-s; {leaked}"
    )
    for kind, times in how.items():
        print(f"  {times} ended with {kind}")


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table, then the load test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="requests per round, times")
    parser.add_argument("--servers", action="store_true", help="only the pass-through, under several servers")
    parser.add_argument("--load", type=float, default=0.0, help="only the load test, for so many seconds")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, mock_upstream(chunks=100) as upstream:
        if options.servers:
            with servers(upstream) as contestants:
                asyncio.run(measure(contestants, rounds=options.rounds, scale=options.scale))
                report(contestants)
            return
        if not options.load:
            with field_of(upstream, Path(name), with_peers=not options.no_peers) as contestants:
                asyncio.run(measure(contestants, rounds=options.rounds, scale=options.scale))
            report(contestants)
        with ours("SafeSight, embedded", upstream) as one:
            if one:
                asyncio.run(load(one, clients=200, seconds=options.load or LOAD_S))


if __name__ == "__main__":
    main(sys.argv[1:])
