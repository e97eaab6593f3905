"""Events of the proxy's own, written in the name of the stream they stand in. Sans-IO."""

from __future__ import annotations

import msgspec

from safesight.wire.foreign import UNDECODABLE


class Head(msgspec.Struct, frozen=True):
    """What later events of a stream repeat: taken from its first event."""

    id: str = "chatcmpl-safesight"
    created: int = 0
    model: str = ""

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

    def usage(self, told: Usage | None, *, events: int) -> bytes:
        """Encode the usage of a reply that was cut: the upstream's last word, or an estimate that says it is one."""
        counted = told or Usage(completion_tokens=events, total_tokens=events)
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


class Usage(msgspec.Struct, frozen=True):
    """Token counts."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Used(msgspec.Struct):
    usage: Usage | None = None


_decode_used = msgspec.json.Decoder(_Used).decode


def read_usage(payload: bytes) -> Usage | None:
    """The usage an event carries; None where it carries none that can be read."""
    try:
        return _decode_used(payload).usage
    except UNDECODABLE:
        return None


_decode_head = msgspec.json.Decoder(Head, strict=False).decode


def read_head(payload: bytes) -> Head:
    """The repeated fields of a stream; defaults where they are missing or odd."""
    try:
        return _decode_head(payload)
    except UNDECODABLE:
        return Head()
