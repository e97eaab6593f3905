from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.normal_form import MAX_WORD, Normaliser, normal_form

SAME = [
    "FORBIDDENWORD",
    "ForbiddenWord",
    "FORBIDDEN\u200bWORD",
    "FORBIDDEN\u200c\u200d\u2060\ufeff\u00ad\u200e\u202e\u2066WORD",
    "FORBIDDEN\ufe0fWORD",
    "FORBIDDEN\u034fWORD",
    "FORBIDDEN\U000e0041\U000e0001\U000e01efWORD",
    "FORBIDDEN\u180b\u115f\u3164\u17b4WORD",
    "FORBIDDEN\x00\x08\x7f\x9fWORD",
    "F\u0301O\u0308RB\u20ddIDDE\u0336NWORD",
    "ＦＯＲＢＩＤＤＥＮＷＯＲＤ",
    "𝐅𝐎𝐑𝐁𝐈𝐃𝐃𝐄𝐍𝐖𝐎𝐑𝐃",
    "ⓕⓞⓡⓑⓘⓓⓓⓔⓝⓦⓞⓡⓓ",
    "🅵🅾🆁🅱🅸🅳🅳🅴🅽🆆🅾🆁🅳",
    "🅕🅞🅡🅑🅘🅓🅓🅔🅝🅦🅞🅡🅓",
    "ᶠᵒʳᵇⁱᵈᵈᵉⁿʷᵒʳᵈ",
    "FÓRBÍDDÉNWÖRD",
    "FØRBIDDENWØRD",
    "FОRBIDDENWОRD",
    "FΟRBIDDΕNWΟRD",
    "FORВIDDENWORD",
    "fоrbіddеnwоrd",
    "FORBIDDENWОRᎠ",
    "ꜰᴏʀʙɪᴅᴅᴇɴᴡᴏʀᴅ",
    "FORBІDDENWORD",
]


@pytest.mark.parametrize("text", SAME)
def test_what_looks_alike_is_alike(text: str) -> None:
    assert normal_form(text) == "forbiddenword"


@pytest.mark.parametrize("text", ["привет мир", "Νέα Αθήνα", "天气很好", "금지어", "สวัสดี", "हिन्दी", "Հայերեն"])
def test_words_of_another_script_stay_in_it(text: str) -> None:
    made = normal_form(text)
    assert not any("a" <= c <= "z" for c in made)
    assert made == normal_form(unicodedata.normalize("NFD", text)), "composed or not"


def test_points_and_stretchers_are_spelling_and_vowels_of_other_scripts_are_letters() -> None:
    assert normal_form("مَدْرَسَة") == normal_form("مدرســـة") == "مدرسة"
    assert normal_form("שָׁלוֹם") == "שלום"
    assert normal_form("กา") != normal_form("ก้า")
    assert normal_form("が") != normal_form("か")
    assert normal_form("٣٤ ３４ ३४") == "34 34 34"


@given(st.text(alphabet=st.characters(max_codepoint=127, exclude_categories=["Cc"])))
def test_plain_text_is_its_lower_case(text: str) -> None:
    assert normal_form(text) == text.lower()


ODD = st.text(alphabet=st.sampled_from("aZ9 .-\nОсрαν\u200b\u0301éß금あ天🅵İſﬁ٣\U000e0041"), max_size=80)


@given(ODD | st.text(max_size=60), st.data())
def test_chunks_make_no_difference(text: str, data: st.DataObject) -> None:
    for folded in (True, False):
        reader, settled, at = Normaliser(folded=folded), "", 0
        while at < len(text):
            size = data.draw(st.integers(1, 7))
            settled += reader.feed(text[at : at + size])
            at += size
            assert settled + reader.tail == normal_form(text[:at], folded=folded)


@given(st.text(max_size=60))
def test_a_normal_form_is_its_own(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once


def test_case_and_accents_may_stay() -> None:
    assert (
        normal_form("Déjà Vu, ＦＯＲ\u200bBIDDEN, fоrbidden, Straße", folded=False)
        == "Déjà Vu, FORBIDDEN, forbidden, Straße"
    )
    assert normal_form("Привет 天气", folded=False) == "Привет 天气"


def test_what_is_held_is_bounded() -> None:
    reader = Normaliser()
    assert len(reader.feed("о" * 10_000)) >= 10_000 - MAX_WORD
