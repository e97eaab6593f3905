"""A request of OpenAI's responses: its instructions, input items and tools as the guard reads them. Sans-IO.

With `previous_response_id` or `conversation` the upstream adds turns that it keeps itself: they were judged when they
were sent, and are not judged again. An answer that is made in the background is fetched later, by a route that is
not guarded: refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from safesight.guard.refusals import is_refusal
from safesight.proxy.chat_request import WITHHELD
from safesight.proxy.conversation import RemoteImage, RequestContent, Spoken, read_turn, texts, texts_beside
from safesight.proxy.judging import AskedReply
from safesight.wire.plain import read_plain, strings, write_plain
from safesight.wire.response_fields import ECHOED
from safesight.wire.responses import ResponsesDialect
from safesight.wire.typed import object_of, objects, without

_EXEMPT: Final = frozenset({"input", "instructions", "previous_response_id", "include"})
_SCHEMAS: Final = frozenset({"text", "tools", "tool_choice", "prompt"})
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output", "local_shell_call_output"})
_SAID: Final = frozenset({"message", "reasoning", "function_call", "custom_tool_call", "item_reference"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest:
    """A request's decoded body."""

    body: dict[str, Any]

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def asked(self) -> AskedReply:
        """What the reply depends on."""
        model = self.body.get("model")
        kind = object_of(object_of(self.body.get("text")).get("format")).get("type")
        return AskedReply(model=model if isinstance(model, str) else "", structured=kind not in (None, "text"))

    def dialect(self) -> ResponsesDialect:
        """How the reply is read and spoken."""
        echoed = {name: frozenset(strings(self.body[name])) for name in ECHOED & self.body.keys()}
        return ResponsesDialect(model=self.asked.model, structured=self.asked.structured, echoed=echoed)

    def read(self, *, withhold: bool = False) -> RequestContent:
        """Every text and image.

        Raises:
            ValueError: it holds what cannot be judged.
        """
        if self.body.get("background"):
            raise ValueError("answers made in the background are not guarded: leave out `background`, and stream.")
        items = self.body.get("input")
        changed = withhold and isinstance(items, list) and _withhold(cast("list[Any]", items))
        remote: list[tuple[dict[str, Any], str]] = []
        turns: list[Spoken] = []
        instructions = self.body.get("instructions")
        if isinstance(instructions, str):
            turns.append(read_turn({"role": "system", "content": instructions}, remote))
        else:
            turns += [_item(item, remote) for item in _items(instructions)]
        turns += [_item(item, remote) for item in _items(items)]
        beside: list[str] = []
        for name, value in self.body.items():
            if name in _SCHEMAS:
                beside += texts(value, where=name)
            elif name not in _EXEMPT:
                beside += texts_beside(name, value)
        return RequestContent(turns=turns, beside=beside, remote=remote, changed=changed)

    def for_upstream(self, raw: bytes, content: RequestContent, urls: Mapping[RemoteImage, str]) -> bytes:
        """The request as the upstream gets it."""
        for holder, name in content.remote:
            holder[name] = urls[RemoteImage(holder[name])]
        return write_plain(self.body) if content.changed or content.remote else raw


def read_responses_request(raw: bytes) -> ResponsesRequest:
    """Decode a request.

    Raises:
        ValueError: it is none, or has more than one reading.
    """
    try:
        body = read_plain(raw)
    except ValueError as error:
        raise ValueError(f"expected a request for a response: {error}") from None
    if not isinstance(body, dict):
        raise ValueError(f"expected a request for a response: an object, got {type(body).__name__}.")
    return ResponsesRequest(body=cast("dict[str, Any]", body))


def _items(given: object) -> list[object]:
    if given is None:
        return []
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise ValueError(f"expected `input` as a string or a list of items, got {type(given).__name__}.")
    return cast("list[object]", given)


def _item(item: object, remote: list[tuple[dict[str, Any], str]]) -> Spoken:
    """One input item as a turn."""
    if not isinstance(item, dict):
        raise ValueError(f"expected input items as objects, got {type(item).__name__}.")
    fields = cast("dict[str, Any]", item)
    kind = str(fields.get("type") or "message")
    if kind == "message":
        return read_turn(without(fields, ("type", "status")), remote)
    if kind in _OUTPUTS:
        output = fields.get("output")
        if isinstance(output, str | list):
            said = read_turn({"role": "tool", "content": output}, remote)
            beside = texts(without(fields, ("type", "output", "status")), where=kind)
            return Spoken("tool", said.parts, (*said.beside, *beside))
        return read_turn({"role": "tool", **without(fields, ("type", "status"))}, remote)
    role = "assistant" if kind in _SAID else "tool"
    # What an item says in fields of its own stands beside a turn without content.
    calls = kind in ("function_call", "custom_tool_call")
    rest = {name: value for name, value in fields.items() if name not in ("type", "status", "role")}
    if calls:
        return Spoken(role, (), tuple(texts(rest, where=kind)))
    named = {f"item.{name}" if name == "content" else name: value for name, value in rest.items()}
    said = read_turn({"role": role, **named}, remote)
    return Spoken(role, said.parts, said.beside if kind in _SAID else (*said.beside, kind))


def _withhold(items: list[Any]) -> bool:
    """Replace the words of turns that this guard refused, told by its refusal behind them; True if there were any."""
    changed = False
    for at, item in enumerate(items):
        if not _refused(item):
            continue
        before = at - 1
        while before >= 0 and _asks(items[before]):
            asked = items[before]
            kept = without(asked, ("content", "output"))
            items[before] = {**kept, ("output" if "output" in asked else "content"): WITHHELD}
            before, changed = before - 1, True
    return changed


def _asks(item: object) -> bool:
    fields = object_of(item)
    return fields.get("role") == "user" or fields.get("type") in _OUTPUTS


def _refused(item: object) -> bool:
    fields = object_of(item)
    said = fields.get("content")
    parts = objects(said)
    if len(parts) == 1:
        said = parts[0].get("text") or parts[0].get("refusal")
    return fields.get("role") == "assistant" and isinstance(said, str) and is_refusal(said)
