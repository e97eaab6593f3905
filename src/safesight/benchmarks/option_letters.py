r"""The option letter an answer settles on: the one reader of multiple-choice answers, for every benchmark.

Invariant: an answer that settles on several letters, on none, or says that it cannot tell has none; nothing is guessed.
What is stated outright wins over what is merely mentioned, in this order (a letter without a statement is
case-sensitive, because "a" is a word):

    \boxed{B}, <answer>B</answer>, {"answer": "B"}      marked
    Answer: B    The correct option is (b).    答案是B    stated; of several statements the last counts
    B. The left one has a hat.    b)    B because ...    opens with it, explained later
    Option B is correct.    B fits best.                called right
    ...\n\nB    So: B    It is the left one, A.          closes with it
    It shows a hat, so (B) fits.                        the only option mentioned, and not as a wrong one
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_L: Final = r"(?P<letter>[A-Za-z])"
_ZH: Final = r"[\u4e00-\u9fff]"
_ITS_END: Final = rf"(?:(?![\w'’])|(?={_ZH}))"
"""A letter ends where no word goes on."""
_OPEN: Final = r"[\s\"'“‘(（\[【{<:：]*"

_MARKED: Final = re.compile(
    r"\\boxed\s*\{+\s*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{)?\s*\(?(?P<boxed>[^{}]{0,60}?)\)?\s*\}"
    r"|<answer>\s*(?P<tag>.{0,400}?)\s*</answer>"
    r"|\"(?:answer|choice|option)\"\s*:\s*\"(?P<json>[^\"]{0,60})\"",
    re.IGNORECASE | re.DOTALL,
)
_CUE: Final = (
    r"(?:\b(?:ans|answers?|(?:correct|right|best|true|chosen|final|my) (?:option|choice|letter|one|pick|selection)"
    r"|(?:best |final )?guess|it's|it is"
    r"|(?:i|i'd|i'll|i would|i will|we|would|must|should|will|to|and|so) (?:\w+ )?"
    r"(?:choose|pick|select|go with|say|opt for|vote for)|^\W*(?:choose|choosing|pick|select)"
    r"|the letter|letter of the (?:right|correct) (?:option|answer))\b"
    r"|答案|正确(?:的)?(?:选项|答案)|(?:应该?|我)?(?:选择|选)(?!项)|应为|我(?:认为|觉得)(?:是|为))"
)
_IS: Final = (
    r"(?:\s+(?:to|for|of) (?:this|the|your) (?:question|one)|\s+here)?"
    r"(?:\s*(?:is|was|are|'s|(?:would|should|must|has to) be|therefore|thus|clearly|probably|then|是|为|應為|应该?是"
    r"|:|：|=|-|–|→|->)){0,3}"
)
_KIND: Final = r"(?:\s*(?:the )?(?:option|choice|letter|answer|number|选项)\b)?"
_STATED: Final = re.compile(_CUE + _IS + _KIND + _OPEN + _L + _ITS_END, re.IGNORECASE | re.MULTILINE)
_LEADING: Final = re.compile(
    rf"^[\s\"'“‘(（\[【{{<>#-]*(?:(?:option|choice|选项)\s*)?(?:(?:[Pp]robably|[Ll]ikely|[Mm]aybe)\s+)?(?P<letter>[A-HJ-Za-hj-z])"
    r"(?P<stop>\s*[.)\]:：,，、。）】}>;；—–-]|\s*$|\s*\n"
    r"|\s+(?:because|since|as|is (?:the )?(?:correct|right|best)|fits)\b"
    rf"|\s?(?={_ZH}))",
)
_CALLED: Final = re.compile(
    r"(?P<letter>[A-HJ-Z])(?:[)）\]]|\b)\s*(?:,|，)?\s*(?:(?:is|was|would be|must be|seems|looks|fits"
    r"|matches)\s+(?:the |a )?"
    r"(?:only |most )?(?:correct|right|best|true|answer|accurate|better)|(?:fits|matches) best"
    r"|(?:项)?(?:是|为)?(?:正确|对)(?:的|答案)?)",
)
_CLOSING: Final = re.compile(
    r"(?:^|\n|[.!?。！？,，:：]\s*|\b(?:so|therefore|thus|hence|it's"
    r"|it is)\s*:?\s*)[\"'“(（\[*]*(?P<letter>[A-HJ-Z])[\"'”)）\]*]*"
    r"\s*[.。!！]?\s*$"
)
_MENTION: Final = re.compile(
    r"[(（\[【](?P<b>[A-Z])[)）\]】]|\b(?:[Oo]ption|[Cc]hoice|选项)\s*(?P<o>[A-Z])\b|(?<![A-Za-z])(?P<d>[A-Z])[)）](?!\w)"
)
_LIST: Final = re.compile(r"^\s*[(（\[]?([A-Z])\s*[.)\]:：、．]\s*\S", re.MULTILINE)
_TELLS_NOT: Final = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable to|impossible to|not possible to"
    r"|hard to)\s+(?:be )?(?:\w+ )?(?:tell|say|determine|"
    r"answer|decide|know|choose|identify|judge|determined|answered)|\b(?:not|n't) (?:sure|enough information)"
    r"|\bno idea\b|\bdon't know\b"
    r"|\bnone of (?:the|these)|\bneither\b|无法(?:判断|确定|回答|选择)|不知道|不确定|都不对|均不",
    re.IGNORECASE,
)
_NOT: Final = re.compile(
    r"(?:\bnot|cannot|n't|\bnever|\bneither|不是|不选|不应选|并非|排除)\W{0,3}(?:\w+\W+)?$", re.IGNORECASE
)
_WRONG: Final = re.compile(
    r"^\W{0,2}\s*(?:(?:is|are|was|be|seems|looks) (?:also |clearly |both )?(?:not|wrong|incorrect|false|out)"
    r"|isn't|aren't|doesn't|does not|can be"
    r" (?:ruled|excluded)|项?(?:是)?(?:不对|错|不正确|错误|不符))",
    re.IGNORECASE,
)
_ALSO: Final = re.compile(
    r"^[\"'”)）\]*.]*\s*(?:(?:,|，|、|/|\||&|\+|;)?\s*(?:and|or|and/or|either|和|或|与|及)\s+|[,，、/|&+]\s*|(?:和|或者?|与|及|跟)\s*)"
    r"(?:also |maybe |perhaps |option |choice |选项)?[\"'“(（\[]*([A-Za-z])[\"'”)）\]]*(?![\w'’])",
)
_ENDS: Final = re.compile(r"\s*[.)\]:,;。）】}\"'”]|\s*$|\s*\n")
_ARTICLE: Final = re.compile(r"\s+(?!(?:because|since|as|is|and|or|not|which|but)\b)[a-z]+")


_WRITTEN_WIDE: Final = {
    base + k: chr(first + k)
    for base, first in ((0x24B6, 65), (0xFF21, 65), (0x24D0, 97), (0xFF41, 97))
    for k in range(26)
}
"""Circled and full-width letters."""


def option_letter(text: str) -> str | None:
    """The letter an answer settles on, in upper case; None when it names none or several."""
    plain = re.sub(r"[*_`]+|\$", "", text.translate(_WRITTEN_WIDE)).strip()
    marked = list(_MARKED.finditer(plain))
    if marked:
        inside = next(part for part in reversed(marked[-1].groups()) if part is not None)
        return option_letter(inside.rstrip(".")) if len(inside) < len(plain) else None
    for settle in (_stated, _leading, _called, _closing, _mentioned):
        letters = settle(plain)
        if letters:
            return letters.pop() if len(letters) == 1 else None
    return None


def _stated(text: str) -> set[str]:
    last: set[str] = set()
    for found in _STATED.finditer(text):
        letter, after = found["letter"], text[found.end("letter") :]
        # "The answer is a hat", "I would say I see": words, not options.
        if (letter.islower() and not _ENDS.match(after)) or (letter in "Ii" and re.match(r"\s+\w", after)):
            continue
        if letter == "A" and _ARTICLE.match(after):
            continue
        if _NOT.search(text[max(0, found.start() - 30) : found.start("letter")]):
            continue
        last = {letter.upper(), *_also(after)}
    return last


def _leading(text: str) -> set[str]:
    found = _LEADING.match(text)
    if found is None or len(set(_LIST.findall(text))) > 1:
        return set()
    letter, stop = found["letter"], found["stop"].strip()
    if letter.islower() and not (stop[:1] in set(")]）】.:：") or not text[found.end("letter") :].strip(".。 ")):
        return set()
    after = text[found.end("letter") :]
    return set() if _WRONG.match(after) else {letter.upper(), *_also(after)}


def _called(text: str) -> set[str]:
    return {found["letter"] for found in _CALLED.finditer(text) if not _NOT.search(text[: found.start()])}


def _closing(text: str) -> set[str]:
    found = _CLOSING.search(text)
    if found is None or _TELLS_NOT.search(text):
        return set()
    own_line = text.splitlines()[-1].strip(" \t\"'()[].。") == found["letter"]
    return {found["letter"]} if own_line or len(set(_LIST.findall(text))) < 2 else set()


def _mentioned(text: str) -> set[str]:
    if _TELLS_NOT.search(text):
        return set()
    return set(_mentions(text))


def _mentions(text: str) -> Iterator[str]:
    for found in _MENTION.finditer(text):
        letter = found["b"] or found["o"] or found["d"]
        if not (_WRONG.match(text[found.end() :]) or _NOT.search(text[: found.start()])):
            yield letter
            yield from _also(text[found.end() :])


def _also(after: str) -> set[str]:
    """The letters joined to one: "A or B", "A, B"; an article after a comma is none."""
    letters: set[str] = set()
    while (found := _ALSO.match(after)) is not None:
        letter, rest = found[1], after[found.end() :]
        if (letter.islower() and found[0][-1:] not in ")）]") or (letter in "AI" and re.match(r"\s+[a-z]", rest)):
            break
        letters.add(letter.upper())
        after = rest
    return letters
