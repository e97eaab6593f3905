"""A streamed reply through the relay without a server: an upstream's bytes in, the client's bytes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from safesight.guard.findings import Checked, Request
from safesight.guard.guard import Guard
from safesight.proxy.errors import UpstreamError
from safesight.proxy.judging import AskedReply, Judging, Tally
from safesight.proxy.relay import Relay
from safesight.wire.sse_relay import encode
from tests.proxy.fuzz.reader import Seen, read_stream


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


def judging(guard: Guard, asked: AskedReply) -> Judging:
    """What guarding a reply needs, for a request that was let in."""
    checked = Checked(decision=None, outcomes=(), latency_ms=0.0)
    request = Request(question="q", images=(), checked=checked)
    return Judging(guard, request, Tally(), asked)


async def relayed(
    guard: Guard, reads: Sequence[bytes | float], asked: AskedReply, *, silence_s: float = 10.0
) -> tuple[Seen, Tally, bytes]:
    """What the client of a stream gets, error event included as the proxy sends it."""
    parts = judging(guard, asked)
    out: list[bytes] = []

    async def push(payloads: list[bytes]) -> None:
        out.append(encode(payloads))

    try:
        await Relay(parts, silence_s=silence_s).stream(Body(reads), push)
    except UpstreamError as error:
        out.append(encode([json.dumps({"error": {"message": str(error)}}).encode(), b"[DONE]"]))
    raw = b"".join(out)
    return read_stream(raw), parts.tally, raw
