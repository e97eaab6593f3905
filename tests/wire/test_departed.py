"""The counter of leaks reads the bytes that left: it finds what was sent beyond what was released."""

from __future__ import annotations

import json
from typing import Any

import pytest

from safesight.wire.departed import Departed

CALL = {"index": 0, "function": {"name": "rm", "arguments": "{}"}}


def sent(said: dict[str, Any], *, index: int | None = 0, key: str = "delta", **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": index, key: said}], **more}).encode()


@pytest.mark.parametrize(
    ("payloads", "released", "leaked"),
    [
        ([sent({"content": "abc"}), sent({"content": "de"})], {(0, "content"): 5}, 0),
        ([sent({"content": "abc"}), sent({"content": "de"})], {(0, "content"): 3}, 2),
        ([sent({"content": "abc"})], {}, 3),
        ([sent({"content": "abc"}, index=1)], {(0, "content"): 9}, 3),
        ([sent({"content": "abc"}, index=None)], {(0, "content"): 3}, 0),
        ([sent({"reasoning": "abc", "reasoning_content": "abc"})], {(0, "reasoning"): 3}, 0),
        ([sent({"reasoning": "abc", "reasoning_content": "abcd"})], {(0, "reasoning"): 3}, 1),
        ([sent({"refusal": "no"})], {(0, "content"): 9}, 2),
        ([sent({"tool_calls": [CALL]})], {(0, "tool:0"): 4}, 0),
        ([sent({"tool_calls": [CALL]})], {(0, "tool:0"): 2}, 2),
        ([sent({"tool_calls": [CALL, CALL]})], {(0, "tool:0"): 4, (0, "tool:1"): 4}, 0),
        ([sent({"role": "assistant", "content": "abc"}, key="message")], {(0, "content"): 1}, 2),
        ([sent({"content": [{"type": "text", "text": "abc"}]}), sent({"content": "de"})], {}, 2),  # one odd event
        ([b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}'], {(0, "content"): 1}, 1),
        ([b'{"choices":null}', b'{"error":{}}'], {}, 0),
    ],
)
def test_what_left_is_counted_against_what_was_released(
    payloads: list[bytes], released: dict[tuple[int, str], int], leaked: int
) -> None:
    together, apart = Departed(), Departed()
    together.count(payloads)
    for payload in payloads:
        apart.count([payload])
    assert together.beyond(released) == apart.beyond(released) == leaked


def test_words_of_our_own_are_no_leak() -> None:
    departed = Departed()
    departed.allow(0, "content", 4)
    departed.count([sent({"content": "Sorry"})])
    assert departed.beyond({}) == 1
