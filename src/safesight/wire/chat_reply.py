"""The OpenAI chat protocol as it really arrives: typed, and lenient where servers differ.

Follows the OpenAI API reference (chat completions, completions, models, streaming) and what vLLM, SGLang,
llama.cpp, DeepSeek, Mistral and OpenRouter add to it. Unknown fields are passed over; decoding is sans-IO.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from safesight.core.protocols import GeneratedToken
from safesight.core.records import Usage
from safesight.wire.foreign import UNDECODABLE


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a content list (Mistral sends text and thinking parts)."""

    type: str = ""
    text: str | None = None
    thinking: str | list[ContentPart] | None = None


Content = str | list[ContentPart] | None


class WireMessage(msgspec.Struct, frozen=True):
    """A message or a delta.

    `refusal` is the model's own text declining, not a block by the provider: it becomes the answer.
    """

    content: Content = None
    refusal: str | None = None
    reasoning_content: object = None
    reasoning: object = None

    @property
    def text(self) -> str:
        """What the model says, refusals included."""
        return content_text(self.content) or self.refusal or ""

    @property
    def trace(self) -> str:
        """The reasoning the server split off, by either of its names."""
        for value in (self.reasoning_content, self.reasoning):
            if isinstance(value, str) and value:
                return value
        return "".join(_thinking(part) for part in self.content) if isinstance(self.content, list) else ""


class TokenLogprob(msgspec.Struct, frozen=True):
    """One token's log-probability with its alternatives."""

    token: str = ""
    logprob: float | None = None
    top_logprobs: list[TokenLogprob] | None = None


class ChoiceLogprobs(msgspec.Struct, frozen=True):
    """Log-probabilities as chat sends them (`content`), or as completions do (the other fields)."""

    content: list[TokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float | None] | None] | None = None


class ReplyChoice(msgspec.Struct, frozen=True):
    """One choice of a reply, chunk or completion."""

    message: WireMessage | None = None
    delta: WireMessage | None = None
    text: str | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    """The provider's own word, where a gateway (OpenRouter) translates it."""
    logprobs: ChoiceLogprobs | None = None
    error: object = None


class _Details(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct, frozen=True):
    """Token counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None

    def usage(self) -> Usage:
        """The same as a record, without a price."""
        details = self.completion_tokens_details
        return Usage(
            prompt_tokens=self.prompt_tokens or 0,
            completion_tokens=self.completion_tokens or 0,
            reasoning_tokens=(details.reasoning_tokens or 0) if details else 0,
        )


class _PromptFeedback(msgspec.Struct, frozen=True):
    block_reason: str | None = msgspec.field(default=None, name="blockReason")


class _SnakeFeedback(msgspec.Struct, frozen=True):
    block_reason: str | None = None


class Body(msgspec.Struct, frozen=True):
    """A chat reply, a streamed chunk or a completion; `error` instead of choices when it failed."""

    choices: list[ReplyChoice] | None = None
    model: str | None = None
    usage: WireUsage | None = None
    error: object = None
    kind: str | None = msgspec.field(default=None, name="object")
    message: str | None = None
    code: int | str | None = None
    prompt_feedback: _PromptFeedback | None = msgspec.field(default=None, name="promptFeedback")
    feedback: _SnakeFeedback | None = msgspec.field(default=None, name="prompt_feedback")

    @property
    def empty(self) -> bool:
        """A complete reply that holds no choice: it was answered, and billed, with nothing."""
        sent = self.choices is not None or self.usage is not None or self.kind == "chat.completion"
        return sent and not self.choices

    @property
    def withheld(self) -> str:
        """Why the prompt was blocked before any choice (Gemini's `promptFeedback`); "" when it was not."""
        found = self.prompt_feedback or self.feedback
        return (found.block_reason or "") if found and not self.choices else ""

    @property
    def failure(self) -> object:
        """The error in it, in whatever shape; None when there is none. vLLM's are objects of that kind."""
        if self.kind == "error":
            return {"message": self.message, "code": self.code}
        return self.error or None


class _ModelCard(msgspec.Struct, frozen=True):
    id: str = ""


class ModelList(msgspec.Struct, frozen=True):
    """The answer of `/models`."""

    data: list[_ModelCard] = []

    @property
    def names(self) -> list[str]:
        """Served model names."""
        return [card.id for card in self.data if card.id]


DONE: Final = b"[DONE]"
_decode = msgspec.json.Decoder(Body, strict=False).decode
_decode_list = msgspec.json.Decoder(ModelList).decode


def read_body(raw: bytes) -> Body:
    """Decode a reply or a chunk.

    Raises:
        ValueError: it is empty, not JSON, or not shaped like the protocol.
    """
    if not raw.strip():
        raise ValueError("expected a JSON reply, got an empty body")
    try:
        return _decode(raw)
    except UNDECODABLE as error:
        reason = str(error)
    try:
        return _decode(_strict(raw))
    except (*UNDECODABLE, ValueError):
        raise ValueError(f"expected a JSON reply, got {_start(raw)} ({reason})") from None


def read_models(raw: bytes) -> list[str]:
    """Model names out of `/models`.

    Raises:
        ValueError: it is not a model list.
    """
    try:
        return _decode_list(raw).names
    except UNDECODABLE as error:
        raise ValueError(f"expected a list of models, got {_start(raw)} ({error})") from None


def content_text(content: Content) -> str:
    """The text of a content field: a string, or the text parts of a list."""
    if isinstance(content, list):
        return "".join(part.text or "" for part in content if part.type != "thinking")
    return content or ""


def generated_tokens(choice: ReplyChoice) -> tuple[GeneratedToken, ...]:
    """The generated tokens with their alternatives, as chat or completions give them; () when not offered."""
    logprobs = choice.logprobs
    if logprobs is None:
        return ()
    if logprobs.content:
        rows = [
            (item.token, [(other.token, other.logprob) for other in (*(item.top_logprobs or ()), item)])
            for item in logprobs.content
        ]
    else:
        rows = _completion_rows(logprobs)
    return tuple(GeneratedToken(text, _alternatives(pairs)) for text, pairs in rows)


def _completion_rows(logprobs: ChoiceLogprobs) -> list[tuple[str, list[tuple[str, float | None]]]]:
    """Tokens and alternatives of the older protocol; a server that names no token is taken to say the likeliest."""
    tops = logprobs.top_logprobs or []
    names = logprobs.tokens or [_likeliest(top or {}) for top in tops]
    values = logprobs.token_logprobs or []
    rows: list[tuple[str, list[tuple[str, float | None]]]] = []
    for index, name in enumerate(names):
        pairs = list((tops[index] or {}).items()) if index < len(tops) else []
        rows.append((name, [*pairs, *([(name, values[index])] if index < len(values) else [])]))
    return rows


def _likeliest(top: dict[str, float | None]) -> str:
    known = {token: value for token, value in top.items() if value is not None}
    return max(known, key=known.__getitem__, default="")


def _alternatives(pairs: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for token, value in pairs:
        if value is not None:
            found.setdefault(token, value)
    return found


def _thinking(part: ContentPart) -> str:
    return content_text(part.thinking) if part.type == "thinking" else ""


def _strict(raw: bytes) -> bytes:
    """Python servers write NaN, -Infinity and lone surrogates, which are not JSON: null and "?" instead."""
    loose = json.loads(raw, parse_constant=lambda _: None)
    return json.dumps(loose, ensure_ascii=False).encode("utf-8", "replace")


def _start(raw: bytes) -> str:
    kind = "HTML" if raw.lstrip()[:1] == b"<" else "bytes"
    return f"{len(raw)} {kind} starting {raw[:24]!r}" if kind == "bytes" else f"an HTML page of {len(raw)} bytes"
