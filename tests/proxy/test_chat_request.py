"""Requests: read leniently where the guard need not know, whole where the model may, refused where nobody can judge."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.messages import Image, Message
from safesight.guard.refusals import refusal
from safesight.proxy.chat_request import WITHHELD, for_upstream, read_conversation, read_request
from safesight.proxy.conversation import EXEMPT, RemoteImage, to_messages
from tests.support import png

MARK = "XMARKX"
URL = "data:image/png;base64," + base64.b64encode(png()).decode()
USER = {"role": "user", "content": "Hello."}

# Recorded from the request bodies of real clients and servers: OpenAI's reference, vLLM's and SGLang's extra
# parameters, llama.cpp's server, OpenRouter, Mistral, LiteLLM; every leaf is one that a server may show a model.
BODIES: dict[str, dict[str, Any]] = {
    "plain": {"messages": [USER]},
    "roles": {
        "messages": [
            {"role": "system", "content": "a", "name": "sys"},
            {"role": "developer", "content": "b"},
            {"role": "user", "content": "c", "name": "alice"},
            {"role": "assistant", "content": "d", "refusal": "e", "reasoning_content": "f", "prefix": True},
            {"role": "narrator", "content": "g"},
        ]
    },
    "parts": {
        "messages": [
            {
                "role": "user",
                "content": [
                    "bare",
                    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                    {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
                    {"type": "input_text", "text": "b"},
                    {"text": "c"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "d"}]},
                    {"type": "thinking", "thinking": "e", "signature": "f"},
                    {"type": "refusal", "refusal": "g"},
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "h"}]},
                ],
            },
        ]
    },
    "tools": {
        "messages": [
            USER,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"where": "up"}'}}
                ],
                "function_call": {"name": "old", "arguments": "{}"},
            },
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "found"}]},
            {"role": "function", "name": "old", "content": "found too"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks.",
                    "parameters": {
                        "type": "object",
                        "properties": {"image": {"type": "string", "description": "d", "enum": ["u", "v"]}},
                        "required": ["image"],
                    },
                },
            }
        ],
        "functions": [{"name": "old", "description": "Old."}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
    },
    "schemas": {
        "messages": [USER],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "description": "d", "schema": {"title": "t", "properties": {"file": {}}}},
        },
        "guided_json": {"title": "t"},
        "guided_regex": "[a-z]+",
        "guided_grammar": "root ::= x",
        "guided_choice": ["yes", "no"],
        "structured_outputs": {"json": {"description": "d"}},
    },
    "engines": {
        "messages": [USER],
        "documents": [{"title": "t", "text": "x"}],
        "chat_template": "{{ messages }}",
        "chat_template_kwargs": {"tone": "kind", "enable_thinking": False},
        "prediction": {"type": "content", "content": "p"},
        "web_search_options": {"user_location": {"approximate": {"city": "c"}}},
        "stop": ["END"],
        "bad_words": ["w"],
        "metadata": {"topic": "m"},
        "grammar": "root ::= y",
        "extra_body": {"anything": [{"at": {"any": "depth"}}]},
        "plugins": [{"id": "web", "search_prompt": "s"}],
        "logit_bias": {"50256": -100},
        "temperature": 0.5,
    },
}


def read(body: dict[str, Any], **options: bool) -> list[Message]:
    conversation = read_conversation(read_request(json.dumps(body).encode()), **options)
    image = Image.from_bytes(png())
    parts = {part for turn in conversation.turns for part in turn.parts if not isinstance(part, str)}
    return to_messages(conversation, dict.fromkeys(parts, image))


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))


def planted(body: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = f"x {MARK} y"
    return copy


STRUCTURE = ("type", "url")
PLACES = [
    (name, path)
    for name, body in BODIES.items()
    for path in leaves(body)
    # A part's type and an image's URL are read as what they are; a wrong one is refused (below).
    if not (
        path[0] == "messages" and path[-1] in STRUCTURE and "cache_control" not in path and "tool_calls" not in path
    )
]


@pytest.mark.parametrize(("name", "path"), PLACES, ids=lambda value: ".".join(map(str, value)) if value else "")
def test_every_leaf_of_a_request_is_judged(name: str, path: tuple[str | int, ...]) -> None:
    assert MARK not in "\n".join(message.text for message in read(BODIES[name]))
    assert MARK in "\n".join(message.text for message in read(planted(BODIES[name], path)))


def test_the_exempt_places_are_few_and_for_the_server() -> None:
    assert {"model", "user", "safety_identifier", "prompt_cache_key", "stream", "stream_options", "n"} == EXEMPT
    said = read({"messages": [USER], **dict.fromkeys(EXEMPT - {"stream_options"}, MARK)})
    assert MARK not in "\n".join(message.text for message in said)


def test_keys_are_read_where_they_are_prose_or_a_schema() -> None:
    schema = {"properties": {f"{MARK} a": {}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    for body in ({"tools": [tool]}, {"response_format": {"json_schema": schema}}, {f"{MARK} b": 1}, {MARK: 1}):
        assert MARK in "\n".join(message.text for message in read({"messages": [USER], **body}))
    calm = read({"messages": [USER], "temperature": 0.5, "top_k": 4, "stop_token_ids": [98, 97, 100, 99]})
    assert [message.text for message in calm] == [USER["content"]]


@pytest.mark.parametrize("at", [{"odd": [98.0, 97.0, 100.0, 33.0]}, {"odd": {"a": [[98], [97], [100], [33]]}}])
def test_numbers_that_could_be_letters_are_read_in_fields_of_any_name(at: dict[str, object]) -> None:
    for body in ({"messages": [USER], **at}, {"messages": [{**USER, **at}]}):
        assert "bad!" in "\n".join(message.text for message in read(body))


def test_arguments_are_judged_decoded_besides() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\u0058MARKX"}'}}
    said = read({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]})
    assert MARK in said[-1].text


UNJUDGED = {
    "audio part": [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}],
    "file part": [{"type": "file", "file": {"file_id": "file-1"}}],
    "video part": [{"type": "video_url", "video_url": {"url": "https://x.test/v.mp4"}}],
    "unknown part": [{"type": "hologram", "text": "x"}],
    "a picture beside a text": [{"type": "text", "text": "x", "image_url": {"url": URL}}],
    "two pictures in a part": [{"type": "image_url", "image_url": {"url": URL}, "image": URL}],
    "a picture's embedding": [{"type": "image_embeds", "image_embeds": "AAAA"}],
    "a source as Anthropic's": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}],
    "a data URL in a name": [{"type": "text", "text": "x", "title": URL}],
    "a picture in a tool's text": [{"type": "tool_result", "content": [{"type": "image", "image": URL}]}],
}


@pytest.mark.parametrize("content", UNJUDGED.values(), ids=UNJUDGED)
def test_parts_that_cannot_be_judged_are_refused(content: object) -> None:
    with pytest.raises(ValueError, match=r"not guarded|cannot judge|image part"):
        read({"messages": [{"role": "user", "content": content}]})


@pytest.mark.parametrize(
    "field",
    [
        {"prompt_embeds": "AAAA"},
        {"input_ids": [1, 2, 3]},
        {"prompt_token_ids": [1]},
        {"multi_modal_data": {"image": "AAAA"}},
        {"documents": [{"text": "x", "image": URL}]},
        {"documents": [{"text": URL}]},
        {"image_data": [{"data": "AAAA", "id": 1}]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"extra_body": {"images": ["AAAA"]}},
        {"tools": [{"function": {"name": "f", "description": URL}}]},
    ],
)
def test_media_by_any_name_beside_the_messages_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not guarded|cannot judge"):
        read({"messages": [USER], **field})


@pytest.mark.parametrize("message", [{"images": ["AAAA"]}, {"audio": {"id": "a1"}}, {"video": "x"}])
def test_media_beside_a_turn_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not guarded"):
        read({"messages": [USER | message]})


def test_a_schema_may_have_a_property_of_any_name() -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("image", "audio", "file", "input_ids")},
    }
    assert read({"messages": [USER], "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]})


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "image_url", "image_url": URL},
        {"type": "input_image", "image_url": URL, "detail": "high"},
        {"type": "image", "image": URL},
        {"type": "image", "url": URL},
        {"image_url": {"url": URL.replace("data:", "DATA:")}},
    ],
)
@pytest.mark.parametrize("role", ["user", "system", "assistant", "tool"])
def test_images_are_read_in_every_shape_and_role(part: dict[str, object], role: str) -> None:
    (message,) = read({"messages": [{"role": role, "content": [part]}]})[:1]
    assert len(message.images) == 1


LENIENT = [
    {"stream_options": {"include_usage": None}},
    {"stream_options": None},
    {"model": None},
    {"n": 1.0},
    {"n": None},
    {"stream": None},
    {"tools": None, "tool_choice": None, "response_format": None, "stop": None, "user": None},
    {"temperature": 1, "top_p": 1.0, "seed": None, "logit_bias": None, "metadata": None},
    {"audio": None, "modalities": ["text"], "prediction": None},
]


@pytest.mark.parametrize("fields", LENIENT)
def test_what_the_guard_need_not_know_is_the_upstreams_to_judge(fields: dict[str, object]) -> None:
    raw = json.dumps({"messages": [USER], **fields}).encode()
    request = read_request(raw)
    assert (request.model, request.stream, request.include_usage) == ("", False, False)
    assert for_upstream(raw, request, read_conversation(request), {}) is raw


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "tool_calls": None, "refusal": None, "audio": None},
        {"role": "user", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": None}]},
        {"role": "user", "content": []},
        {"content": "no role"},
    ],
)
def test_nulls_in_messages_are_nothing(message: dict[str, object]) -> None:
    assert all(isinstance(one, Message) for one in read({"messages": [message]}))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"5",
        b"{}",
        b'{"messages": {}}',
        b'{"messages": ["hi"]}',
        b'{"messages": [{"role": "user", "content": 5}]}',
    ],
)
def test_what_is_no_chat_request_is_said(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_conversation(read_request(body))


REFUSAL = refusal(("ssh",), language="en")


@pytest.mark.parametrize(
    "said",
    [
        {"content": REFUSAL},
        {"content": None, "refusal": REFUSAL},
        {"content": [{"type": "text", "text": REFUSAL}]},
        {"content": refusal((), language="zh")},
    ],
)
def test_what_was_refused_is_withheld_from_judges_and_model(said: dict[str, object]) -> None:
    history = [
        {"role": "system", "content": "Rules."},
        {"role": "user", "content": "Earlier."},
        {"role": "assistant", "content": "Fine."},
        {"role": "user", "content": [{"type": "text", "text": MARK}, {"type": "image_url", "image_url": {"url": URL}}]},
        {"role": "assistant", **said},
        {"role": "user", "content": "2 + 2?"},
    ]
    raw = json.dumps({"messages": history}).encode()
    request = read_request(raw)
    conversation = read_conversation(request, withhold=True)
    sent = for_upstream(raw, request, conversation, {})
    assert MARK.encode() not in sent
    assert [message["role"] for message in json.loads(sent)["messages"]] == [m["role"] for m in history]
    assert [turn.parts for turn in conversation.turns][1:4] == [("Earlier.",), ("Fine.",), (WITHHELD,)]


@pytest.mark.parametrize("said", ["Fine.", f"Well. {REFUSAL}", f"{REFUSAL} But here it is.", ""])
def test_only_this_guards_own_refusals_withhold(said: str) -> None:
    history = [{"role": "user", "content": MARK}, {"role": "assistant", "content": said}, USER]
    raw = json.dumps({"messages": history}).encode()
    request = read_request(raw)
    assert not read_conversation(request, withhold=True).changed


def test_a_tools_refused_result_keeps_its_place() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": MARK},
        {"role": "assistant", "content": REFUSAL},
        USER,
    ]
    request = read_request(json.dumps({"messages": history}).encode())
    read_conversation(request, withhold=True)
    assert request.messages[2] == {"role": "tool", "tool_call_id": "c", "content": WITHHELD}


def test_fetched_images_stand_in_place_of_their_urls() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}}]
    parts += [
        {"type": "image_url", "image_url": "https://x.test/b.png"},
        {"type": "image", "url": "https://x.test/a.png"},
    ]
    raw = json.dumps({"messages": [{"role": "system", "content": parts}], "n": 1.0}).encode()
    request = read_request(raw)
    conversation = read_conversation(request)
    urls = {RemoteImage(f"https://x.test/{name}.png"): f"data:{name}" for name in "ab"}
    sent = json.loads(for_upstream(raw, request, conversation, urls))
    assert sent["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:a", "detail": "low"}},
        {"type": "image_url", "image_url": "data:b"},
        {"type": "image", "url": "data:a"},
    ]
    assert sent["n"] == 1.0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["role", "content", "name", "tool_calls", "x"]), VALUES, max_size=4), VALUES)
def test_any_value_is_read_or_refused(message: dict[str, object], field: object) -> None:
    try:
        said = read({"messages": [USER, message], "documents": field, "tools": field})
    except ValueError:
        return
    assert all(isinstance(one, Message) for one in said)
