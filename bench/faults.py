"""Memory of the proxy while everything around it fails: upstreams, the detector, clients that leave.

    python -m bench faults                           a minute for each of two detectors
    python -m bench.faults --minutes 30 --rate 40    half an hour, both at once; compares its end with its fifth minute

Clients ask an upstream that resets, breaks off, sends garbage, answers 500, stalls or answers well; one request in
eight is left in the middle. One proxy has a block list, the other's only detector is an address where nobody listens.
Without `--rate` clients ask as fast as they are answered, and the proxies take turns.
Bar: resident memory at the end <= 1.2 times that after a sixth of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.harness import free_port, table
from bench.mock import SENTENCE, completion, event
from bench.proxy import Contestant, body, ours

CLIENTS = 16
FAULTS = ("ok", "stream", "reset", "half", "garbage", "failure", "stall", "leave")
DETECTORS = {"block list": "patterns:{words}", "a detector that nobody hears": "moderation:http://127.0.0.1:9/v1"}


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: the model's name says what goes wrong."""
    stream = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        fault = json.loads(await reader.readexactly(int(length or 0)))["model"]
        if fault == "reset":
            writer.transport.abort()
            return
        if fault == "ok":
            whole = completion()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(whole), whole))
        elif fault == "failure":
            writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}")
        elif fault == "garbage":
            writer.write(stream + b"data: {no json}\n\n" * 50)
        elif fault == "half":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{")
        else:
            writer.write(stream)
            for number, word in enumerate(SENTENCE.split() * 8):
                writer.write(event({"content": word + " "}))
                if fault in ("stall", "leave") and number == 40:
                    await writer.drain()
                    await asyncio.sleep(0.3)
                    if reader.at_eof():
                        break
            writer.write(event({}, "stop") + b"data: [DONE]\n\n")
        await writer.drain()
    writer.close()


async def ask(one: Contestant, session: aiohttp.ClientSession, fault: str, ended: Counter[str]) -> None:
    """One request and how it ended."""
    payload = body(fault, stream=fault not in ("ok", "half"))
    try:
        async with session.post(f"{one.url}/chat/completions", data=payload) as response:
            if fault == "leave":
                await response.content.readany()
                response.close()
                ended["left"] += 1
                return
            await response.read()
            ended[str(response.status)] += 1
    except aiohttp.ClientError as error:
        ended[type(error).__name__] += 1


async def torment(one: Contestant, seconds: float, rate: float, memory: list[float]) -> Counter[str]:
    """Ask for so many seconds, `rate` times a second (0: without a pause); keeps the resident memory once a second."""
    ended: Counter[str] = Counter()
    until = time.monotonic() + seconds

    async def client(number: int, session: aiohttp.ClientSession) -> None:
        turn = number
        while time.monotonic() < until:
            await ask(one, session, FAULTS[turn % len(FAULTS)], ended)
            turn += 1
            if rate:
                await asyncio.sleep(CLIENTS / rate)

    async def watch() -> None:
        while True:
            memory.append(one.memory_mb())
            await asyncio.sleep(1)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        watcher = asyncio.ensure_future(watch())
        await asyncio.gather(*(client(number, session) for number in range(CLIENTS)))
        watcher.cancel()
    return ended


async def suffer(name: str, url: str, folder: Path, *, seconds: float, rate: float) -> list[object]:
    """One policy's row: memory after a sixth of the time, at the end and at most, and how requests ended."""
    number = list(DETECTORS).index(name)
    policy = folder / f"policy-{number}.toml"
    spec = DETECTORS[name].format(words=folder / "words.txt")
    policy.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "{spec}"\n')
    with ours(name, url, "--no-probe", "--policy", str(policy)) as one:
        if one is None:
            raise SystemExit("the proxy did not start")
        memory: list[float] = []
        ended = await torment(one, seconds, rate, memory)
        early, last = memory[len(memory) // 6], memory[-1]
        ways = ", ".join(f"{how} {times}" for how, times in sorted(ended.items()))
        figures = [f"{early:.1f}", f"{last:.1f}", f"{last / early:.2f}", f"{max(memory):.1f}"]
        return [name, sum(ended.values()), *figures, ways]


async def measure(seconds: float, rate: float, folder: Path) -> list[list[object]]:
    """A row a policy; at a given rate all at once."""
    (folder / "words.txt").write_text("unspeakable\n")
    port = free_port()
    server = await asyncio.start_server(upstream, "127.0.0.1", port, backlog=1024)
    url = f"http://127.0.0.1:{port}/v1"
    async with server:
        if rate:
            return await asyncio.gather(*(suffer(n, url, folder, seconds=seconds, rate=rate) for n in DETECTORS))
        return [await suffer(name, url, folder, seconds=seconds, rate=rate) for name in DETECTORS]


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each detector")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second to each proxy; 0: without a pause")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        rows = asyncio.run(measure(60 * options.minutes, options.rate, Path(name)))
    table(["detector", "requests", "RSS MB after a sixth", "at the end", "x", "at most", "ended"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
