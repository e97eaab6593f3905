"""Right answers to items with a target."""

from __future__ import annotations

import pytest

from safesight.analysis.targets import answers_target, chosen_option


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("B", "B"),
        ("(C)", "C"),
        ("B. The second picture", "B"),
        ("**D**", "D"),
        ("The answer is C.", "C"),
        ("First I thought the answer is A, but no. Answer: (D)", "D"),
        ("I choose option B because of the hat.", "B"),
        ("It shows the hat, so (B) fits.", "B"),
        ("答案是 C。", "C"),
        ("选B", "B"),
        ("A man holds a hat.", None),
        ("Either (A) or (B).", None),
        ("I'd pick a hat.", None),
        ("The answer is a hat.", None),
        ("", None),
    ],
)
def test_the_option_an_answer_settles_on(text: str, option: str | None):
    assert chosen_option(text) == option


@pytest.mark.parametrize(
    ("text", "target", "right"),
    [
        ("B) the cat", "B", True),
        ("B) the cat", "A", False),
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
