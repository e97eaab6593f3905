from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.wire import sse
from safesight.wire.sse import EventReader, EventTooLong

CASES = [
    (b'data: {"a": 1}\n\ndata: [DONE]\n\n', [b'{"a": 1}', b"[DONE]"]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    (b"data:no space\n\n", [b"no space"]),
    (b"data:  two spaces\n\n", [b" two spaces"]),
    (b": comment\nevent: x\nid: 3\nretry: 9\ndata: a\n\n", [b"a"]),
    (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
    (b"\xef\xbb\xbfdata: after a mark\n\n", [b"after a mark"]),
    (b"data: no blank line at the end", [b"no blank line at the end"]),
    (b"data: a\n\n\n\n: keep-alive\n\ndata: b\n\n", [b"a", b"b"]),
    (b"<!DOCTYPE html><html>\n<body></body>\n</html>\n", []),
    (b'{"error": {"message": "no stream"}}', []),
    (b"data: \n\n", [b""]),
    (b"database: x\n\n", []),
    (b"", []),
]


def read(chunks: list[bytes]) -> list[bytes]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.flush()


@pytest.mark.parametrize(("raw", "events"), CASES)
def test_reads_events(raw: bytes, events: list[bytes]):
    assert read([raw]) == events


@pytest.mark.parametrize(("raw", "events"), CASES)
def test_reads_them_the_same_byte_by_byte(raw: bytes, events: list[bytes]):
    assert read([raw[i : i + 1] for i in range(len(raw))]) == events


@given(st.data())
def test_any_chunking_gives_the_same_events(data: st.DataObject):
    piece = st.sampled_from([b"data: ", b"data:x", b"\n", b"\r", b"\r\n", b"\n\n", "é答".encode(), b": c", b"y"])
    raw = b"".join(data.draw(st.lists(piece, max_size=20)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    assert read([raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]) == read([raw])


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12), max_size=6))
def test_events_survive_the_round_trip(payloads: list[str]):
    raw = b"".join(b"data: " + payload.encode() + b"\n\n" for payload in payloads)
    assert read([raw]) == [payload.encode() for payload in payloads]


@pytest.mark.parametrize("chunk", [b"x" * 600, b"data: " + b"y" * 594 + b"\n"])
def test_something_without_end_is_refused(chunk: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    reader = EventReader()
    reader.feed(chunk)
    with pytest.raises(EventTooLong, match="server-sent events"):
        reader.feed(chunk)


def test_many_events_are_no_long_event(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    reader = EventReader()
    assert sum(len(reader.feed(b"data: 0123456789\n\n" * 4)) for _ in range(50)) == 200
