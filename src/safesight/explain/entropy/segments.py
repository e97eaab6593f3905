"""Names the parts of a token sequence that attention can rest on: image 1..n, text, generated.

An image is a run of the model's image token. Some families cut one image into several runs (SmolVLM and Idefics3
by tile, Mistral 3 by pixel row, Llama 4 by tile): given their separator tokens, such runs are joined again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

TEXT: Final = "text"
GENERATED: Final = "generated"

_ROW_COLUMN: Final = tuple(f"<row_{row}_col_{column}>" for row in range(1, 9) for column in range(1, 9))
JOINERS: Final = (
    "[IMG_BREAK]",
    "<|tile_x_separator|>",
    "<|tile_y_separator|>",
    "<|image|>",
    "<fake_token_around_image>",
    "<global-img>",
    *_ROW_COLUMN,
)
"""Tokens that stand between the pieces of one image (Mistral 3, Llama 4, Idefics3 and SmolVLM)."""

CLOSERS: Final = ("<global-img>",)
"""Tokens before the last piece of an image: the run after one ends it (Idefics3 and SmolVLM)."""

_LINE_BREAKS: Final = ("\n", "\n\n", "Ċ", "ĊĊ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTokens:
    """Token ids that make up images: `image` itself, what joins runs, and what precedes a last run."""

    image: frozenset[int] = frozenset()
    joiners: frozenset[int] = frozenset()
    closers: frozenset[int] = frozenset()

    @classmethod
    def of(cls, config: Any, tokenizer: Any = None) -> ImageTokens:
        """Read the image token from a model's config and, with a tokenizer, the separators by their text."""
        image = {
            value
            for name in ("image_token_id", "image_token_index", "video_token_id")
            if isinstance(value := getattr(config, name, None), int)
        }
        if tokenizer is None:
            return cls(image=frozenset(image))
        known: dict[str, int] = tokenizer.get_vocab()
        joiners = {known[text] for text in JOINERS if text in known}
        if "<fake_token_around_image>" in known:
            # Rows of tiles end in a line break, which is a joiner only between tiles.
            joiners |= {known[text] for text in _LINE_BREAKS if text in known}
        closers = {known[text] for text in CLOSERS if text in known}
        return cls(image=frozenset(image), joiners=frozenset(joiners - image), closers=frozenset(closers))


@dataclass(frozen=True, slots=True)
class SegmentLayout:
    """The segment of every token: `ids` (batch, tokens) indexes `names`."""

    ids: Tensor
    names: tuple[str, ...]


def layout(
    prompt: Tensor, images: ImageTokens, *, counts: Sequence[int] = (), sizes: Sequence[Sequence[int]] = ()
) -> SegmentLayout:
    """Segments of a prompt's (batch, tokens) ids.

    Names are "image 1" .. "image n" for the most images of any batch item, then "text", then "generated",
    which no prompt token is in. Images whose tokens touch make one run: told how many there are, the run is split.

    Args:
        prompt: token ids.
        images: which tokens make up images.
        counts: how many images each row has; () takes runs for images.
        sizes: how many tokens each image of each row has, where the processor tells.
    """
    rows = [_image_numbers([int(token) for token in row], images) for row in prompt.tolist()]
    if counts:
        known = sizes or [()] * len(counts)
        rows = [_counted(*given) for given in zip(rows, counts, known, strict=True)]
    count = max((max(row, default=-1) + 1 for row in rows), default=0)
    numbers = torch.tensor(rows, dtype=torch.long, device=prompt.device).view(prompt.shape)
    ids = torch.where(numbers >= 0, numbers, count)
    names = [f"image {i + 1}" for i in range(count)]
    if count == 1 and max(counts, default=1) > 1:
        names = [f"images 1-{max(counts)}"]
    return SegmentLayout(ids, (*names, TEXT, GENERATED))


def spans_layout(tokens: int, spans: Sequence[tuple[int, int]]) -> SegmentLayout:
    """Segments of one prompt of so many tokens whose images are these token spans (images told in words)."""
    ids = torch.full((1, tokens), len(spans), dtype=torch.long)
    for number, (start, stop) in enumerate(spans):
        ids[0, start:stop] = number
    return SegmentLayout(ids, (*(f"image {i + 1}" for i in range(len(spans))), TEXT, GENERATED))


def _counted(numbers: list[int], count: int, sizes: Sequence[int]) -> list[int]:
    """Image numbers made to be `count`: by the sizes of the images, else by equal parts, else all one segment.

    Images of unknown size that touch cannot be told apart; one segment for all of them claims nothing about each.
    """
    places = [i for i, number in enumerate(numbers) if number >= 0]
    found = len({numbers[i] for i in places})
    if not places or found == count or count < 1:
        return numbers
    if len(sizes) == count and sum(sizes) == len(places):
        owners = [image for image, size in enumerate(sizes) for _ in range(size)]
    else:
        share, rest = divmod(len(places), count)
        runs = [sum(numbers[i] == run for i in places) for run in range(found)]
        equal = rest == 0 and all(run % share == 0 or share % run == 0 for run in runs)
        owners = [position // share for position in range(len(places))] if equal else [0] * len(places)
    counted = [-1] * len(numbers)
    for place, owner in zip(places, owners, strict=True):
        counted[place] = owner
    return counted


def _image_numbers(tokens: list[int], images: ImageTokens) -> list[int]:
    """The image each token belongs to, -1 for none."""
    numbers = [-1] * len(tokens)
    current, gap, closed = -1, [-1], True
    inside = False
    for i, token in enumerate(tokens):
        if token not in images.image:
            if inside:
                gap, inside = [], False
            gap.append(token)
            continue
        if not inside:
            joined = not closed and all(other in images.joiners for other in gap)
            current += 0 if joined else 1
            closed = bool(gap) and gap[-1] in images.closers
            inside = True
        numbers[i] = current
    return numbers
