"""One guard: the same text gets the same decision, released text and events in the library and in the proxy, whole or
streamed, whatever the policy, the detectors and the chunks.

The expected value of each path is what the others say; that a decision is right is tested elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safesight.core.messages import user
from safesight.core.protocols import Delta, Detector
from safesight.core.records import Exchange, GuardEvent, Harm, Reply
from safesight.guard.findings import Checked, Request
from safesight.guard.guard import Guard
from safesight.guard.policy import CategoryRule, DetectorRule, InputRule, Policy, StreamRule
from safesight.proxy.judging import AskedReply, Judging, Tally
from safesight.proxy.relay import Relay
from safesight.proxy.whole_reply import guard_whole

NO_INPUT = InputRule(text=False, ocr=False)
ASKED = [user("How?")]
WORDS = ("mild", "grave", "doubt", "calm")
SCORES = {"mild": 0.55, "grave": 0.95, "doubt": 0.4, "calm": 0.05}


def harm_of(text: str, *, latest: bool) -> Harm:
    """The score of the last (or worst) word of `text` that has one."""
    found = sorted((text.rfind(word), word) for word in WORDS if word in text)
    if not found:
        return Harm(harm=0.05)
    word = found[-1][1] if latest else max((w for _, w in found), key=SCORES.__getitem__)
    return Harm(harm=SCORES[word], categories={"spc": 0.55} if word == "mild" else {})


class Scorer:
    """Scores a text by its worst word."""

    fingerprint = "scorer"
    threshold = 0.5

    def __init__(self, name: str, *, latest: bool) -> None:
        self.name = name
        self.latest = latest
        self.read: list[str] = []

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        await asyncio.sleep(0)
        self.read += [exchange.answer for exchange in exchanges]
        return [harm_of(exchange.answer, latest=self.latest) for exchange in exchanges]

    async def aclose(self) -> None:
        return


class RunningScorer(Scorer):
    """The same with a running score; `latest` makes it fall again after a worse word."""

    def session(self, question: str) -> RunningScore:
        return RunningScore(self.latest)


class RunningScore:
    def __init__(self, latest: bool) -> None:
        self.text = ""
        self.latest = latest

    def feed(self, text: str) -> Harm:
        self.text += text
        return harm_of(self.text, latest=self.latest)


class Upstream:
    """A reply's body as bytes, in the pieces of a list."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self.at_end = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece

    def close(self) -> None:
        return


class Outcome(msgspec.Struct, frozen=True):
    """What became of an answer."""

    stopped: bool
    shown: str
    """What was shown of it: of a whole answer that was stopped nothing, so that only streams compare it."""
    events: tuple[GuardEvent, ...]


def typed(events: Sequence[GuardEvent]) -> tuple[GuardEvent, ...]:
    return tuple(msgspec.structs.replace(event, latency_ms=0.0) for event in events if event.kind != "input")


REFUSAL = "I can't "


def before_refusal(text: str) -> str:
    return text.partition(REFUSAL)[0].removesuffix("\n\n") if REFUSAL in text else text


async def library_whole(guard: Guard, text: str) -> Outcome:
    reply = await guard.protect(Reply(status="ok", text=text, finish_reason="stop"), messages=ASKED)
    stopped = reply.finish_reason == "content_filter"
    return Outcome(stopped, "" if stopped else reply.text, typed(reply.guard_events))


async def library_stream(guard: Guard, chunks: Sequence[str]) -> Outcome:
    async def deltas() -> AsyncIterator[Delta]:
        for chunk in chunks:
            yield Delta(text=chunk)
        yield Delta(finish_reason="stop")

    stream = guard.stream(ASKED, deltas())
    said = [delta async for delta in stream]
    shown = "".join(delta.text for delta in said)
    return Outcome(said[-1].finish_reason == "content_filter", before_refusal(shown), typed(stream.events))


def judging(guard: Guard) -> Judging:
    checked = Checked(decision=None, outcomes=(), latency_ms=0.0)
    request = Request(question="How?", images=(), checked=checked)
    return Judging(guard, request, Tally(), AskedReply())


async def proxy_whole(guard: Guard, text: str) -> Outcome:
    parts = judging(guard)
    message = {"role": "assistant", "content": text}
    raw = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    [choice] = json.loads((await guard_whole(parts, raw)).body)["choices"]
    stopped = choice["finish_reason"] == "content_filter"
    return Outcome(stopped, "" if stopped else choice["message"]["content"], typed(parts.tally.events))


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


async def proxy_stream(guard: Guard, chunks: Sequence[str], *, together: bool) -> Outcome:
    parts = judging(guard)
    body = [*(event({"content": chunk}) for chunk in chunks), event({}, "stop"), b"data: [DONE]\n\n"]
    sent: list[bytes] = []

    async def push(payloads: list[bytes]) -> None:
        sent.extend(payloads)

    await Relay(parts).stream(Upstream([b"".join(body)] if together else body), push)
    choices = [choice for payload in sent if payload != b"[DONE]" for choice in json.loads(payload)["choices"]]
    shown = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert sent[-1] == b"[DONE]"
    finish = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    return Outcome(finish == ["content_filter"], before_refusal(shown), typed(parts.tally.events))


pieces = st.sampled_from(
    ["calm ", "a street. ", "grave ", "mild ", "doubt ", "gra", "ve", "好的。", "\n", "x" * 40, "Ok! ", "word "]
)
texts = st.lists(pieces, max_size=40).map("".join)
rules = st.builds(
    StreamRule,
    windows=st.sampled_from(["window", "sentence", "full", "audit"]),
    window_chars=st.integers(16, 70),
    min_chars=st.integers(3, 16),
    hold_chars=st.sampled_from([0, 5, 32, 200]),
    context_chars=st.sampled_from([0, 7, 500]),
    max_held_chars=st.sampled_from([300, 262_144]),
    debounce=st.integers(1, 3),
    hysteresis=st.sampled_from([0.0, 0.2]),
)
whens = st.sampled_from(["every", "end"])
later = st.lists(st.tuples(st.sampled_from(["every", "grey", "end"]), st.booleans(), st.booleans()), max_size=2)
actions = st.sampled_from(["refuse", "halt", "annotate", "release"])
cuts = st.lists(st.integers(0, 900), max_size=30)


def chunked(text: str, at: Sequence[int]) -> list[str]:
    edges = [0, *sorted({cut % (len(text) + 1) for cut in at}), len(text)]
    return [text[a:b] for a, b in pairwise(edges) if b > a]


def guards(policy: Policy, kinds: Sequence[tuple[bool, bool]]) -> Guard:
    detectors: list[Detector] = [
        (RunningScorer if running else Scorer)(f"d{i}", latest=latest) for i, (running, latest) in enumerate(kinds)
    ]
    return Guard(policy, detectors=detectors)


@pytest.mark.timeout(600)
@given(
    text=texts,
    at=cuts,
    rule=rules,
    first=st.tuples(whens, st.booleans(), st.booleans()),
    more=later,
    action=actions,
    mild=actions,
    shadow=st.booleans(),
)
@example("", [], StreamRule(), ("end", True, False), [], "refuse", "annotate", False)
@settings(max_examples=250, deadline=None)
def test_library_and_proxy_whole_and_streamed_decide_alike(
    text: str,
    at: list[int],
    rule: StreamRule,
    first: tuple[Any, bool, bool],
    more: list[tuple[Any, bool, bool]],
    action: Any,
    mild: Any,
    shadow: bool,
) -> None:
    entries = [first, *more]
    policy = Policy(
        input=NO_INPUT,
        stream=rule,
        action=action,
        shadow=shadow,
        categories={"spc": CategoryRule(action=mild)},
        detectors=tuple(DetectorRule(name=f"d{i}", when=when) for i, (when, _, _) in enumerate(entries)),
    )
    kinds = [(running, latest) for _, running, latest in entries]
    chunks = chunked(text, at)

    async def run() -> list[Outcome]:
        return [
            await library_whole(guards(policy, kinds), text),
            await proxy_whole(guards(policy, kinds), text),
            await library_stream(guards(policy, kinds), chunks),
            await proxy_stream(guards(policy, kinds), chunks, together=False),
            await proxy_stream(guards(policy, kinds), chunks, together=True),
        ]

    whole, proxied, live, sent, at_once = asyncio.run(run())
    assert whole == proxied
    assert live == sent == at_once
    assert whole.stopped == live.stopped
    assert whole.events == live.events
    if not live.stopped:
        assert live.shown == whole.shown == text
    assert text.startswith(live.shown)


@pytest.mark.parametrize("when", ["every", "end"])
def test_what_a_detector_without_a_running_score_reads_is_the_policys_choice_in_every_path(when: Any) -> None:
    text = "A calm street with two people. " * 9
    policy = Policy(
        input=NO_INPUT,
        stream=StreamRule(context_chars=0),
        detectors=(DetectorRule(name="fast"), DetectorRule(name="slow", when=when)),
    )
    read: list[list[str]] = []
    for path in (library_whole, proxy_whole, library_stream, proxy_stream):
        slow = Scorer("slow", latest=False)
        guard = Guard(policy, detectors=[RunningScorer("fast", latest=False), slow])
        if path in (library_whole, proxy_whole):
            asyncio.run(path(guard, text))
        elif path is library_stream:
            asyncio.run(library_stream(guard, chunked(text, [7, 100])))
        else:
            asyncio.run(proxy_stream(guard, chunked(text, [9, 50]), together=False))
        read.append(slow.read)
    assert read == [read[0]] * 4
    assert read[0] == ([text] if when == "end" else ["A calm street with two people. "] * 9)


def test_nothing_leaves_before_the_end_where_no_detector_reads_windows() -> None:
    policy = Policy(input=NO_INPUT, detectors=(DetectorRule(name="d", when="end"),))
    text = "A calm street with two people. " * 9 + "A grave end."
    for running in (True, False):
        found = asyncio.run(library_stream(guards(policy, [(running, False)]), chunked(text, [50, 99])))
        assert (found.stopped, found.shown) == (True, "")


def test_an_end_tier_reads_an_answer_too_long_to_be_held_in_stretches_that_cover_it() -> None:
    rule = StreamRule(max_held_chars=400, context_chars=0)
    policy = Policy(input=NO_INPUT, stream=rule, detectors=(DetectorRule(name="a"), DetectorRule(name="b", when="end")))
    text = "A calm street with two people. " * 90
    end = Scorer("b", latest=False)
    guard = Guard(policy, detectors=[RunningScorer("a", latest=False), end])
    asyncio.run(library_stream(guard, [text]))
    assert "".join(end.read) == text
    assert max(map(len, end.read)) <= 500
