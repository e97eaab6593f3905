"""Reads the phrase files that SafeSight's own rows are made of: JSON beside the code, one typed struct each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

T = TypeVar("T")


@cache
def phrases(name: str, kind: type[T]) -> T:
    """The phrases in `NAME.json` of this package, read once."""
    return msgspec.json.decode((files("safesight.train") / f"{name}.json").read_bytes(), type=kind)
