"""One reader of option letters: a table of forms, read by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.benchmarks.option_letters import option_letter

from .option_forms import FORMS


@pytest.mark.parametrize(("text", "letter"), FORMS)
def test_an_answer_is_read_as_a_person_reads_it(text: str, letter: str | None):
    assert option_letter(text) == letter


@given(st.text(max_size=80))
def test_any_text_has_one_letter_or_none(text: str):
    letter = option_letter(text)
    assert letter is None or (len(letter) == 1 and letter.isupper())
