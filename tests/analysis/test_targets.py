"""Right answers to items with a target."""

from __future__ import annotations

import pytest

from safesight.analysis.targets import answers_target


@pytest.mark.parametrize(
    ("text", "target", "right"),
    [
        ("B) the cat", "B", True),
        ("B) the cat", "A", False),
        ("B. Option A is too small.", "B", True),
        ("A or B", "A", False),
        ("There are Four cats.", "four", True),
        ("There are fourteen cats.", "four", False),
        ("On the red table", "red table", True),
        ("red wooden table", "red table", False),
        ("Yes, no doubt.", "yes", True),
        ("No, yes is wrong.", "yes", False),
        ("anything", "", False),
    ],
)
def test_an_answer_is_right_or_wrong(text: str, target: str, right: bool):
    assert answers_target(text, target) is right
