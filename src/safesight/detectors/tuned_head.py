"""What a tuned network's logits mean: pooling, calibration and threshold, as they stand beside its weights."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Pooling = Literal["token", "mean", "last"]


class TunedHead(msgspec.Struct, frozen=True, kw_only=True):
    """`detector.json`: how to read the folder. harm = interpolated `knots`, or sigmoid(logit / temperature)."""

    pooling: Pooling
    max_tokens: int
    temperature: float
    knots: tuple[tuple[float, float], ...] = ()
    """Isotonic map from logit to harm; empty when `temperature` is used."""
    threshold: float
    licence: str
    bos: bool = False
    """Sequences begin with the tokenizer's BOS."""
    trained: dict[str, str] = {}

    def harm(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated harm of logits (n,)."""
        if self.knots:
            x, y = np.array(self.knots).T
            return np.asarray(np.interp(logits, x, y))
        return 1 / (1 + np.exp(-np.clip(logits / self.temperature, -60, 60)))
