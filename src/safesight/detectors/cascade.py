"""Two detectors as one: the cheap one scores everything, the strong one only what is worth its price.

The strong one is asked where the cheap score lies between `low` and `high`, where there are images (which a cheap text
detector cannot see), and for requests if only it judges them; its score then stands. Each score is bent so that its
own detector's threshold comes to lie at 0.5, which is this one's threshold. On a stream, use two `[[detectors]]`
entries of a policy instead (`when = "grey"`): the cheap one then keeps its running score.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from safesight.core.config import convert
from safesight.core.errors import ConfigError
from safesight.core.protocols import Detector, ProbedDetector, judges_requests
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.registry import open_plugin


class _Options(msgspec.Struct, kw_only=True):
    low: float = 0.2
    high: float = 0.8
    images: bool = True


class Cascade:
    """Scores with `cheap`, and again with `strong` where that pays; `low` and `high` are bent scores of `cheap`."""

    def __init__(
        self, cheap: Detector, strong: Detector, *, low: float = 0.2, high: float = 0.8, images: bool = True
    ) -> None:
        if not 0.0 <= low <= high <= 1.0:
            raise ConfigError(f"cascade: expected 0 <= low <= high <= 1, got low {low} and high {high}.")
        self.name = f"cascade:{cheap.name},{strong.name}"
        self.threshold = 0.5
        self.fingerprint = content_hash("cascade", cheap.fingerprint, strong.fingerprint, low, high, images)
        self.judges_requests = any(map(judges_requests, (cheap, strong)))
        self._cheap = cheap
        self._strong = strong
        self._band = (low, high)
        self._images = images

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

    async def probe(self) -> None:
        """Probe those of the detectors that can be. Raises what they raise."""
        for part in (self._cheap, self._strong):
            if isinstance(part, ProbedDetector):
                await part.probe()

    async def aclose(self) -> None:
        """Close both."""
        await self._cheap.aclose()
        await self._strong.aclose()

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


def open_detector(rest: str, options: dict[str, str]) -> Cascade:
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
