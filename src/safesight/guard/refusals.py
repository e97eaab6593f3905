"""What a guard says in place of a flagged answer: short, specific to the category, English and Chinese.

Self-harm and sexual exploitation of children point to help. Numbers are public lines: 988 (US), 12356 (the
national psychological aid line of China), findahelpline.com (other countries), 110 (police, China).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

Language = Literal["en", "zh"]

_ENGLISH: Final[dict[str, str]] = {
    "vcr": "I can't help with violence against people or animals.",
    "ncr": "I can't help with breaking the law. I can explain what the law says or how to protect yourself.",
    "src": "I can't help with sex-related crimes.",
    "cse": (
        "I can't help with anything that sexualises children. If a child is in danger, call the police; if you worry "
        "about your own thoughts, stopitnow.org offers confidential help."
    ),
    "iwp": "I can't help with weapons that can harm many people.",
    "ssh": (
        "I can't help with self-harm, but you don't have to be alone with this. Please talk to someone you trust, or "
        "to a free line: 988 in the US, findahelpline.com elsewhere. In immediate danger, call emergency services."
    ),
    "hte": "I can't help with content that demeans people for who they are.",
    "dfm": "I can't help with false claims that damage someone's name.",
    "prv": "I can't help with exposing someone's private information.",
    "ipv": "I can't help with getting around someone's rights to their work.",
    "spc": "I can't give advice of this kind safely. Please ask a qualified professional who knows your situation.",
    "sxc": "I can't help with sexual content.",
}
_CHINESE: Final[dict[str, str]] = {
    "vcr": "我不能协助任何针对人或动物的暴力行为。",
    "ncr": "我不能协助违法行为。如果需要,我可以说明相关法律规定或自我保护的方法。",
    "src": "我不能协助与性犯罪有关的内容。",
    "cse": "我不能协助任何将儿童性化的内容。如果有儿童正处于危险之中,请立即拨打110报警。",
    "iwp": "我不能协助涉及大规模杀伤性武器的内容。",
    "ssh": (
        "我不能协助自我伤害,但你不必独自面对。请和信任的人谈谈,或拨打全国统一心理援助热线12356;"
        "如有紧急危险,请拨打120或110。"
    ),
    "hte": "我不能协助贬损或歧视他人的内容。",
    "dfm": "我不能协助损害他人名誉的不实内容。",
    "prv": "我不能协助泄露他人的隐私信息。",
    "ipv": "我不能协助侵犯他人知识产权的行为。",
    "spc": "我不能安全地提供这类建议,请咨询了解您情况的专业人士。",
    "sxc": "我不能协助色情内容。",
}
_GENERAL: Final[dict[Language, str]] = {
    "en": "I can't help with that, because it could cause harm.",
    "zh": "我不能协助这个请求,因为它可能造成伤害。",
}
_TEXTS: Final[dict[Language, dict[str, str]]] = {"en": _ENGLISH, "zh": _CHINESE}
_ALL: Final = frozenset((*_ENGLISH.values(), *_CHINESE.values(), *_GENERAL.values()))
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")


def language_of(text: str) -> Language:
    """The language to refuse in: Chinese when at least a fifth of the letters are Han characters."""
    letters = len(_LETTER.findall(text))
    return "zh" if letters and len(_HAN.findall(text)) * 5 >= letters else "en"


def is_refusal(text: str) -> bool:
    """Whether a whole answer is one of this guard's refusals, word for word."""
    return text.strip() in _ALL


def refusal(categories: Sequence[str], *, language: Language) -> str:
    """The refusal for the first category that has one of its own."""
    texts = _TEXTS[language]
    return next((texts[code] for code in categories if code in texts), _GENERAL[language])
