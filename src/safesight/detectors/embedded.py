"""Harm of an answer by the detector that ships in the wheel: NumPy only, running sums, two microseconds a word.

Invariant: feeding an answer in any chunks ends at the score of the whole answer, and a feed costs what the new text
costs. The score is a calibrated probability, logistic(a z + b r + c): z is the answer's linear score over hashed
n-grams (see `bags`), r the log-odds, bounded, that its question asks for harm (see `requests`). Beside it stands the
same score of the last stretch alone, shifted: the higher of the two counts, so that a harmless preface dilutes nothing.
Text is read in its normal form; where marks stand inside words, it is read as it renders too, and the worse counts.
English is judged; text in another language is scored as it is and said to be unjudged (see `language`).
Weights: `weights/embedded.npz`, written by `safesight train detector configs/detector-embedded.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.files import cache_folder, replacing
from safesight.core.records import Exchange, Harm
from safesight.core.rendered import Renderer
from safesight.detectors.bags import LinearWeights, Running, Stretches
from safesight.detectors.language import Languages
from safesight.detectors.ngrams import NGrams
from safesight.detectors.requests import shipped_requests

RESEARCH: Final = "research"
_LICENCE: Final = "Apache-2.0"


class StretchHead(msgspec.Struct, frozen=True, kw_only=True):
    """How the last stretch is scored: one to two blocks of so many words, `shift` added to its logit."""

    words: int
    shift: float


class EmbeddedHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the weights file says besides its arrays."""

    bits: int
    bias: float
    calibration: tuple[float, float, float]
    """(a, b, c) of logistic(a z + b r + c)."""
    threshold: float
    points: dict[str, float] = {}
    """Thresholds by operating point; `threshold` is one of them."""
    stretch: StretchHead | None = None
    trained: dict[str, str] = {}
    """Name, licence and number of rows."""


class EmbeddedWeights(LinearWeights):
    """The arrays of a weights file and what it says."""

    __slots__ = ("answer", "licence", "meta")

    def __init__(self, raw: bytes, *, where: str) -> None:
        super().__init__(raw, where=where)
        self.answer = self.head(EmbeddedHead, where=where)
        licence = self.answer.trained.get("licence", "")
        self.licence = "" if licence == _LICENCE else licence
        """Terms of the weights where they are not the package's."""
        self.meta = {"licence": self.licence} if self.licence else {}


@cache
def _shipped() -> EmbeddedWeights:
    source = files("safesight.detectors") / "weights" / "embedded.npz"
    return EmbeddedWeights(source.read_bytes(), where=str(source))


class AnswerReading:
    """One way of reading an answer: its running score and that of its last stretch."""

    __slots__ = ("_grams", "_languages", "_offset", "_running", "_shift", "_slope", "_stretches", "language")

    def __init__(self, weights: EmbeddedWeights, asked: float) -> None:
        """Start an answer; `asked` is the log-odds that its question asks for harm."""
        head = weights.answer
        self.language = ""
        """The language that some of the text is in, where it is not English."""
        self._languages = Languages()
        self._grams = NGrams()
        self._running = Running(weights)
        self._slope = head.calibration[0]
        self._offset = self._slope * head.bias + head.calibration[1] * asked + head.calibration[2]
        self._stretches = Stretches(weights, words=head.stretch.words) if head.stretch else None
        self._shift = head.stretch.shift if head.stretch else 0.0

    def scores(self, text: str) -> tuple[float, float]:
        """Add text; returns the logits of the whole and of the last stretch, -inf before there is one."""
        steps, tail = self._grams.feed(text), self._grams.tail
        self.language = self._languages.feed(steps)
        whole = self._slope * self._running.feed(steps, tail) + self._offset
        if self._stretches is None:
            return whole, -math.inf
        return whole, self._slope * self._stretches.feed(steps, tail) + self._offset

    def feed(self, text: str) -> float:
        """Add text; returns the higher logit of the two."""
        whole, last = self.scores(text)
        return max(whole, last + self._shift)


class EmbeddedSession:
    """The running score of one answer."""

    __slots__ = ("_asked", "_plain", "_renderer", "_seen", "_shown", "_weights")

    def __init__(self, weights: EmbeddedWeights, asked: float) -> None:
        self._weights = weights
        self._asked = asked
        self._plain = AnswerReading(weights, asked)
        self._renderer = Renderer()
        self._seen: list[str] = []
        """The answer as it renders, until a mark inside a word makes it worth reading."""
        self._shown: AnswerReading | None = None

    def feed(self, text: str) -> Harm:
        """Add the next piece of the answer; returns the harm of the answer so far."""
        shown = self._renderer.feed(text)
        logit = self._plain.feed(text)
        if self._shown is not None:
            logit = max(logit, self._shown.feed(shown))
        else:
            self._seen.append(shown)
            if self._renderer.joins:
                self._shown = AnswerReading(self._weights, self._asked)
                logit = max(logit, self._shown.feed("".join(self._seen)))
                self._seen = []
        meta = self._weights.meta
        if logit == -math.inf:
            return Harm(harm=0.0, meta=meta)
        harm = 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
        return Harm(harm=harm, unjudged=self._plain.language, meta=meta)


class Embedded:
    """The shipped harm detector, or weights of the same kind; it judges requests too, by `suspicion`."""

    languages = ("en",)

    def __init__(self, weights: EmbeddedWeights, *, name: str, threshold: float | None = None, point: str = "") -> None:
        """Open weights at a threshold, at a named operating point, or at the weights' own threshold.

        Raises:
            UnknownName: the weights have no such point.
        """
        head = weights.answer
        self._reader = shipped_requests()
        if point and point not in head.points:
            raise UnknownName("operating point", point, list(head.points))
        self.name = name
        self.licence = weights.licence
        self.points = head.points
        self.fingerprint = f"embedded:{weights.digest}:{self._reader.digest}"
        self.point = point or next((name for name, at in head.points.items() if at == head.threshold), "")
        self.threshold = head.points[point] if point else head.threshold
        if threshold is not None:
            self.threshold, self.point = threshold, ""
        asked = self._reader.head
        self.request_threshold = asked.points.get(self.point, asked.threshold)
        self._weights = weights

    def suspicion(self, question: str) -> float:
        """Probability that a request asks for harm."""
        return self._reader.harm(question)

    def session(self, question: str) -> EmbeddedSession:
        """A running score for one streamed answer to `question`."""
        return EmbeddedSession(self._weights, self._reader.prior(question))

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score whole answers, in order."""
        return [self.session(exchange.question).feed(exchange.answer) for exchange in exchanges]

    async def aclose(self) -> None:
        """Nothing to close."""


def research_file() -> Path:
    """Where `safesight detector install` puts the research weights."""
    return cache_folder() / "weights" / f"{RESEARCH}.npz"


def install(path: Path) -> tuple[Path, EmbeddedWeights]:
    """Copy research weights to where `embedded:research` looks for them.

    Raises:
        ConfigError: there is no such file, or it cannot be copied.
        DetectorError: the weights file is not one.
    """
    target = research_file()
    try:
        raw = path.read_bytes()
        weights = EmbeddedWeights(raw, where=str(path))
        with replacing(target) as part:
            part.write_bytes(raw)
    except OSError as error:
        raise ConfigError(f"cannot install {path}: {error.strerror or error}.") from None
    return target, weights


def open_detector(rest: str, options: dict[str, str]) -> Embedded:
    """Harm detector shipped in the wheel: n-grams of the answer and its question, incremental, nothing to start.

    `embedded` opens the shipped weights, `embedded:FILE.npz` weights you trained; `?point=strict` takes another
    operating point of theirs (`strict`, `usual`, `loose`), `?threshold=0.3` moves the threshold. `embedded:research`
    opens weights for research only, which `safesight detector install` puts in place; `?file=` names them elsewhere.

    Raises:
        ConfigError: an unknown option, a threshold outside [0, 1], both a point and a threshold, or no such file.
        DetectorError: the weights file is not one.
        UnknownName: the weights have no such operating point.
    """
    known = ["point", "threshold", *(["file"] if rest == RESEARCH else [])]
    PluginName("embedded", rest, options).reject_unknown(known)
    threshold: float | None = None
    if "threshold" in options:
        if "point" in options:
            raise ConfigError("expected a point or a threshold, got both.")
        try:
            threshold = float(options["threshold"])
        except ValueError:
            threshold = math.nan
        if not 0 <= threshold <= 1:
            raise ConfigError(f"expected a threshold in [0, 1], got {options['threshold']!r}.")
    point = options.get("point", "")
    if not rest:
        return Embedded(_shipped(), name="embedded", threshold=threshold, point=point)
    file = rest
    if rest == RESEARCH:
        file = options.get("file") or str(research_file())
    try:
        raw = Path(file).read_bytes()
    except OSError as error:
        hint = " Install them from a checkout: safesight detector install." if rest == RESEARCH else ""
        raise ConfigError(f"cannot read detector weights {file!r}: {error.strerror or error}.{hint}") from None
    return Embedded(EmbeddedWeights(raw, where=file), name=f"embedded:{rest}", threshold=threshold, point=point)
