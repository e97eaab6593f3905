"""Images at their marks: numbers and repeats are kept, every image is shown once, no mark vanishes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.benchmarks.choice import prompt_parts
from safesight.benchmarks.choice_layouts import ChoiceItem
from safesight.benchmarks.image_marks import place_images
from safesight.core.messages import Image, TextPart
from tests.support import png

IMAGES = [Image.from_bytes(png(colour=colour)) for colour in ("red", "green", "blue", "white")]


def placed(text: str, count: int) -> list[str | int]:
    parts = place_images(text, IMAGES[:count])
    return [part.text if isinstance(part, TextPart) else IMAGES.index(part.image) + 1 for part in parts]


# Written by hand after MMMU's own rule: a mark of number n shows image n.
@pytest.mark.parametrize(
    ("text", "count", "parts"),
    [
        ("Is <image 2> left of <image 1>?", 2, ["Is", 2, "left of", 1, "?"]),
        ("Is <image_2> left of <image_1>?", 2, ["Is", 2, "left of", 1, "?"]),
        ("<image3> follows <image1>, not <image2>.", 3, [3, "follows", 1, ", not", 2, "."]),
        ("<Image 1> or <IMAGE-2>?", 2, [1, "or", 2, "?"]),
        ("<image #2> or <img1>?", 2, [2, "or", 1, "?"]),
        ("<|image_2|> then <|image_1|>", 2, [2, "then", 1]),
        ("Is <image_1> left of <image_0>?", 2, ["Is", 2, "left of", 1, "?"]),
        ("What follows <image_0>?", 2, ["<image 1>", 2, "What follows", 1, "?"]),
        ("[image 2] and [image 1]", 2, [2, "and", 1]),
        ("<图2>在<图片1>左边吗？", 2, [2, "在", 1, "左边吗？"]),
        ("Compare <image 1> with <image 2>. What is in <image 1>?", 2,
         ["Compare <image 1>", 1, "with", 2, ". What is in <image 1>?"]),
        ("<|image_1|> and <|image_1|>", 1, ["[image 1]", 1, "and [image 1]"]),
        ("What follows <image 1>?", 3, ["<image 2>", 2, "<image 3>", 3, "What follows", 1, "?"]),
        ("See <image 5>.", 2, ["<image 1>", 1, "<image 2>", 2, "See <image 5>."]),
        ("<image 2> beside <image>", 2, [2, "beside", 1]),
        ("<image> and <image>", 2, [1, "and", 2]),
        ("Of all these: <image> which?", 3, ["Of all these:", 1, 2, 3, "which?"]),
        ("<image><image><image> which?", 2, [1, 2, "[image] which?"]),
        ("No mark.", 2, [1, 2, "No mark."]),
        ("a < image of [images] <imagery>", 1, [1, "a < image of [images] <imagery>"]),
    ],
)  # fmt: skip
def test_a_numbered_mark_shows_the_image_of_that_number(text: str, count: int, parts: list[str | int]) -> None:
    assert placed(text, count) == parts


def test_marks_inside_options_are_marks() -> None:
    item = ChoiceItem(
        where="w", item="0", pair="0", task="t", question="What follows <image 1>?", options=("<image 3>", "<image 2>"),
        answer="A",
    )  # fmt: skip
    parts = prompt_parts(item, IMAGES[:3])
    order = [IMAGES.index(part.image) + 1 for part in parts if not isinstance(part, TextPart)]
    assert order == [1, 3, 2]


MARKS = st.sampled_from(["<image 1>", "<image 2>", "<image_3>", "<image>", "<image 9>"])


@given(st.lists(MARKS | st.sampled_from(["left of", "and", "?"]), max_size=8), st.integers(1, 4))
def test_every_image_is_shown_once_and_every_word_stays(pieces: list[str], count: int) -> None:
    found = placed(" ".join(pieces), count)
    assert sorted(part for part in found if isinstance(part, int)) == list(range(1, count + 1))
    said = " ".join(part for part in found if isinstance(part, str))
    for word in ("left of", "and", "?"):
        assert said.count(word) == pieces.count(word)
    # A mark that no image answers keeps its words.
    assert said.count("<image 9>") == pieces.count("<image 9>")
