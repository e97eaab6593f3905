"""The runner against (a) a bare aiohttp loop that sends the same bytes and (b) inspect_ai, on one mock endpoint.

Bars: samples per second at least 0.5 of (a); CPU per sample at most 1/10 of (b); a run of 1,000 answers under
5 MB; 10,000 cases of three 1-MB images under 400 MB at 64 connections.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.harness import contestant, cpu_seconds, median, mock_upstream, peak_mb, peer_python, table

CONNECTIONS = 64
IMAGES = 3
PROMPT = "Case {index}: what do these pictures have in common?"
ROUNDS = 3


def write_images(folder: Path, *, count: int, size: int) -> None:
    """Write `count` PNGs of about `size` bytes each; noise does not compress."""
    from PIL import Image

    side = max(8, int((size / 3) ** 0.5))
    for i in range(count):
        out = io.BytesIO()
        Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(out, "PNG", compress_level=0)
        (folder / f"{i}.png").write_bytes(out.getvalue())


@cache
def pool(folder: Path) -> list[Path]:
    """The images there are."""
    return sorted(folder.iterdir())


def image_paths(folder: Path, index: int) -> list[Path]:
    """The images of one case."""
    return [pool(folder)[(index * IMAGES + k) % len(pool(folder))] for k in range(IMAGES)]


def bare(url: str, folder: Path, n: int) -> None:
    """The practical limit: read, encode, post, keep the text."""
    import aiohttp

    async def go() -> list[str]:
        answers: list[str] = []
        indices = iter(range(n))

        async def worker(session: aiohttp.ClientSession) -> None:
            for index in indices:
                parts = [
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64," + base64.b64encode(p.read_bytes()).decode()},
                    }
                    for p in image_paths(folder, index)
                ]
                content = [*parts, {"type": "text", "text": PROMPT.format(index=index)}]
                body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": content}]}).encode()
                headers = {"Content-Type": "application/json"}
                async with session.post(f"{url}/chat/completions", data=body, headers=headers) as response:
                    answers.append(json.loads(await response.read())["choices"][0]["message"]["content"])

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
            await asyncio.gather(*(worker(session) for _ in range(CONNECTIONS)))
        return answers

    assert len(asyncio.run(go())) == n


def ours(url: str, folder: Path, n: int) -> dict[str, float]:
    """The whole runner: hash, key, generate, commit."""
    from safesight.core.messages import Image, user
    from safesight.core.records import Sample, sample_key
    from safesight.core.registry import open_plugin
    from safesight.core.store import RunStore
    from safesight.runner.generate import generate
    from safesight.runner.job import Job
    from safesight.runner.plan import manifest
    from safesight.runner.progress import Progress

    class Cases:
        revision = data_hash = "bench"
        problems = ()

        def __len__(self) -> int:
            return n

        def __iter__(self) -> Iterator[Sample]:
            for index in range(n):
                images = tuple(Image.from_path(path) for path in image_paths(folder, index))
                text = PROMPT.format(index=index)
                yield Sample(
                    key=sample_key("bench", "", index, images),
                    benchmark="bench",
                    messages=(user(*images, text),),
                    question=text,
                    category="c",
                    group="g",
                    cluster=str(index),
                )

    async def go(path: Path) -> None:
        model = open_plugin("models", f"{url}#mock")
        job = Job(dataset=Cases(), model=model, concurrency=CONNECTIONS)
        with RunStore.create(path, manifest(job, benchmark="bench", arm="")) as store:
            await generate(job, store, progress=Progress(stage="generate"))
            assert sum(r.reply.status == "ok" for r in store.responses()) == n
        await model.aclose()

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.sqlite"
        asyncio.run(go(path))
        return {"file_mb": path.stat().st_size / 1e6}


def inspect(url: str, folder: Path, n: int) -> None:
    """inspect_ai with its defaults, quiet display, on the same endpoint."""
    os.environ.update(OPENAI_BASE_URL=url, OPENAI_API_KEY="none", INSPECT_DISPLAY="none")
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
    from inspect_ai.solver import generate

    samples = [
        Sample(
            input=[
                ChatMessageUser(
                    content=[
                        *(ContentImage(image=str(path)) for path in image_paths(folder, index)),
                        ContentText(text=PROMPT.format(index=index)),
                    ]
                )
            ]
        )
        for index in range(n)
    ]
    with tempfile.TemporaryDirectory() as logs:
        (log,) = evaluate(
            Task(dataset=MemoryDataset(samples), solver=generate()),
            model="openai/mock",
            model_args={"responses_api": False},
            max_connections=CONNECTIONS,
            max_samples=CONNECTIONS,
            log_dir=logs,
            display="none",
        )
    assert log.status == "success", log.error


def measure(name: str, url: str, folder: Path, n: int) -> None:
    """Run one contestant in this process and print its accounting as JSON."""
    run = {"aiohttp": bare, "safesight": ours, "inspect_ai": inspect}[name]
    started, cpu = time.perf_counter(), cpu_seconds()
    extra = run(url, folder, n) or {}
    wall = time.perf_counter() - started
    print(json.dumps({"per_s": n / wall, "cpu_ms": 1e3 * (cpu_seconds() - cpu) / n, "peak_mb": peak_mb(), **extra}))


def main() -> None:
    """Print the throughput table and the memory line."""
    peers = peer_python("inspect_ai", "openai", "Pillow")
    with tempfile.TemporaryDirectory() as scratch, mock_upstream(latency_ms=20) as url:
        folder = Path(scratch)
        write_images(folder, count=30, size=20_000)
        contestants = [("aiohttp", sys.executable, 1000), ("safesight", sys.executable, 1000)]
        contestants += [("inspect_ai", peers, 300)] if peers else []
        results: dict[str, list[dict[str, float]]] = {name: [] for name, *_ in contestants}
        for _ in range(ROUNDS):
            for name, python, n in contestants:
                arguments = ("--as", name, "--url", url, "--folder", str(folder), "-n", str(n))
                found = contestant(python, "bench.runner", *arguments)
                if found:
                    results[name].append(found)
        rows = []
        base = median([r["per_s"] for r in results["aiohttp"]])
        mine = median([r["cpu_ms"] for r in results["safesight"]])
        for name, found in results.items():
            if found:
                per_s, cpu_ms = median([r["per_s"] for r in found]), median([r["cpu_ms"] for r in found])
                rows.append((name, per_s, per_s / base, cpu_ms, cpu_ms / mine, median([r["peak_mb"] for r in found])))
        header = ("", "samples/s", "of bare loop", "CPU ms/sample", "CPU / safesight's", "peak MB")
        table(header, rows)
        print(f"\nrun file of 1,000 answers: {results['safesight'][0]['file_mb']:.2f} MB (bar: 5 MB)")
    memory()


def memory() -> None:
    """Peak memory of 1,000 and 10,000 cases of three 1-MB images at 64 connections (bar: 400 MB)."""
    with tempfile.TemporaryDirectory() as scratch, mock_upstream() as url:
        folder = Path(scratch)
        write_images(folder, count=12, size=1_000_000)
        for n in (1_000, 10_000):
            arguments = ("--as", "safesight", "--url", url, "--folder", str(folder), "-n", str(n))
            found = contestant(sys.executable, "bench.runner", *arguments, timeout_s=3600)
            if found:
                print(f"{n} cases of three 1-MB images: peak {found['peak_mb']:.0f} MB (bar: 400 MB)", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--as", dest="name")
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("-n", type=int, default=1000)
    options = parser.parse_args()
    measure(options.name, options.url, options.folder, options.n) if options.name else main()
