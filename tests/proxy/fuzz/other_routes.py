"""The answers of `replies`, as servers of other APIs send them, with the marker in every place where it may hide."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from safesight.wire.anthropic import AnthropicDialect
from safesight.wire.completions import CompletionsDialect
from safesight.wire.dialect import Dialect
from safesight.wire.responses import ResponsesDialect
from tests.proxy.fuzz.replies import MARK, Answer

Event = dict[str, Any]
TEXT = f"x {MARK} y"
SPLIT = (f"x {MARK[:4]}", MARK[4:9], f"{MARK[9:]} y")


@dataclass(frozen=True)
class Route:
    """One API: how it streams an answer, how it says it whole, and where the marker may stand beside it."""

    stream: Callable[[Answer], list[Event]]
    whole: Callable[[Answer], Event]
    dialect: Callable[[], Dialect]
    stopped: str
    """The finish reason of a stopped answer."""
    ends: tuple[str, ...]
    """The types of events that a stream may end with; () for [DONE]."""


def blocks(answer: Answer) -> list[tuple[str, list[str]]]:
    """The fields that an answer speaks in, one after the other, each with its pieces."""
    found: list[tuple[str, list[str]]] = []
    for name, piece in answer.said[0]:
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(piece)
    return found


def anthropic_stream(answer: Answer) -> list[Event]:
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {"id": "msg_01A2", "type": "message", "role": "assistant", "model": "mock", "content": []}
    events: list[Event] = [{"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}}]
    for index, (name, pieces) in enumerate(blocks(answer)):
        if name.startswith("tool"):
            block = {"type": "tool_use", "id": f"toolu_{index}a7", "name": "delete", "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        elif name == "reasoning_content":
            block = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
            deltas.append({"type": "signature_delta", "signature": "c2lnbmF0dXJl"})
        else:
            block, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "tool_use" if answer.finish[0] == "tool_calls" else "end_turn", "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": end, "usage": {"output_tokens": 9}}, {"type": "message_stop"}]


def anthropic_whole(answer: Answer) -> Event:
    content: list[Event] = []
    for index, (name, pieces) in enumerate(blocks(answer)):
        text = "".join(pieces)
        if name.startswith("tool"):
            content.append({"type": "tool_use", "id": f"toolu_{index}a7", "name": "delete", "input": json.loads(text)})
        elif name == "reasoning_content":
            content.append({"type": "thinking", "thinking": text, "signature": "c2lnbmF0dXJl"})
        else:
            content.append({"type": "text", "text": text})
    message = {"id": "msg_01A2", "type": "message", "role": "assistant", "model": "mock", "content": content}
    return {**message, "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 9}}


def completions_stream(answer: Answer) -> list[Event]:
    head = {"id": "cmpl-7Qd2", "object": "text_completion", "created": 7, "model": "mock"}
    choices = [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None} for _, piece in answer.said[0]]
    choices.append({"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"})
    return [{**head, "choices": [choice]} for choice in choices]


def completions_whole(answer: Answer) -> Event:
    text = "".join(piece for _, piece in answer.said[0])
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
    return {"id": "cmpl-7Qd2", "object": "text_completion", "created": 7, "model": "mock", "choices": [choice]}


def response_item(index: int, name: str, text: str) -> Event:
    """An output item that says a text."""
    if name.startswith("tool"):
        call = {"type": "function_call", "call_id": f"call_{index}a7", "name": "delete", "arguments": text}
        return {**call, "id": f"fc_{index}a7", "status": "completed"}
    if name == "reasoning_content":
        return {"type": "reasoning", "id": f"rs_{index}a7", "summary": [{"type": "summary_text", "text": text}]}
    part = {"type": "refusal", "refusal": text} if name == "refusal" else {"type": "output_text", "text": text}
    message = {"type": "message", "id": f"msg_{index}a7", "role": "assistant", "status": "completed"}
    return {**message, "content": [part if name == "refusal" else {**part, "annotations": [], "logprobs": []}]}


def response_text(index: int, name: str, pieces: list[str]) -> list[Event]:
    """The events of one output item."""
    whole = response_item(index, name, "".join(pieces))
    place = {"item_id": whole["id"], "output_index": index}
    added = {"type": "response.output_item.added", "output_index": index}
    done = {"type": "response.output_item.done", "output_index": index, "item": whole}
    said = "".join(pieces)
    if name.startswith("tool"):
        kind = "response.function_call_arguments"
        deltas = [{"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces]
        empty = {**whole, "arguments": "", "status": "in_progress"}
        return [{**added, "item": empty}, *deltas, {"type": f"{kind}.done", **place, "arguments": said}, done]
    if name == "reasoning_content":
        kind, part, at = "response.reasoning_summary", {"type": "summary_text", "text": ""}, {"summary_index": 0}
        deltas = [{"type": f"{kind}_text.delta", **place, **at, "delta": piece} for piece in pieces]
        begins = {"type": f"{kind}_part.added", **place, **at, "part": part}
        ends = {"type": f"{kind}_part.done", **place, **at, "part": {**part, "text": said}}
        full = {"type": f"{kind}_text.done", **place, **at, "text": said}
        return [{**added, "item": {**whole, "summary": []}}, begins, *deltas, full, ends, done]
    part, at = whole["content"][0], {"content_index": 0}
    kind, field = ("response.refusal", "refusal") if name == "refusal" else ("response.output_text", "text")
    deltas = [{"type": f"{kind}.delta", **place, **at, "delta": piece} for piece in pieces]
    begins = {"type": "response.content_part.added", **place, **at, "part": {**part, field: ""}}
    ends = {"type": "response.content_part.done", **place, **at, "part": part}
    full = {"type": f"{kind}.done", **place, **at, field: said}
    return [{**added, "item": {**whole, "content": [], "status": "in_progress"}}, begins, *deltas, full, ends, done]


def responses_whole(answer: Answer) -> Event:
    output = [response_item(index, name, "".join(pieces)) for index, (name, pieces) in enumerate(blocks(answer))]
    usage = {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}
    head = {"id": "resp_7Qd2", "object": "response", "created_at": 7, "status": "completed", "model": "mock"}
    return {**head, "error": None, "incomplete_details": None, "output": output, "usage": usage}


def responses_stream(answer: Answer) -> list[Event]:
    whole = responses_whole(answer)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[Event] = [{"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")]
    for index, (name, pieces) in enumerate(blocks(answer)):
        events += response_text(index, name, pieces)
    events.append({"type": "response.completed", "response": whole})
    return [json.loads(json.dumps({**event, "sequence_number": number})) for number, event in enumerate(events)]


def unnumbered(event: Event) -> Event:
    """An event of responses as llama.cpp has it."""
    bare = ("output_index", "content_index", "summary_index", "sequence_number")
    return {name: item for name, item in event.items() if name not in bare}


def hide(rng: random.Random, events: list[Event], how: str) -> None:
    """Put the marker beside the answer: a field more, a key, a value of a leaf that is there, or split over events."""
    at = rng.randrange(len(events))
    event = events[at]
    inside = rng.choice([event, *(value for value in event.values() if isinstance(value, dict))])
    if how == "split":
        for one, part in zip(events[at:], SPLIT, strict=False):
            one["note"] = part
    elif how == "leaf":
        names = [name for name, value in inside.items() if isinstance(value, str) and name not in SPOKEN]
        inside[rng.choice(names) if names else "id"] = MARK
    elif how == "type":
        event["type"] = MARK
    else:
        inside.update(MORE[how])


ESCAPED = '{"a": "one\\n' + "".join(f"\\u{ord(letter):04x}" for letter in MARK) + '"}'
MORE: dict[str, Event] = {
    "field": {"note": TEXT},
    "key": {MARK: 1},
    "nested": {"extra": [{"deep": [TEXT]}]},
    "numbers": {"codes": list(MARK.encode())},
    "escaped": {"note": ESCAPED},
}
SPOKEN = ("type", "text", "thinking", "partial_json", "delta", "refusal", "arguments", "object")
HIDDEN = (*MORE, "type", "leaf", "split")


def framed(rng: random.Random, events: list[Event], *, named: bool) -> bytes:
    """The events as a stream, with comments and lines that may stand around them."""
    out: list[bytes] = []
    for event in events:
        data = json.dumps(event, ensure_ascii=rng.random() < 0.5).encode()
        if rng.random() < 0.05:
            out.append(b": " + MARK.encode() + b"\n\n")
        name = MARK if rng.random() < 0.02 else event.get("type", "")
        out.append((b"event: %b\n" % name.encode() if named else b"") + b"data: %b\n\n" % data)
    return b"".join(out) + (b"" if named else b"data: [DONE]\n\n")


ROUTES = {
    "messages": Route(
        stream=anthropic_stream,
        whole=anthropic_whole,
        dialect=lambda: AnthropicDialect(model="mock"),
        stopped="refusal",
        ends=("message_stop", "error"),
    ),
    "responses": Route(
        stream=responses_stream,
        whole=responses_whole,
        dialect=lambda: ResponsesDialect(model="mock"),
        stopped="content_filter",
        ends=("response.completed", "response.incomplete", "response.failed", "error"),
    ),
    "completions": Route(
        stream=completions_stream,
        whole=completions_whole,
        dialect=lambda: CompletionsDialect(model="mock"),
        stopped="content_filter",
        ends=(),
    ),
}
