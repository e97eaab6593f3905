"""A connection to Ray for as long as a command runs, and what is moved there: a run's plugins, a judge, a replay."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from safesight.core.config import parse_name
from safesight.core.errors import ConfigError, DataError
from safesight.core.registry import load
from safesight.core.store import RunStore
from safesight.explain.entropy.recorded import Replayed, RestoredImages, spoken
from safesight.integrations.ray.engine import ClusterOptions
from safesight.integrations.ray.pool import Pool
from safesight.integrations.ray.replica import JudgeReplica, ModelReplica, ProbeReplica
from safesight.integrations.ray.stand_ins import ClusterDefence, ClusterJudge, ClusterModel, carried
from safesight.runner.run import RunRequest


class RayCluster:
    """Pools of replicas on one cluster. Use as a context manager; leaving it ends the replicas."""

    def __init__(self, options: ClusterOptions) -> None:
        """Connect.

        Raises:
            ConfigError: there is no cluster at the address.
        """
        import ray

        self._options = options
        self._ray = ray
        try:
            ray.init(
                address=options.address or None,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                ignore_reinit_error=True,
            )
        except (ConnectionError, ValueError) as error:
            raise ConfigError(
                f"--engine: no Ray cluster answers at {options.address!r}: {error}. `ray status` tells."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ray.shutdown()

    @contextmanager
    def pool(self, kind: type, *names: str, at_once: int) -> Generator[Pool]:
        """Replicas until the block ends; see `Pool`."""
        found = Pool(kind, *names, options=self._options, at_once=at_once)
        try:
            yield found
        finally:
            found.close()

    @contextmanager
    def judge(self, name: str, *, at_once: int) -> Generator[ClusterJudge]:
        """A judge as replicas, until the block ends; at most `at_once` batches in flight where it states no bound."""
        with self.pool(JudgeReplica, name, at_once=at_once) as pool:
            yield ClusterJudge(pool)

    @contextmanager
    def answering(self, request: RunRequest) -> Generator[RunRequest]:
        """The same run with model and defence on the cluster, no judges, and enough in flight to keep all busy.

        Judges come after it, one at a time: on a full cluster their replicas would wait for the model's to end.

        Raises:
            ConfigError: a plugin was given opened, which cannot be sent.
            SafeSightError: as the plugins raise when they are opened.
        """
        for judge in request.judges:
            load("judges", parse_name(by_name(judge)).scheme)  # a mistyped name is told before the long work
        names = (by_name(request.model), by_name(request.defence))
        with self.pool(ModelReplica, *names, at_once=request.concurrency) as models:
            yield msgspec.structs.replace(
                request,
                model=ClusterModel(models),
                defence="none" if models.beside is None else ClusterDefence(models),
                judges=(),
                concurrency=models.capacity,
            )

    def replay(
        self,
        store: RunStore,
        model: str,
        *,
        limit: int | None = None,
        per_token: bool = True,
        source: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[str, Replayed]:
        """As `explain.entropy.replay.replay_run`, over replicas; records are written as they come.

        Returns the name the records are kept under, and what was done.
        """
        with self.pool(ProbeReplica, model, at_once=1) as pool:
            report = asyncio.run(
                _replayed(pool, store, limit, per_token, RestoredImages(store.manifest, source), progress)
            )
            return pool.named.name, report


async def _replayed(
    pool: Pool,
    store: RunStore,
    limit: int | None,
    per_token: bool,
    images: RestoredImages,
    progress: Callable[[int, int], None] | None,
) -> Replayed:
    report = Replayed()
    have = {record.response_key for record in store.probes(pool.named.name)}
    cases = list(spoken(store, report))[:limit]
    waiting = deque(case for case in cases if case.response.key not in have)
    report.kept = len(cases) - len(waiting)

    async def worker() -> None:
        while waiting:
            case = waiting.popleft()
            try:
                record = await pool.call("probe", case, await carried(images.restored(case)), per_token)
            except DataError:
                report.leave("image missing")
                continue
            store.add(probes=[record])
            report.done += 1
            if progress is not None:
                progress(report.kept + report.done, len(cases))

    # Two a replica: the next case's images travel while one is computed.
    async with asyncio.TaskGroup() as group:
        for _ in range(2 * pool.capacity):
            group.create_task(worker())
    return report


def by_name(plugin: object) -> str:
    """A plugin's name.

    Raises:
        ConfigError: it was given opened.
    """
    if not isinstance(plugin, str):
        raise ConfigError(f"--engine ray: expected plugins by name, got {type(plugin).__name__} opened.")
    return plugin
