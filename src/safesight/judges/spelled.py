"""Numbers and times as people spell them, English and Chinese, brought to digits: "four seven", "下午三点一刻".

Invariant: what is already digits stays as it is; a word that is no number is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_UNITS: Final = {
    word: n
    for n, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
} | {"oh": 0}
_TENS: Final = {
    w: 10 * n for n, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_NUMBER_WORD: Final = "|".join((*_TENS, *sorted(_UNITS, key=len, reverse=True), "hundred", "thousand"))
_SPELLED: Final = re.compile(
    rf"\b(?:{_NUMBER_WORD})(?:(?:[\s-]+(?:and\s+)?|,\s*(?=(?:{_NUMBER_WORD})\b))(?:{_NUMBER_WORD}))*\b"
)
_HAN_DIGITS: Final = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "幺": 1}
_HAN_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_HAN: Final = re.compile(r"[零〇一二两三四五六七八九幺十百千]+")
_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "`": " ", "_": " "})


def plain(text: str) -> str:
    """Case, width and quotes evened out; asterisks of emphasis kept."""
    return unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()


def digits(text: str) -> str:
    """Spelled numbers as digits; `text` as `plain` gives it."""
    return _HAN.sub(_han, _SPELLED.sub(_english, text))


def _english(match: re.Match[str]) -> str:
    words = re.findall(r"[a-z]+", match[0])
    words = [word for word in words if word != "and"]
    if words == ["one"] or words == ["oh"]:
        return match[0]  # "which one", "oh"
    if len(words) > 1 and all(word in _UNITS and _UNITS[word] < 10 for word in words):
        return "".join(str(_UNITS[word]) for word in words)  # spelled out digit by digit
    parts: list[int] = []
    last = ""
    for word in words:
        if word in ("hundred", "thousand"):
            factor = 100 if word == "hundred" else 1000
            parts = [*parts[:-1], (parts[-1] if parts else 1) * factor]
        elif last in _TENS and word in _UNITS and 0 < _UNITS[word] < 10 and parts:
            parts[-1] += _UNITS[word]
        elif last in ("hundred", "thousand") and parts:
            parts[-1] += _UNITS.get(word, _TENS.get(word, 0))
        else:
            parts.append(_UNITS.get(word, _TENS.get(word, 0)))
        last = word
    return "".join(str(part) for part in parts)  # "fifty-one eighty" is 5180


def _han(match: re.Match[str]) -> str:
    run = match[0]
    if not set(run) & set(_HAN_UNITS):
        return "".join(str(_HAN_DIGITS[c]) for c in run)
    total, digit = 0, 0
    for char in run:
        if char in _HAN_UNITS:
            total += (digit or 1) * _HAN_UNITS[char]
            digit = 0
        else:
            digit = _HAN_DIGITS[char]
    return str(total + digit)


_CLOCK: Final = re.compile(
    r"(?<![\d:.])(?P<h>[01]?\d|2[0-3])\s?[:.h]\s?(?P<m>[0-5]\d)(?!\d)\s*(?P<half>[ap]\.?\s?m\b)?"
    r"|(?<![\d:.])(?P<h2>1[0-2]|[1-9])\s?(?P<half2>[ap]\.?\s?m\b)"
    r"|(?<![\d:.])(?P<h3>1?\d)\s?o'?\s?clock(?:\s+in the (?P<day>morning|afternoon|evening))?"
    r"|(?P<rel>(?:a )?quarter past|(?:a )?quarter to|half past|half-past)\s+(?P<h4>1[0-2]|[1-9])(?!\d)"
    r"|(?<![\d:.])(?P<h5>1[0-2]|[1-9])(?P<m5>[0-5]\d)(?![\d:])(?![.,]\d)"  # "seven forty-five", as `digits` leaves it
    r"|(?P<zday>上午|早上|下午|晚上|傍晚)?\s?(?<!\d)(?P<zh>2[0-3]|1?\d)\s?点(?:\s?(?:(?P<zq>1刻|3刻|半|整|钟)|(?P<zm>[0-5]?\d)\s?分?))?"
)


def times(text: str) -> list[tuple[int, int, int]]:
    """Times of day in `digits(plain(...))`: start, end and minutes after noon.

    An hour without a half of the day is taken for the afternoon: every key is one.
    """
    found: list[tuple[int, int, int]] = []
    for match in _CLOCK.finditer(text):
        read = _minutes(match)
        if read is not None:
            found.append((match.start(), match.end(), read))
    return found


def _minutes(match: re.Match[str]) -> int | None:
    hour = int(next(match[name] for name in ("h", "h2", "h3", "h4", "h5", "zh") if match[name]))
    minute = int(match["m"] or match["m5"] or match["zm"] or 0)
    minute += {"1刻": 15, "3刻": 45, "半": 30}.get(match["zq"] or "", 0)
    if match["rel"]:
        minute = 30 if "half" in match["rel"] else 15
        if match["rel"].endswith("to"):
            hour, minute = hour - 1, 45
    morning = (match["half"] or match["half2"] or "").startswith("a") or match["day"] == "morning"
    morning = morning or match["zday"] in ("上午", "早上")
    if morning:
        return None if hour > 12 else (hour - 12) * 60 + minute
    return (hour - 12 if hour >= 12 else hour) * 60 + minute
