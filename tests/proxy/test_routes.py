"""Every guarded route besides chat completions, through a real proxy: requests read whole, ends and errors as each API
has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from typing import Any

import pytest
from aiohttp import web

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.settings import ProxySettings
from tests.models.mock_openai import Asked, MockOpenAI, in_thread, raw
from tests.proxy.serving import serving
from tests.proxy.test_passing import ask
from tests.support import PNG

PHRASE = "forbidden tower"
REFUSED = "I can't help with that, because it could cause harm."
MILD: dict[str, dict[str, Any]] = {
    "messages": {"messages": [{"role": "user", "content": "hi"}]},
    "completions": {"prompt": "hi"},
    "responses": {"input": "hi"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "messages": {"id": "msg_01", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Yes."}]},
    "completions": {"object": "text_completion", "choices": [{"index": 0, "text": "Yes.", "finish_reason": "stop"}]},
    "responses": {
        **{"id": "resp_01", "object": "response", "status": "completed", "error": None, "model": "m"},
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}],
    },
}


async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
    """A mild answer of the route that is asked."""
    return web.json_response(ANSWERS[asked.path.removeprefix("/v1/")])


@pytest.fixture(scope="module")
def urls() -> Generator[tuple[MockOpenAI, str]]:
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text=PHRASE)])])
    with in_thread(then=behave) as upstream, serving(ProxySettings(upstream=upstream.url), guard=guard) as (url, _):
        yield upstream, url


def refused(answer: str) -> bool:
    return REFUSED in answer


@pytest.mark.parametrize("route", MILD)
def test_a_mild_request_reaches_the_upstream_as_it_came(urls: tuple[MockOpenAI, str], route: str) -> None:
    upstream, url = urls
    body = {"model": "m", **MILD[route]}
    status, _, answer = ask(url, f"/{route}", body)
    assert (status, json.loads(answer)) == (200, ANSWERS[route])
    assert json.loads(upstream.last.raw) == body
    assert upstream.last.path == f"/v1/{route}"


SAYS = f"go to the {PHRASE} now"
IMAGE = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}


def said_by(*content: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi"}, {"role": role, "content": list(content)}]}


PICTURE = {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE['data']}"}


def given(item: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "hi"}, item]}


READ: dict[str, list[dict[str, Any]]] = {
    "messages": [
        {"messages": [{"role": "user", "content": SAYS}]},
        said_by({"type": "text", "text": SAYS}),
        said_by({"type": "text", "text": "to the forbidden"}, {"type": "text", "text": "tower"}),
        said_by({"type": "tool_result", "tool_use_id": "toolu_01", "content": SAYS}),
        said_by({"type": "tool_result", "tool_use_id": "toolu_01", "content": [{"type": "text", "text": SAYS}]}),
        said_by({"type": "tool_use", "id": "toolu_01", "name": "f", "input": {"a": [SAYS]}}, role="assistant"),
        said_by({"type": "thinking", "thinking": SAYS, "signature": ""}, role="assistant"),
        said_by({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": SAYS}}),
        said_by({"type": "document", "title": SAYS, "source": {"type": "text", "data": "calm"}}),
        said_by({"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": SAYS}]}),
        said_by({"type": "image", "source": IMAGE}, {"type": "text", "text": SAYS}),
        {**MILD["messages"], "system": SAYS},
        {**MILD["messages"], "system": [{"type": "text", "text": SAYS, "cache_control": {"type": "ephemeral"}}]},
        {**MILD["messages"], "tools": [{"name": "f", "description": SAYS, "input_schema": {"type": "object"}}]},
        {**MILD["messages"], "tools": [{"name": "f", "input_schema": {"properties": {"image": {"title": SAYS}}}}]},
        {**MILD["messages"], "stop_sequences": [SAYS]},
        {**MILD["messages"], "whatever": {"deep": [SAYS]}},
    ],
    "completions": [{"prompt": SAYS}, {"prompt": ["hi", SAYS]}, {"prompt": "hi", "suffix": SAYS}],
    "responses": [
        {"input": SAYS},
        {"input": "hi", "instructions": SAYS},
        {"input": "hi", "previous_response_id": "resp_01", "instructions": SAYS},
        given({"role": "user", "content": SAYS}),
        given({"type": "message", "role": "user", "content": [{"type": "input_text", "text": SAYS}]}),
        given({"role": "user", "content": [PICTURE, {"type": "input_text", "text": SAYS}]}),
        given({"type": "function_call", "call_id": "call_01", "name": "f", "arguments": json.dumps({"a": SAYS})}),
        given({"type": "function_call_output", "call_id": "call_01", "output": SAYS}),
        given({"type": "function_call_output", "call_id": "call_01", "output": [{"type": "input_text", "text": SAYS}]}),
        given({"type": "reasoning", "id": "rs_01", "summary": [{"type": "summary_text", "text": SAYS}]}),
        given({"type": "something_new", "deep": [{"text": SAYS}]}),
        {"input": "hi", "tools": [{"type": "function", "name": "f", "description": SAYS, "parameters": {}}]},
        {"input": "hi", "text": {"format": {"schema": {"properties": {"image": {"title": SAYS}}}}}},
        {"input": "hi", "prompt": {"id": "pmpt_01", "variables": {"a": SAYS}}},
    ],
}


@pytest.mark.parametrize(("route", "body"), [(route, body) for route, bodies in READ.items() for body in bodies])
def test_everything_that_the_model_may_read_is_judged(
    urls: tuple[MockOpenAI, str], route: str, body: dict[str, Any]
) -> None:
    upstream, url = urls
    before = upstream.count
    status, _, answer = ask(url, f"/{route}", {"model": "m", **body})
    assert status == 200
    assert refused(answer)
    assert upstream.count == before, "the model never reads it"


NOT_READ: dict[str, list[dict[str, Any]]] = {
    "messages": [
        said_by({"type": "image", "source": {"type": "file", "file_id": "file_01"}}),
        said_by({"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}),
        said_by({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBER"}}),
        said_by({"type": "container_upload", "file_id": "file_01"}),
        {"messages": "hi"},
        {},
    ],
    "completions": [{"prompt": [1, 2, 3]}, {"prompt": [[1, 2], [3]]}, {"prompt": {"a": 1}}],
    "responses": [
        {"input": "hi", "background": True},
        given({"role": "user", "content": [{"type": "input_file", "file_id": "file_01"}]}),
        given({"role": "user", "content": [{"type": "input_image", "file_id": "file_01"}]}),
        given({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "UklGRg=="}}]}),
        given({"type": "computer_call_output", "output": {**PICTURE, "type": "computer_screenshot"}}),
        {"input": 7},
    ],
}


@pytest.mark.parametrize(("route", "body"), [(route, body) for route, bodies in NOT_READ.items() for body in bodies])
def test_what_cannot_be_judged_is_refused_in_the_apis_own_shape(
    urls: tuple[MockOpenAI, str], route: str, body: dict[str, Any]
) -> None:
    upstream, url = urls
    before = upstream.count
    status, _, answer = ask(url, f"/{route}", {"model": "m", **body})
    told = json.loads(answer)
    assert status == 400
    assert told["error"]["type"] == "invalid_request_error"
    assert told.get("type") == ("error" if route == "messages" else None)
    assert upstream.count == before


def test_a_nested_request_is_refused_and_not_walked(urls: tuple[MockOpenAI, str]) -> None:
    _, url = urls
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    for route, body in MILD.items():
        assert ask(url, f"/{route}", {"model": "m", **body, "deep": deep})[0] == 400


def test_a_refused_turn_is_withheld_from_the_model_later(urls: tuple[MockOpenAI, str]) -> None:
    upstream, url = urls
    answered = [{"role": "user", "content": SAYS}, {"role": "assistant", "content": REFUSED}]
    status, _, answer = ask(
        url,
        "/messages",
        {"model": "m", "messages": [*answered, {"role": "user", "content": "Thanks, and the weather?"}]},
    )
    assert (status, json.loads(answer)) == (200, ANSWERS["messages"])
    assert PHRASE.encode() not in upstream.last.raw


def test_errors_of_the_upstream_keep_status_headers_and_shape(urls: tuple[MockOpenAI, str]) -> None:
    upstream, url = urls
    told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    for stream in (False, True):
        upstream.behaviours.append(raw(json.dumps(told), status=529, headers={"retry-after": "3"}))
        status, headers, answer = ask(url, "/messages", {"model": "m", **MILD["messages"], "stream": stream})
        assert (status, json.loads(answer), headers["retry-after"]) == (529, told, "3")
    quoting = {"type": "error", "error": {"type": "api_error", "message": SAYS}}
    upstream.behaviours.append(raw(json.dumps(quoting), status=500))
    status, _, answer = ask(url, "/messages", {"model": "m", **MILD["messages"]})
    assert (status, json.loads(answer)["error"]["code"]) == (500, "content_filter")


def test_a_wrong_key_is_told_in_the_apis_own_shape(
    urls: tuple[MockOpenAI, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, _ = urls
    monkeypatch.setenv("ROUTE_KEYS", "secret")
    with serving(ProxySettings(upstream=upstream.url, key_env="ROUTE_KEYS", guard=False)) as (url, _):
        status, _, answer = ask(url, "/messages", {"model": "m", **MILD["messages"]})
    told = json.loads(answer)
    assert (status, told["type"], told["error"]["type"]) == (401, "error", "authentication_error")


def test_tokenizers_are_asked_where_servers_have_them(urls: tuple[MockOpenAI, str]) -> None:
    upstream, url = urls
    for path, asked in (("/messages/count_tokens", "/v1/messages/count_tokens"), ("/tokenize", "/tokenize")):
        upstream.behaviours.append(raw('{"tokens": [1, 2]}'))
        assert ask(url, path, {"content": SAYS})[2] == '{"tokens": [1, 2]}'
        assert upstream.last.path == asked


def test_unknown_routes_say_what_to_use(urls: tuple[MockOpenAI, str]) -> None:
    _, url = urls
    for path, says in (
        ("/realtime", "WebSockets are not guarded"),
        ("/audio/speech", "Audio is not guarded"),
        ("/api/chat", "Use POST /v1/chat/completions"),
    ):
        status, _, answer = ask(url, path, {})
        assert status == 404
        assert says in json.loads(answer)["error"]["message"]
