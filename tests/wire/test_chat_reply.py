from __future__ import annotations

import json
from typing import Any

import pytest

from safesight.core.protocols import GeneratedToken
from safesight.core.records import Usage
from safesight.wire.chat_reply import ReplyChoice, WireMessage, generated_tokens, read_body, read_models


def message(**fields: Any) -> WireMessage:
    found = read_body(json.dumps({"choices": [{"message": fields}]}).encode()).choices
    assert found
    assert found[0].message is not None
    return found[0].message


def choice(**fields: Any) -> ReplyChoice:
    found = read_body(json.dumps({"choices": [fields]}).encode()).choices
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("fields", "text", "trace"),
    [
        ({"content": "hi"}, "hi", ""),
        ({"content": None}, "", ""),
        ({}, "", ""),
        ({"content": None, "refusal": "I won't."}, "I won't.", ""),
        ({"content": "", "refusal": None, "tool_calls": []}, "", ""),
        ({"content": "b", "reasoning_content": "a"}, "b", "a"),
        ({"content": "b", "reasoning": "a"}, "b", "a"),
        ({"content": "b", "reasoning_content": None, "reasoning": "a"}, "b", "a"),
        ({"content": "b", "reasoning": {"effort": "high"}}, "b", ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", ""),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "why"}]},
                    {"type": "text", "text": "b"},
                ]
            },
            "b",
            "why",
        ),
        ({"content": [{"type": "thinking", "thinking": "why"}]}, "", "why"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "", ""),
    ],
)
def test_text_and_trace_of_every_dialect(fields: dict[str, Any], text: str, trace: str):
    found = message(**fields)
    assert (found.text, found.trace) == (text, trace)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(prompt_tokens=3, completion_tokens=4)),
        (
            {"prompt_tokens": 3, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}},
            Usage(prompt_tokens=3, completion_tokens=4, reasoning_tokens=2),
        ),
        ({"prompt_tokens": 3, "completion_tokens": None, "completion_tokens_details": None}, Usage(prompt_tokens=3)),
        ({}, Usage()),
    ],
)
def test_counts_tokens(usage: dict[str, Any], expected: Usage):
    found = read_body(json.dumps({"choices": [], "usage": usage}).encode()).usage
    assert found is not None
    assert found.usage() == expected


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty body"),
        (b" \n", "empty body"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"choices": [{"mess', "18 bytes|19 bytes"),
        (b"\xff\xfe", "2 bytes"),
        (b"[]", "bytes"),
        (b'{"choices": "none"}', "bytes"),
        (b'{"choices": [{"message": {"content": 3}}]}', "bytes"),
    ],
)
def test_what_is_no_reply_is_described_without_its_content(raw: bytes, says: str):
    with pytest.raises(ValueError, match=says):
        read_body(raw)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb'{"choices": [{"message": {"content": "a \ud83d b"}}]}', "a ? b"),
        (rb'{"choices": [{"message": {"content": "\ud83d\ude00"}}]}', "\U0001f600"),
        (rb'{"choices": [{"message": {"content": "a"}, "score": NaN}]}', "a"),
    ],
)
def test_what_python_servers_write_beyond_json_is_read(raw: bytes, text: str):
    found = read_body(raw).choices
    assert found
    assert found[0].message is not None
    assert found[0].message.text == text


def test_minus_infinity_is_no_logprob():
    raw = b'{"choices": [{"text": "a", "logprobs": {"tokens": ["a"], "top_logprobs": [{"a": -0.5, "b": -Infinity}]}}]}'
    found = read_body(raw).choices
    assert found
    assert generated_tokens(found[0]) == (GeneratedToken("a", {"a": -0.5}),)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"error":' * 100_000, b'{"choices": ' + b"[" * 100_000])
def test_deep_nesting_is_no_reply(raw: bytes):
    with pytest.raises(ValueError, match="expected a JSON reply"):
        read_body(raw)


def test_lists_models():
    assert read_models(b'{"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"id": ""}]}') == ["a", "b"]
    with pytest.raises(ValueError, match="HTML"):
        read_models(b"<html>")


CHAT = {
    "content": [
        {
            "token": "Yes",
            "logprob": -0.1,
            "top_logprobs": [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.5}],
        }
    ]
}


@pytest.mark.parametrize(
    ("logprobs", "expected"),
    [
        (CHAT, {"Yes": -0.1, "No": -2.5}),
        ({"content": [{"token": "Maybe", "logprob": -9.0, "top_logprobs": []}]}, {"Maybe": -9.0}),
        ({"content": []}, {}),
        (None, {}),
        (
            {"tokens": [" Yes"], "token_logprobs": [-0.2], "top_logprobs": [{" Yes": -0.2, " No": -1.7}]},
            {" Yes": -0.2, " No": -1.7},
        ),
        ({"tokens": [" Yes"], "token_logprobs": [-0.2], "top_logprobs": None}, {" Yes": -0.2}),
        ({"tokens": [" Yes"], "token_logprobs": [None], "top_logprobs": [None]}, {}),
    ],
)
def test_first_token_logprobs_of_chat_and_completions(logprobs: Any, expected: dict[str, float]):
    first = generated_tokens(choice(text="x", logprobs=logprobs))[:1]
    assert [token.alternatives for token in first] in ([expected], [])
    assert bool(first) or not expected
