"""How a text longer than a model's window is shown to it: the question's ends, and overlapping pieces of the answer."""

from __future__ import annotations


def ends(ids: list[int], *, limit: int) -> list[int]:
    """A long question's first and last tokens: a request often hides at the end of a long preamble."""
    return ids if len(ids) <= limit else ids[: limit // 2] + ids[len(ids) - (limit - limit // 2) :]


def windows(head: list[int], told: list[int], *, max_tokens: int) -> list[tuple[list[int], int]]:
    """`told` in overlapping pieces behind `head`, each with where its part of `told` starts."""
    room = max(8, max_tokens - len(head))
    step = room - room // 4
    starts = range(0, max(1, len(told) - room // 4), step)
    return [(head + told[start : start + room], len(head)) for start in starts]
