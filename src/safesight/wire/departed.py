"""What left: an independent reading of the bytes that went to a client, to be held against what verdicts released.

It shares no code with what decides: a leak is what a client could read beyond what was released to it. Sans-IO.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from safesight.wire.foreign import UNDECODABLE


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None


class _Sent(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None


_decode = msgspec.json.Decoder(list[_Sent]).decode
Left = tuple[int, str]
"""A choice's index and one of `content`, `refusal`, `reasoning`, `tool`."""


class Departed:
    """Counts the characters of answers in what was sent."""

    def __init__(self) -> None:
        self._left: defaultdict[Left, int] = defaultdict(int)
        self._allowed: defaultdict[Left, int] = defaultdict(int)

    def allow(self, choice: int, field: str, chars: int) -> None:
        """Text of our own may leave."""
        self._allowed[choice, field] += chars

    def add(self, choice: int, field: str, chars: int) -> None:
        """So many characters leave, as the reader of another API's bytes found."""
        self._left[choice, field] += chars

    def count(self, payloads: Sequence[bytes]) -> None:
        """Read what is sent."""
        try:
            sent = _decode(b"[%b]" % b",".join(payloads))
        except UNDECODABLE:
            for payload in payloads:
                self._count_any(payload)
            return
        left = self._left
        chars = speaks = 0
        for event in sent:
            for choice in event.choices or ():
                delta, index = choice.delta or choice.message, choice.index or 0
                if delta is None:
                    continue
                if delta.content:
                    if index != speaks:
                        left[speaks, "content"] += chars
                        chars, speaks = 0, index
                    chars += len(delta.content)
                if delta.refusal or delta.reasoning or delta.reasoning_content:
                    left[index, "refusal"] += len(delta.refusal or "")
                    left[index, "reasoning"] += max(len(delta.reasoning or ""), len(delta.reasoning_content or ""))
                if delta.tool_calls is not None:
                    left[index, "tool"] += _call_chars(json.loads(bytes(delta.tool_calls)))
        left[speaks, "content"] += chars

    def beyond(self, released: Mapping[Left, int]) -> int:
        """Characters that left and were not released; `released` may tell a choice's calls apart (`tool:N`)."""
        may = self._allowed.copy()
        for (choice, name), chars in released.items():
            may[choice, "tool" if name.startswith("tool") else name] += chars
        return sum(max(0, chars - may[place]) for place, chars in self._left.items())

    def _count_any(self, payload: bytes) -> None:
        try:
            event = json.loads(payload)
        except ValueError:
            return
        for choice in (event.get("choices") if isinstance(event, dict) else None) or ():
            delta, index = choice.get("delta"), choice.get("index") or 0
            delta = choice.get("message") if delta is None else delta
            if not isinstance(delta, dict):
                continue
            names = {"content": "content", "refusal": "refusal"}
            for name in names:
                self._left[index, name] += len(delta[name]) if isinstance(delta.get(name), str) else 0
            thoughts = [delta.get(name) for name in ("reasoning", "reasoning_content")]
            self._left[index, "reasoning"] += max(
                len(thought) if isinstance(thought, str) else 0 for thought in thoughts
            )
            self._left[index, "tool"] += _call_chars(delta.get("tool_calls"))


def _call_chars(calls: object) -> int:
    """Characters of the names and inputs of calls."""
    chars = 0
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        for name in ("name", "arguments") if isinstance(function, dict) else ():
            value = function.get(name) if function else ""
            chars += len(value) if isinstance(value, str) else 0
    return chars
