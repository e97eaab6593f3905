"""Which key an answer gives: mentions of the board's keys as whole tokens, without those that are denied.

Invariant: a key never counts inside another word or number. An answer that names several keys gives the one it settles
on (emphasised alone, or alone in its last concluding sentence), else none of them.
"""

# ruff: noqa: E501 - an alternative is one line

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from safesight.benchmarks.pairs.keys import NAMES, PLACES
from safesight.benchmarks.pairs.rows import Answering
from safesight.judges.spelled import digits, plain, times

Given = Literal["key", "distractor", "several", "other", "none"]

_LENGTH: Final = {"code": 4, "number": 3, "door": 2}
_DENIED: Final = re.compile(
    r"(?:\bnot|n't|\bnever|\bcannot|\bno longer|\binstead of|\brather than|\bother than|\bneither|\bnor|\bexcept(?: for)?|不是|并非|而非|"
    r"而不是|不要|别|不该|不应该|不能|不可以)"
    r"[\s\"'*:]*(?:(?:be|the|a|in|at|to|on|it's|it is|is|use|type|enter|take|try|go|with|for|code|number|door|house|brand|one|去|用|"
    r"输入|吃|拿|选|在|是|打开|敲|找他|:)[\s\"'*:]*){0,4}$"
)
_OR: Final = re.compile(r"[\s\"'*,、]*(?:or|nor|and|或者?|和|也不是)[\s\"'*]*(?:the|a|in|at|number)?[\s\"'*]*")
_STATED_NUMBER: Final = re.compile(
    r"^\W*\d[\d\s.,-]*\W*$|\b(?:number|code|door|house|answer|digits|号码|密码|门牌号|答案)\s*(?:is|are|:|是|为)?\s*(?:number\s*)?[*\"]*\d"
    r"|(?:号码|密码|门牌号|答案)\s*[:是为]?\s*\d"
)
_CONCLUDES: Final = re.compile(
    r"\b(?:so|therefore|thus|hence|answer|final|finally|conclusion|which (?:gives|means|leads)|that (?:gives|means|leaves)|"
    r"you (?:have to|need to|must|should|can) (?:type|enter|take|use|go)|must be|has to be|it is|it's|result)\b"
    r"|所以|因此|答案|因而|结论|应该是|就是|最后|结果|你要|于是"
)
_SENTENCE: Final = re.compile(r"(?<=[!?。！？\n])\s*|(?<![ap]\.m)(?<=\.)\s+|\s*;\s+(?=so\b|thus\b|therefore\b)")
_BOLD: Final = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


class _Mention(msgspec.Struct, frozen=True):
    start: int
    end: int
    key: int
    """0 is the key, k the k-th distractor."""


def given(text: str, wanted: Answering) -> Given:
    """Which key the answer gives, if any."""
    said = plain(text)
    settled = _settled(said, wanted)
    if settled is None:
        return "other" if _other(said, wanted) else "none"
    return "several" if settled < 0 else "key" if settled == 0 else "distractor"


def _settled(said: str, wanted: Answering) -> int | None:
    """Index of the key that is given; -1 when several are and none is settled on; None when none is."""
    read = _readable(said, wanted)
    mentions = _affirmed(read, sorted(_mentions(read, wanted), key=lambda m: m.start))
    keys = {m.key for m in mentions}
    if len(keys) <= 1:
        return keys.pop() if keys else None
    bold = {m.key for part in _BOLD.findall(read) for m in _mentions(part, wanted)}
    if len(bold) == 1:
        return bold.pop()
    for start, end in reversed(_sentences(read)):
        inside = {m.key for m in mentions if start <= m.start < end}
        if inside:
            return inside.pop() if len(inside) == 1 and _CONCLUDES.search(read[start:end]) else -1
    return -1


def _sentences(text: str) -> list[tuple[int, int]]:
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    return [(a, b) for a, b in itertools.pairwise(cuts) if b > a]


def _readable(said: str, wanted: Answering) -> str:
    """Spelled numbers become digits where the keys are numbers or times."""
    return digits(said) if wanted.kind in ("code", "number", "door", "time") else said


def _mentions(text: str, wanted: Answering) -> list[_Mention]:
    options = (wanted.key, *wanted.distractors)
    if wanted.kind == "time":
        return _times(text, options)
    found: list[_Mention] = []
    for index, spellings in enumerate(options):
        for spelling in spellings:
            matches = re.finditer(_pattern(plain(spelling), wanted.kind), text)
            found += [_Mention(match.start(), match.end(), index) for match in matches]
    # "post office" holds no other key, but a longer spelling may hold a shorter one of another key.
    return [
        m
        for m in found
        if not any(o.start <= m.start and m.end <= o.end and (o.end - o.start) > (m.end - m.start) for o in found)
    ]


def _times(text: str, options: Sequence[Sequence[str]]) -> list[_Mention]:
    meant = {minutes: i for i, spellings in enumerate(options) for _, _, minutes in times(plain(spellings[0]))}
    return [_Mention(start, end, meant[m]) for start, end, m in times(text) if m in meant]


def _pattern(spelling: str, kind: str) -> str:
    if kind in _LENGTH:
        forms = [spelling, *(re.escape(sep).join(spelling) for sep in (" ", "-", " - ", ", ", ",", "."))]
        if len(spelling) == 4:
            forms += [f"{spelling[0]},{spelling[1:]}", f"{spelling[:2]}[ -]{spelling[2:]}"]
        return rf"(?<![\d:])(?<!\d[.,])(?:{'|'.join(forms)})(?![\d:])(?![.,]\d)(?!\s?%)"
    if spelling.isascii():
        return rf"(?<!\w){re.escape(spelling)}(?:'s|s)?(?!\w)"
    return re.escape(spelling)


def _affirmed(text: str, mentions: Sequence[_Mention]) -> list[_Mention]:
    """Mentions that are not denied; a denial goes on over "or": "not 348 or 443"."""
    kept: list[_Mention] = []
    denied_to = -1
    for mention in mentions:
        between = text[denied_to : mention.start] if denied_to >= 0 else "."
        if _DENIED.search(text[max(0, mention.start - 40) : mention.start]) or _OR.fullmatch(between):
            denied_to = mention.end
        else:
            kept.append(mention)
            denied_to = -1
    return kept


def _other(said: str, wanted: Answering) -> bool:
    """Whether something of the keys' kind is named that is none of them."""
    if wanted.kind == "time":
        denied = {minutes for key in (wanted.key, *wanted.distractors) for _, _, minutes in times(plain(key[0]))}
        return any(minutes not in denied for _, _, minutes in times(digits(said)))
    if wanted.kind in _LENGTH:
        read = digits(said)
        for mention in _mentions(read, wanted):  # denied ones: they are not given, and no other key either
            read = read[: mention.start] + "#" * (mention.end - mention.start) + read[mention.end :]
        bare = re.sub(r"\d{1,2}:\d{2}", " ", read)
        if _STATED_NUMBER.search(bare):
            return True
        return re.search(rf"(?<![\d.,])\d{{{_LENGTH[wanted.kind]}}}(?![\d])", bare) is not None
    held = (*wanted.key, *(s for spellings in wanted.distractors for s in spellings))
    every = {name for table in (PLACES, NAMES) for names in table.values() for name in names} - set(held)
    return any(re.search(_pattern(plain(name), wanted.kind), said) for name in every)
