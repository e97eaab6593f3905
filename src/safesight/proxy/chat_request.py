"""A chat request: decoded once, leniently where the guard need not know, read whole where the model may. Sans-IO.

The upstream gets the client's own bytes, whose JSON has one reading (`wire.plain`); it gets them encoded anew only
where turns were withheld or image URLs replaced by what was fetched and checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from safesight.guard.refusals import is_refusal
from safesight.proxy.conversation import RemoteImage, RequestContent, read_turn, texts_beside
from safesight.proxy.judging import AskedReply
from safesight.wire.chat_dialect import ChatDialect
from safesight.wire.plain import read_plain, write_plain

WITHHELD: Final = "(This message was refused and is withheld.)"
_MOST_CHOICES: Final = 128


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request's decoded body, and what the proxy needs of it to answer."""

    model: str
    stream: bool
    include_usage: bool
    choices: int
    """How many answers are asked for (`n`)."""
    structured: bool
    """The answer is to be JSON (`response_format`)."""
    body: dict[str, Any]
    messages: list[dict[str, Any]]

    @property
    def asked(self) -> AskedReply:
        """What the reply depends on."""
        return AskedReply(
            model=self.model, choices=self.choices, structured=self.structured, tells_usage=self.include_usage
        )

    def dialect(self) -> ChatDialect:
        """How the reply is read and spoken."""
        return self.asked.dialect()

    def read(self, *, withhold: bool = False) -> RequestContent:
        """Every text and image; raises ValueError as `read_conversation`."""
        return read_conversation(self, withhold=withhold)

    def for_upstream(self, raw: bytes, content: RequestContent, urls: Mapping[RemoteImage, str]) -> bytes:
        """The request as the upstream gets it."""
        return for_upstream(raw, self, content, urls)


def read_request(raw: bytes) -> ChatRequest:
    """Decode a chat request; fields that are not needed to judge it are the upstream's to complain about.

    Raises:
        ValueError: it is none, or has more than one reading.
    """
    try:
        body = read_plain(raw)
    except ValueError as error:
        raise ValueError(f"expected a chat completion request: {error}") from None
    if not isinstance(body, dict):
        raise ValueError(f"expected a chat completion request: an object, got {type(body).__name__}.")
    fields = cast("dict[str, Any]", body)
    messages = fields.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in cast("list[Any]", messages)):
        raise ValueError("expected a chat completion request: a list of message objects in `messages`.")
    options = fields.get("stream_options")
    n = fields.get("n")
    model = fields.get("model")
    return ChatRequest(
        model=model if isinstance(model, str) else "",
        stream=bool(fields.get("stream")),
        include_usage=isinstance(options, dict) and bool(cast("dict[str, Any]", options).get("include_usage")),
        choices=n if isinstance(n, int) and 0 < n <= _MOST_CHOICES else 1,
        structured=_structured(fields.get("response_format")),
        body=fields,
        messages=cast("list[dict[str, Any]]", messages),
    )


def _structured(wanted: object) -> bool:
    kind = cast("dict[str, Any]", wanted).get("type") if isinstance(wanted, dict) else None
    return kind not in (None, "text")


def read_conversation(request: ChatRequest, *, withhold: bool = False) -> RequestContent:
    """Every text and image of a request.

    `withhold`: turns that this guard refused before, told by its refusal behind them, lose their words in `request`
    too, so that one refusal does not refuse a conversation for ever, and the model still never reads them.

    Raises:
        ValueError: it holds what cannot be judged.
    """
    changed = withhold and _withhold(request.messages)
    remote: list[tuple[dict[str, Any], str]] = []
    turns = [read_turn(message, remote) for message in request.messages]
    beside = [text for name, value in request.body.items() for text in texts_beside(name, value)]
    return RequestContent(turns=turns, beside=beside, remote=remote, changed=changed)


def for_upstream(
    raw: bytes, request: ChatRequest, conversation: RequestContent, urls: Mapping[RemoteImage, str]
) -> bytes:
    """The request for the upstream: its own bytes; anew where turns were withheld, or images fetched (`urls`)."""
    for holder, name in conversation.remote:
        holder[name] = urls[RemoteImage(holder[name])]
    return write_plain(request.body) if conversation.changed or conversation.remote else raw


def _withhold(messages: list[dict[str, Any]]) -> bool:
    """Replace the words of turns that this guard refused, told by its refusal behind them; True if there were any."""
    changed = False
    for at, message in enumerate(messages):
        if not _refused(message):
            continue
        before = at - 1
        while before >= 0 and messages[before].get("role") in ("user", "tool", "function"):
            turn = messages[before]
            messages[before] = {k: v for k, v in turn.items() if k in ("role", "tool_call_id")} | {"content": WITHHELD}
            before, changed = before - 1, True
    return changed


def _refused(message: dict[str, Any]) -> bool:
    said = message.get("content") or message.get("refusal")
    if isinstance(said, list):
        parts = cast("list[Any]", said)
        said = parts[0].get("text") if len(parts) == 1 and isinstance(parts[0], dict) else None
    return message.get("role") == "assistant" and isinstance(said, str) and is_refusal(said)
