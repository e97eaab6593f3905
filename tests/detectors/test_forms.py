"""Forms in which a forbidden word reaches a reader, each judged by a block list whole and in pieces of every size.

The forms are those of public converter collections (PyRIT's, and the reports named in docs/guard.md), written out by
hand around a made-up word. What a block list cannot see is listed too: a form that moves from one table to the other is
news.
"""

from __future__ import annotations

import base64
import codecs

import pytest

from safesight.detectors.patterns import Patterns, Phrase

WORD = "FORBIDDENWORD"
BLOCK = Patterns([Phrase(text="forbiddenword")])
SPELT = Patterns([Phrase(text="forbiddenword")], separators=True)


def between(mark: str, word: str = WORD) -> str:
    return mark.join(word)


CAUGHT = {
    "plain": WORD,
    "lower case": WORD.lower(),
    "alternating case": "fOrBiDdEnWoRd",
    "title": "Forbiddenword",
    "full width": "ＦＯＲＢＩＤＤＥＮＷＯＲＤ",
    "bold letters": "𝐅𝐎𝐑𝐁𝐈𝐃𝐃𝐄𝐍𝐖𝐎𝐑𝐃",
    "italic letters": "𝐹𝑂𝑅𝐵𝐼𝐷𝐷𝐸𝑁𝑊𝑂𝑅𝐷",
    "double-struck letters": "𝔽𝕆ℝ𝔹𝕀𝔻𝔻𝔼ℕ𝕎𝕆ℝ𝔻",
    "monospace letters": "𝙵𝙾𝚁𝙱𝙸𝙳𝙳𝙴𝙽𝚆𝙾𝚁𝙳",
    "fraktur letters": "𝔉𝔒ℜ𝔅ℑ𝔇𝔇𝔈𝔑𝔚𝔒ℜ𝔇",
    "circled letters": "ⒻⓄⓇⒷⒾⒹⒹⒺⓃⓌⓄⓇⒹ",
    "negative circled letters": "🅕🅞🅡🅑🅘🅓🅓🅔🅝🅦🅞🅡🅓",
    "boxed letters": "🄵🄾🅁🄱🄸🄳🄳🄴🄽🅆🄾🅁🄳",
    "negative boxed letters": "🅵🅾🆁🅱🅸🅳🅳🅴🅽🆆🅾🆁🅳",
    "regional indicators": "🇫🇴🇷🇧🇮🇩🇩🇪🇳🇼🇴🇷🇩",
    "letters in brackets": "⒡⒪⒭⒝⒤⒟⒟⒠⒩⒲⒪⒭⒟",
    "superscript letters": "ᶠᵒʳᵇⁱᵈᵈᵉⁿʷᵒʳᵈ",
    "small capitals": "ꜰᴏʀʙɪᴅᴅᴇɴᴡᴏʀᴅ",
    "accents": "FÓRBÏDDÊNWÕRD",
    "stacked marks": "F\u0301\u0302\u0303O\u0336R\u0337B\u20ddIDDENWORD",
    "strikethrough marks": between("\u0336"),
    "underline marks": between("\u0332"),
    "stroked letters": "FØRƁIĐĐENWØRD",
    "zero width space": "FORBIDDEN\u200bWORD",
    "zero width everywhere": between("\u200b"),
    "zero width joiner": "FORBIDDEN\u200dWORD",
    "zero width non-joiner": "FORBIDDEN\u200cWORD",
    "word joiner": "FORBIDDEN\u2060WORD",
    "byte order mark": "FORBIDDEN\ufeffWORD",
    "soft hyphen": "FORBIDDEN\u00adWORD",
    "left-to-right mark": "FORBIDDEN\u200eWORD",
    "right-to-left override around": f"\u202e{WORD}\u202c",
    "isolates inside": "FORBIDDEN\u2066WORD\u2069",
    "invisible times": "FORBIDDEN\u2062WORD",
    "variation selector": "FORBIDDEN\ufe0fWORD",
    "variation selector supplement": "FORBIDDEN\U000e0101WORD",
    "Mongolian separator": "FORBIDDEN\u180eWORD",
    "grapheme joiner": "FORBIDDEN\u034fWORD",
    "tags": "FORBIDDEN\U000e0041\U000e0042WORD",
    "Hangul filler": "FORBIDDEN\u3164WORD",
    "control characters": "FORBIDDEN\x00\x07WORD",
    "Cyrillic look-alikes": "FОRВIDDЕNWОRD",
    "Cyrillic look-alikes, lower": "fоrbіddеnwоrd",
    "Greek look-alikes": "FΟRΒΙDDΕΝWΟRD",
    "Cherokee and Lisu look-alikes": "FORBIDDENᎳORᎠ",
    "first letter looks alike": "ϜORBIDDENWORD",
    "bold by Markdown": "FORBIDDEN**WORD**",
    "emphasis a letter": "".join(f"*{c}*" for c in WORD),
    "code marks": "`FORBIDDEN``WORD`",
    "strikethrough by Markdown": "~~FORBIDDEN~~WORD",
    "underscores around": f"__{WORD}__",
    "backslash": "FORBIDDEN\\WORD",
    "escaped by Markdown": "F\\ORBIDDEN\\WORD",
    "link in the word": "[FORBIDDEN](http://example.org)WORD",
    "image in the word": "FORBIDDEN![](x.png)WORD",
    "link by reference": "[FORBIDDEN][1]WORD",
    "footnote": "FORBIDDEN[^1]WORD",
    "decimal entities": "".join(f"&#{ord(c)};" for c in WORD),
    "hexadecimal entities": "".join(f"&#x{ord(c):x};" for c in WORD),
    "entities without an end": "".join(f"&#{ord(c)}" for c in WORD) + ".",
    "named entity": "FORBIDDEN&ZeroWidthSpace;WORD",
    "soft hyphen entity": "FORBIDDEN&shy;WORD",
    "tag": "FORBIDDEN<b>WORD</b>",
    "tag with attributes": 'FORBIDDEN<span style="color:red">WORD</span>',
    "tag with long attributes": f'FORBIDDEN<span title="{"a " * 700}">WORD</span>',
    "CDATA": "FORBIDDEN<![CDATA[]]>WORD",
    "processing instruction": "FORBIDDEN<?a b?>WORD",
    "a terminal's colours": "FORBIDDEN\x1b[1;31mWORD\x1b[0m",
    "word break tag": "FORBIDDEN<wbr>WORD",
    "comment": "FORBIDDEN<!-- -->WORD",
    "JSON escapes": "".join(f"\\u{ord(c):04x}" for c in WORD),
    "hexadecimal escapes": "".join(f"\\x{ord(c):02x}" for c in WORD),
    "percent escapes": "".join(f"%{ord(c):02X}" for c in WORD),
    "hyphen and new line": "FORBIDDEN-\nWORD",
    "quotes around": f"“{WORD}”",
    "possessive": f"{WORD}'s",
    "emoji beside": f"🙂{WORD}🙂",
    "Han beside": f"这个{WORD}很好",
    "Thai beside": f"ครับ{WORD}ครับ",
    "Hangul particle": f"{WORD}를",
    "snake case": f"the_{WORD}_is",
    "entity in look-alike": "FОRBIDDEN&shy;WОRD",
}
BY_OPTION = {
    "hyphens": between("-"),
    "dots": between("."),
    "spaces": between(" "),
    "underscores": between("_"),
    "slashes": between("/"),
    "dot and space": between(". "),
    "stars": between("*"),
}
MISSED = {
    "base64": base64.b64encode(WORD.encode()).decode(),
    "ROT13": codecs.encode(WORD, "rot13"),
    "hexadecimal": WORD.encode().hex(),
    "reversed": WORD[::-1],
    "leet": "F0RB1DD3NW0RD",
    "doubled letters": "".join(c * 2 for c in WORD),
    "a letter missing": "FORBIDENWORD",
    "split words": "FORBIDDEN WORD",
    "code that joins": "'FORBIDDEN' + 'WORD'",
    "acrostic": "\n".join(f"{c}oday is fine" for c in WORD),
    "Morse": "..-. --- .-. -... .. -.. -.. . -.",
    "translation": "mot interdit",
    "look-alikes of one script": "ҒОЯВІДДЕИШОЯД",
    "spaced look-alikes": between(" ", "FОRBIDDЕNWОRD"),
    "upside down": "ᗡЯOM",
    "digits beside": f"1{WORD}2",
    "LaTeX": "FORBIDDEN\\text{WORD}",
    "marker pen by Markdown": "FORBIDDEN==WORD==",
    "quoted-printable": "FORBIDDEN=57ORD",
    "octal escape": "FORBIDDEN\\127ORD",
}
"""What no block list sees; docs/guard.md says so."""


def found(detector: Patterns, text: str, *, size: int) -> bool:
    session = detector.session("q")
    return max([session.feed(text[at : at + size]).harm for at in range(0, len(text), size)]) > 0


@pytest.mark.parametrize("form", sorted(CAUGHT))
def test_a_form_that_shows_the_word_is_caught_in_pieces_of_any_size(form: str) -> None:
    text = f"Well, here is {CAUGHT[form]} for you."
    assert [size for size in (1, 2, 3, 7, 64, len(text)) if not found(BLOCK, text, size=size)] == []


@pytest.mark.parametrize("form", sorted(BY_OPTION))
def test_words_spelt_letter_by_letter_are_caught_by_the_option(form: str) -> None:
    text = f"Well, here it is: {BY_OPTION[form]}, for you."
    assert [size for size in (1, 5, len(text)) if not found(SPELT, text, size=size)] == []
    assert not found(BLOCK, text, size=len(text)) or form == "stars"


@pytest.mark.parametrize("form", sorted(MISSED))
def test_what_no_block_list_sees_is_known(form: str) -> None:
    text = f"Well, here is {MISSED[form]} for you."
    assert not found(SPELT, text, size=len(text))


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("금지어", "이것은 금지어를 말한다", True),
        ("금지어", "금지어", True),
        ("가", "각각의", False),
        ("كلمة", "والكلمة هنا", True),
        ("كلمة", "كَلِمَة", True),
        ("كلمة", "كــلــمــة", True),
        ("מילה", "והמילה כאן", True),
        ("คำต้องห้าม", "นี่คือคำต้องห้ามครับ", True),
        ("กา", "ก้า", False),
        ("禁句", "这是禁句吗", True),
        ("きんく", "これはきんくです", True),
        ("か", "が", False),
        ("शब्द", "यह शब्द है", True),
        ("слово", "Слово.", True),
        ("слово", "словом", False),
        ("naïve", "NAIVE", True),
        ("straße", "STRASSE", True),
        ("c++", "I like C++.", True),
        ("cat", "concatenate", False),
    ],
)
def test_words_end_as_their_script_has_it(phrase: str, text: str, expected: bool) -> None:
    from safesight.detectors.patterns import normalise

    detector = Patterns([Phrase(text=normalise(phrase))])
    assert found(detector, text, size=len(text)) is expected
    assert found(detector, text + " ", size=1) is expected or not expected


def test_there_are_enough_of_them() -> None:
    assert len(CAUGHT) + len(BY_OPTION) >= 60
