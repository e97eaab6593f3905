"""Where text may hide in an upstream's reply: every string the model could have written is a guarded one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.wire.channels import Piece, read_chunk, read_reply, split_choices
from safesight.wire.event_shortcut import Frame
from safesight.wire.sse_relay import Reader, encode

HIDDEN = "forbidden words"


def event(delta: Any, *, choice: dict | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None, **(choice or {})}]
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": choices, **more}).encode()


@pytest.mark.parametrize(
    "payload",
    [
        event({"content": HIDDEN}),
        event({"content": [{"type": "text", "text": HIDDEN}]}),
        event({"refusal": HIDDEN}),
        event({"reasoning_details": [{"type": "reasoning.text", "text": HIDDEN}]}),
        event({"function_call": {"name": "f", "arguments": HIDDEN}}),
        event({"tool_calls": [{"index": 0, "function": {"name": HIDDEN}}]}),
        event({"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "f", "input": HIDDEN}}]}),
        event({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": {HIDDEN: 1}}}]}),
        event({"annotations": [{"title": HIDDEN}]}),
        event(HIDDEN),
        event({}, choice={"message": {"role": "assistant", "content": HIDDEN}}),
        event({}, choice={"text": HIDDEN}),
        event({"content": "calm"}, choice={"logprobs": {"content": [{"token": HIDDEN, "logprob": 0.0}]}}),
        event({}, choice={"logprobs": {"tokens": HIDDEN.split(" ")}}),
        event({"content": "calm"}, citations=[HIDDEN]),
        json.dumps({"message": HIDDEN}).encode(),
        json.dumps({"type": "response.output_text.delta", "delta": HIDDEN}).encode(),
        json.dumps({"choices": [], "text": HIDDEN, "usage": {}}).encode(),
    ],
)
def test_no_field_hides_text(payload: bytes) -> None:
    told = "".join(text for piece in read_chunk(payload) for _, text in piece.texts)
    assert HIDDEN.replace(" ", "") in told.replace(" ", "")


@pytest.mark.parametrize(
    "delta",
    [
        {"audio": {"data": "AAAA", "transcript": "hm"}},
        {"images": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ],
)
def test_what_cannot_be_judged_is_an_error(delta: dict) -> None:
    with pytest.raises(ValueError, match="cannot judge"):
        read_chunk(event(delta))
    whole = {"choices": [{"index": 0, "message": delta}]}
    with pytest.raises(ValueError, match="cannot judge"):
        read_reply(json.dumps(whole).encode())


def test_what_the_server_writes_is_silent() -> None:
    more = {"system_fingerprint": "fp", "usage": None, "obfuscation": "x8", "timings": {"note": "fast"}}
    filtered = {"content_filter_results": {"hate": {"severity": "safe"}}, "logprobs": None, "stop_reason": "END"}
    assert read_chunk(event({"content": "calm"}, choice=filtered, **more)) == [Piece(0, (("content", "calm"),), None)]
    assert read_chunk(b'{"id":"c","choices":[],"usage":{"total_tokens":3}}') == []


def test_log_probabilities_of_the_text_itself_need_no_verdict_of_their_own() -> None:
    logprobs = {"content": [{"token": "ca", "logprob": -1, "top_logprobs": []}, {"token": "lm", "logprob": -1}]}
    assert read_chunk(event({"content": "calm"}, choice={"logprobs": logprobs}))[0].texts == (("content", "calm"),)


def test_an_event_of_several_choices_comes_apart_whole() -> None:
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choices = [{"index": i, "delta": {"tool_calls": [call]}, "finish_reason": None} for i in range(2)]
    parts = split_choices(json.dumps({"id": "c", "choices": choices}).encode())
    assert [json.loads(part) for part in parts] == [{"id": "c", "choices": [choice]} for choice in choices]


texts = st.text(max_size=20) | st.sampled_from(['"', "\\", '"content":"x"', '"},"finish_reason":null}]}', "\u2028"])


@settings(deadline=None)
@given(st.lists(texts, min_size=2, max_size=12), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_the_learned_frame_reads_what_full_reading_reads(
    said: list[str], ascii_only: bool, separators: tuple[str, str]
) -> None:
    frame, learned = Frame(), 0
    for text in said:
        body = {"id": "c", "choices": [{"index": 2, "delta": {"content": text}, "finish_reason": None}], "model": "m"}
        payload = json.dumps(body, ensure_ascii=ascii_only, separators=separators).encode()
        pieces = read_chunk(payload)
        quick = frame.texts([payload])
        if not quick:
            frame.learn(payload, pieces)
        else:
            learned += 1
            assert (frame.choice, quick) == (2, [text])
    assert learned or not any(said[:-1])


def test_a_frame_is_not_fooled_by_what_looks_like_it() -> None:
    frame = Frame()
    plain = event({"content": "a"})
    frame.learn(plain, read_chunk(plain))
    calm = event({"content": "calm"})
    assert frame.texts([calm]) == ["calm"]
    for other in (
        event({"content": "calm", "refusal": HIDDEN}),
        event({"content": "calm"}, choice={"finish_reason": "stop"}),
        plain.replace(b'"a"', b'"a","refusal":"b"'),
        plain.replace(b'"a"', b'"a\nb"'),
        plain.replace(b'"a"', b'"a\\"'),
        plain[: len(plain) // 2 + 12],
    ):
        frame = Frame()
        frame.learn(plain, read_chunk(plain))
        assert frame.texts([calm, other]) == frame.texts([calm, other, calm]) == ["calm"]
        assert frame.texts([other, calm, calm, other, calm, calm], 1) == ["calm", "calm"]
        assert frame.texts([other]) == []


bodies = st.text(alphabet='ab"\\,\n{}[]:é', max_size=6).map(str.encode)


@settings(deadline=None, max_examples=400)
@given(st.lists(bodies, min_size=1, max_size=6))
def test_events_read_together_are_read_as_alone(raw_bodies: list[bytes]) -> None:
    """Whatever stands between the quotes, valid or not, no string is read that full reading would not read."""
    frame = Frame()
    plain = event({"content": "CONTENT"})
    frame.learn(plain, read_chunk(plain))
    payloads = [plain.replace(b"CONTENT", body) for body in raw_bodies]
    alone: list[str] = []
    for payload in payloads:
        single = Frame()
        single.learn(plain, read_chunk(plain))
        found = single.texts([payload])
        if not found:
            break
        assert read_chunk(payload) == [Piece(0, (("content", found[0]),) if found[0] else (), None)]
        alone += found
    assert frame.texts(payloads) == alone


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b'{"a":1}', b"[DONE]", b"x", b"\xe5\xa4\xa9"]), min_size=1), st.lists(st.integers(1, 9))
)
def test_events_are_read_alike_however_they_are_cut(payloads: list[bytes], sizes: list[int]) -> None:
    stream = (
        b": comment\n\n" + encode(payloads) + b"data: one\ndata: two\n\nevent: x\r\ndata:three\r\n\r\n" + encode([b"z"])
    )
    reader, found, start = Reader(), list[bytes](), 0
    for size in [*sizes, len(stream)]:
        found += reader.feed(stream[start : start + size])
        start += size
    assert [*found, *reader.flush()] == [*payloads, b"one\ntwo", b"three", b"z"]


def test_whole_events_take_the_short_way_and_stay_equal() -> None:
    reader = Reader()
    reads = [encode([b"a"]), encode([b"b", b"c"]), b"data: d\n", b"\ndata: e\n\n", encode([b"f"])]
    assert [payload for data in reads for payload in reader.feed(data)] == [b"a", b"b", b"c", b"d", b"e", b"f"]
