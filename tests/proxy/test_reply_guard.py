"""A guarded streamed reply, without I/O: any chunking, choices and channels; nothing unverified leaves."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.guard.guard import Guard
from safesight.guard.policy import Policy
from safesight.proxy.reply_guard import ReplyGuard
from safesight.wire.channels import FILTERED, read_event
from safesight.wire.chat_dialect import ChatDialect
from tests.guard.detectors import BAD, BrokenDetector, RunningWordDetector, WordDetector

POLICY = Policy()
WORDS = ["calm ", "street. ", "two people ", "说话。", "forb", "idden", "forbidden ", "\n", "é", "a" * 70, "Ok! "]
texts = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


def guard(detector: WordDetector | None = None, policy: Policy = POLICY) -> Guard:
    return Guard(policy, detectors=[detector or RunningWordDetector()])


def chunk(delta: dict, finish: str | None = None, index: int = 0, **more: object) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "c1", "created": 1, "model": "m", "choices": [choice], **more}).encode()


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(text[start : start + size])
        start += size
    return [p for p in [*pieces, text[start:]] if p]


def events(text: str, sizes: Sequence[int], field: str = "content") -> list[bytes]:
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({field: piece}) for piece in cut(text, sizes)),
        chunk({}, "stop"),
    ]


def run(payloads: Sequence[bytes], by: Guard | None = None) -> tuple[list[bytes], ReplyGuard]:
    """Drive a reply as the relay does, with a fixed replacement."""
    by = by or guard()
    reply = ReplyGuard(lambda channel: by.drive("q", channel=channel), ChatDialect())
    out: list[bytes] = []

    def settle() -> None:
        while reply.waiting or reply.stopped:
            waiting, reply.waiting = reply.waiting, {}
            for text in waiting.values():
                for drive in filter(None, (text.drive, text.decoded)):
                    asyncio.run(drive.settle())
                reply.settled(text)
            if reply.waiting:
                continue
            out.extend(reply.take())
            for choice in list(reply.stopped):
                reply.replace(choice, "[refused]", reason={"action": "refuse"})

    for payload in payloads:
        reply.feed(payload)
        settle()
        out += reply.take()
    reply.end()
    settle()
    out += reply.take()
    return out, reply


def text_of(payloads: Sequence[bytes], field: str = "content", index: int = 0) -> str:
    found = [c for p in payloads for c in json.loads(p)["choices"] if c["index"] == index]
    return "".join(c["delta"].get(field) or "" for c in found)


def finishes(payloads: Sequence[bytes], index: int = 0) -> list[str]:
    found = [c for p in payloads for c in json.loads(p)["choices"] if c["index"] == index]
    return [c["finish_reason"] for c in found if c["finish_reason"]]


sizes = st.lists(st.integers(1, 30), max_size=60)


@settings(deadline=None)
@given(texts.filter(lambda t: BAD not in t), sizes)
def test_a_safe_stream_is_the_upstreams_own_events(text: str, pieces: list[int]) -> None:
    payloads = [*events(text, pieces), b'{"id":"c1","choices":[],"usage":{"total_tokens":3}}']
    out, reply = run(payloads)
    assert out == payloads
    assert reply.leaked_chars == 0


@settings(deadline=None)
@given(texts, sizes, sizes)
def test_chunk_boundaries_never_change_what_is_seen(text: str, one: list[int], two: list[int]) -> None:
    (first, a), (second, b) = run(events(text, one)), run(events(text, two))
    assert text_of(first) == text_of(second)
    assert finishes(first) == finishes(second) == (["stop"] if BAD not in text else [FILTERED])
    assert a.leaked_chars == b.leaked_chars == 0


@settings(deadline=None)
@given(texts.filter(lambda t: BAD in t), sizes)
def test_nothing_of_the_window_that_fired_leaves(text: str, pieces: list[int]) -> None:
    out, reply = run(events(text, pieces))
    seen = text_of(out)
    assert seen.endswith("[refused]")
    assert BAD not in seen
    released = seen.removesuffix("[refused]")
    assert released == "" or released.endswith("\n\n")
    released = released.removesuffix("\n\n")
    assert text.startswith(released)
    assert len(released) <= text.index(BAD)
    assert reply.records[-1].action == "refuse"


@settings(deadline=None)
@given(texts, st.sampled_from(["content", "reasoning_content", "refusal", "tool", "audio_transcript"]))
def test_every_channel_is_guarded(text: str, field: str) -> None:
    if field == "tool":
        deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": p}}]} for p in cut(text, [7] * 99)]
    else:
        deltas = [{field: piece} for piece in cut(text, [7] * 99)]
    payloads = [*(chunk(d) for d in deltas), chunk({}, "stop")]
    out, _ = run(payloads)
    assert (out == payloads) == (BAD not in text)
    told = "".join(t.text for p in out for piece in read_event(p).pieces for t in (*piece.texts, *piece.beside))
    assert BAD not in told


def test_channels_that_take_turns_hide_nothing() -> None:
    """A word split over content that reasoning interrupts is still seen as one."""
    payloads = [
        chunk({"content": "this is forb"}),
        chunk({"reasoning_content": "hm. "}),
        chunk({"content": "idden stuff"}),
        chunk({}, "stop"),
    ]
    out, _ = run(payloads)
    assert "idden" not in text_of(out)
    assert finishes(out) == [FILTERED]


def test_one_bad_choice_does_not_end_the_others() -> None:
    both = [
        {"index": 0, "delta": {"content": "a calm street. "}, "finish_reason": None},
        {"index": 1, "delta": {"content": "a forbidden street. "}, "finish_reason": None},
    ]
    payloads = [
        json.dumps({"id": "c", "choices": both}).encode(),
        chunk({"content": "The end."}, index=0),
        chunk({"content": "More."}, index=1),
        chunk({}, "stop", 0),
        chunk({}, "stop", 1),
    ]
    out, reply = run(payloads)
    assert text_of(out, index=0) == "a calm street. The end."
    assert text_of(out, index=1) == "[refused]"
    assert (finishes(out, 0), finishes(out, 1)) == (["stop"], [FILTERED])
    assert not reply.over


def test_log_probabilities_leave_only_with_their_text() -> None:
    secret = {"content": [{"token": "forbidden", "logprob": -0.1}]}
    payloads = [chunk({"content": "well, "}), chunk({"content": "forbidden"}), chunk({}, "stop")]
    with_logprobs = [json.loads(p) for p in payloads]
    with_logprobs[1]["choices"][0]["logprobs"] = secret
    out, _ = run([json.dumps(p).encode() for p in with_logprobs])
    assert b"forbidden" not in b"".join(out)


@pytest.mark.parametrize("payload", [b"", b"{]", b"[]", b'{"choices": 3}', b'{"choices": [1]}'])
def test_what_is_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"expected|error"):
        run([payload])


def test_ten_thousand_faulted_streams_leak_nothing(count: Callable[[str], None]) -> None:
    """Broken detectors, cut streams and odd fields at random; with `halt` nothing unverified is sent."""
    rng = random.Random(7)
    kinds = [RunningWordDetector(), WordDetector(), *(BrokenDetector(h) for h in ("raise", "crash", "short", "nan"))]
    guards = [guard(kind) for kind in kinds]
    loop = asyncio.new_event_loop()
    leaked = stopped = 0
    for _ in range(10_000):
        by = rng.choice(guards)
        broken = isinstance(by.detectors[0], BrokenDetector)
        text = "".join(rng.choices(WORDS, k=rng.randrange(12)))
        payloads = events(text, [rng.randrange(1, 20) for _ in range(30)])
        payloads = payloads[: rng.randrange(len(payloads) + 1)]
        reply = ReplyGuard(lambda channel, by=by: by.drive("q", channel=channel), ChatDialect())
        sent: list[bytes] = []
        for payload in payloads:
            reply.feed(payload)
            waiting, reply.waiting = reply.waiting, {}
            for text in waiting.values():
                loop.run_until_complete(text.drive.settle())
                reply.settled(text)
            sent += reply.take()
        seen = text_of(sent)
        leaked += reply.leaked_chars + (len(seen) if broken else 0) + (BAD in seen)
        stopped += bool(reply.stopped)
    loop.close()
    count(f"proxy: 10,000 faulted streams, {stopped:,} stopped, {leaked} characters leaked")
    assert leaked == 0
    assert stopped > 1000


def test_taking_turns_counts_no_leak_and_keeps_every_safe_event() -> None:
    payloads = [
        chunk({"content": "A calm start that is long enough to be let out at once, is it not? "}),
        chunk({"reasoning_content": "hm. "}),
        chunk({"content": "More of a calm street, "}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
        chunk({}, "stop"),
        chunk({"role": "assistant", "content": ""}, usage={"total_tokens": 3}),
    ]
    out, reply = run(payloads)
    assert out == payloads
    assert reply.leaked_chars == 0
    flagged = [*payloads[:3], chunk({"content": "forbidden. "}), chunk({"content": "benign tail. "}), chunk({}, "stop")]
    out, reply = run(flagged)
    assert text_of(out).startswith("A calm start")
    assert BAD not in text_of(out)
    assert reply.leaked_chars == 0


def test_text_after_the_end_of_a_choice_is_guarded_too() -> None:
    payloads = [*events("A calm street.", []), chunk({"content": "a forbidden street"})]
    out, _ = run(payloads)
    assert BAD not in text_of(out)
    assert finishes(out) == ["stop", FILTERED]


def test_strings_beside_the_choices_leave_only_with_a_verdict() -> None:
    out, _ = run([chunk({"content": "calm. "}, citations=["a forbidden street"]), chunk({}, "stop")])
    assert BAD not in b"".join(out).decode()
    only = [b'{"choices":[],"text":"a forbidden street"}']
    out, _ = run(only)
    assert BAD not in b"".join(out).decode()


def test_log_probabilities_that_spell_something_else_are_judged_at_once() -> None:
    other = {"content": [{"token": "calm", "logprob": -1.0}]}
    payloads = [chunk({"content": f"word {i} "}) for i in range(9)]
    odd = json.loads(payloads[4])
    odd["choices"][0]["logprobs"] = other
    payloads[4] = json.dumps(odd).encode()
    payloads.append(chunk({}, "stop"))
    out, reply = run(payloads)
    assert out == payloads
    assert reply.leaked_chars == 0


def test_tool_calls_of_joined_choices_stay_tool_calls() -> None:
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    both = [{"index": i, "delta": {"tool_calls": [call]}, "finish_reason": None} for i in range(2)]
    out, _ = run([json.dumps({"id": "c", "choices": both}).encode(), chunk({}, "stop", 0), chunk({}, "stop", 1)])
    calls = [c["delta"]["tool_calls"] for p in out for c in json.loads(p)["choices"] if c["delta"]]
    assert calls == [[call], [call]]


@settings(deadline=None)
@given(texts, sizes)
def test_events_that_come_together_end_like_events_that_come_alone(text: str, pieces: list[int]) -> None:
    payloads = events(text, pieces)
    alone, _ = run(payloads)
    by = guard()
    reply = ReplyGuard(lambda channel: by.drive("q", channel=channel), ChatDialect())
    reply.feed(*payloads)
    reply.end()
    out = reply.take()
    for choice in list(reply.stopped):
        reply.replace(choice, "[refused]", reason={"action": "refuse"})
    out += reply.take()
    assert (text_of(out), finishes(out)) == (text_of(alone), finishes(alone))
    assert reply.leaked_chars == 0
    if BAD not in text:
        assert out == payloads
