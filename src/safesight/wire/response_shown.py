"""A response as its client has it so far, so that events of ours go on where the last that left stopped. Sans-IO."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final
from uuid import uuid4

from safesight.wire.response_fields import CALLS, DELTAS, PARTS
from safesight.wire.typed import object_of, objects, text_of

_CUT: Final = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
_Event = dict[str, Any]


class ShownResponse:
    """Follows the events that left; makes those that close what is open and end the response."""

    def __init__(self, model: str) -> None:
        self._number = -1
        self._numbers = True
        """Whether events have numbers; llama.cpp's have none."""
        self._usage: dict[str, Any] | None = None
        self._items: dict[int, _Event] = {}
        self._open: dict[int, set[int]] = {}
        """Items that did not end, with their parts that did not."""
        self._response: _Event = {
            "id": f"resp_{uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        self.begun = False

    def count(self, usage: object) -> None:
        """What the upstream says was used; its numbers alone."""
        found = object_of(usage)
        names = ("input_tokens", "output_tokens", "total_tokens")
        self._usage = {name: found[name] for name in names if type(found.get(name)) is int} or None

    def follow(self, event: _Event) -> None:
        """An event leaves."""
        number = event.get("sequence_number")
        if not self.begun:
            self._numbers = isinstance(number, int)
        self._number = number if isinstance(number, int) else self._number + 1
        self.begun = True
        kind = text_of(event.get("type"))
        if kind in ("response.created", "response.in_progress", "response.queued"):
            self._response = {**self._response, **object_of(event.get("response"))}
        index = self._index(kind, event)
        if index is None:
            return
        if kind == "response.output_item.added":
            self._items[index] = deepcopy(object_of(event.get("item")))
            self._open[index] = set()
        elif kind == "response.output_item.done":
            self._items[index] = object_of(event.get("item"))
            self._open.pop(index, None)
        elif index in self._items:
            self._follow_part(kind, index, self._at(kind, index, event), event)

    def _index(self, kind: str, event: _Event) -> int | None:
        """The number of the item that an event is about; llama.cpp names it by its id alone."""
        index = event.get("output_index")
        if isinstance(index, int):
            return index
        if kind == "response.output_item.added":
            return max(self._items, default=-1) + 1
        name = event.get("item_id") or object_of(event.get("item")).get("id")
        found = [index for index, item in self._items.items() if name is not None and item.get("id") == name]
        return found[0] if found else None

    def _at(self, kind: str, index: int, event: _Event) -> int:
        at = event.get("content_index")
        if isinstance(at, int):
            return at
        parts = len(self._content(index))
        return parts if kind == "response.content_part.added" else max(0, parts - 1)

    def _follow_part(self, kind: str, index: int, at: int, event: _Event) -> None:
        content = self._content(index)
        if kind == "response.content_part.added":
            content += [{} for _ in range(at + 1 - len(content))][:_MOST_PARTS]
            if at < len(content):
                content[at] = dict(object_of(event.get("part")))
                self._open.setdefault(index, set()).add(at)
        elif at < len(content) and kind == "response.content_part.done":
            content[at] = object_of(event.get("part"))
            self._open.get(index, set()).discard(at)
        elif at < len(content) and kind in ("response.output_text.delta", "response.refusal.delta"):
            name = "text" if kind == "response.output_text.delta" else "refusal"
            content[at][name] = text_of(content[at].get(name)) + text_of(event.get("delta"))

    def _content(self, index: int) -> list[_Event]:
        item = self._items.setdefault(index, {"type": "message", "role": "assistant", "content": []})
        if not isinstance(item.get("content"), list):
            item["content"] = []
        return item["content"]

    def departing(self, event: _Event) -> Iterator[tuple[str, int]]:
        """Characters of the answer that an event, or a whole response, shows for the first time, by channel."""
        kind = text_of(event.get("type"))
        if kind in DELTAS:
            yield DELTAS[kind][0].partition(".")[0], len(text_of(event.get("delta")))
        item = object_of(event.get("item"))
        if kind == "response.output_item.added" and item.get("type") in CALLS:
            yield "tool", len(text_of(item.get("name")))
        for item in objects(event.get("output")):
            for part in (*objects(item.get("content")), *objects(item.get("summary"))):
                channel, name = PARTS.get(text_of(part.get("type")), ("other", "text"))
                yield channel.partition(".")[0], len(text_of(part.get(name)))
            if item.get("type") in CALLS:
                yield "tool", len(text_of(item.get("name"))) + len(text_of(item.get("arguments")))

    def numbered(self, event: _Event) -> _Event:
        """An event of ours with its sequence number."""
        return self._with_number(event, 1)

    def _with_number(self, event: _Event, after: int) -> _Event:
        """An event with its number, so many after the last that left."""
        return {**event, "sequence_number": self._number + after} if self._numbers else event

    def delta(self, index: int, part: int, text: str) -> _Event:
        """An event that adds to a text of the answer; numbered as the one that it stands for, the next."""
        event = {"type": "response.output_text.delta", **self._place(index, part), "delta": text, "logprobs": []}
        return self._with_number(event, 1)

    def _place(self, index: int, part: int) -> _Event:
        return {"item_id": self._items.get(index, {}).get("id"), "output_index": index, "content_index": part}

    def end(self, text: str, *, refusal: bool, reason: dict[str, object], tokens: int) -> list[_Event]:
        """Events that say `text` ("" for nothing), close what is open, and end the response as filtered."""
        events: list[_Event] = []
        if not self.begun:
            events += [{"type": f"response.{kind}", "response": self._response} for kind in ("created", "in_progress")]
        if text:
            events += self._say(text, refusal=refusal)
        for index in list(self._open):
            events += self._close(index)
        output = [item for _, item in sorted(self._items.items())]
        usage = self._usage or _estimate(tokens)
        response = {**self._response, **_CUT, "output": output, "usage": usage, "safesight": reason}
        events.append({"type": "response.incomplete", "response": response})
        return [self._with_number(event, at) for at, event in enumerate(events, start=1)]

    def _say(self, text: str, *, refusal: bool) -> list[_Event]:
        index = next((i for i in self._open if self._items[i].get("type") == "message"), -1)
        events: list[_Event] = []
        if index < 0:
            index = max(self._items, default=-1) + 1
            item = {"id": f"msg_{uuid4().hex}", "type": "message", "status": "in_progress", "role": "assistant"}
            self._items[index], self._open[index] = {**item, "content": []}, set()
            event = {"type": "response.output_item.added", "output_index": index}
            events.append({**event, "item": {**item, "content": []}})
        kind, name = ("refusal", "refusal") if refusal else ("output_text", "text")
        content = self._content(index)
        at = next((i for i in self._open[index] if content[i].get("type") == kind), -1)
        if at < 0:
            at = len(content)
            content.append(_part(kind))
            self._open[index].add(at)
            event = {"type": "response.content_part.added", **self._place(index, at)}
            events.append({**event, "part": _part(kind)})
        content[at][name] = text_of(content[at].get(name)) + text
        more = {} if refusal else {"logprobs": []}
        return [*events, {"type": f"response.{kind}.delta", **self._place(index, at), "delta": text, **more}]

    def _close(self, index: int) -> list[_Event]:
        events: list[_Event] = []
        item = self._items[index]
        for at in sorted(self._open.pop(index)):
            part, place = self._content(index)[at], self._place(index, at)
            kind = text_of(part.get("type"))
            name = "refusal" if kind == "refusal" else "text"
            if kind in ("output_text", "refusal"):
                more = {} if kind == "refusal" else {"logprobs": []}
                events.append({"type": f"response.{kind}.done", **place, name: part.get(name), **more})
            events.append({"type": "response.content_part.done", **place, "part": deepcopy(part)})
        item["status"] = "incomplete"
        return [*events, {"type": "response.output_item.done", "output_index": index, "item": deepcopy(item)}]

    def stopped(self, text: str, *, refusal: bool, reason: dict[str, object]) -> _Event:
        """A whole response that says `text` and nothing else."""
        kind, name = ("refusal", "refusal") if refusal else ("output_text", "text")
        item = {"id": f"msg_{uuid4().hex}", "type": "message", "status": "incomplete", "role": "assistant"}
        output = [{**item, "content": [{**_part(kind), name: text}]}] if text else []
        usage = {**_estimate(0), **(self._usage or {})}
        return {**self._response, **_CUT, "output": output, "usage": usage, "safesight": reason}


_MOST_PARTS: Final = 1_024


def _part(kind: str) -> _Event:
    if kind == "refusal":
        return {"type": "refusal", "refusal": ""}
    return {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


def _estimate(tokens: int) -> _Event:
    return {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens,
    }
