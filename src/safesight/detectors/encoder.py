"""Harm by a small cross-encoder that reads question and answer together: the second tier that ships in the wheel.

MiniLM-L6 tuned by `safesight train detector configs/detector-encoder.toml`, int8 ONNX: no torch at run time. It costs
some ten times what `embedded` does and keeps no running score, so it is meant for whole answers, and on streams for the
windows the cheap detector is unsure of (`when = "grey"` in a policy, `cascade:embedded,encoder`).

A weights file is one ONNX model (`ids`, `mask`, `answer` -> `logit`) whose metadata hold the `head` (`TunedHead`) and
the WordPiece `vocabulary`. Pieces run one by one: the int8 scale of activations is taken per call, so in a batch a
score would depend on its neighbours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DetectorError, MissingExtra
from safesight.core.normal_form import normal_form
from safesight.core.records import Exchange, Harm
from safesight.detectors.tuned_head import TunedHead
from safesight.detectors.windows import ends, windows
from safesight.detectors.wordpiece import Vocabulary, WordPieces


class _Options(msgspec.Struct, kw_only=True):
    threshold: float | None = None
    threads: int = 1


class Encoder:
    """Scores exchanges with an ONNX cross-encoder, one thread by default."""

    judges_requests = False

    def __init__(self, raw: bytes, *, name: str, threshold: float | None = None, threads: int = 1) -> None:
        """Open the bytes of a weights file.

        Raises:
            DetectorError: they are not one.
            MissingExtra: onnxruntime is not installed.
        """
        self._session = _session(raw, where=name, threads=threads)
        try:
            extra = self._session.get_modelmeta().custom_metadata_map
            self.head = msgspec.json.decode(extra["head"], type=TunedHead)
            tokens = {token: index for index, token in enumerate(extra["vocabulary"].split("\n"))}
            self._vocabulary = Vocabulary(tokens)
            self._open, self._close = tokens["[CLS]"], tokens["[SEP]"]
        except (KeyError, msgspec.DecodeError) as error:
            raise DetectorError(f"{name}: expected encoder weights written by `safesight train`: {error}") from None
        self.name = name
        self.threshold = self.head.threshold if threshold is None else threshold
        self.fingerprint = f"encoder:{hashlib.sha256(raw).hexdigest()[:32]}"

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order, in a worker thread; an empty answer has harm 0."""
        return await asyncio.to_thread(lambda: [Harm(harm=self._harm(exchange)) for exchange in exchanges])

    async def aclose(self) -> None:
        """Nothing to close."""

    def _harm(self, exchange: Exchange) -> float:
        if not exchange.answer.strip():
            return 0.0
        asked, told = normal_form(exchange.question), normal_form(exchange.answer)
        logits = np.array([self._logit(*piece) for piece in self.pieces(asked, told)])
        harm = float(self.head.harm(logits).max())
        if harm != harm:
            raise DetectorError(f"{self.name}: the model's output is not a number.")
        return harm

    def pieces(self, question: str, answer: str) -> list[tuple[list[int], int]]:
        """Token sequences that cover the answer, each with where the answer starts in it; as in training."""
        head = [self._open, *ends(self._ids(question), limit=self.head.max_tokens // 4), self._close]
        return windows(head, self._ids(answer) or [0], max_tokens=self.head.max_tokens)

    def _ids(self, text: str) -> list[int]:
        reader = WordPieces(self._vocabulary)
        return [*reader.feed(text), *reader.tail]

    def _logit(self, ids: list[int], start: int) -> float:
        tokens = np.array([ids], np.int64)
        answer = np.ones_like(tokens)
        answer[:, :start] = 0
        feed = {"ids": tokens, "mask": np.ones_like(tokens), "answer": answer}
        return float(self._session.run(["logit"], feed)[0][0])


def _session(raw: bytes, *, where: str, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that spins between calls would take the core the model server or the proxy needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  onnxruntime's errors share no public base class
        raise DetectorError(f"{where}: not an ONNX model: {type(error).__name__}") from None


@cache
def _shipped() -> bytes:
    return (files("safesight.detectors") / "weights" / "encoder.onnx").read_bytes()


def open_detector(rest: str, options: dict[str, str]) -> Encoder:
    """Second-tier harm detector shipped in the wheel: a small cross-encoder of question and answer (int8 ONNX).

    `encoder` opens the shipped weights, `encoder:FILE.onnx` weights you trained. Options: `threshold`, `threads`.

    Raises:
        ConfigError: an unknown option, a value out of range, or no such weights file.
        DetectorError: the weights file is not one.
        MissingExtra: onnxruntime is not installed.
    """
    PluginName("encoder", rest, options).reject_unknown(_Options.__struct_fields__)
    chosen = convert(options, _Options, where=f"encoder:{rest}" if rest else "encoder")
    if chosen.threads < 1 or not 0 <= (0.5 if chosen.threshold is None else chosen.threshold) <= 1:
        raise ConfigError(f"encoder: expected threads >= 1 and a threshold in [0, 1], got {options}.")
    try:
        raw = Path(rest).read_bytes() if rest else _shipped()
    except OSError as error:
        raise ConfigError(f"cannot read detector weights {rest!r}: {error.strerror or error}.") from None
    name = f"encoder:{rest}" if rest else "encoder"
    return Encoder(raw, name=name, threshold=chosen.threshold, threads=chosen.threads)
