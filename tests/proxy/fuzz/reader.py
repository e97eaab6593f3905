"""What a client could read in the bytes it got: written from the event-stream and JSON specifications alone, so that it
shares nothing with the proxy that is tested."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class Pairs(list[tuple[str, Any]]):
    """An object with all its keys, equal ones too."""


def parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs)


def events(raw: bytes) -> Iterator[str]:
    """Data of each event (WHATWG, 9.2.6)."""
    data: list[str] = []
    for line in raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key and leaf with its path."""
    if isinstance(value, Pairs):
        for name, item in value:
            yield f"{path}.{{key}}", name
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{path}[]")
    else:
        yield path, value


def first(value: Any, name: str) -> Any:
    """A key's value by the reading that takes the last of equal ones."""
    found = [item for key, item in value if key == name] if isinstance(value, Pairs) else []
    return found[-1] if found else None


@dataclass
class Seen:
    """A reply as a client may read it."""

    texts: dict[str, str] = field(default_factory=lambda: defaultdict(str))
    """All strings of a path and choice, joined; numbers that may be bytes or code points too."""
    strings: list[str] = field(default_factory=list)
    content: dict[int, str] = field(default_factory=lambda: defaultdict(str))
    refusal: dict[int, str] = field(default_factory=lambda: defaultdict(str))
    calls: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    finish: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: int = 0
    done: int = 0
    numbers: list[int] = field(default_factory=list)
    """Sequence numbers of events, where they have some."""
    last: str = ""

    def spells(self, word: str) -> list[str]:
        """Where a word can be read."""
        word = word.lower()
        found = [path for path, text in self.texts.items() if word in text.lower()]
        found += [text[:60] for text in self.strings for inner in decoded(text) if word in inner.lower()]
        return found


def decoded(text: str, depth: int = 4) -> Iterator[str]:
    """A string, and the strings of JSON in it."""
    yield text
    if depth and text[:1] in '{["':
        try:
            value = parse(text)
        except ValueError:
            return
        for _, leaf in leaves(value):
            if isinstance(leaf, str):
                yield from decoded(leaf, depth - 1)


def read_stream(raw: bytes) -> Seen:
    seen = Seen()
    for data in events(raw):
        seen.last = data
        if data == "[DONE]":
            seen.done += 1
            continue
        value = parse(data)
        _read(seen, value, "delta")
    for path, text in list(seen.texts.items()):
        seen.strings.append(text)
        del path
    return seen


def read_typed(raw: bytes) -> Seen:
    """A stream of any API: completions, Anthropic's messages, OpenAI's responses; told apart by what events hold."""
    seen = Seen()
    for frame in raw.decode("utf-8", "replace").split("\n\n"):
        lines = [line for line in frame.split("\n") if line and not line.startswith(":")]
        named = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        for data in events(f"{frame}\n\n".encode()):
            seen.last = data
            if data == "[DONE]":
                seen.done += 1
                continue
            value = parse(data)
            assert named in ([], [first(value, "type")]), f"the line says {named}, the event {first(value, 'type')!r}"
            read_event(seen, value)
    seen.strings += list(seen.texts.values())
    return seen


def read_event(seen: Seen, value: Any) -> None:
    """One typed event, or one whole reply."""
    _texts(seen, value, "")
    seen.errors += first(value, "error") is not None
    for choice in first(value, "choices") or ():
        index = first(choice, "index") or 0
        seen.content[index] += first(choice, "text") or ""
        seen.finish[index] += [first(choice, "finish_reason")] if first(choice, "finish_reason") else []
    kind, delta = first(value, "type"), first(value, "delta")
    seen.numbers += [] if first(value, "sequence_number") is None else [first(value, "sequence_number")]
    for held in (delta, *(first(value, "content") or ())):
        seen.content[0] += (first(held, "text") or "") if isinstance(held, Pairs) else ""
        seen.calls[0] += ["tool"] if first(held, "type") == "tool_use" else []
    seen.calls[0] += ["tool"] if first(first(value, "content_block"), "type") == "tool_use" else []
    for held in (value if kind == "message" else None, delta):
        reason = first(held, "stop_reason")
        seen.finish[0] += [reason] if reason else []
    read_response_event(seen, kind, value)


def read_response_event(seen: Seen, kind: Any, value: Any) -> None:
    """What an event of OpenAI's responses adds, or a whole one."""
    if kind == "response.output_text.delta":
        seen.content[0] += first(value, "delta")
    if kind == "response.refusal.delta":
        seen.refusal[0] += first(value, "delta")
    if kind == "response.output_item.added" and first(first(value, "item"), "type") == "function_call":
        seen.calls[0].append("tool")
    response = value if first(value, "object") == "response" else first(value, "response")
    status = first(response, "status")
    if status in ("completed", "incomplete", "failed"):
        seen.finish[0].append(first(first(response, "incomplete_details"), "reason") or status)
    if first(value, "object") == "response":
        for item in first(value, "output") or ():
            seen.calls[0] += ["tool"] if first(item, "type") == "function_call" else []
            for part in first(item, "content") or ():
                seen.content[0] += (first(part, "text") or "") if first(part, "type") == "output_text" else ""


def read_whole_of(raw: bytes) -> Seen:
    """A whole reply of any API but chat completions."""
    seen = Seen()
    read_event(seen, parse(raw.decode()))
    return seen


def read_whole(raw: bytes) -> Seen:
    seen = Seen()
    _read(seen, parse(raw.decode()), "message")
    return seen


def _read(seen: Seen, value: Any, said: str) -> None:
    if first(value, "error") is not None:
        seen.errors += 1
    choices = first(value, "choices")
    for choice in choices if isinstance(choices, list) else ():
        index = first(choice, "index") or 0
        _texts(seen, choice, str(index))
        message = first(choice, said)
        for name, kept in (("content", seen.content), ("refusal", seen.refusal)):
            text = first(message, name)
            if isinstance(text, str):
                kept[index] += text
        for call in first(message, "tool_calls") or ():
            seen.calls[index].append(json.dumps(call))
        reason = first(choice, "finish_reason")
        if reason not in (None, "", "null"):
            seen.finish[index].append(reason)
    _texts(seen, Pairs([pair for pair in value if pair[0] != "choices"]), "top")


def _texts(seen: Seen, value: Any, root: str) -> None:
    for path, leaf in leaves(value, root):
        if isinstance(leaf, str):
            seen.texts[path] += leaf
            seen.strings.append(leaf)
        elif isinstance(leaf, int) and not isinstance(leaf, bool) and 0 < leaf < 0x110000 and path.endswith("[]"):
            seen.texts[f"{path} as numbers"] += chr(leaf)
