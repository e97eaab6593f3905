"""Throughput with 1, 2 and 4 replicas of a simulated model on Ray, against the local engine; overhead a sample.

The model takes 200 ms an answer and one request at a time, as an in-process model does. Near linear is the bar: four
replicas at least 3.5 times one. Overhead: what a sample takes of one replica beyond those 200 ms.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from pathlib import Path

from bench.harness import table

MODEL_MS = 200
MODEL = f"scripted:echo?delay_s={MODEL_MS / 1e3}&max_concurrency=1"
SAMPLES = 100
REPLICAS = (1, 2, 4)


def measured(replicas: int) -> tuple[float, float]:
    """Seconds a run of `SAMPLES` takes and CPU seconds of this process; 0 replicas is the local engine."""
    from safesight.integrations.ray.cluster import RayCluster
    from safesight.integrations.ray.engine import ClusterOptions
    from safesight.runner.run import RunRequest

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.sqlite"
        request = RunRequest(benchmark="starter", model=MODEL, judges=(), limit=SAMPLES, path=path)
        if not replicas:
            return _timed(request)
        # A sleeping replica needs no core: four fit on any machine.
        with (
            RayCluster(ClusterOptions(replicas=replicas, cpus=0.01, address="local")) as cluster,
            cluster.answering(request) as moved,
        ):
            return _timed(moved)


def _timed(request) -> tuple[float, float]:
    from safesight.runner.run import carry_out, prepare

    ends: list[float] = []
    run = prepare(request)
    started, cpu = time.perf_counter(), _cpu()
    results = asyncio.run(
        carry_out(run, on_progress=lambda now: ends.append(time.perf_counter()) if now.done else None)
    )
    assert len(results.cases) == SAMPLES
    # The first answer waits for every replica's opening; the clock runs from there.
    return (ends[-1] - ends[0]) * SAMPLES / (SAMPLES - 1) if len(ends) > 1 else ends[-1] - started, _cpu() - cpu


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the table."""
    rows = []
    for replicas in (0, *REPLICAS):
        wall, cpu = measured(replicas)
        rate = SAMPLES / wall
        busy = max(replicas, 1)
        if replicas == 1:
            one = rate
        speed = rate / one if replicas else ""
        rows.append(
            (
                f"ray, {replicas}" if replicas else "local, 1",
                rate,
                speed,
                1e3 * busy / rate - MODEL_MS,
                1e3 * cpu / SAMPLES,
            )
        )
    table(("engine, replicas", "samples/s", "of one replica", "overhead ms/sample", "CPU ms/sample here"), rows)


if __name__ == "__main__":
    main()
