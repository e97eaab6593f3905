from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.protocols import IncrementalDetector
from safesight.core.records import Exchange
from safesight.core.registry import open_plugin
from safesight.detectors.patterns import Patterns, Phrase, normalise, open_detector

LIST = "# mild words\n[hte]\nGreen  Teapot\nart\n[ssh]\n蓝色茶壶\n"


@pytest.fixture
def patterns(tmp_path: Path) -> Patterns:
    path = tmp_path / "words.txt"
    path.write_text(LIST, encoding="utf-8")
    return open_detector(str(path), {})


async def harm(patterns: Patterns, answer: str, question: str = "q") -> tuple[float, list[str]]:
    [found] = await patterns.score([Exchange(question=question, answer=answer)])
    return found.harm, list(found.categories)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a GREEN\n teapot, please", ["hte"]),
        ("ｇｒｅｅｎ　ｔｅａｐｏｔ", ["hte"]),
        ("a green teapots", None),
        ("an evergreen teapot", None),
        ("state of the art.", ["hte"]),
        ("a party", None),
        ("这个蓝色茶壶很好", ["ssh"]),
        ("green, teapot", None),
        ("", None),
    ],
)
async def test_matches_whole_phrases(patterns: Patterns, answer: str, expected: list[str] | None) -> None:
    assert await harm(patterns, answer) == ((1.0, expected) if expected else (0.0, []))


async def test_a_request_is_judged_where_there_is_no_answer(patterns: Patterns) -> None:
    assert (await harm(patterns, "", question="about a green teapot"))[0] == 1.0
    assert (await harm(patterns, "fine", question="about a green teapot"))[0] == 0.0


PIECES = st.lists(
    st.sampled_from(["green", " ", "\n", "tea", "pot", "art", "x", "蓝色", "茶壶", ",", "green teapot"]), max_size=30
)


@given(PIECES)
def test_a_session_finds_what_the_whole_answer_holds(pieces: list[str]) -> None:
    detector = Patterns([Phrase(text="green teapot"), Phrase(text="蓝色茶壶")])
    text = "".join(pieces)
    session = detector.session("q")
    harms = [session.feed(piece).harm for piece in pieces]
    assert harms == sorted(harms), "a match stays"
    if detector.matches(normalise(text)):
        assert harms[-1] == 1.0
    if harms and harms[-1]:
        ends = [len(normalise("".join(pieces[: i + 1]))) for i in range(len(pieces))]
        assert any(detector.matches(normalise(text)[:end]) for end in ends)


async def test_is_incremental_and_keeps_a_bounded_tail(patterns: Patterns) -> None:
    assert isinstance(patterns, IncrementalDetector)
    session = patterns.session("q")
    for _ in range(200):
        session.feed("word " * 50)
    assert len(session._plain._kept) <= patterns.kept


def test_fingerprint_follows_the_phrases() -> None:
    one, other = Patterns([Phrase(text="a")], name="x"), Patterns([Phrase(text="b")], name="x")
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == Patterns([Phrase(text="a")], name="y").fingerprint


def test_a_list_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        open_plugin("detectors", f"patterns:{tmp_path / 'none.txt'}")
    with pytest.raises(ConfigError, match="got none"):
        open_plugin("detectors", "patterns")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError, match="found none"):
        open_plugin("detectors", f"patterns:{tmp_path / 'empty.txt'}")
    (tmp_path / "odd.txt").write_text("[hat]\nx\n")
    with pytest.raises(UnknownName, match="Did you mean 'hte'"):
        open_plugin("detectors", f"patterns:{tmp_path / 'odd.txt'}")
