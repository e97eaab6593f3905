"""Gateways' calls over HTTP, in the shapes of their own code and documents; LiteLLM itself runs in test_litellm.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import requests

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy, StreamRule
from safesight.proxy.settings import ProxySettings
from tests.proxy.serving import serving
from tests.support import PNG

WORD = "forbidden tower"
MILD = "Down the road."
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def guard(**settings: Any) -> Guard:
    policy = Policy(input=InputRule(ocr=False), **settings)
    return Guard(policy, detectors=[Patterns([Phrase(text=WORD)])])


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """A guard without an upstream."""
    with serving(ProxySettings(upstream=""), guard=guard()) as (url, _):
        yield url.removesuffix("/v1")


def ask(url: str, path: str, body: object, **headers: str) -> Any:
    answer = requests.post(url + path, json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


LITELLM = "/beta/litellm_basic_guardrail_api"


def litellm(url: str, kind: str, **fields: Any) -> Any:
    # Every field that LiteLLM 1.108's GenericGuardrailAPIRequest sends, None where it has nothing.
    body = {
        "input_type": kind,
        "litellm_call_id": "call-1",
        "litellm_trace_id": "trace-1",
        "structured_messages": None,
        "images": None,
        "tools": None,
        "texts": None,
        "request_data": {},
        "request_headers": {"host": "localhost", "authorization": "[present]"},
        "litellm_version": "1.108.7",
        "additional_provider_specific_params": {},
        "tool_calls": None,
        "model": "m",
    }
    return ask(url, LITELLM, body | fields)


def test_litellm_asks_about_a_request(url: str) -> None:
    mild = [{"role": "user", "content": [{"type": "text", "text": MILD}, image(PICTURE)]}]
    assert litellm(url, "request", texts=[MILD], images=[PICTURE], structured_messages=mild) == {"action": "NONE"}
    for told in (
        {"texts": [f"Take me to the {WORD}."]},
        {"texts": [MILD], "structured_messages": [{"role": "system", "content": WORD}]},
        {"texts": [MILD], "tools": [{"type": "function", "function": {"name": "go", "description": WORD}}]},
        {"texts": [MILD], "tool_calls": [call(json.dumps({"to": WORD}))]},
    ):
        found = litellm(url, "request", **told)
        assert found["action"] == "BLOCKED", told
        assert "can't help" in found["blocked_reason"]


def image(address: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": address}}


def call(arguments: str) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "go", "arguments": arguments}}


def test_pictures_that_cannot_be_judged_are_refused(url: str) -> None:
    for address in ("https://example.com/a.png", "data:image/png;base64,AAAA", "data:audio/wav;base64,AAAA"):
        answer = requests.post(url + LITELLM, json={"input_type": "request", "images": [address]}, timeout=60)
        assert answer.status_code == 400, address


def test_litellm_asks_about_an_answer_as_it_grows(url: str) -> None:
    whole = f"First go down the road and over the bridge. Then on, past the mill. Turn left at the {WORD} and wait."
    shown, end = "", 0
    for end in range(1, len(whole) + 1):
        found = litellm(url, "response", texts=[whole[:end]])
        if found["action"] == "BLOCKED":
            break
        assert found["texts"] == [whole[:end]]
        shown = whole[: end - found["stream_holdback_chars"][0]]  # what LiteLLM sends on
        assert WORD not in shown
    assert end == whole.index(WORD) + len(WORD)  # the first text that holds the phrase
    assert "forbidden" not in shown
    assert shown.startswith("First go down the road")
    # Tool calls come with the last piece.
    assert (
        litellm(url, "response", texts=[MILD], tool_calls=[call('{"to": "forbidden \\u0074ower"}')])["action"]
        == "BLOCKED"
    )


def test_two_choices_are_judged_each(url: str) -> None:
    assert litellm(url, "response", texts=[MILD, "Up."])["stream_holdback_chars"] == [len(MILD), 3]
    assert litellm(url, "response", texts=[MILD, WORD])["action"] == "BLOCKED"


class Asked:
    """A detector that keeps what it was asked."""

    name, fingerprint, threshold, judges_requests = "asked", "asked", 0.5, False

    def __init__(self) -> None:
        self.exchanges: list[Any] = []

    async def score(self, exchanges: Any) -> Any:
        from safesight.core.records import Harm

        self.exchanges += exchanges
        return [Harm(harm=0.0) for _ in exchanges]

    async def aclose(self) -> None: ...


def test_an_answer_is_judged_with_its_question() -> None:
    asked = Asked()
    with serving(ProxySettings(upstream=""), guard=Guard(Policy(input=InputRule(ocr=False)), detectors=[asked])) as (
        url,
        _,
    ):
        url = url.removesuffix("/v1")
        for number in ("one", "two"):
            litellm(url, "request", texts=[f"Question {number}?"], litellm_call_id=number)
        litellm(url, "response", texts=[MILD], litellm_call_id="one")
        litellm(url, "response", texts=[MILD], litellm_call_id="three")
        body = {"input_type": "response", "texts": [MILD], "litellm_call_id": "one"}
        ask(url, LITELLM, body, **{"x-api-key": "another client"})
    assert [(e.question, e.answer) for e in asked.exchanges] == [("Question one?", MILD), ("", MILD), ("", MILD)]


def test_agentgateway(url: str) -> None:
    def messages(*texts: str) -> dict[str, Any]:
        return {"body": {"messages": [{"role": "user", "content": text} for text in texts]}}

    def choices(*texts: str) -> dict[str, Any]:
        return {"body": {"choices": [{"message": {"role": "assistant", "content": text}} for text in texts]}}

    # An action is told by its fields: a pass has neither body nor status_code, a mask's body is an object.
    assert set(ask(url, "/request", messages(MILD))["action"]) == {"reason"}
    rejected = ask(url, "/request", messages(MILD, WORD))["action"]
    assert (rejected["status_code"], "can't help" in rejected["body"]) == (403, True)
    assert set(ask(url, "/response", choices(MILD))["action"]) == {"reason"}
    masked = ask(url, "/response", choices(MILD, WORD))["action"]["body"]["choices"]
    assert masked[0]["message"]["content"] == MILD
    assert "can't help" in masked[1]["message"]["content"]


def test_portkey(url: str) -> None:
    def body(event: str, said: str, answer: str | None = None) -> dict[str, Any]:
        reply = {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}]
        }
        return {
            "request": {"json": {"model": "m", "messages": [{"role": "user", "content": said}]}, "text": said},
            "response": {"json": reply if answer else {}, "text": answer or "", "statusCode": 200 if answer else None},
            "provider": "openai",
            "requestType": "chatComplete",
            "metadata": {},
            "eventType": event,
        }

    assert ask(url, "/hooks/portkey", body("beforeRequestHook", MILD))["verdict"] is True
    assert ask(url, "/hooks/portkey", body("beforeRequestHook", WORD))["verdict"] is False
    assert ask(url, "/hooks/portkey", body("afterRequestHook", MILD, MILD)) == {"verdict": True, "data": {}}
    found = ask(url, "/hooks/portkey", body("afterRequestHook", MILD, WORD))
    choice = found["transformedData"]["response"]["json"]["choices"][0]
    assert (found["verdict"], choice["finish_reason"], WORD in json.dumps(found)) == (False, "content_filter", False)


def test_kong(url: str) -> None:
    for source in ("INPUT", "OUTPUT", None):
        assert ask(url, "/hooks/kong", {"content": MILD, "source": source})["block"] is False
        found = ask(url, "/hooks/kong", {"content": f"the {WORD}", "source": source})
        assert (found["block"], "can't help" in found["block_message"]) == (True, True)


def test_bodies_that_are_none(url: str) -> None:
    for path, body in (
        (LITELLM, b"[]"),
        (LITELLM, b'{"input_type": "both"}'),
        (LITELLM, b'{"input_type": "request", "texts": "x"}'),
        ("/request", b"{}"),
        ("/hooks/portkey", b"{"),
        ("/hooks/kong", b'{"a": 1, "a": 2}'),
    ):
        assert requests.post(url + path, data=body, timeout=60).status_code == 400, body


def test_it_guards_without_an_upstream_asks_for_keys_counts_and_keeps_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYS", "secret")
    settings = ProxySettings(upstream="", key_env="KEYS", audit=tmp_path / "audit.jsonl", audit_required=True)
    with serving(settings, guard=guard()) as (url, _):
        url = url.removesuffix("/v1")
        assert requests.post(url + "/hooks/kong", json={"content": WORD}, timeout=60).status_code == 401
        assert ask(url, "/hooks/kong", {"content": WORD}, **{"x-api-key": "secret"})["block"] is True
        assert requests.get(url + "/readyz", timeout=60).status_code == 200
        body = {"model": "m", "messages": [{"role": "user", "content": MILD}]}
        chat = requests.post(url + "/v1/chat/completions", json=body, headers={"x-api-key": "secret"}, timeout=60)
        assert (chat.status_code, "no upstream" in chat.text) == (404, True)
        shown = requests.get(url + "/metrics", headers={"x-api-key": "secret"}, timeout=60).text
        assert 'safesight_verdicts_total{action="refuse",category="uncategorised",kind="input"} 1.0' in shown
    [line] = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    entry = json.loads(line)
    assert (entry["route"], entry["action"], WORD in line) == ("/hooks/kong", "refuse", False)


@pytest.mark.parametrize("windows", ["sentence", "full"])
def test_shadow_mode_stops_nothing(windows: Any) -> None:
    with serving(ProxySettings(upstream=""), guard=guard(shadow=True, stream=StreamRule(windows=windows))) as (url, _):
        url = url.removesuffix("/v1")
        assert litellm(url, "request", texts=[WORD]) == {"action": "NONE"}
        assert litellm(url, "response", texts=[WORD]) == {
            "action": "NONE",
            "texts": [WORD],
            "stream_holdback_chars": [0],
        }
