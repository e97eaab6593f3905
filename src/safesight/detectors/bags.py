"""Linear scores of a growing text over hashed n-grams: of all of it, and of its last stretch.

A text's score is the sum of its features' weights over the length of its tf-idf vector, so that a long text is not a
worse one. Both are running sums: a token costs a look-up, whatever stands before it. The stretch is the block of words
being read and the block before it, each a bag of its own; what is older counts no more, so that a harmless preface
dilutes nothing.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np

from safesight.core.errors import DetectorError
from safesight.detectors.ngrams import OPENING, Step, opening_hashes, word_features

KEPT = 1 << 14
"""Words whose sums are kept."""
Head = TypeVar("Head", bound=msgspec.Struct)


class LinearWeights:
    """The arrays of a weights file: for each feature, weight times idf, and idf squared."""

    __slots__ = ("_bits", "digest", "norm", "raw_head", "shift", "value", "words")

    def __init__(self, raw: bytes, *, where: str) -> None:
        """Read a weights file.

        Raises:
            DetectorError: it is not one.
        """
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as file:
                weight, idf = (file[name].astype(np.float32) for name in ("answer", "idf"))
                self.raw_head = file["head"].tobytes()
            self._bits = int(weight.size).bit_length() - 1
            if weight.shape != (1 << self._bits,) or idf.shape != weight.shape:
                raise ValueError(f"arrays of {weight.shape} and {idf.shape}")
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DetectorError(f"{where}: expected detector weights written by `safesight train`: {error}") from None
        self.value = memoryview(weight * idf)
        self.norm = memoryview(idf * idf)
        self.shift = 32 - self._bits
        self.digest = hashlib.sha256(raw).hexdigest()[:32]
        self.words: dict[str, tuple[float, float]] = {}
        """The sums over the own features of words met lately."""

    def head(self, kind: type[Head], *, where: str) -> Head:
        """What the file says besides its arrays; raises DetectorError."""
        try:
            return msgspec.json.decode(self.raw_head, type=kind)
        except msgspec.DecodeError as error:
            raise DetectorError(f"{where}: expected detector weights written by `safesight train`: {error}") from None

    def word(self, token: str) -> tuple[float, float]:
        """The sums over a token's own features."""
        found = self.words.get(token)
        if found is None:
            own = word_features(token, bits=self._bits)
            found = sum(self.value[at] for at in own), sum(self.norm[at] for at in own)
            if len(self.words) >= KEPT:
                self.words.clear()
            self.words[token] = found
        return found


class Bag:
    """The running sums over a text's distinct words, pairs and triples."""

    __slots__ = ("_seen", "_weights", "norm", "total")

    def __init__(self, weights: LinearWeights) -> None:
        self.total = 0.0
        self.norm = 0.0
        self._weights = weights
        self._seen: set[str | int] = set()

    def add(self, steps: Sequence[Step]) -> None:
        """Take steps."""
        weights, seen = self._weights, self._seen
        value, norm, shift, words = weights.value, weights.norm, weights.shift, weights.words
        total, size = self.total, self.norm
        for token, two, three in steps:
            if token not in seen:
                seen.add(token)
                more, length = words.get(token) or weights.word(token)
                total += more
                size += length
            if two not in seen:
                seen.add(two)
                total += value[two >> shift]
                size += norm[two >> shift]
            if three not in seen:
                seen.add(three)
                total += value[three >> shift]
                size += norm[three >> shift]
        self.total, self.norm = total, size

    def add_hashes(self, hashes: Sequence[int]) -> None:
        """Take further features, by their 32-bit hashes."""
        weights = self._weights
        for hashed in hashes:
            if hashed not in self._seen:
                self._seen.add(hashed)
                self.total += weights.value[hashed >> weights.shift]
                self.norm += weights.norm[hashed >> weights.shift]

    def with_tail(self, steps: Sequence[Step], *, opening: int = 0) -> tuple[float, float]:
        """The sums if these steps followed, the first of them opening the text; nothing is taken."""
        weights, seen = self._weights, self._seen
        total, size = self.total, self.norm
        ahead: set[str | int] = set()
        for at, step in enumerate(steps):
            token = step[0]
            if token not in seen and token not in ahead:
                more, length = weights.word(token)
                total += more
                size += length
                ahead.add(token)
            for hashed in (*opening_hashes(step), *step[1:]) if at < opening else step[1:]:
                if hashed not in seen and hashed not in ahead:
                    total += weights.value[hashed >> weights.shift]
                    size += weights.norm[hashed >> weights.shift]
                    ahead.add(hashed)
        return total, size


class Running:
    """The score of all of a text."""

    __slots__ = ("_bag", "_words")

    def __init__(self, weights: LinearWeights) -> None:
        self._bag = Bag(weights)
        self._words = 0

    def feed(self, steps: Sequence[Step], tail: Sequence[Step]) -> float:
        """Add settled steps; returns the score with the tail, -inf before the first word."""
        bag = self._bag
        if self._words < OPENING:
            for step in steps[: OPENING - self._words]:
                bag.add_hashes(opening_hashes(step))
            self._words += len(steps)
        bag.add(steps)
        if not tail:
            return _ratio(bag.total, bag.norm) if self._words else -math.inf
        return _ratio(*bag.with_tail(tail, opening=max(0, OPENING - self._words)))


class Stretches:
    """The worst score of any two neighbouring blocks of words, the first block of a text apart."""

    __slots__ = ("_bag", "_before", "_length", "_room", "_weights", "worst")

    def __init__(self, weights: LinearWeights, *, words: int) -> None:
        self.worst = -math.inf
        """The worst score where a block ended: the same for any chunks."""
        self._weights = weights
        self._length = words
        self._room = words
        self._bag = Bag(weights)
        self._before: Bag | None = None

    def feed(self, steps: Sequence[Step], tail: Sequence[Step]) -> float:
        """Add settled steps; returns the worst score so far, -inf before the second block."""
        while len(steps) >= self._room:
            self._bag.add(steps[: self._room])
            steps = steps[self._room :]
            self.worst = max(self.worst, self._score(()))
            self._before, self._bag, self._room = self._bag, Bag(self._weights), self._length
        self._bag.add(steps)
        self._room -= len(steps)
        return max(self.worst, self._score(tail))

    def _score(self, tail: Sequence[Step]) -> float:
        if self._before is None:
            return -math.inf
        total, norm = self._bag.with_tail(tail) if tail else (self._bag.total, self._bag.norm)
        return _ratio(self._before.total + total, self._before.norm + norm)


def _ratio(total: float, norm: float) -> float:
    return total / math.sqrt(norm) if norm > 0 else 0.0
