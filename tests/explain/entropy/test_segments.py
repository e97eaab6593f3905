"""Images, text and generated tokens told apart in a token sequence."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from safesight.explain.entropy.segments import ImageTokens, layout

I, BREAK, END, FAKE, GLOBAL, R1C1, R1C2, NL = 90, 80, 81, 82, 83, 84, 85, 86  # noqa: E741


class Words:
    """A tokenizer's vocabulary."""

    def __init__(self, words: dict[str, int]) -> None:
        self.words = words

    def get_vocab(self) -> dict[str, int]:
        return self.words


def parts(tokens: list[int], images: ImageTokens) -> tuple[list[int], tuple[str, ...]]:
    found = layout(torch.tensor([tokens]), images)
    return found.ids[0].tolist(), found.names


def test_each_run_is_an_image_and_the_rest_is_text() -> None:
    ids, names = parts([1, I, I, 2, I, 3], ImageTokens(image=frozenset({I})))
    assert ids == [2, 0, 0, 2, 1, 2]
    assert names == ("image 1", "image 2", "text", "generated")


def test_items_with_fewer_images_share_the_names() -> None:
    found = layout(torch.tensor([[I, 1, I], [5, 1, I]]), ImageTokens(image=frozenset({I})))
    assert found.ids.tolist() == [[0, 2, 1], [2, 2, 0]]


def test_pixel_rows_of_mistral_are_one_image() -> None:
    tokenizer = Words({"[IMG_BREAK]": BREAK, "[IMG_END]": END})
    images = ImageTokens.of(SimpleNamespace(image_token_index=I), tokenizer)
    ids, names = parts([I, I, BREAK, I, I, END, I, BREAK, I, END, 7], images)
    assert ids == [0, 0, 2, 0, 0, 2, 1, 2, 1, 2, 2]
    assert names[:2] == ("image 1", "image 2")


def test_tiles_of_idefics_end_at_the_global_one() -> None:
    words = {"<fake_token_around_image>": FAKE, "<global-img>": GLOBAL, "\n": NL}
    words |= {"<row_1_col_1>": R1C1, "<row_1_col_2>": R1C2}
    images = ImageTokens.of(SimpleNamespace(image_token_id=I), Words(words))
    split = [FAKE, R1C1, I, I, FAKE, R1C2, I, I, NL, FAKE, GLOBAL, I, I, FAKE]
    whole = [FAKE, GLOBAL, I, I, FAKE]
    ids, names = parts([5, *split, *whole, *split, 5], images)
    assert names == ("image 1", "image 2", "image 3", "text", "generated")
    assert [ids.count(number) for number in range(3)] == [6, 2, 6]


def test_without_an_image_token_all_is_text() -> None:
    ids, names = parts([4, 5, 6], ImageTokens.of(SimpleNamespace()))
    assert (ids, names) == ([0, 0, 0], ("text", "generated"))


def counted(tokens: list[int], count: int, sizes: list[int] | None = None) -> tuple[list[int], tuple[str, ...]]:
    images = ImageTokens(image=frozenset({I}))
    found = layout(torch.tensor([tokens]), images, counts=[count], sizes=[sizes] if sizes else ())
    return found.ids[0].tolist(), found.names


def test_images_whose_tokens_touch_are_as_many_as_the_sample_has() -> None:
    assert counted([1, I, I, I, I, 2], 2) == ([2, 0, 0, 1, 1, 2], ("image 1", "image 2", "text", "generated"))
    assert counted([1, I, I, I, 2], 2, [2, 1])[0] == [2, 0, 0, 1, 2]
    # Three images in two runs: the first run is two of them.
    assert counted([I, I, I, I, 7, I, I], 3)[0] == [0, 0, 1, 1, 3, 2, 2]


def test_runs_that_are_pieces_of_images_are_joined_by_size() -> None:
    assert counted([I, I, 7, I, 7, I], 2, [3, 1])[0] == [0, 0, 2, 0, 2, 1]
    assert counted([I, 7, I, 7, I, 7, I], 2)[0] == [0, 2, 0, 2, 1, 2, 1]


def test_touching_images_of_unknown_size_are_one_segment_that_says_so() -> None:
    ids, names = counted([1, I, I, I, 2], 2)
    assert (ids, names) == ([1, 0, 0, 0, 1], ("images 1-2", "text", "generated"))


def test_the_count_changes_nothing_where_it_fits_or_no_image_is_seen() -> None:
    assert counted([I, 5, I, I], 2)[0] == [0, 2, 1, 1]
    assert counted([4, 5], 2) == ([0, 0], ("text", "generated"))
