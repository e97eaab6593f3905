"""Node's `openai` client through the proxy: what it gets unflagged is what it gets from the model's server."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.settings import ProxySettings
from tests.models.mock_openai import MockOpenAI, in_thread, reply
from tests.node.running import RunScript
from tests.proxy.serving import serving

BODY = {"model": "mock", "messages": [{"role": "user", "content": "Who won?"}]}
MILD, FLAGGED = "The home team, after a long game.", "The home team, in the forbidden tower, after a long game."


@pytest.fixture(scope="module")
def urls() -> Generator[tuple[MockOpenAI, str]]:
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text="forbidden tower")])])
    with in_thread() as upstream, serving(ProxySettings(upstream=upstream.url), guard=guard) as (url, _):
        yield upstream, url


@pytest.mark.parametrize("stream", [True, False])
def test_an_unflagged_reply_is_the_upstreams(urls: tuple[MockOpenAI, str], node: RunScript, stream: bool) -> None:
    upstream, url = urls
    upstream.then = reply(MILD)
    direct = node("chat", url=upstream.url, stream=stream, body=BODY)
    assert direct.keys() == {"events" if stream else "completion"}
    assert node("chat", url=url, stream=stream, body=BODY) == direct


def test_a_flagged_stream_ends_as_filtered(urls: tuple[MockOpenAI, str], node: RunScript) -> None:
    upstream, url = urls
    upstream.then = reply(FLAGGED)
    events = node("chat", url=url, stream=True, body=BODY)["events"]
    choices = [choice for event in events for choice in event["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert "forbidden" not in text
    assert "I can't help" in text
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["content_filter"]
