"""What the figures share: subprocesses with their own accounting, peers in their own environment, tables."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Generator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv" / "bench-peers"


def is_figure(path: Path) -> bool:
    """Whether a file of this folder is a figure: it defines `main` and is no helper."""
    return not path.name.startswith("_") and path.stem not in ("harness", "mock") and "\ndef main(" in path.read_text()


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def mock_upstream(*, latency_ms: float = 0.0, chunks: int = 32) -> Generator[str]:
    """The mock OpenAI endpoint in a process of its own; yields its base URL (…/v1)."""
    port = free_port()
    command = [sys.executable, "-m", "bench.mock", "--port", str(port)]
    command += ["--latency-ms", str(latency_ms), "--chunks", str(chunks)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def wait_for(port: int, *, seconds: float = 30) -> None:
    """Wait until something listens on a loopback port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port} after {seconds} s")


def contestant(python: str | Path, module: str, *arguments: str, timeout_s: float = 600) -> dict[str, float] | None:
    """Run one contestant in a process of its own; its last line is JSON. None when it failed (and says why)."""
    command = [str(python), "-m", module, *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    if done.returncode:
        print(f"  {' '.join(arguments)} failed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def cpu_seconds() -> float:
    """CPU time of this process and its children so far."""
    usage = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usage)


def process_cpu_s(pid: int) -> float:
    """CPU time of another process so far, from its clock: /proc counts in ticks of 10 ms, too coarse for one round."""
    # Linux numbers the clocks of other processes so (clock_getcpuclockid).
    return time.clock_gettime((~pid << 3) | 2)


def peak_mb() -> float:
    """Peak resident memory of this process in MB.

    From /proc, since `ru_maxrss` survives exec and would report a large parent's peak.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def peer_python(*packages: str) -> Path | None:
    """A Python with the peers installed, apart from ours and from other peers; None where they do not install."""
    # One environment a set: peers pin different versions of the same client libraries.
    folder = PEERS / re.split(r"[\[=<>~]", packages[0])[0]
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"  {' '.join(packages)} does not install here: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return python


def median(values: Sequence[float]) -> float:
    """The median, which a noisy machine moves least."""
    return statistics.median(values)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print(
            "| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |",
            flush=True,
        )
