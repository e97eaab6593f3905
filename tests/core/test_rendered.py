"""What a reader sees of marked-up text, against hand-made views and, for entities, against the standard library."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.rendered import MAX_COMMENT, Renderer, rendered

SEEN = [
    ("WORD **WORD** *W*O*R*D", "WORD WORD WORD"),
    ("~~FOR~~BIDDEN `code`", "FORBIDDEN code"),
    ("_FOR_ __BIDDEN__ snake_case_word", "FOR BIDDEN snake_case_word"),
    ("FOR&#66;IDDEN &#x46;OR &#70OR", "FORBIDDEN FOR FOR"),
    ("FOR&shy;BIDDEN &amp; &lt;b&gt; &nosuch; a & b", "FOR\xadBIDDEN & <b> &nosuch; a & b"),
    ("FOR<b>BIDDEN</b> FOR<span class='x'>B</span>IDDEN", "FORBIDDEN FORBIDDEN"),
    ("one<br>two<p>three</p>", "one two three "),
    ("FOR<!-- nothing to see -->BIDDEN", "FORBIDDEN"),
    ("FOR\\BIDDEN \\*not emphasis\\* C:\\Users a \\ b", "FORBIDDEN not emphasis C:Users a \\ b"),
    ("\\u0046OR \\x46OR \\u{46}OR %46OR 100% sure 5%", "FOR FOR FOR FOR 100% sure 5%"),
    ("FOR-\nBIDDEN FOR-\r\n  BIDDEN well-known - dash", "FORBIDDEN FORBIDDEN well-known - dash"),
    ("[FOR](http://x.y)BIDDEN ![pic](a.png) list[0]", "FORBIDDEN pic list0"),
    ("a < b and c > d <3", "a < b and c > d <3"),
    ("plain text, nothing else.", "plain text, nothing else."),
]


@pytest.mark.parametrize(("text", "seen"), SEEN)
def test_what_a_reader_sees(text: str, seen: str) -> None:
    assert rendered(text) == seen


@given(
    st.lists(
        st.sampled_from([*"ab <>&;#-_*\\%]([)!x4u{}\n\r\t/", "<!--", "-->", "&amp;", "\\u0041", "<b>"]), max_size=60
    ),
    st.data(),
)
def test_chunks_make_no_difference(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    reader, settled, at = Renderer(), "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 9))
        settled += reader.feed(text[at : at + size])
        at += size
        assert settled + reader.tail == rendered(text[:at])
    assert reader.differs == (rendered(text) != text) or reader.differs


@given(st.text(max_size=40))
def test_whole_entities_are_what_the_standard_library_makes_of_them(text: str) -> None:
    coded = "".join(f"&#{ord(c)};" for c in text if ord(c) > 0)
    assert rendered(coded) == html.unescape(coded)


def test_what_is_held_is_bounded() -> None:
    for opening in ("<a " + "x" * 10_000, "<!--" + "x" * 10_000, "[t](" + "x" * 10_000, "&" + "a" * 10_000):
        reader = Renderer()
        settled = "".join(reader.feed(c) for c in opening)
        assert len(opening) - len(settled) <= MAX_COMMENT + 8
        assert settled + reader.tail == rendered(opening)
    assert rendered("FOR<!--" + "x" * MAX_COMMENT + "-->BIDDEN") == "FORBIDDEN"
    for size in (MAX_COMMENT - 1, MAX_COMMENT, MAX_COMMENT + 1):
        text = "FOR<!--" + "x" * size + "-->BIDDEN"
        reader = Renderer()
        assert "".join(reader.feed(c) for c in text) + reader.tail == rendered(text)
