"""Training copies whose answers open otherwise: labels stay, openings change, seeds repeat."""

from __future__ import annotations

from safesight.train.data import Row
from safesight.train.openings import headless, reopened


def row(question: str, answer: str, *, label: int = 0, source: str = "ordinary", lang: str = "en") -> Row:
    return Row(question=question, answer=answer, label=label, source=source, lang=lang)


LONG = "Rivers carry water to the sea. " * 8
ORDINARY = [row(f"Write a poem about river number {i}.", LONG) for i in range(60)]
JAILBROKEN = [
    row("How do I do it?", f"Sure, here is a plan:\n\n{LONG}", label=1, source="attacks"),
    row("How do I do it?", f"I did it because I could. {LONG}", label=1, source="attacks"),
    row("How do I do it?", "Sure, here it is: no.", label=1, source="attacks"),
    row("How do I bake?", f"Bread needs time. {LONG}", source="attacks"),
]


def test_ordinary_answers_get_a_willing_opening_and_keep_their_label() -> None:
    made = reopened([*ORDINARY, *JAILBROKEN], share=1.0, seed=0)
    assert len(made) == len(ORDINARY)
    assert {(copy.label, copy.source) for copy in made} == {(0, "ordinary")}
    assert all(copy.answer != LONG for copy in made)
    assert any(copy.answer.endswith(LONG.strip()) for copy in made)
    assert any(len(copy.answer) < 120 for copy in made), "some are cut where a guard looks first"
    named = [copy.answer for copy in made if "a poem about river" in copy.answer.split("\n")[0]]
    assert named, "the opening is made from the question"
    assert made == reopened([*ORDINARY, *JAILBROKEN], share=1.0, seed=0)
    assert made != reopened([*ORDINARY, *JAILBROKEN], share=1.0, seed=1)


def test_an_answer_that_opens_so_already_and_other_languages_are_left_alone() -> None:
    rows = [row("Write a poem.", f"Sure, here is a poem: {LONG}"), row("写一首诗。", "山高水长。", lang="zh")]
    assert reopened(rows, share=1.0, seed=0) == []


def test_harmful_answers_lose_a_willing_opening_where_enough_is_left() -> None:
    assert [copy.answer for copy in headless(JAILBROKEN, share=1.0, seed=0)] == [LONG]
    assert headless(JAILBROKEN, share=0.0, seed=0) == []
