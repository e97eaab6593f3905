"""Request bodies of the OpenAI chat protocol, put together from bytes instead of encoded as one object.

Invariant: images go out as the original bytes in a data URL, never decoded or re-encoded, unless `max_side`
asks for it. Base64 is made when a request is sent and dropped with it: small bodies are one bytes object,
large ones are streamed image by image, so memory does not grow with the number of images in a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.messages import Image, Message, TextPart
from safesight.core.records import Decoding

Piece = bytes | Image

_json = msgspec.json.Encoder().encode


def check_template_kwargs(text: str, *, where: str) -> None:
    """Refuse what is not a JSON object; "" is none.

    Raises:
        ConfigError: it is something else.
    """
    if not text:
        return
    try:
        found: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: expected chat_template_kwargs as a JSON object, got {text[:40]!r}.")


class RequestLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request's shape depends on the endpoint and the user, not on the sample."""

    model: str
    detail: str | None = None
    limit_field: str = "max_tokens"
    """OpenAI's newer models refuse `max_tokens`; other servers don't all know `max_completion_tokens`."""
    limit_refused: str = ""
    """The other name of the limit, where the server has refused it."""
    template_kwargs: str = ""
    """A JSON object for the server's chat template (vLLM, SGLang and llama.cpp take one); "" sends none. A judge's
    policy may travel in it, so it is never left out because a provider refuses it."""
    reasoning_effort: str = ""
    """How long a reasoning model may think; "" leaves it to the server."""


def chat_pieces(messages: Sequence[Message], layout: RequestLayout, tail: bytes) -> list[Piece]:
    """A chat request as JSON bytes with images in their places; `tail` is what `settings` or `probing` made."""
    pieces: list[Piece] = [b'{"model":' + _json(layout.model) + b',"messages":[']
    for number, message in enumerate(messages):
        pieces.append((b',{"role":"' if number else b'{"role":"') + message.role.encode() + b'","content":')
        if message.images:
            pieces += _parts(message, layout.detail)
        else:
            # A plain string: chat templates of text models take nothing else.
            pieces.append(_json(message.text))
        pieces.append(b"}")
    pieces.append(b"]" + tail + b"}")
    return _merged(pieces)


def completion_pieces(prompt: str, layout: RequestLayout, tail: bytes) -> list[Piece]:
    """A raw completion request (no chat template)."""
    return [b'{"model":' + _json(layout.model) + b',"prompt":' + _json(prompt) + tail + b"}"]


class Tail(msgspec.Struct, frozen=True):
    """The end of a request: its settings as JSON, and their names."""

    data: bytes
    names: tuple[str, ...]


@lru_cache(maxsize=64)
def settings(decoding: Decoding, layout: RequestLayout, *, stream: bool, without: frozenset[str] = frozenset()) -> Tail:
    """Decoding settings as the end of a request; what is None is left to the provider, `without` is not sent.

    The repetition penalty goes by both of its names, vLLM's and llama.cpp's, as servers pass over the one they
    don't know; OpenAI has no such setting and refuses it.
    """
    fields: dict[str, object] = {
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        layout.limit_field: decoding.max_tokens,
        "repetition_penalty": decoding.repetition_penalty,
        "repeat_penalty": decoding.repetition_penalty,
        "seed": decoding.seed,
    }
    if stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return _with_template(_tail(_with_effort(fields, layout), without), layout)


@lru_cache(maxsize=64)
def probing(
    layout: RequestLayout, *, max_tokens: int, top_logprobs: int, chat: bool, without: frozenset[str] = frozenset()
) -> Tail:
    """Greedy decoding with log-probabilities as the end of a request; completions give them by number."""
    fields: dict[str, object] = {
        "temperature": 0.0,
        layout.limit_field if chat else "max_tokens": max_tokens,
        "logprobs": top_logprobs > 0 if chat else top_logprobs or None,
        "top_logprobs": top_logprobs or None if chat else None,
    }
    # A chat without log-probabilities may not name how many it wants.
    without = without | {"top_logprobs"} if "logprobs" in without else without
    if not chat:
        return _tail(fields, without)
    return _with_template(_tail(_with_effort(fields, layout), without), layout)


def _with_effort(fields: dict[str, object], layout: RequestLayout) -> dict[str, object]:
    return fields | {"reasoning_effort": layout.reasoning_effort} if layout.reasoning_effort else fields


def _with_template(tail: Tail, layout: RequestLayout) -> Tail:
    if not layout.template_kwargs:
        return tail
    return Tail(tail.data + b',"chat_template_kwargs":' + layout.template_kwargs.encode(), tail.names)


def _parts(message: Message, detail: str | None) -> list[Piece]:
    end = b'"' + (b',"detail":' + _json(detail) if detail else b"") + b"}}"
    pieces: list[Piece] = []
    for number, part in enumerate(message.parts):
        before = b"," if number else b"["
        if isinstance(part, TextPart):
            pieces.append(before + b'{"type":"text","text":' + _json(part.text) + b"}")
            continue
        kind = part.image.media_type.encode()
        pieces.append(before + b'{"type":"image_url","image_url":{"url":"data:' + kind + b";base64,")
        pieces += [part.image, end]
    pieces.append(b"]")
    return pieces


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring bytes joined, so that sending touches few pieces."""
    merged: list[Piece] = []
    run: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            run.append(piece)
            continue
        merged += [b"".join(run), piece]
        run = []
    merged.append(b"".join(run))
    return merged


def _tail(fields: dict[str, object], without: frozenset[str]) -> Tail:
    given = {name: value for name, value in fields.items() if value is not None and name not in without}
    return Tail(b"," + _json(given)[1:-1] if given else b"", tuple(given))
