"""Replicas of one plugin on a Ray cluster: the least busy is asked, and what a lost one had is asked elsewhere.

Invariant: a call is answered once or fails with a reason. A replica that dies loses what it had in flight; those calls
go to another, `_TRIES` times in all (what kills every worker it meets is that call's failure, not the run's end). Ray
starts a dead replica again; until it answers it is not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from safesight.core.errors import ConfigError, ModelError
from safesight.integrations.ray.engine import ClusterOptions
from safesight.integrations.ray.replica import PluginAnswer, PluginCard, Raised

_TRIES: Final = 3
_AHEAD: Final = 1
"""Calls that wait at a replica of a bounded plugin, so that it need not wait for the driver."""
_PATIENCE_S: Final = 900.0
"""Longest wait for a replica: a large model loads for minutes."""


class WorkerLost(Exception):
    """A call's workers died, each time; the runner records it and goes on."""


@dataclass(slots=True)
class _Seat:
    """One replica."""

    actor: Any
    alive: bool = False
    asked: int = 0
    """Calls in flight."""


class Pool:
    """The replicas of one class. Made and closed from synchronous code, asked from one event loop."""

    def __init__(self, kind: type, *names: str, options: ClusterOptions, at_once: int) -> None:
        """Start replicas and wait until one of them is ready.

        Args:
            kind: a class of `replica`.
            names: what it is made with.
            options: how many, and what each may use.
            at_once: most calls in flight over all of them, for plugins that state no bound of their own.

        Raises:
            SafeSightError: the plugin cannot be opened there.
            ConfigError: the cluster has no room for one replica.
            ModelError: none was ready in time.
        """
        import ray
        from ray import exceptions

        self._ray, self._exceptions = ray, exceptions
        count = options.replicas or _room(ray.cluster_resources(), options)
        self.share = max(1, -(-at_once // count))
        """Most calls in flight at one replica."""
        remote = ray.remote(kind).options(
            num_cpus=options.cpus, num_gpus=options.gpus, max_restarts=-1, max_concurrency=self.share + 8
        )
        self._seats = [_Seat(remote.remote(*names)) for _ in range(count)]
        self._changed: asyncio.Event | None = None
        self._watching: set[asyncio.Task[None]] = set()
        self.named, self.beside = self._first()
        own = self.named.max_concurrency
        self.capacity = count * (self.share if own is None else min(own, self.share) + _AHEAD)
        """Calls that keep every replica busy."""
        self.left_out: dict[str, str] = {}

    def _first(self) -> tuple[PluginCard, PluginCard | None]:
        told = [seat.actor.about.remote(self.share) for seat in self._seats]
        ready, _ = self._ray.wait(told, num_returns=1, timeout=_PATIENCE_S)
        if not ready:
            self.close()
            raise ModelError(
                f"no replica was ready after {_PATIENCE_S:g} s. Does the cluster have the resources that --engine asks "
                "for, and SafeSight on every machine? `ray status` tells."
            )
        try:
            found = self._ray.get(ready[0])
        except self._exceptions.RayActorError as error:
            self.close()
            raise ModelError(f"a replica did not start: {error}") from None
        if isinstance(found, Raised):
            self.close()
            raise found.error()
        return found

    def close(self) -> None:
        """End every replica."""
        for task in self._watching:
            task.cancel()
        for seat in self._seats:
            self._ray.kill(seat.actor)

    async def call(self, method: str, *arguments: object) -> Any:
        """Ask a replica.

        Raises:
            SafeSightError: as the plugin raised it.
            ModelError: no replica is left.
            WorkerLost: the call's workers died, each time.
        """
        lost = self._exceptions
        for attempt in range(_TRIES):
            seat = await self._free()
            seat.asked += 1
            try:
                found = await getattr(seat.actor, method).remote(*arguments)
            except (lost.RayActorError, lost.ObjectLostError) as error:
                self._mourn(seat)
                if attempt == _TRIES - 1:
                    raise WorkerLost(f"the worker died {_TRIES} times: {type(error).__name__}") from None
                continue
            finally:
                seat.asked -= 1
            if isinstance(found, Raised):
                raise found.error()
            answered: PluginAnswer = found
            self.left_out |= answered.left_out
            return answered.value
        raise AssertionError  # pragma: no cover

    async def _free(self) -> _Seat:
        """The least busy living replica; waits for one."""
        if self._changed is None:
            self._changed = asyncio.Event()
            for seat in self._seats:
                self._watch(seat)
        async with asyncio.timeout(_PATIENCE_S):
            while not (living := [seat for seat in self._seats if seat.alive]):
                self._changed.clear()
                await self._changed.wait()
        return min(living, key=lambda seat: seat.asked)

    def _mourn(self, seat: _Seat) -> None:
        if seat.alive:
            seat.alive = False
            self._watch(seat)

    def _watch(self, seat: _Seat) -> None:
        task = asyncio.create_task(self._revive(seat))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _revive(self, seat: _Seat) -> None:
        """Ask a replica to open its plugin until it did: Ray starts it again where it died."""
        while True:
            try:
                found = await seat.actor.about.remote(self.share)
            except (self._exceptions.RayActorError, self._exceptions.ObjectLostError):
                await asyncio.sleep(1)
                continue
            seat.alive = not isinstance(found, Raised)
            if self._changed is not None:
                self._changed.set()
            return


def _room(resources: Mapping[str, float], options: ClusterOptions) -> int:
    """How many replicas fit."""
    fits = [
        int(resources.get(name, 0.0) / share) for name, share in (("CPU", options.cpus), ("GPU", options.gpus)) if share
    ]
    room = min(fits, default=1)
    if room < 1:
        has = f"{resources.get('CPU', 0):g} cores and {resources.get('GPU', 0):g} GPUs"
        raise ConfigError(
            f"--engine: one replica asks for {options.cpus:g} cores and {options.gpus:g} GPUs; the cluster has {has}."
        )
    return room
