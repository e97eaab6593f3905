"""`stakes`: whether the words of a request say that fulfilling it harms somebody. A small line of defence for requests.

A linear model over words and pairs of words, fitted on the organism's own stake notes (tools/train_stakes.py), so that
a guard with `[input] ocr = true` can decline what only a note in a picture makes harmful. It knows some hundred English
words; it says nothing about answers, and it is no judge of dangerous knowledge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import msgspec

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError
from safesight.core.normal_form import normal_form
from safesight.core.records import Exchange, Harm, content_hash

WEIGHTS: Final = "stakes.json"


class StakeWeights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weights file."""

    bias: float
    threshold: float
    rows: int
    seed: int
    weights: dict[str, float]


def features(text: str) -> list[str]:
    """Words and pairs of neighbouring words, in normal form."""
    found = re.findall(r"[a-z']+", normal_form(text))
    return [*found, *(f"{a} {b}" for a, b in pairwise(found))]


class StakesDetector:
    """Scores the question of an exchange; answers are not its business."""

    judges_requests = True
    max_concurrency: int | None = None

    def __init__(self, weights: StakeWeights) -> None:
        self.name = "stakes"
        self.threshold = weights.threshold
        self.fingerprint = content_hash("stakes", weights)
        self._weights = weights

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """One score an exchange: the chance that its question harms somebody; 0 where an answer is to be judged."""
        return [Harm(harm=0.0 if e.answer else self.harm(e.question)) for e in exchanges]

    def harm(self, text: str) -> float:
        """The chance that fulfilling harms somebody, in [0, 1]."""
        held = self._weights.weights
        z = self._weights.bias + sum(held.get(f, 0.0) for f in set(features(text)))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))

    async def aclose(self) -> None:
        """Nothing to close."""


@cache
def _weights() -> StakeWeights:
    data = (files("safesight.detectors") / "weights" / WEIGHTS).read_bytes()
    return msgspec.json.decode(data, type=StakeWeights)


def open_detector(rest: str, options: dict[str, str]) -> StakesDetector:
    """Stakes: a linear model that reads a request, with the text of its pictures, for harm to somebody; English.

    Raises:
        ConfigError: something follows the name.
        UnknownName: an option is unknown.
    """
    PluginName("stakes", rest, options).reject_unknown(())
    if rest:
        raise ConfigError(f"expected 'stakes' with nothing after it, got {rest!r}.")
    return StakesDetector(_weights())
