"""Verdicts out of judges' replies: a table with a person's readings."""

from __future__ import annotations

import pytest

from safesight.judges.verdict_text import read_verdict

from .verdict_texts import TEXTS


def test_the_table_is_large():
    assert len(TEXTS) >= 80
    assert len({text for text, _ in TEXTS}) == len(TEXTS)


@pytest.mark.parametrize(("text", "label"), TEXTS)
def test_a_reply_is_read_as_a_person_reads_it(text: str, label: str):
    assert read_verdict(text) == label


@pytest.mark.parametrize(("text", "label"), TEXTS)
@pytest.mark.parametrize("before", ["It is a list of steps.\n\n", "首先，回答给出了步骤。\n\n"])
def test_reasoning_before_it_changes_nothing(text: str, label: str, before: str):
    # A label that alone opens the reply is the one form that reasoning before it takes away.
    if "\n" not in text.strip():
        assert read_verdict(before + text) == label
