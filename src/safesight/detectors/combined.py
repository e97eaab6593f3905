"""Several detectors as one whose threshold is 0.5: a cascade, which saves cost, and a mean, which ranks better.

Each part's score is moved first so that its own threshold comes to lie at 0.5. On a stream, use two `[[detectors]]`
entries of a policy in a cascade's place (`when = "grey"`): the cheap one then keeps its running score.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError
from safesight.core.protocols import Detector, ProbedDetector, Repertoire, judges_requests, repertoire_of
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.registry import open_plugin

# A detector that is sure beyond this many log-odds cannot silence the others of a mean.
_LIMIT = 12.0


class _Combined:
    """What a combination owes its parts."""

    def __init__(self, parts: Sequence[Detector]) -> None:
        self._parts = tuple(parts)

    async def probe(self) -> None:
        """Probe those of the detectors that can be. Raises what they raise."""
        for part in self._parts:
            if isinstance(part, ProbedDetector):
                await part.probe()

    async def aclose(self) -> None:
        """Close all of them."""
        for part in self._parts:
            await part.aclose()


class _Options(msgspec.Struct, kw_only=True):
    low: float = 0.2
    high: float = 0.8
    images: bool = True


class Cascade(_Combined):
    """Scores with `cheap`, and again with `strong` where that pays, whose score then stands.

    It pays where the cheap score lies between `low` and `high` (counted after the move of its threshold to 0.5), where
    there are images, which a cheap text detector cannot see, and for requests if only `strong` judges them.
    """

    def __init__(
        self, cheap: Detector, strong: Detector, *, low: float = 0.2, high: float = 0.8, images: bool = True
    ) -> None:
        if not 0.0 <= low <= high <= 1.0:
            raise ConfigError(f"cascade: expected 0 <= low <= high <= 1, got low {low} and high {high}.")
        super().__init__((cheap, strong))
        self.name = f"cascade:{cheap.name},{strong.name}"
        self.threshold = 0.5
        parts = [(part.fingerprint, part.threshold) for part in (cheap, strong)]
        self.fingerprint = content_hash("cascade", *parts, low, high, images)
        self.judges_requests = any(map(judges_requests, (cheap, strong)))
        self._cheap = cheap
        self._strong = strong
        self._band = (low, high)
        self._images = images

    @property
    def repertoire(self) -> Repertoire:
        """The categories of either."""
        return Repertoire(categories=frozenset().union(*(repertoire_of(part).categories for part in self._parts)))

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order; raises what either detector raises."""
        cheap = [i for i, exchange in enumerate(exchanges) if not self._skips(exchange)]
        scores: dict[int, Harm] = {}
        for i, harm in zip(cheap, await self._cheap.score([exchanges[i] for i in cheap]), strict=True) if cheap else ():
            scores[i] = bent(harm, self._cheap.threshold)
        strong = [i for i, exchange in enumerate(exchanges) if self._pays(exchange, scores.get(i))]
        for i, harm in (
            zip(strong, await self._strong.score([exchanges[i] for i in strong]), strict=True) if strong else ()
        ):
            scores[i] = bent(harm, self._strong.threshold)
        return [scores[i] for i in range(len(exchanges))]

    def _skips(self, exchange: Exchange) -> bool:
        return not exchange.answer and not judges_requests(self._cheap)

    def _pays(self, exchange: Exchange, harm: Harm | None) -> bool:
        low, high = self._band
        return harm is None or (self._images and bool(exchange.images)) or low <= harm.harm <= high


def bent(harm: Harm, threshold: float) -> Harm:
    """Scores moved linearly on either side of `threshold` so that it comes to lie at 0.5."""

    def bend(score: float) -> float:
        if score < threshold:
            return 0.5 * score / threshold
        return 0.5 + 0.5 * (score - threshold) / (1.0 - threshold) if threshold < 1.0 else 0.5

    categories = {code: bend(score) for code, score in harm.categories.items()}
    return msgspec.structs.replace(harm, harm=bend(harm.harm), categories=categories)


class Mean(_Combined):
    """The mean log-odds of detectors, each counted from its own threshold; whoever fails, fails the whole.

    Detectors that err on different answers are better together; no one decides alone.
    """

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
        super().__init__(parts)
        self.name = f"mean:{','.join(part.name for part in parts)}"
        self.threshold = 0.5
        self.fingerprint = content_hash("mean", *((part.fingerprint, part.threshold) for part in parts))

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

    def _joined(self, harms: Sequence[Harm]) -> Harm:
        odds = [
            max(-_LIMIT, min(_LIMIT, _logit(harm.harm) - _logit(part.threshold)))
            for harm, part in zip(harms, self._parts, strict=True)
        ]
        return Harm(harm=1 / (1 + math.exp(-sum(odds) / len(odds))))


def _logit(harm: float) -> float:
    safe = min(max(harm, 1e-9), 1 - 1e-9)
    return math.log(safe / (1 - safe))


def open_cascade(rest: str, options: dict[str, str]) -> Cascade:
    """Cheap detector first, strong one where it pays: `cascade:embedded,generative:http://host/v1#guard`.

    Options: `low`, `high` (the band in which the strong one is asked), `images` (always ask it about images); others
    are handed to the strong detector.

    Raises:
        ConfigError: not two detectors, or a band out of order.
    """
    cheap, comma, strong = rest.partition(",")
    if not comma or not cheap or not strong:
        raise ConfigError(f"cascade: expected two detectors, as in 'cascade:embedded,generative:URL', got {rest!r}.")
    own = {key: value for key, value in options.items() if key in _Options.__struct_fields__}
    chosen = convert(own, _Options, where=f"cascade:{rest}")
    others = {key: value for key, value in options.items() if key not in own}
    return Cascade(
        open_plugin("detectors", cheap),
        open_plugin("detectors", strong + (f"?{urlencode(others)}" if others else "")),
        low=chosen.low,
        high=chosen.high,
        images=chosen.images,
    )


def open_mean(rest: str, options: dict[str, str]) -> Mean:
    """Mean of detectors, for whole answers: `mean:embedded,tuned:FOLDER`; each brings its own threshold.

    Raises:
        ConfigError: fewer than two detectors, an unknown option, or what opening one of them raises.
    """
    PluginName("mean", rest, options).reject_unknown(())
    return Mean([open_plugin("detectors", name) for name in rest.split(",") if name])
