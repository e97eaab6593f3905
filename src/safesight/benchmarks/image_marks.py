"""Puts images where a text marks them: `<image 2>` is the second image wherever it stands, `<image>` the next one.

Invariants: every image is shown exactly once, and no mark vanishes. A mark is replaced by its image where it stands
alone; where an image is mentioned again, or no mark shows it, the marks' words stay so that every mention can be
followed. Spellings: `<image 1>`, `<image_1>`, `<image1>`, `<image #1>`, `<img1>`, `<|image_1|>`, `[image 1]`, `<图1>`.

A text with an image 0 counts from 0.

    Is <image 2> left of <image 1>?           Is [2] left of [1] ?
    Compare <image 1> with <image 2>. What    Compare <image 1> [1] with [2] . What is in <image 1>?
      is in <image 1>?
    What follows <image 1>?   (three images)  <image 2> [2] <image 3> [3] What follows <image 1> [1] ?
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from safesight.core.messages import Image, ImagePart, Part, TextPart

_MARK: Final = re.compile(
    r"<\|?\s*(?:image|img|picture|图片?)(?:\s*[_#-]?\s*(\d{1,3}))?\s*\|?>|\[\s*(?:image|img|picture)\s*[_#-]?\s*(\d{1,3})\s*\]",
    re.IGNORECASE,
)


def is_numbered(text: str) -> bool:
    """Whether a text refers to images by number."""
    return any(_explicit(mark) is not None for mark in _MARK.finditer(text))


def number(mark: re.Match[str]) -> int:
    """A mark's number, from 1; 0 for one without."""
    return int(mark[1] or mark[2] or 0)


def place_images(text: str, images: Sequence[Image]) -> tuple[Part, ...]:
    """The parts of a message: the text with each image at its mark, images without a mark before it."""
    marks = list(_MARK.finditer(text))
    first = 0 if any(_explicit(mark) == 0 for mark in marks) else 1
    numbers = [number(mark) if _explicit(mark) is None else number(mark) + 1 - first for mark in marks]
    shown = _assigned(numbers, len(images))
    marked = {which for several in shown for which in several}
    parts = _Parts()
    for i, image in enumerate(images):
        if i not in marked:
            if any(numbers):
                parts.say(f"<image {i + first}>")
            parts.show(image)
    mentions = Counter(numbers)
    position, seen = 0, set[int]()
    for mark, numbered, meant in zip(marks, numbers, shown, strict=True):
        parts.say(text[position : mark.start()])
        position = mark.end()
        new = [which for which in meant if which not in seen]
        if not new or (numbered and mentions[numbered] > 1):
            parts.say(_words(mark))
        for which in new:
            parts.show(images[which])
        seen.update(new)
    parts.say(text[position:])
    return parts.done()


def _words(mark: re.Match[str]) -> str:
    """A mark as words; what chat templates take for the place of an image ("<image>", "<|image_1|>") is rewritten."""
    written = _explicit(mark)
    if written is not None and "|" not in mark[0]:
        return mark[0]
    return "[image]" if written is None else f"[image {written}]"


def _explicit(mark: re.Match[str]) -> int | None:
    """The number as it is written; None for a mark without one."""
    written = mark[1] or mark[2]
    return None if written is None else int(written)


def _assigned(numbers: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """The images that each mark means, from 0; marks without a number share those that no number names.

    The last of them takes all that are left: one `<image>` before a question stands for every image.
    """
    named = {n - 1 for n in numbers if n}
    free = [i for i in range(count) if i not in named]
    left = numbers.count(0)
    meant: list[tuple[int, ...]] = []
    for n in numbers:
        if n:
            meant.append((n - 1,) if n <= count else ())
            continue
        left -= 1
        taken = len(free) if left == 0 else 1
        meant.append(tuple(free[:taken]))
        free = free[taken:]
    return meant


class _Parts:
    """Parts of a message as they grow; neighbouring texts are one."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._text = ""

    def say(self, text: str) -> None:
        self._text += text

    def show(self, image: Image) -> None:
        self._end()
        self._parts.append(ImagePart(image))

    def _end(self) -> None:
        if self._text.strip():
            self._parts.append(TextPart(self._text.strip()))
        self._text = ""

    def done(self) -> tuple[Part, ...]:
        self._end()
        return tuple(self._parts)
