"""What a guard says in place of a flagged answer: short, specific to the category; the operator's words, or ours.

Ours are English and Chinese. In the operator's, `{category}` stands for what was found, by its plain name.

Self-harm and sexual exploitation of children point to help. Numbers are public lines: 988 (US), 12356 (the
national psychological aid line of China), findahelpline.com (other countries), 110 (police, China).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Final, Literal

from safesight.core.taxonomy import HAZARDS, OTHER, hazard_name
from safesight.guard.policy import DEFAULT, Policy

ShippedLanguage = Literal["en", "zh"]

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
_GENERAL: Final[dict[ShippedLanguage, str]] = {
    "en": "I can't help with that, because it could cause harm.",
    "zh": "我不能协助这个请求,因为它可能造成伤害。",
}
_TEXTS: Final[dict[ShippedLanguage, dict[str, str]]] = {"en": _ENGLISH, "zh": _CHINESE}
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_PLACE: Final = "{category}"
_SAID: Final = {text.strip() for text in chain(_ENGLISH.values(), _CHINESE.values(), _GENERAL.values())}
"""Every refusal that a guard of this process may have said: clients send conversations again, under whatever policy."""


def language_of(text: str) -> ShippedLanguage:
    """The language to refuse in: Chinese when at least a fifth of the letters are Han characters."""
    letters = len(_LETTER.findall(text))
    return "zh" if letters and len(_HAN.findall(text)) * 5 >= letters else "en"


def is_refusal(text: str) -> bool:
    """Whether a whole answer is a guard's refusal, word for word."""
    return text.strip() in _SAID


def refusal(categories: Sequence[str], *, language: ShippedLanguage) -> str:
    """The shipped refusal for the first category that has one of its own."""
    texts = _TEXTS[language]
    return next((texts[code] for code in categories if code in texts), _GENERAL[language])


class RefusalTexts:
    """The refusals of one policy."""

    def __init__(self, policy: Policy) -> None:
        """Take the operator's texts; they are known as refusals from then on."""
        self._policy = policy
        codes = {*HAZARDS, OTHER, *policy.categories}
        for texts in policy.refusals.values():
            for text in texts.values():
                _SAID.update(self._filled(text, code).strip() for code in ("", *codes))

    def text(self, question: str, categories: Sequence[str] = ()) -> str:
        """The refusal of an answer to `question`: for the first category that has a text, or the default one."""
        chosen = self._policy.languages.refusals
        language = language_of(question) if chosen == "auto" else chosen
        own = self._policy.refusals.get(language, {})
        named = next((code for code in categories if code in own), "")
        if named or DEFAULT in own:
            return self._filled(own.get(named) or own[DEFAULT], named or next(iter(categories), ""))
        return refusal(categories, language="zh" if language == "zh" else "en")

    def _filled(self, text: str, code: str) -> str:
        rule = self._policy.categories.get(code)
        name = (rule.name if rule else "") or hazard_name(code)
        return text.replace(_PLACE, name if code not in ("", OTHER) else "harmful content")
