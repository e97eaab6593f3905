"""What a model offers whose provider answers many requests in one job, within hours and for less (a batch endpoint).

The runner (`runner.batches`) writes requests into a file, hands it over, polls, and takes the answers; what a batch is
at a provider, and in which words it fails, is the model's affair (`models.openai.batches`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import msgspec

from safesight.core.messages import Message
from safesight.core.protocols import Model
from safesight.core.records import Decoding, Reply


class BatchState(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as its provider last described it."""

    id: str
    status: Literal["running", "ended", "refused", "cancelled"]
    """`ended`: whatever answers there will be are there, also when its time ran out; `refused`: it never began."""
    said: str = ""
    """The provider's own words: its status, or why it refused."""
    total: int = 0
    done: int = 0
    """Requests that were answered or have failed."""
    crowded: bool = False
    """Refused because too much is under way already: worth submitting again, later or smaller."""
    files: tuple[str, ...] = ()
    """Where the answers and the errors lie."""


class BatchReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one request of a batch."""

    key: str
    reply: Reply
    again: bool = False
    """It was never answered (its time ran out, the server was busy, a setting was refused): worth asking again."""
    fatal: str = ""
    """Why no request will ever be answered (no credit, a wrong key): the run stops and says so."""


@runtime_checkable
class BatchingModel(Model, Protocol):
    """A model that is asked in batches only; its `generate` raises ModelError."""

    batch_size: int
    """Most requests in one batch."""
    batch_bytes: int
    """Most bytes in one batch's file."""
    poll_s: float
    """Seconds between two looks at a batch."""

    async def batch_line(self, key: str, messages: Sequence[Message], *, decoding: Decoding) -> bytes:
        """One request as a line of a batch's file; `key` comes back with its answer. Raises DataError."""
        ...

    async def upload_batch(self, path: Path) -> str:
        """Hand over a file of requests; returns the provider's name for it. Costs nothing yet."""
        ...

    async def create_batch(self, file: str) -> BatchState:
        """Start the batch of an uploaded file; never two for one file, whatever breaks on the way."""
        ...

    async def find_batch(self, file: str) -> BatchState | None:
        """The batch that was started with an uploaded file; None when there is none."""
        ...

    async def read_batch(self, batch: str) -> BatchState:
        """How a batch is doing. A provider that cannot be reached for now leaves it `running`."""
        ...

    def batch_replies(self, state: BatchState, *, decoding: Decoding) -> AsyncIterator[BatchReply]:
        """The answers of a batch, in any order.

        Raises:
            ModelError: they cannot be fetched.
        """
        ...
