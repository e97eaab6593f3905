"""JSON from an upstream, and whether its bytes may leave as they are: only where every reader gets the value judged.

Readers differ on equal keys (some take the first), on character sets, and on what is no JSON but common (`NaN`, half a
surrogate pair; Python servers write both). What is not plain is re-encoded from the value that was judged. Sans-IO.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

import msgspec

from safesight.wire.foreign import UNDECODABLE

_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)', re.DOTALL)
_LIKE_KEY: Final = re.compile(rb'"\s*:')
_decode = msgspec.json.decode


class Decoded(NamedTuple):
    """A value, and whether the bytes it was read from mean nothing else to anybody."""

    value: Any
    plain: bool


def decode(raw: bytes) -> Decoded:
    """Decode JSON as leniently as clients do; of equal keys the last counts.

    Raises:
        ValueError: it is not JSON in UTF-8, UTF-16 or UTF-32.
    """
    try:
        value, utf8 = _decode(raw), True
    except UNDECODABLE:
        value, utf8 = _lenient(raw), _is_utf8(raw)
    keys = _keys(value)
    # What looks like a key is one, or the beginning of a string: where there are as few as keys, none comes twice.
    return Decoded(value, utf8 and (len(_LIKE_KEY.findall(raw)) == keys or _told(raw) == keys))


def encode(value: object) -> bytes:
    """Encode a decoded value."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.EncodeError):
        return json.dumps(value, separators=(",", ":")).encode()


def readable(text: str) -> str:
    """Text with the replacement character for each half of a surrogate pair that stands alone."""
    return text if text.isascii() or not _HALVES.search(text) else _HALVES.sub("\ufffd", text)


_HALVES: Final = re.compile("[\ud800-\udfff]")


def _lenient(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON: {error}") from None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw and not raw.startswith(b"\xef\xbb\xbf")


def _told(raw: bytes) -> int:
    """Keys that the bytes state, equal ones too: the strings that a colon follows."""
    return _STRING.findall(raw).count(b":")


def _keys(value: object) -> int:
    count = 0
    todo = [value]
    for item in todo:
        if isinstance(item, dict):
            count += len(item)
            todo += [inner for inner in item.values() if type(inner) in _CONTAINERS]
        elif isinstance(item, list):
            todo += [inner for inner in item if type(inner) in _CONTAINERS]
    return count


_CONTAINERS: Final = frozenset({dict, list})
