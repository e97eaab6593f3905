"""How much a request asks for harm, by the model that ships beside `embedded`: hashed n-grams, NumPy only.

`embedded` uses it twice: the guard's input rail asks for it as `suspicion`, at its own threshold, and an answer's score
counts it as what stands before the answer. A request is read whole and by its last stretch, as answers are (`bags`).
Weights: `weights/requests.npz`, written by `safesight train detector configs/detector-requests.toml`.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from safesight.detectors.bags import LinearWeights, Running
from safesight.detectors.ngrams import NGrams

LIMIT: Final = 6.0
"""Log-odds beyond which a request is not more, or less, of one."""
PRIOR: Final = 3.0
"""Log-odds beyond which a request tells no more about its answer."""
KEPT: Final = 512
"""Requests whose score is kept: the input rail and the answer ask for the same."""


class RequestHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the weights file says besides its arrays."""

    bits: int
    bias: float
    calibration: tuple[float, float]
    """(a, c) of logistic(a z + c)."""
    threshold: float
    points: dict[str, float] = {}
    """Thresholds by operating point."""
    trained: dict[str, str] = {}


class RequestReader:
    """Scores requests."""

    def __init__(self, raw: bytes, *, where: str) -> None:
        """Open the bytes of a weights file; raises DetectorError where they are not one."""
        self._weights = LinearWeights(raw, where=where)
        self.head = self._weights.head(RequestHead, where=where)
        self.digest = self._weights.digest
        self.odds = lru_cache(maxsize=KEPT)(self._odds)

    def harm(self, request: str) -> float:
        """Probability that a request asks for harm; 0 where it has no word."""
        return 1 / (1 + math.exp(-self.odds(request))) if request.strip() else 0.0

    def prior(self, request: str) -> float:
        """Log-odds with which an answer to a request begins, within `PRIOR`."""
        return max(-PRIOR, min(PRIOR, self.odds(request)))

    def _odds(self, request: str) -> float:
        """Log-odds of the same, within `LIMIT`; 0 where there is no word: nothing is known."""
        grams = NGrams()
        score = Running(self._weights).feed(grams.feed(request), grams.tail)
        if score == -math.inf:
            return 0.0
        slope, offset = self.head.calibration
        return max(-LIMIT, min(LIMIT, slope * (score + self.head.bias) + offset))


@cache
def shipped_requests() -> RequestReader:
    """The reader in the wheel."""
    source = files("safesight.detectors") / "weights" / "requests.npz"
    return RequestReader(source.read_bytes(), where=str(source))
