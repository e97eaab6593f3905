"""Events read by a learned shape are what full reading reads, whatever stands in their strings."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.wire.channels import Event, read_event
from safesight.wire.event_shape import EventShape

bodies = st.text(alphabet='ab"\\,\n{}[]:é ', max_size=8) | st.sampled_from(
    ["assistant", "stop", "data:image/png;base64,AAAA", "chatcmpl-7", '"},"finish_reason":"stop","x":{"a":"']
)


def event(text: str, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None, **more.pop("choice", {})}
    return json.dumps({"id": "chatcmpl-7", "model": "m", "choices": [choice], **more}, ensure_ascii=False).encode()


def told(read: Event) -> Any:
    return msgspec.to_builtins((read.pieces, read.beside, read.plain, read.spelt))


def in_full(payload: bytes) -> Any:
    try:
        return told(read_event(payload))
    except ValueError as error:
        return str(error)


def by_shape(shape: EventShape, payload: bytes) -> Any:
    """What the shape reads; None where it leaves the event to full reading."""
    try:
        read = shape.read(payload)
    except ValueError as error:
        return str(error)
    return None if read is None else told(read)


def dressed(kind: str, text: str, other: str) -> bytes:
    if kind == "padding":
        return event(text, p=other)
    if kind == "copy":
        return event(text, choice={"message": {"role": "assistant", "content": other}})
    if kind == "role":
        return event(text, choice={"delta": {"role": other, "content": text}})
    if kind == "finish":
        return event(text, choice={"finish_reason": other})
    if kind == "key":
        return event(text, **{other or "k": 1})
    if kind == "media":
        return event(text, choice={"delta": {"content": text, "image_url": other}})
    return event(text, choice={"text": other})


KINDS = ("padding", "copy", "role", "finish", "key", "media", "text")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(KINDS), st.lists(st.tuples(bodies, bodies), min_size=3, max_size=8))
def test_the_learned_shape_reads_what_full_reading_reads(kind: str, said: list[tuple[str, str]]) -> None:
    shape = EventShape()
    for text, other in said:
        payload = dressed(kind, text, other)
        expected, quick = in_full(payload), by_shape(shape, payload)
        if quick is None:
            if not isinstance(expected, str):
                shape.learn(payload, read_event(payload))
            continue
        assert quick == expected


@pytest.mark.parametrize("kind", ["padding", "copy", "text"])
def test_a_shape_is_learned_from_two_events(kind: str) -> None:
    shape = EventShape()
    for text in ("one", "two"):
        payload = dressed(kind, text, f"{text} beside")
        assert shape.read(payload) is None
        shape.learn(payload, read_event(payload))
    read = shape.read(dressed(kind, "three", "four"))
    assert read is not None
    assert told(read) == told(read_event(dressed(kind, "three", "four")))


def test_what_decides_how_an_event_is_read_is_no_hole() -> None:
    for kind in ("finish", "key"):
        shape = EventShape()
        for text in ("one", "two", "three", "four"):
            payload = dressed(kind, text, f"{text}x")
            assert shape.read(payload) is None
            shape.learn(payload, read_event(payload))
