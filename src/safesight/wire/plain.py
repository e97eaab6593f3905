"""JSON that every reader reads alike: UTF-8, no key twice, no lone surrogate, no NaN, bounded depth. Sans-IO.

Two parsers may make two values of one text: the first or the last of equal keys, a surrogate kept or replaced. What
is judged here and read elsewhere must have one reading, so everything else is refused (RFC 8259, 4 and 8; I-JSON,
RFC 7493).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, cast

MAX_DEPTH: Final = 100
"""Schemas of tools reach 30; parsers and templates of servers break somewhere above 500."""
_DIGITS: Final = 400
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def read_plain(raw: bytes) -> object:
    """Decode JSON that has one reading.

    Raises:
        ValueError: it has none, or more than one; says which.
    """
    try:
        text = raw.decode()
        value = _decode(text)
    except UnicodeDecodeError:
        raise ValueError("expected JSON in UTF-8.") from None
    except RecursionError:
        raise ValueError(f"expected JSON nested at most {MAX_DEPTH} deep.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON: {error}.") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise ValueError(f"expected JSON nested at most {MAX_DEPTH} deep.")
    if _SURROGATE.search(text) and not all(map(_encodes, strings(value))):
        raise ValueError("expected whole characters, got half of a surrogate pair.")
    return value


def strings(value: object) -> Iterator[str]:
    """Every string of a decoded value, keys included, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from strings(item)
    elif isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            yield name
            yield from strings(item)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"expected every key of an object once, got {twice[:40]!r} twice.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"expected JSON, got a number of {len(digits)} digits.")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"expected JSON, got {name}.")


def _deeper(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(value: object) -> list[object]:
    """The lists and objects directly in a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in cast("list[object]", inside) if isinstance(item, list | dict)]


# Made once: `json.loads` makes a decoder a call where it is given hooks.
_decode = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer).decode


def write_plain(value: object) -> bytes:
    """Encode a value that `read_plain` gave, numbers as they were."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
