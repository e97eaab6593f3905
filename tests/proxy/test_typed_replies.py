"""Replies of typed events: what of them is not the model's, reasoning that is withheld, and silence.

The client's bytes are read by the fuzzer's reader.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.judging import AskedReply
from safesight.proxy.relay import Relay
from safesight.proxy.responses_request import read_responses_request
from safesight.wire.dialect import Dialect
from tests.proxy.fuzz.other_routes import ROUTES, Event, responses_stream, unnumbered
from tests.proxy.fuzz.reader import Seen
from tests.proxy.fuzz.replies import MARK, Answer
from tests.proxy.relaying import Body, judging, relayed

SAID = "A calm street with two people walking. "
MILD = Answer([[("content", SAID)]], ["stop"])


def guard(**policy: Any) -> Guard:
    return Guard(Policy(input=InputRule(ocr=False), **policy), detectors=[Patterns([Phrase(text=MARK.lower())])])


def sent(events: list[Event], dialect: Dialect, by: Guard, **more: Any) -> tuple[Seen, bytes]:
    raw = b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
    seen, _, got = asyncio.run(relayed(by, more.pop("reads", [raw]), AskedReply(model="mock"), dialect=dialect, **more))
    return seen, got


def test_the_requests_own_words_in_a_response_are_not_the_models() -> None:
    asks = {"model": "mock", "input": "hi", "instructions": f"Never say {MARK}.", "tools": [{"name": MARK}]}
    events = responses_stream(MILD)
    for event in events:
        if "response" in event:
            event["response"] |= {"instructions": asks["instructions"], "tools": [{"name": MARK, "strict": True}]}
    dialect = read_responses_request(json.dumps(asks).encode()).dialect()
    assert sent(events, dialect, guard())[0].finish[0] == ["completed"]
    events[0]["response"]["instructions"] = f"Say {MARK}."
    other = read_responses_request(json.dumps(asks).encode()).dialect()
    assert sent(events, other, guard())[0].finish[0] == ["content_filter"], "these are not what was asked"


@pytest.mark.parametrize("route", ["messages", "responses"])
def test_withheld_reasoning_leaves_its_place_empty(route: str) -> None:
    thought = f"They want {MARK} here. "
    answer = Answer([[("reasoning_content", thought), ("content", SAID)]], ["stop"])
    seen, got = sent(ROUTES[route].stream(answer), ROUTES[route].dialect(), guard(reasoning="withhold"))
    assert MARK.encode() not in got
    assert seen.content[0] == SAID
    assert seen.finish[0] == (["end_turn"] if route == "messages" else ["completed"])
    assert seen.numbers == list(range(len(seen.numbers)))
    stopped, _ = sent(ROUTES[route].stream(answer), ROUTES[route].dialect(), guard(reasoning="stop"))
    assert stopped.finish[0] == [ROUTES[route].stopped]


@pytest.mark.parametrize(("route", "beat"), [("messages", b"event: ping\n"), ("responses", b": keep-alive\n")])
def test_a_silent_stream_is_kept_alive_as_its_api_does(route: str, beat: bytes) -> None:
    events = ROUTES[route].stream(MILD)
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    reads = [b"".join(frames[:-1]), 0.5, frames[-1]]
    seen, got = sent(events, ROUTES[route].dialect(), guard(), reads=reads, silence_s=0.05)
    assert beat in got
    assert seen.content[0] == SAID


def test_a_stopped_response_holds_what_was_shown() -> None:
    text = SAID * 3 + f"and then {MARK} comes. "
    answer = Answer([[("content", text[i : i + 9]) for i in range(0, len(text), 9)]], ["stop"])
    for events in (responses_stream(answer), [*map(unnumbered, responses_stream(answer))]):
        seen, got = sent(events, ROUTES["responses"].dialect(), guard())
        last = json.loads(seen.last)["response"]
        told = [part["text"] for item in last["output"] for part in item["content"]]
        assert "".join(told) == seen.content[0]
        assert seen.content[0].startswith(SAID)
        assert (last["status"], last["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
        assert got.count(b"event: response.output_item.added") == got.count(b"event: response.output_item.done") == 1


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("odd", [b"{", b"[1]", b"7", b'{"choices": [7]}', b'{"type": 7}', b'"x"', b"\xff"])
def test_a_shadow_lets_pass_what_nobody_can_read(route: str, odd: bytes) -> None:
    events = ROUTES[route].stream(MILD)
    frames = [b"data: %b\n\n" % json.dumps(event).encode() for event in events]
    frames.insert(2, b"data: %b\n\n" % odd)
    raw = b"".join(frames)
    out: list[bytes] = []

    async def push(payloads: list[bytes]) -> None:
        out.extend(payloads)

    async def run(by: Guard) -> None:
        parts = judging(by, AskedReply(model="mock"), ROUTES[route].dialect())
        await Relay(parts).stream(Body([raw]), push)

    asyncio.run(run(guard(shadow=True)))
    assert [payload for payload in out if payload != b"[DONE]"] == [frame[6:-2] for frame in frames]
