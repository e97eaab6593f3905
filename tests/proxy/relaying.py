"""A streamed reply through the relay without a server: an upstream's bytes in, the client's bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from safesight.guard.findings import Checked, Request
from safesight.guard.guard import Guard
from safesight.proxy.errors import UpstreamError
from safesight.proxy.judging import AskedReply, Judging, Tally
from safesight.proxy.relay import Relay
from safesight.wire.dialect import Dialect
from tests.proxy.fuzz.reader import Seen, read_stream, read_typed


class Body:
    """An upstream's bytes in the pieces of its reads; a number is a wait in seconds."""

    def __init__(self, reads: Sequence[bytes | float]) -> None:
        self.reads = list(reads)
        self.at_end = False

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        if not self.reads:
            self.at_end = True
            raise StopAsyncIteration
        data = self.reads.pop(0)
        while not isinstance(data, bytes):
            await asyncio.sleep(data)
            data = self.reads.pop(0)
        return data

    def close(self) -> None:
        return


def judging(guard: Guard, asked: AskedReply, dialect: Dialect | None = None) -> Judging:
    """What guarding a reply needs, for a request that was let in."""
    checked = Checked(decision=None, outcomes=(), latency_ms=0.0)
    request = Request(question="q", images=(), checked=checked)
    return Judging(guard, request, Tally(), asked, dialect=dialect)


async def relayed(
    guard: Guard,
    reads: Sequence[bytes | float],
    asked: AskedReply,
    *,
    silence_s: float = 10.0,
    dialect: Dialect | None = None,
) -> tuple[Seen, Tally, bytes]:
    """What the client of a stream gets, error event included as the proxy sends it."""
    parts = judging(guard, asked, dialect)
    out: list[bytes] = []

    async def push(payloads: list[bytes]) -> None:
        out.append(parts.dialect.frame(payloads))

    try:
        await Relay(parts, silence_s=silence_s).stream(Body(reads), push)
    except UpstreamError as error:
        told = parts.dialect.error(str(error), kind=error.kind, code=error.kind)
        out.append(parts.dialect.frame([told, *parts.dialect.closing()]))
    raw = b"".join(out)
    return (read_stream if parts.dialect.alike else read_typed)(raw), parts.tally, raw
