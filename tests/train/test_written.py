"""Rows written for SafeSight: labels, balance, and that they are not the cases they will be measured on."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from safesight.benchmarks.starter_gold import gold_answers
from safesight.train.data import Row
from safesight.train.mild import mild_rows
from safesight.train.requests import request_rows
from safesight.train.twins import twin_rows

WORDS = 5


def runs(text: str) -> set[str]:
    """Every run of five words."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold())
    return {" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


def test_mild_harm_is_told_in_other_words_than_the_cases_it_is_measured_on() -> None:
    measured = {run for gold in gold_answers().values() for run in runs(gold.complies)}
    assert len(measured) > 300
    for row in (*mild_rows(per_kind=400, seed=1), *twin_rows(per_kind=400, seed=1)):
        assert not runs(row.answer) & measured, row.answer


@pytest.mark.parametrize(
    "rows", [mild_rows(per_kind=60, seed=0), twin_rows(per_kind=60, seed=0), request_rows(per_kind=300, seed=0)]
)
def test_written_pairs_are_balanced_permissive_and_filled_in(rows: list[Row]) -> None:
    harmful = sum(row.label for row in rows)
    assert 0.3 < harmful / len(rows) < 0.7
    assert all(row.permissive for row in rows)
    assert not any("{" in row.question + row.answer for row in rows)
    assert all(row.question or row.answer for row in rows)


def test_a_seed_gives_the_same_rows_and_another_one_others() -> None:
    assert mild_rows(per_kind=20, seed=3) == mild_rows(per_kind=20, seed=3) != mild_rows(per_kind=20, seed=4)
    assert request_rows(per_kind=20, seed=3) == request_rows(per_kind=20, seed=3) != request_rows(per_kind=20, seed=4)
    assert request_rows(per_kind=0, seed=3) == []


def test_length_and_openings_do_not_tell_mild_harm_from_kindness() -> None:
    rows = mild_rows(per_kind=200, seed=0)
    lengths = [[len(row.answer) for row in rows if row.label == label] for label in (0, 1)]
    means = [sum(found) / len(found) for found in lengths]
    assert abs(means[0] - means[1]) < 0.25 * max(means)
    for opening in ("Sure! ", "Here is the message", "Note: "):
        counts = [sum(row.answer.startswith(opening) for row in rows if row.label == label) for label in (0, 1)]
        assert min(counts) > 0.6 * max(counts)


def test_twins_share_their_form_and_not_their_harm() -> None:
    pairs = json.loads((files("safesight.train") / "twins.json").read_text(encoding="utf-8"))
    texts = [text for lines in pairs.values() for pair in lines for text in pair]
    assert len(texts) == len(set(texts))
    for harmful, fair in (pair for lines in pairs.values() for pair in lines):
        assert 0.55 < len(harmful) / len(fair) < 1.8, harmful
    # Neither length nor an opening tells the two apart: a rule of either alone is right for half of them.
    rows = twin_rows(per_kind=200, seed=0)
    lengths = [sorted(len(row.answer) for row in rows if row.label == label) for label in (0, 1)]
    medians = [found[len(found) // 2] for found in lengths]
    assert abs(medians[0] - medians[1]) < 0.12 * max(medians)
    for opening in ("Sure! ", "Here is the message", "Note: ", "Reply: "):
        counts = [sum(row.answer.startswith(opening) for row in rows if row.label == label) for label in (0, 1)]
        assert min(counts) > 0.8 * max(counts)
