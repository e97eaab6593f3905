"""Events of the proxy's own, written in the name of the stream they stand in. Sans-IO."""

from __future__ import annotations

import time
from uuid import uuid4

import msgspec

from safesight.wire.foreign import UNDECODABLE


class StreamHead(msgspec.Struct, frozen=True):
    """What the events of a stream repeat."""

    id: str = ""
    created: int = 0
    model: str = ""

    @classmethod
    def fresh(cls, *, model: str = "") -> StreamHead:
        """The head of a reply that no upstream began."""
        return cls(id=f"chatcmpl-{uuid4().hex}", created=int(time.time()), model=model)

    def met(self, payload: bytes) -> StreamHead:
        """The head that an event which was sent states; our own words where it states none."""
        try:
            told = _decode_head(payload)
        except UNDECODABLE:
            return self
        return StreamHead(id=told.id or self.id, created=told.created or self.created, model=told.model or self.model)

    def chunk(self, choice: int, delta: dict[str, str], finish_reason: str | None = None, **more: object) -> bytes:
        """Encode one event of ours in the stream's name."""
        body = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
            **more,
        }
        return msgspec.json.encode(body)

    def usage(self, told: ToldUsage | None, *, events: int) -> bytes:
        """Encode the usage of a reply that was cut: the upstream's last word, or an estimate that says it is one."""
        counted = told or ToldUsage(completion_tokens=events, total_tokens=events)
        body = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [],
            "usage": counted,
            "safesight": {"usage": "upstream" if told else "estimated"},
        }
        return msgspec.json.encode(body)


class ToldUsage(msgspec.Struct, frozen=True):
    """Token counts."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Used(msgspec.Struct):
    usage: ToldUsage | None = None


_decode_used = msgspec.json.Decoder(_Used).decode


def read_usage(payload: bytes) -> ToldUsage | None:
    """The usage an event carries; None where it carries none that can be read."""
    try:
        return _decode_used(payload).usage
    except UNDECODABLE:
        return None


_decode_head = msgspec.json.Decoder(StreamHead, strict=False).decode
