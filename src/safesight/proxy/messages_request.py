"""A request of Anthropic's messages: its system prompt, turns and tools as the guard reads them. Sans-IO.

What is said in blocks is read in order: text, images, results of tools (and images in them), text documents. Inputs of
tools, thinking and all other strings stand beside their turn. Files, PDFs and containers cannot be judged: refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from safesight.guard.refusals import is_refusal
from safesight.proxy.chat_request import WITHHELD
from safesight.proxy.conversation import RemoteImage, RequestContent, Spoken, read_turn, texts, texts_beside
from safesight.proxy.judging import AskedReply
from safesight.wire.anthropic import AnthropicDialect
from safesight.wire.plain import read_plain, write_plain
from safesight.wire.typed import object_of, objects, without

_EXEMPT: Final = frozenset({"messages", "system", "max_tokens", "metadata", "mcp_servers"})
_SCHEMAS: Final = frozenset({"tools", "tool_choice", "output_config", "output_format"})
Part = str | bytes | RemoteImage


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRequest:
    """A request's decoded body."""

    body: dict[str, Any]
    messages: list[dict[str, Any]]

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def asked(self) -> AskedReply:
        """What the reply depends on."""
        model = self.body.get("model")
        config = object_of(self.body.get("output_config")).get("format") or self.body.get("output_format")
        return AskedReply(model=model if isinstance(model, str) else "", structured=bool(config))

    def dialect(self) -> AnthropicDialect:
        """How the reply is read and spoken."""
        return AnthropicDialect(model=self.asked.model, structured=self.asked.structured)

    def read(self, *, withhold: bool = False) -> RequestContent:
        """Every text and image.

        Raises:
            ValueError: it holds what cannot be judged.
        """
        changed = withhold and _withhold(self.messages)
        remote: list[tuple[dict[str, Any], str]] = []
        system = self.body.get("system")
        turns = [_turn({"role": "system", "content": system}, remote)] if system else []
        turns += [_turn(message, remote) for message in self.messages]
        beside: list[str] = []
        for name, value in self.body.items():
            if name in _SCHEMAS:
                beside += texts(value, where=name)
            elif name not in _EXEMPT:
                beside += texts_beside(name, value)
            elif name in ("metadata", "mcp_servers"):
                beside += texts(value, where=name)
        return RequestContent(turns=turns, beside=beside, remote=remote, changed=changed)

    def for_upstream(self, raw: bytes, content: RequestContent, urls: Mapping[RemoteImage, str]) -> bytes:
        """The request as the upstream gets it; fetched images as the base64 that this API takes."""
        for source, name in content.remote:
            header, _, data = urls[RemoteImage(source[name])].partition(",")
            media = header.removeprefix("data:").removesuffix(";base64")
            source.clear()
            source.update(type="base64", media_type=media, data=data)
        return write_plain(self.body) if content.changed or content.remote else raw


def read_messages_request(raw: bytes) -> MessagesRequest:
    """Decode a request.

    Raises:
        ValueError: it is none, or has more than one reading.
    """
    try:
        body = read_plain(raw)
    except ValueError as error:
        raise ValueError(f"expected a request for a message: {error}") from None
    messages = object_of(body).get("messages")
    if not isinstance(messages, list) or len(objects(messages)) != len(messages):
        raise ValueError("expected a request for a message: a list of message objects in `messages`.")
    return MessagesRequest(body=object_of(body), messages=cast("list[dict[str, Any]]", messages))


def _turn(message: dict[str, Any], remote: list[tuple[dict[str, Any], str]]) -> Spoken:
    content = message.get("content")
    if not isinstance(content, list):
        return read_turn(message, remote)
    bare = read_turn(without(message, ("content",)), remote)
    parts: list[Part] = []
    beside: list[str] = list(bare.beside)
    for block in cast("list[object]", content):
        parts += _block(block, beside, remote)
    return Spoken(bare.role, tuple(parts), tuple(beside))


def _block(block: object, beside: list[str], remote: list[tuple[dict[str, Any], str]]) -> list[Part]:
    """The parts that a content block says; what stands beside them goes to `beside`."""
    fields = object_of(block)
    kind = fields.get("type")
    source = object_of(fields.get("source"))
    if kind == "image":
        beside += texts(without(fields, ("type", "source")), where="image")
        return [_image(source, beside, remote)]
    if kind == "document" and source.get("type") in ("text", "content"):
        beside += texts(without(fields, ("type", "source")), where="document")
        inside = source.get("content") if source.get("type") == "content" else source.get("data")
        beside += texts(without(source, ("type", "content", "data")), where="document")
        return _inside(inside, beside, remote)
    if kind in ("tool_result", "search_result"):
        # Some say them by an id of their own choice, so that is read too.
        beside += texts(without(fields, ("type", "content")), where=str(kind))
        return _inside(fields.get("content"), beside, remote)
    read = read_turn({"content": [block]}, remote)
    beside += read.beside
    return list(read.parts)


def _inside(content: object, beside: list[str], remote: list[tuple[dict[str, Any], str]]) -> list[Part]:
    if content is None or isinstance(content, str):
        return [content] if content else []
    if not isinstance(content, list):
        raise ValueError(f"expected content as a string or a list of blocks, got {type(content).__name__}.")
    return [part for block in cast("list[object]", content) for part in _block(block, beside, remote)]


def _image(source: dict[str, Any], beside: list[str], remote: list[tuple[dict[str, Any], str]]) -> bytes | RemoteImage:
    kind = source.get("type")
    named = {"base64": "data", "url": "url"}.get(str(kind), "")
    held = source.get(named) if named else None
    if not isinstance(held, str):
        raise ValueError("expected an image whose source is base64 data or a URL; files by id are not guarded here.")
    beside += texts(without(source, ("type", "media_type", named)), where="image")
    media = source.get("media_type")
    if isinstance(media, str) and not media.startswith("image/"):
        raise ValueError("expected an image's media_type as image/...")
    if kind == "url":
        remote.append((source, "url"))
        return RemoteImage(held)
    return held.encode()


def _withhold(messages: list[dict[str, Any]]) -> bool:
    """Replace the words of turns that this guard refused, told by its refusal behind them; True if there were any."""
    changed = False
    for at, message in enumerate(messages):
        if message.get("role") != "assistant" or not is_refusal(_only_text(message.get("content"))):
            continue
        if at and messages[at - 1].get("role") == "user":
            before = messages[at - 1].get("content")
            # The API refuses a call of a tool without its result.
            results = [
                {"type": "tool_result", "tool_use_id": block.get("tool_use_id"), "content": WITHHELD}
                for block in objects(before)
                if block.get("type") == "tool_result"
            ]
            messages[at - 1] = {"role": "user", "content": results or WITHHELD}
            changed = True
    return changed


def _only_text(content: object) -> str:
    """What a turn says, where it says nothing but one text."""
    if isinstance(content, str):
        return content
    blocks = objects(content)
    said = blocks[0].get("text") if len(blocks) == 1 else None
    return said if isinstance(said, str) else ""
