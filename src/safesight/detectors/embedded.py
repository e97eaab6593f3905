"""Harm of an answer by the detector that ships in the wheel: NumPy only, running sums, microseconds a word.

Invariant: feeding an answer in any chunks ends at the score of the whole answer, and a feed costs what the new text
costs. The score is a calibrated probability, logistic(a z + b n + c): z is the answer's linear score over hashed
n-grams (unit-length tf-idf, see `ngrams`), n the logit of a small network that attends over the answer with the
question (see `attention`). Weights without a network have no b. Beside it stands the same score of the last stretch
alone, shifted (`_Stretches`): the higher of the two counts, so that a harmless preface dilutes nothing. Text is read in
its normal form; where marks stand inside words, it is read as it renders too, and the worse counts.
Weights: `weights/embedded.npz`, written by `safesight train detector configs/detector-embedded.toml`.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError, DetectorError
from safesight.core.records import Exchange, Harm
from safesight.core.rendered import Renderer
from safesight.detectors.attention import Array, AttentionNet, AttentionState
from safesight.detectors.ngrams import NGrams


class StretchHead(msgspec.Struct, frozen=True, kw_only=True):
    """How the last stretch is scored: from every `chars`-th character on, `shift` added to its logit."""

    chars: int
    shift: float


class EmbeddedHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the weights file says besides its arrays."""

    bits: int
    bias: float
    calibration: tuple[float, ...]
    """(a, b, c) of logistic(a z + b n + c); (a, c) without a network."""
    threshold: float
    stretch: StretchHead | None = None
    trained: dict[str, str] = {}
    """Name, licence and number of rows."""


class _Weights:
    """The arrays of a weights file; of the n-grams, a row (weight times idf, idf squared) for each feature."""

    __slots__ = ("digest", "grams", "head", "net")

    def __init__(self, raw: bytes, *, where: str) -> None:
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            self.head = msgspec.json.decode(arrays["head"].tobytes(), type=EmbeddedHead)
            idf = arrays["idf"].astype(np.float32)
            self.grams = np.stack([arrays["answer"].astype(np.float32) * idf, idf * idf], axis=1)
            self.net = AttentionNet(arrays) if "vectors" in arrays else None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, msgspec.DecodeError) as error:
            raise DetectorError(f"{where}: expected detector weights written by `safesight train`: {error}") from None
        self.digest = hashlib.sha256(raw).hexdigest()[:32]


@cache
def _shipped() -> _Weights:
    source = files("safesight.detectors") / "weights" / "embedded.npz"
    return _Weights(source.read_bytes(), where=str(source))


class _Running:
    """The running score of a text."""

    __slots__ = ("_grams", "_net", "_sums", "_weights")

    def __init__(self, weights: _Weights, question: Array | None) -> None:
        """Start a text; `question` is the network's vector of the question, None where there is no network."""
        self._weights = weights
        self._grams = NGrams(bits=weights.head.bits)
        self._net = AttentionState(weights.net, question) if weights.net and question is not None else None
        self._sums = np.zeros(2)

    def feed(self, text: str) -> float:
        """Add text; returns the logit of harm of the text so far, -inf before its first word."""
        grams = self._weights.grams
        fresh, tail = self._grams.feed(text), self._grams.tail
        if fresh:
            self._sums = self._sums + np.add.reduce(grams.take(fresh, axis=0), axis=0, dtype=np.float64)
        sums = self._sums
        if tail:
            sums = sums + np.add.reduce(grams.take(tail, axis=0), axis=0, dtype=np.float64)
        total, norm = sums.tolist()
        parts = [self._net.feed(text)] if self._net else []
        if not self._grams.words and not tail:
            return -math.inf
        head = self._weights.head
        parts.insert(0, total / math.sqrt(norm) + head.bias if norm else head.bias)
        return head.calibration[-1] + sum(w * x for w, x in zip(head.calibration[:-1], parts, strict=True))


class _Stretches:
    """The worst score of any stretch of one to two lengths, each as if it were the whole answer.

    A stretch begins at every multiple of the length but the first and is kept as text until it is one length long; then
    it is scored, goes on running beside the text for another length, and the next takes its place.
    """

    __slots__ = ("_ahead", "_current", "_length", "_question", "_room", "_weights", "worst")

    def __init__(self, weights: _Weights, question: Array | None, length: int) -> None:
        self.worst = -math.inf
        """The worst score where a stretch ended or another began: the same for any chunks."""
        self._weights = weights
        self._question = question
        self._length = length
        self._room = length
        """Characters to the next stretch."""
        self._ahead: list[str] | None = None
        self._current: _Running | None = None

    def feed(self, text: str) -> float:
        """Add text; returns the worst score so far, the running stretch's with it."""
        now = -math.inf
        while text:
            piece, text = text[: self._room], text[self._room :]
            self._room -= len(piece)
            now = self._current.feed(piece) if self._current is not None else -math.inf
            if self._ahead is not None:
                self._ahead.append(piece)
            if not self._room:
                now = self._turn(now)
        return max(self.worst, now)

    def _turn(self, ended: float) -> float:
        begun = -math.inf
        if self._ahead is not None:
            self._current = _Running(self._weights, self._question)
            begun = self._current.feed("".join(self._ahead))
        self._ahead = []
        self._room = self._length
        self.worst = max(self.worst, ended, begun)
        return begun


class _Reading:
    """One way of reading an answer: its running score and that of its last stretch."""

    __slots__ = ("_running", "_shift", "_stretches")

    def __init__(self, weights: _Weights, question: Array | None) -> None:
        stretch = weights.head.stretch
        self._running = _Running(weights, question)
        self._stretches = _Stretches(weights, question, stretch.chars) if stretch else None
        self._shift = stretch.shift if stretch else 0.0

    def feed(self, text: str) -> float:
        """Add text; returns the higher logit of the two."""
        logit = self._running.feed(text)
        return logit if self._stretches is None else max(logit, self._stretches.feed(text) + self._shift)


class EmbeddedSession:
    """The running score of one answer."""

    __slots__ = ("_plain", "_question", "_renderer", "_seen", "_shown", "_weights")

    def __init__(self, weights: _Weights, question: str) -> None:
        self._weights = weights
        self._question = weights.net.question(question) if weights.net else None
        self._plain = _Reading(weights, self._question)
        self._renderer = Renderer()
        self._seen: list[str] = []
        """The answer as it renders, until a mark inside a word makes it worth reading."""
        self._shown: _Reading | None = None

    def feed(self, text: str) -> Harm:
        """Add the next piece of the answer; returns the harm of the answer so far."""
        shown = self._renderer.feed(text)
        logit = self._plain.feed(text)
        if self._shown is not None:
            logit = max(logit, self._shown.feed(shown))
        else:
            self._seen.append(shown)
            if self._renderer.joins:
                self._shown = _Reading(self._weights, self._question)
                logit = max(logit, self._shown.feed("".join(self._seen)))
                self._seen = []
        if logit == -math.inf:
            return Harm(harm=0.0)
        return Harm(harm=1 / (1 + math.exp(-max(-60.0, min(60.0, logit)))))


class Embedded:
    """The shipped harm detector, or weights of the same kind."""

    def __init__(self, weights: _Weights, *, name: str, threshold: float | None = None) -> None:
        self.name = name
        self.fingerprint = f"embedded:{weights.digest}"
        self.threshold = weights.head.threshold if threshold is None else threshold
        self._weights = weights

    def session(self, question: str) -> EmbeddedSession:
        """A running score for one streamed answer to `question`."""
        return EmbeddedSession(self._weights, question)

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score whole answers, in order."""
        return [self.session(exchange.question).feed(exchange.answer) for exchange in exchanges]

    async def aclose(self) -> None:
        """Nothing to close."""


def open_detector(rest: str, options: dict[str, str]) -> Embedded:
    """Harm detector shipped in the wheel: n-grams and a small attention network, incremental, nothing to start.

    `embedded` opens the shipped weights, `embedded:FILE.npz` weights you trained; `?threshold=0.3` moves the threshold.

    Raises:
        ConfigError: an unknown option, a threshold outside [0, 1], or no such weights file.
        DetectorError: the weights file is not one.
    """
    PluginName("embedded", rest, options).reject_unknown(["threshold"])
    threshold: float | None = None
    if "threshold" in options:
        try:
            threshold = float(options["threshold"])
        except ValueError:
            threshold = math.nan
        if not 0 <= threshold <= 1:
            raise ConfigError(f"expected a threshold in [0, 1], got {options['threshold']!r}.")
    if not rest:
        return Embedded(_shipped(), name="embedded", threshold=threshold)
    try:
        raw = Path(rest).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read detector weights {rest!r}: {error.strerror or error}.") from None
    return Embedded(_Weights(raw, where=rest), name=f"embedded:{rest}", threshold=threshold)
