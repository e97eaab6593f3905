"""Where text may hide in an upstream's reply: every string the model could have written is a guarded one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.wire.channels import read_event
from safesight.wire.event_shortcut import EventPattern
from safesight.wire.sse_relay import RelayReader, encode
from safesight.wire.strings import strings, unescaped
from safesight.wire.trimming import without_spelt

HIDDEN = "forbidden words"


def event(delta: Any, *, choice: dict | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None, **(choice or {})}]
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": choices, **more}).encode()


def told(payload: bytes) -> list[str]:
    """Every string that is judged."""
    read = read_event(payload)
    texts = [text for piece in read.pieces for text in (*piece.texts, *piece.beside, *piece.copies)]
    return [text.text for text in (*texts, *read.beside)]


def content(payload: bytes) -> str | None:
    """The content an event adds to its one choice; None where it adds anything else."""
    [piece] = read_event(payload).pieces
    if piece.beside or piece.ends or any(text.channel != "content" for text in piece.texts):
        return None
    return "".join(text.text for text in piece.texts)


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
    sent = without_spelt(payload, read_event(payload), 0 if read_event(payload).pieces else None)
    judged = HIDDEN.replace(" ", "") in "".join(told(payload)).replace(" ", "")
    assert judged or b"forbidden" not in sent


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
        read_event(event(delta))
    whole = {"choices": [{"index": 0, "message": delta}]}
    with pytest.raises(ValueError, match="cannot judge"):
        read_event(json.dumps(whole).encode())


PLACES: list[tuple[str, Any]] = [
    ("tool id", event({"tool_calls": [{"index": 0, "id": HIDDEN, "function": {"name": "f", "arguments": "{}"}}]})),
    ("tool type", event({"tool_calls": [{"index": 0, "id": "c1", "type": HIDDEN}]})),
    ("key of a delta", event({HIDDEN: 1})),
    ("key that is an identifier", event({"forbidden_words": 1})),
    ("key of an argument", event({"tool_calls": [{"function": {"name": "f", "arguments": {"forbidden": 1}}}]})),
    ("id of a citation", event({"citations": [{"id": HIDDEN}]})),
    ("role", event({"role": HIDDEN, "content": "hi"})),
    ("finish reason", event({}, choice={"finish_reason": HIDDEN})),
    ("native finish reason", event({}, choice={"native_finish_reason": HIDDEN})),
    ("stop reason", event({}, choice={"stop_reason": HIDDEN})),
    ("usage", event({}, usage={"total_tokens": 1, "note": HIDDEN})),
    ("timings", event({}, timings={"note": HIDDEN})),
    ("provider", event({}, provider=HIDDEN)),
    ("model", event({}, model=HIDDEN)),
    ("id", json.dumps({"id": HIDDEN, "choices": []}).encode()),
    ("object", json.dumps({"object": HIDDEN, "choices": []}).encode()),
    ("fingerprint", event({}, system_fingerprint=HIDDEN)),
    ("padding", event({}, obfuscation=HIDDEN)),
    ("filter results", event({}, choice={"content_filter_results": {"hate": {"severity": HIDDEN}}})),
    ("alternative token", event({"content": "a"}, choice={"logprobs": {"content": [
        {"token": "a", "top_logprobs": [{"token": HIDDEN}]}]}})),
    ("bytes of an alternative", event({"content": "a"}, choice={"logprobs": {"content": [
        {"token": "a", "top_logprobs": [{"token": "b", "bytes": list(HIDDEN.encode())}]}]}})),
    ("bytes", event({"content": "a"}, choice={"logprobs": {"content": [
        {"token": "a", "bytes": list(HIDDEN.encode())}]}})),
    ("error of a choice", event({}, choice={"error": {"message": HIDDEN}})),
]  # fmt: skip


@pytest.mark.parametrize(("place", "payload"), PLACES)
def test_no_place_is_trusted_by_its_name(place: str, payload: bytes) -> None:
    assert any("forbidden" in text for text in told(payload)), place


@pytest.mark.parametrize(
    "value",
    [
        {"id": "chatcmpl-9Yd3fPq1x7", "model": ""},
        {"id": "0196f2ab-77aa-7d21-b1f5-0d3d0b7f5b1c"},
        {"id": "gen-1732629134-x8aB", "system_fingerprint": "fp_44709d6fcb"},
    ],
)
def test_ids_of_a_servers_shape_are_no_text(value: dict[str, str]) -> None:
    assert told(json.dumps({**value, "choices": []}).encode()) == []
    [text] = told(json.dumps({"id": "chatcmpl-forbiddenword", "choices": []}).encode())
    assert text == "chatcmpl-forbiddenword"


MEDIA = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"


@pytest.mark.parametrize(
    "payload",
    [
        event({"generated": {"any_name": MEDIA}}),
        event({"content": [{"type": "image_url", "image_url": {"url": "data:image/svg+xml;utf8,<svg/>"}}]}),
        event({"content": [{"type": "text", "text": "data:image/png;charset=utf-8;base64,iVBO"}]}),
        event({}, choice={"images": [{"image_url": {"url": "https://example.org/x.png"}}]}),
        event({"content": "a"}, images=["x"]),
        event({"content": "a"}, thumbnails=["/9j/4AAQSkZJRgABAQAAAQABAAD"]),
        event({"content": "a"}, note="DATA:audio/wav;base64,UklGR"),
        event({"b64_json": "AAAA"}),
        event({"tool_calls": [{"function": {"name": "f", "arguments": {"picture": MEDIA}}}]}),
    ],
)
def test_media_by_any_name_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="cannot judge"):
        read_event(payload)


def test_what_speaks_of_pictures_is_none() -> None:
    call = {"function": {"name": "show", "arguments": {"image": "cat.png", "images": ["a.png"]}}}
    assert "cat.png" in told(event({"tool_calls": [call]}))
    signed = {"type": "reasoning.encrypted", "data": "gAAAAABk" * 40}
    assert len(told(event({"reasoning_details": [signed]}))) == 1
    assert read_event(event({"content": "The data: see below; base64, too."})).plain


@pytest.mark.parametrize(
    ("payload", "plain"),
    [
        (b'{"choices":[{"delta":{"content":"a"}}]}', True),
        (b'{"choices":[{"delta":{"content":"say \\"content\\": x"}}]}', True),
        (b'{"choices":[{"delta":{"content":"a","content":"b"}}]}', False),
        (b'{"choices":[{"delta":{"content":"a"}}],"choices":[]}', False),
        (b'{"choices":[],"a\\\\":1,"b":2,"b":3}', False),
        (b'{"choices":[{"delta":{"content":"a\\\\"}}]}', True),
        (b'{"choices":[{"delta":{"content":"a\\\\\\":"}}]}', True),
        (b'{"choices":[{"delta":{"content":":"}}]}', True),
        (b'{"choices":[{"delta":{"content":": a","content":":"}}]}', False),
        (b'{"choices" : [{"delta" : {"content" : "a"}}]}', True),
        ('{"choices":[{"delta":{"content":"a"}}]}'.encode("utf-16"), False),
        ('{"choices":[{"delta":{"content":"a"}}]}'.encode("utf-32-le"), False),
        (b'\xef\xbb\xbf{"choices":[]}', False),
        (b'{"choices":[{"delta":{"content":"\\ud83d"},"x":NaN}]}', True),
    ],
)
def test_bytes_leave_as_they_came_only_where_everybody_reads_the_same(payload: bytes, plain: bool) -> None:
    read = read_event(payload)
    assert read.plain is plain
    sent = without_spelt(payload, read, 0 if read.pieces else None)
    assert (sent == payload) is plain
    assert json.loads(sent) == read.value or b"NaN" in payload


def test_nulls_are_absences() -> None:
    assert read_event(b'{"choices":null,"usage":{"total_tokens":3}}').pieces == ()
    [piece] = read_event(b'{"choices":[{"index":null,"delta":null,"finish_reason":null,"logprobs":null}]}').pieces
    assert (piece.choice, piece.texts, piece.ends) == (0, (), False)
    for reason, ends in (("", False), ("null", False), (None, False), ("stop", True), ("eos", True)):
        assert read_event(event({}, choice={"finish_reason": reason})).pieces[0].ends is ends


def test_numbers_that_spell_leave_only_with_a_text_they_may_stand_for() -> None:
    numbers = {
        "token_ids": [70, 79],
        "logprobs": {"content": [{"token": "id:70", "bytes": [70]}]},
        "odd": {"x": [[1.5]]},
    }
    bare = event({"content": ""}, choice=numbers, prompt_token_ids=[1, 2])
    read = read_event(bare)
    assert json.loads(without_spelt(bare, read, 0)) == {**json.loads(event({"content": ""}))}
    shown = event(
        {"content": "F"}, choice={"token_ids": [70], "logprobs": {"content": [{"token": "F", "bytes": [70]}]}}
    )
    assert without_spelt(shown, read_event(shown), 0) == shown
    assert told(shown) == ["F"]


def test_numbers_in_a_message_are_read_like_those_beside_it() -> None:
    said = event({"content": "", "token_ids": [70, 79], "odd": {"x": [[1.5]]}})
    assert json.loads(without_spelt(said, read_event(said), 0)) == json.loads(event({"content": ""}))
    for numbers in (
        [102, 111, 114, 98],
        [102.0, 111.0, 114.0, 98.0],
        [[102], [111], [114], [98]],
        [[102, 111, 114, 98]],
    ):
        shown = event({"content": "F", "odd": numbers})
        assert without_spelt(shown, read_event(shown), 0) == shown
        assert "forb" in told(shown), numbers
    assert "forb" not in told(event({"content": "F", "token_ids": [1102, 1111, 1114, 1098]}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", []),
        ('{"a": "one\\nword two"}', ["a", "one\nword two"]),
        ('{"a": "\\u0077ord"}', ["a", "word"]),
        ('{"a": "\\u0077ord', ['{"a": "word']),
        (json.dumps({"a": json.dumps({"b": "one\ntwo"})}), ["a", '{"b": "one\\ntwo"}', "b", "one\ntwo"]),
        (json.dumps(json.dumps(json.dumps("a\nb"))), [json.dumps(json.dumps("a\nb")), json.dumps("a\nb"), "a\nb"]),
    ],
)
def test_json_in_a_string_is_read_decoded(text: str, found: list[str]) -> None:
    assert unescaped(text) == found


def test_what_the_server_writes_is_silent() -> None:
    filtered = {"content_filter_results": {"hate": {"severity": "safe"}}, "logprobs": None, "stop_reason": 128}
    more = {"system_fingerprint": "fp_1", "usage": None, "service_tier": "default"}
    assert told(event({"content": "calm"}, choice=filtered, **more)) == ["calm"]
    assert told(b'{"id":"c","choices":[],"usage":{"total_tokens":3}}') == []


def test_log_probabilities_of_the_text_itself_need_no_verdict_of_their_own() -> None:
    logprobs = {"content": [{"token": "ca", "logprob": -1, "top_logprobs": []}, {"token": "lm", "logprob": -1}]}
    assert told(event({"content": "calm"}, choice={"logprobs": logprobs})) == ["calm"]


def test_one_text_in_two_places_is_judged_once() -> None:
    assert told(event({"reasoning": "hm", "reasoning_content": "hm"})) == ["hm"]
    assert told(event({"content": "calm"}, choice={"text": "calm"})) == ["calm"]
    details = [{"type": "reasoning.text", "text": "hm"}]
    assert told(event({"reasoning": "hm", "reasoning_details": details})) == ["hm"]
    assert sorted(told(event({"reasoning": "hm", "reasoning_content": "other"}))) == ["hm", "other"]


def test_an_event_of_several_choices_comes_apart_whole() -> None:
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choices = [{"index": i, "delta": {"tool_calls": [call]}, "finish_reason": None} for i in range(2)]
    payload = json.dumps({"id": "c", "choices": choices}).encode()
    parts = [without_spelt(payload, read_event(payload), place) for place in range(2)]
    assert [json.loads(part) for part in parts] == [{"id": "c", "choices": [choice]} for choice in choices]


def test_the_strings_of_an_error_are_all_there() -> None:
    assert strings({"error": {"message": "a b", "inner": [{"odd key": "c"}]}}) == ["a b", "inner", "odd key", "c"]


texts = st.text(max_size=20) | st.sampled_from(['"', "\\", '"content":"x"', '"},"finish_reason":null}]}', "\u2028"])


@settings(deadline=None)
@given(st.lists(texts, min_size=2, max_size=12), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_the_learned_frame_reads_what_full_reading_reads(
    said: list[str], ascii_only: bool, separators: tuple[str, str]
) -> None:
    frame, learned = EventPattern(), 0
    for text in said:
        body = {"id": "c", "choices": [{"index": 2, "delta": {"content": text}, "finish_reason": None}], "model": "m"}
        payload = json.dumps(body, ensure_ascii=ascii_only, separators=separators).encode()
        read = read_event(payload)
        quick = frame.texts([payload])
        if not quick:
            frame.learn(payload, read)
        else:
            learned += 1
            assert (frame.choice, quick) == (2, [text])
    assert learned or not any(said[:-1])


def test_a_frame_is_not_fooled_by_what_looks_like_it() -> None:
    frame = EventPattern()
    plain = event({"content": "a"})
    frame.learn(plain, read_event(plain))
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
        frame = EventPattern()
        frame.learn(plain, read_event(plain))
        assert frame.texts([calm, other]) == frame.texts([calm, other, calm]) == ["calm"]
        assert frame.texts([other, calm, calm, other, calm, calm], 1) == ["calm", "calm"]
        assert frame.texts([other]) == []


bodies = st.text(alphabet='ab"\\,\n{}[]:é', max_size=6).map(str.encode)


@settings(deadline=None, max_examples=400)
@given(st.lists(bodies, min_size=1, max_size=6))
def test_events_read_together_are_read_as_alone(raw_bodies: list[bytes]) -> None:
    """Whatever stands between the quotes, valid or not, no string is read that full reading would not read."""
    frame = EventPattern()
    plain = event({"content": "CONTENT"})
    frame.learn(plain, read_event(plain))
    payloads = [plain.replace(b"CONTENT", body) for body in raw_bodies]
    alone: list[str] = []
    for payload in payloads:
        single = EventPattern()
        single.learn(plain, read_event(plain))
        found = single.texts([payload])
        if not found:
            break
        assert content(payload) == found[0]
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
    reader, found, start = RelayReader(), list[bytes](), 0
    for size in [*sizes, len(stream)]:
        found += reader.feed(stream[start : start + size])
        start += size
    assert [*found, *reader.flush()] == [*payloads, b"one\ntwo", b"three", b"z"]


def test_whole_events_take_the_short_way_and_stay_equal() -> None:
    reader = RelayReader()
    reads = [encode([b"a"]), encode([b"b", b"c"]), b"data: d\n", b"\ndata: e\n\n", encode([b"f"])]
    assert [payload for data in reads for payload in reader.feed(data)] == [b"a", b"b", b"c", b"d", b"e", b"f"]
