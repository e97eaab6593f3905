"""What the runner holds in place of a plugin that lives on a cluster: same name, same fingerprint, so the same run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from safesight.core.errors import DataError
from safesight.core.messages import Image, ImagePart, Message
from safesight.core.protocols import Model, PriceList
from safesight.core.records import Case, Decoding, Reply, Sample, Verdict
from safesight.integrations.ray.pool import Pool


class ClusterModel:
    """A model whose replicas answer. `max_concurrency` is what keeps them all busy."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.name = pool.named.name
        self.fingerprint = pool.named.fingerprint
        self.max_concurrency: int | None = pool.capacity
        self.prices: PriceList | None = pool.named.prices
        self.pressure: Callable[[float], None] | None = None

    @property
    def settings_left_out(self) -> dict[str, str]:
        """As the replicas' providers refused them."""
        return self._pool.left_out

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation on a replica; its images travel as bytes."""
        return await self._pool.call("generate", await carried(messages), decoding)

    async def aclose(self) -> None:
        """Nothing: whoever made the pool closes it."""


class ClusterDefence:
    """A defence that stands beside its model, on the model's replicas."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        if pool.beside is None:
            raise TypeError("expected a pool of models with a defence")
        self.name = pool.beside.name
        self.fingerprint = pool.beside.fingerprint
        self.detector_fingerprints = pool.beside.detector_fingerprints

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer a sample on a replica, model and defence together."""
        whole = msgspec.structs.replace(sample, messages=await carried(sample.messages))
        return await self._pool.call("respond", whole, decoding)

    async def aclose(self) -> None:
        """Nothing: whoever made the pool closes it."""


class ClusterJudge:
    """A judge whose replicas label. `capacity` is what keeps them all busy, in batches."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.capacity = pool.capacity
        self.name = pool.named.name
        self.fingerprint = pool.named.fingerprint

    @property
    def settings_left_out(self) -> dict[str, str]:
        """As the replicas' providers refused them."""
        return self._pool.left_out

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        """Label answers on a replica."""
        return await self._pool.call("judge", [await _carried_case(case) for case in cases])

    async def aclose(self) -> None:
        """Nothing: whoever made the pool closes it."""


async def _carried_case(case: Case) -> Case:
    """A case with its images, where they can be read: a judge that needs more says so itself."""
    with suppress(DataError):
        sample = msgspec.structs.replace(case.sample, messages=await carried(case.sample.messages))
        return msgspec.structs.replace(case, sample=sample)
    return case


async def carried(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Messages whose images are bytes and no paths of this machine.

    Raises:
        MissingData, CorruptData: an image cannot be read.
    """
    if not any(image.path for message in messages for image in message.images):
        return tuple(messages)
    return await asyncio.to_thread(lambda: tuple(map(_carried, messages)))


def _carried(message: Message) -> Message:
    return Message(
        message.role,
        tuple(ImagePart(_loaded(p.image)) if isinstance(p, ImagePart) else p for p in message.parts),
    )


def _loaded(image: Image) -> Image:
    return msgspec.structs.replace(image, data=image.read(), path=None)
