"""JSON with one reading passes as the standard library reads it; everything two parsers may differ on is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.wire.plain import MAX_DEPTH, read_plain, strings

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_has_one_reading_is_read(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    if "\ud800" <= max(text, default="") <= "\udfff":
        return
    assert read_plain(text.encode()) == value


REFUSED = {
    "equal keys": (b'{"a": 1, "a": 2}', "once"),
    "equal keys, deep": (b'{"x": [{"y": {"a": 1, "b": 0, "a": 2}}]}', "'a' twice"),
    "equal keys, escaped": (b'{"a": 1, "\\u0061": 2}', "once"),
    "half a surrogate pair": (b'{"a": "x\\ud800y"}', "surrogate"),
    "half a pair in a key": (b'{"\\uDC00": 1}', "surrogate"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "infinity": (b'{"a": -Infinity}', "Infinity"),
    "UTF-16": ('{"a": "x"}'.encode("utf-16"), "UTF-8"),
    "UTF-16 without its mark": ('{"a": "x"}'.encode("utf-16-le"), "expected JSON"),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
    "a byte-order mark": (b'\xef\xbb\xbf{"a": 1}', "expected JSON"),
    "two values": (b'{"a": 1}{"a": 2}', "expected JSON"),
    "a comma at the end": (b'{"a": 1,}', "expected JSON"),
    "single quotes": (b"{'a': 1}", "expected JSON"),
    "a comment": (b'{"a": 1} // x', "expected JSON"),
    "nothing": (b"", "expected JSON"),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "nested"),
    "deep objects": (b'{"a":' * 200 + b"1" + b"}" * 200, "nested"),
    "an endless number": (b"1" * 10_000, "expected JSON"),
}


@pytest.mark.parametrize(("raw", "says"), REFUSED.values(), ids=REFUSED)
def test_what_has_none_or_several_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_plain(raw)


def test_depth_is_counted_and_breadth_is_not() -> None:
    assert read_plain(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert read_plain(json.dumps([[]] * 5_000).encode()) == [[]] * 5_000
    assert read_plain(b'{"a": "' + b"[" * 5_000 + b'"}') == {"a": "[" * 5_000}


def test_an_escaped_pair_is_a_character() -> None:
    assert read_plain(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_keys_are_strings_too() -> None:
    assert list(strings({"a": ["b", {"c": 1}], "d": None})) == ["a", "b", "c", "d"]
