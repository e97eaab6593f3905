"""Several detectors as one: the mean of their log-odds, each counted from its own threshold.

Detectors that err on different answers are better together: `mean:embedded,encoder` joins what n-grams know about
phrases with what the encoder knows about question and answer. No one decides alone, and the mean lies at 0.5 where the
detectors, weighed against each other, are exactly undecided; 0.5 is its threshold.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError
from safesight.core.protocols import Detector, ProbedDetector
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.registry import open_plugin

# A detector that is sure beyond this cannot silence the others.
_LIMIT = 12.0


class Mean:
    """The mean log-odds of detectors; whoever fails, fails the whole."""

    def __init__(self, parts: Sequence[Detector]) -> None:
        """Join detectors.

        Raises:
            ConfigError: fewer than two, or a threshold of 0 or 1, which no log-odds can be counted from.
        """
        if len(parts) < 2:
            raise ConfigError(f"mean: expected two detectors or more, got {len(parts)}.")
        for part in parts:
            if not 0.0 < part.threshold < 1.0:
                raise ConfigError(f"mean: expected thresholds between 0 and 1, {part.name} has {part.threshold}.")
        self.name = f"mean:{','.join(part.name for part in parts)}"
        self.threshold = 0.5
        self.fingerprint = content_hash("mean", *((part.fingerprint, part.threshold) for part in parts))
        self._parts = tuple(parts)

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order; an empty answer has harm 0. Raises what any of the detectors raises."""
        told = [i for i, exchange in enumerate(exchanges) if exchange.answer.strip()]
        found = [Harm(harm=0.0) for _ in exchanges]
        if told:
            asked = [exchanges[i] for i in told]
            columns = await asyncio.gather(*(part.score(asked) for part in self._parts))
            for i, *harms in zip(told, *columns, strict=True):
                found[i] = self._joined(harms)
        return found

    async def probe(self) -> None:
        """Probe those of the detectors that can be. Raises what they raise."""
        for part in self._parts:
            if isinstance(part, ProbedDetector):
                await part.probe()

    async def aclose(self) -> None:
        """Close all of them."""
        for part in self._parts:
            await part.aclose()

    def _joined(self, harms: Sequence[Harm]) -> Harm:
        odds = [
            max(-_LIMIT, min(_LIMIT, _logit(harm.harm) - _logit(part.threshold)))
            for harm, part in zip(harms, self._parts, strict=True)
        ]
        return Harm(harm=1 / (1 + math.exp(-sum(odds) / len(odds))))


def _logit(harm: float) -> float:
    safe = min(max(harm, 1e-9), 1 - 1e-9)
    return math.log(safe / (1 - safe))


def open_detector(rest: str, options: dict[str, str]) -> Mean:
    """Mean of detectors, for whole answers: `mean:embedded,encoder`; each brings its own threshold.

    Raises:
        ConfigError: fewer than two detectors, an unknown option, or what opening one of them raises.
    """
    PluginName("mean", rest, options).reject_unknown(())
    return Mean([open_plugin("detectors", name) for name in rest.split(",") if name])
