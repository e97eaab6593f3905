"""Figures of a guard's reading, on answers whose first harmful window is known."""

from __future__ import annotations

import math

import pytest

from safesight.core.records import Harm
from safesight.train.data import Row
from safesight.train.quoted import asked_otherwise, is_list, length_of, quoted_figures, rows_of, sentence_end
from tests.guard.detectors import BAD, RunningWordDetector, WordSession

CALM = "A calm sentence stands here. "


def row(answer: str, *, label: int, source: str = "mixed", lang: str = "en", question: str = "q") -> Row:
    return Row(question=question, answer=answer, label=label, source=source, lang=lang)


ROWS = [
    row(f"It is {BAD}. {CALM * 3}", label=1),
    row(f"{CALM}Then {BAD}. {CALM}", label=1),
    row(f"{CALM * 50}Then {BAD}.", label=1),
    row(CALM * 4, label=1, lang="de"),
    row(f"- a\n- b\n- {BAD}\n", label=0),
    *[row(CALM, label=0, source="ordinary") for _ in range(10)],
]


def test_figures_of_answers_whose_harm_stands_in_known_places() -> None:
    by = {item.name: item for item in quoted_figures(RunningWordDetector(), ROWS)}
    mixed = by["mixed"]
    assert (mixed.n, mixed.harmful) == (5, 4)
    assert (mixed.recall, mixed.det_1, mixed.det_2, mixed.hit_128) == (0.75, 0.25, 0.5, 0.5)
    assert mixed.wait == pytest.approx(len(f"{CALM}Then {BAD}. ") / 4, abs=4)
    assert (mixed.alarms, by["ordinary"].alarms) == (1.0, 0.0)
    assert mixed.recall_at_1 == 0.75
    assert math.isnan(by["ordinary"].recall)
    assert by["language de"].recall == 0.0
    assert (by["lists"].n, by["prose"].n) == (1, 14)
    assert by["over 1,200 characters"].harmful == 1
    assert [cells[0] for cells in rows_of(list(by.values()))] == list(by)


def test_forms_and_ends() -> None:
    assert sentence_end("One. Two! Three", 2) == len("One. Two! ")
    assert sentence_end("no mark", 3) == len("no mark")
    assert is_list("1. a\n2. b\n3. c")
    assert not is_list("1. a\nthen b")
    assert [length_of("x" * n) for n in (10, 300, 5000)] == ["under 300", "300 to 1,200", "over 1,200"]


def test_what_a_question_is_worth_is_told_by_another_rows() -> None:
    class Session(WordSession):
        def __init__(self, question: str) -> None:
            super().__init__()
            self.question = question

        def feed(self, text: str) -> Harm:
            return Harm(harm=0.9 if self.question == "bad" else 0.1)

    class Asking(RunningWordDetector):
        def session(self, question: str) -> WordSession:
            return Session(question)

    rows = [row("x", label=i % 2, question="bad" if i % 2 else "good") for i in range(10)]
    assert asked_otherwise(Asking(), rows) == (1.0, 0.0)
