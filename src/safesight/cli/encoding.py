"""Output on consoles of any encoding: what a console cannot show is written with the nearest characters it can.

Invariant: no character of a table or a message ends a command. Files are always UTF-8; this is about terminals.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

ERRORS: Final = "safesight_nearest"
_NEAREST: Final = {
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "|",
    "…": "...",
    "→": "->",
    "←": "<-",
    "⇒": "=>",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "≈": "~",
    "±": "+-",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "•": "*",
    "✓": "+",
    "✗": "x",
    "Δ": "d",
    "κ": "kappa",
    "µ": "u",
    "²": "2",
}


def survive_any_console() -> None:
    """Let standard output and error write any text; streams that are not text files of ours stay as they are."""
    codecs.register_error(ERRORS, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # UTF-8 too: names of files may hold bytes that are no text
            stream.reconfigure(errors=ERRORS)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_plain(char) for char in found), error.end


def _plain(char: str) -> str:
    if char in _NEAREST:
        return _NEAREST[char]
    # Box drawing: rules stay rules, corners and crossings become one sign.
    if "\u2500" <= char <= "\u257f":
        return "-" if char in "─━═╌╍" else "|" if char in "│┃║" else "+"
    return "?"
