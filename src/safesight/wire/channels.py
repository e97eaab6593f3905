"""The OpenAI chat protocol as the proxy reads and writes it: typed where text may hide, raw everywhere else.

Invariant: every string a client could see in a delta is assigned to a guarded channel. Known fields have a
channel of their own; strings in fields we do not know go to the channel `other`, so a provider's novelty is
guarded too. Sans-IO. Follows the OpenAI API reference (chat completions, streaming).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from safesight.wire.foreign import UNDECODABLE

DONE: Final = b"[DONE]"
FILTERED: Final = "content_filter"


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Tool(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Tool] | None = None


class _Choice(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    delta: _Delta
    index: int = 0
    finish_reason: str | None = None
    logprobs: None = None
    stop_reason: str | int | None = None


class _Chunk(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A chunk whose every string is known; any other is read by `_read_any`."""

    choices: list[_Choice]
    id: str = ""
    object: str = ""
    created: int = 0
    model: str = ""
    system_fingerprint: str | None = None
    service_tier: str | None = None
    obfuscation: str | None = None
    usage: Any = None
    error: None = None


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What one event adds to one choice: text by channel, and whether the choice ends with it."""

    choice: int
    texts: tuple[tuple[str, str], ...]
    """(channel, text) pairs: content, refusal, reasoning, tool:N, logprobs, other."""
    finish_reason: str | None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def read_chunk(payload: bytes) -> list[Piece]:
    """Take one streamed event apart; [] for an event that shows no text and ends no choice (usage).

    Raises:
        ValueError: it is not a chat completion chunk, reports the upstream's error, or carries what cannot be judged.
    """
    try:
        chunk = _decode_chunk(payload)
    except msgspec.ValidationError:
        return _read_any(payload)
    except UNDECODABLE as error:
        raise ValueError(f"expected a JSON chunk: {error}") from None
    return [Piece(c.index, tuple(_texts(c.delta)), c.finish_reason) for c in chunk.choices]


def _texts(delta: _Delta) -> Iterator[tuple[str, str]]:
    reasoning = delta.reasoning_content or delta.reasoning
    if reasoning:
        yield "reasoning", reasoning
    if delta.reasoning and delta.reasoning_content and delta.reasoning != delta.reasoning_content:
        yield "other", delta.reasoning
    if delta.content:
        yield "content", delta.content
    if delta.refusal:
        yield "refusal", delta.refusal
    for tool in delta.tool_calls or ():
        if tool.function is not None:
            text = (tool.function.name or "") + (tool.function.arguments or "")
            if text:
                yield f"tool:{tool.index}", text


def _read_any(payload: bytes) -> list[Piece]:
    chunk = msgspec.json.decode(payload)
    if not isinstance(chunk, dict):
        raise ValueError("expected a chat completion chunk")
    if chunk.get("error") is not None:
        raise ValueError("the upstream reported an error mid-stream")
    return _pieces(chunk)


def _pieces(reply: dict[str, Any]) -> list[Piece]:
    """One piece a choice; strings beside the choices are shown with the first of them."""
    choices = reply.get("choices", [])
    if not isinstance(choices, list):
        raise ValueError("expected a chat completion with a list of choices")
    pieces = [_unknown_choice(choice) for choice in choices]
    beside = strings({name: value for name, value in reply.items() if name not in ENVELOPE})
    text = "".join(beside)
    if text:
        first = pieces[0] if pieces else Piece(0, (), None)
        pieces[:1] = [Piece(first.choice, (*first.texts, ("other", text)), first.finish_reason)]
    return pieces


ENVELOPE: Final = frozenset(
    (
        "choices",
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "obfuscation",
        "usage",
        "timings",
        "provider",
        "prompt_filter_results",
        "prompt_token_ids",
        "kv_transfer_params",
    )
)
"""Fields beside the choices that the server writes, not the model."""
_ENDS: Final = frozenset(
    (
        "index",
        "finish_reason",
        "native_finish_reason",
        "stop_reason",
        "matched_stop",
        "token_ids",
        "content_filter_results",
        "content_filter_offsets",
        "delta",
        "message",
        "logprobs",
    )
)
"""Fields of a choice that are read apart or are the server's."""


def _unknown_choice(choice: object) -> Piece:
    if not isinstance(choice, dict):
        raise ValueError("expected every choice to be an object")
    index, finish = choice.get("index", 0), choice.get("finish_reason")
    if not isinstance(index, int) or not (finish is None or isinstance(finish, str)):
        raise ValueError("expected a choice's index to be a number and its finish_reason a string")
    texts: list[tuple[str, str]] = []
    for said in (choice.get("delta"), choice.get("message")):
        texts += _channels(said) if isinstance(said, dict) else [("other", text) for text in strings(said)]
    beside = "".join(strings({name: value for name, value in choice.items() if name not in _ENDS}))
    if beside:
        texts.append(("other", beside))
    tokens = _tokens(choice.get("logprobs"))
    if tokens not in "".join(text for _, text in texts):
        texts.append(("logprobs", tokens))
    return Piece(index, tuple(texts), finish)


def _tokens(logprobs: object) -> str:
    """The text that log-probabilities spell; their alternatives leave with the token they stand beside."""
    if not isinstance(logprobs, dict):
        return "".join(strings(logprobs))
    return "".join(text for name, entries in logprobs.items() for text in _spelt(name, entries))


def _spelt(name: str, entries: object) -> Iterator[str]:
    if name not in ("content", "refusal") or not isinstance(entries, list):
        yield from strings(entries)
        return
    for entry in entries:
        token = entry.get("token") if isinstance(entry, dict) else None
        yield from strings(entry if token is None else token)


_CHANNELS: Final = {
    "content": "content",
    "refusal": "refusal",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning",
}
_SILENT: Final = frozenset({"role", "type", "id", "index"})
_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_UNJUDGED: Final = frozenset({"audio", "image", "images", "image_url", "video"})


def _channels(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    reasoning = ""
    for name, value in message.items():
        if name in _SILENT:
            continue
        if name in _UNJUDGED and value:
            raise ValueError(f"the reply carries {name!r}, which this guard cannot judge, so it is not let through")
        if name == "tool_calls" and isinstance(value, list):
            for i, call in enumerate(value):
                place = call.get("index", i) if isinstance(call, dict) else i
                yield f"tool:{place}", "".join(strings(call))
            continue
        text = "".join(strings(value))
        if not isinstance(value, str) and _DATA_URL.search(text):
            raise ValueError("the reply carries a data URL, which this guard cannot judge, so it is not let through")
        if name.startswith("reasoning"):
            if text == reasoning:
                continue  # the same thoughts under two names
            reasoning = text
        if text:
            yield _CHANNELS.get(name, "other"), text


def strings(value: object) -> Iterator[str]:
    """Every string a value holds, in order, but for ids and types; keys only where they are prose."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _SILENT:
                if not name.isidentifier():
                    yield name
                yield from strings(item)


def split_choices(payload: bytes) -> list[bytes]:
    """An event of several choices as one event for each, everything else of it repeated."""
    chunk = msgspec.json.decode(payload)
    return [msgspec.json.encode({**chunk, "choices": [choice]}) for choice in chunk["choices"]]


def read_reply(raw: bytes) -> tuple[dict[str, Any], list[Piece]]:
    """Take a whole (not streamed) reply apart: the JSON object and one piece a choice.

    Raises:
        ValueError: it is not a chat completion, or carries what cannot be judged.
    """
    try:
        reply = msgspec.json.decode(raw)
    except UNDECODABLE as error:
        raise ValueError(f"expected a JSON reply: {error}") from None
    if not isinstance(reply, dict) or not reply.get("choices"):
        raise ValueError("expected a chat completion with choices")
    return reply, _pieces(reply)
