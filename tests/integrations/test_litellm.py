"""A real LiteLLM proxy with our guardrail, both ways: asking `safesight guard` by HTTP, and the class inside it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.settings import ProxySettings
from tests.integrations.environments import environment
from tests.models.mock_openai import MockOpenAI, in_thread, reply
from tests.proxy.serving import free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("litellm")]

KEY = f"sk-{secrets.token_hex(32)}"
WORD = "forbidden tower"
MILD = "Go down the road and over the bridge. Then on, past the mill."
HARM = f"{MILD} Turn left at the {WORD} and wait there for the boat."
POLICY = """
[input]
ocr = false
[[detectors]]
name = "patterns:{words}"
"""
CONFIG = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: "{upstream}", api_key: k}}
guardrails:
"""
PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text(encoding="utf-8")
"""The page whose two guardrails are run here, each under a name of its own and on request."""


def guardrails(*names: str, **places: object) -> str:
    found = re.findall(r"^```yaml\nguardrails:\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    text = ""
    for name, block in zip(names, found, strict=True):
        block = block.replace("guardrail_name: safesight", f"guardrail_name: {name}").replace(
            "default_on: true", "default_on: false"
        )
        text += block
    return text.replace("http://127.0.0.1:8900", str(places["guard"])).replace(
        "/etc/safesight/policy.toml", str(places["policy"])
    )


class Running(NamedTuple):
    url: str
    upstream: MockOpenAI


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "words.txt").write_text(f"{WORD}\n", encoding="utf-8")
    (folder / "policy.toml").write_text(POLICY.format(words=folder / "words.txt"), encoding="utf-8")
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text=WORD)])])
    with in_thread() as upstream, serving(ProxySettings(upstream=""), guard=guard) as (url, _):
        config = folder / "config.yaml"
        places = {"upstream": upstream.url, "guard": url.removesuffix("/v1"), "policy": folder / "policy.toml"}
        config.write_text(CONFIG.format(**places) + guardrails("asked", "inside", **places), encoding="utf-8")
        with running(config) as address:
            yield Running(address, upstream)


@contextmanager
def running(config: Path) -> Generator[str]:
    port = free_port()
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_MASTER_KEY": KEY}
    env.pop("PYTHONPATH", None)
    command = [
        str(environment("litellm") / "litellm"),
        "--config",
        str(config),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    log = config.with_suffix(".log")
    with log.open("w") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=config.parent) as process:
        try:
            while True:
                assert process.poll() is None, log.read_text(encoding="utf-8")[-4000:]
                try:
                    if requests.get(f"http://127.0.0.1:{port}/health/liveliness", timeout=60).ok:
                        break
                except (requests.ConnectionError, requests.Timeout):
                    time.sleep(0.3)
            yield f"http://127.0.0.1:{port}/v1/chat/completions"
        finally:
            process.terminate()
            process.wait(60)
            print(log.read_text(encoding="utf-8")[-6000:])


def ask(running: Running, guardrail: str, said: str, *, stream: bool = False, **fields: Any) -> requests.Response:
    body = {"model": "mock", "messages": [{"role": "user", "content": said}], "stream": stream}
    body |= {"guardrails": [guardrail]} if guardrail else {}
    return requests.post(
        running.url, json=body | fields, stream=stream, timeout=300, headers={"authorization": f"Bearer {KEY}"}
    )


def events(answer: requests.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in answer.iter_lines() if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def text(found: list[dict[str, Any]]) -> str:
    return "".join(c["delta"].get("content") or "" for event in found for c in event.get("choices", []))


def finishes(found: list[dict[str, Any]]) -> list[str]:
    return [c["finish_reason"] for event in found for c in event.get("choices", []) if c.get("finish_reason")]


BOTH = pytest.mark.parametrize("guardrail", ["asked", "inside"])


@BOTH
def test_mild_words_pass_as_they_are(litellm: Running, guardrail: str) -> None:
    litellm.upstream.behaviours = [reply(MILD), reply(MILD)]
    assert ask(litellm, guardrail, "Where?").json()["choices"][0]["message"]["content"] == MILD
    found = events(ask(litellm, guardrail, "Where?", stream=True))
    assert text(found) == MILD
    assert finishes(found) == ["stop"]


def test_without_the_guardrail_it_leaks(litellm: Running) -> None:
    litellm.upstream.behaviours = [reply(HARM), reply(HARM)]
    assert WORD in ask(litellm, "", "Where?").text
    assert WORD in text(events(ask(litellm, "", "Where?", stream=True)))


@BOTH
@pytest.mark.parametrize("stream", [False, True])
def test_a_flagged_request_never_reaches_the_model(litellm: Running, guardrail: str, stream: bool) -> None:
    litellm.upstream.requests.clear()
    answer = ask(litellm, guardrail, f"Take me to the {WORD}.", stream=stream)
    assert answer.status_code == 400, answer.text
    assert "can't help" in answer.text
    assert not litellm.upstream.requests


@BOTH
def test_tools_and_what_they_answered_are_read_too(litellm: Running, guardrail: str) -> None:
    tools = [{"type": "function", "function": {"name": "go", "description": f"To the {WORD}.", "parameters": {}}}]
    assert ask(litellm, guardrail, "Where?", tools=tools).status_code == 400
    call = {"id": "c", "type": "function", "function": {"name": "go", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": WORD},
    ]
    assert ask(litellm, guardrail, "", messages=messages).status_code == 400


@BOTH
def test_a_flagged_answer_is_not_told(litellm: Running, guardrail: str) -> None:
    litellm.upstream.behaviours = [reply(HARM)]
    answer = ask(litellm, guardrail, "Where?")
    assert WORD not in answer.text
    assert "can't help" in answer.text
    call = {"id": "c", "type": "function", "function": {"name": "go", "arguments": json.dumps({"to": WORD})}}
    litellm.upstream.behaviours = [reply(None, message={"tool_calls": [call]}, finish_reason="tool_calls")]
    assert WORD not in ask(litellm, guardrail, "Where?").text


@BOTH
@pytest.mark.parametrize("size", [1, 4, 200])
def test_nothing_of_a_flagged_stream_leaves_before_its_verdict(litellm: Running, guardrail: str, size: int) -> None:
    chunks = [HARM[i : i + size] for i in range(0, len(HARM), size)]
    litellm.upstream.behaviours = [reply(HARM, chunks=chunks)]
    answer = ask(litellm, guardrail, "Where?", stream=True)
    raw = answer.content.decode()
    answer.iter_lines = lambda: iter(raw.encode().splitlines())  # type: ignore[method-assign]
    assert "forbidden" not in raw
    assert "can't help" in raw
    if guardrail == "inside":
        found = events(answer)
        assert HARM.startswith(text(found).split("\n")[0][:20])
        assert finishes(found) == ["content_filter"]


def test_inside_a_stop_closes_the_upstream(litellm: Running) -> None:
    async def behave(request: Any, asked: Any) -> Any:
        """The phrase, then mild text for ever."""
        from aiohttp import web

        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = iter((MILD, f" the {WORD}. "))
        while True:
            piece = next(pieces, " more")
            event = {
                "id": "1",
                "model": "mock",
                "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
            }
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
            await asyncio.sleep(0.005)

    aborted = litellm.upstream.aborted
    litellm.upstream.behaviours = [behave]
    found = events(ask(litellm, "inside", "Where?", stream=True))
    assert finishes(found) == ["content_filter"]
    while litellm.upstream.aborted == aborted:
        time.sleep(0.05)
