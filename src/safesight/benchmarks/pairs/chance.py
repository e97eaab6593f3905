"""Seeded choices that are the same on every machine and in every Python: bytes of SHA-256, no library's generator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of choices that its seed words decide.

    Args:
        seed: any values; their text is the seed.
    """

    def __init__(self, *seed: object) -> None:
        self._seed = "\x1f".join(str(part) for part in seed).encode()
        self._count = 0

    def below(self, limit: int) -> int:
        """A whole number in [0, limit); the bias of the remainder is under 1e-15."""
        block = hashlib.sha256(self._seed + b"\x1e" + str(self._count).encode()).digest()
        self._count += 1
        return int.from_bytes(block[:8], "big") % limit

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different options in random order.

        Raises:
            ValueError: there are fewer.
        """
        rest = list(options)
        if count > len(rest):
            raise ValueError(f"expected at least {count} options, got {len(rest)}.")
        return [rest.pop(self.below(len(rest))) for _ in range(count)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All options in random order."""
        return self.sample(options, len(options))

    def fork(self, *words: object) -> Chance:
        """A stream of its own, which what is drawn here does not disturb."""
        return Chance(self._seed.decode(), *words)
