r"""Detectors that `safesight train detector` tuned: a Transformers backbone with one bias-free harm logit per token.

The text is the paper's: "Question: {q}\n\nAnswer: {a}" (arXiv 2401.02906), or "[CLS] q [SEP] a" for an encoder, as it
was pre-trained; the logit is of harm, where theirs was of safety. With pooling "token" or "last" the last token is
read, with "mean" the mean over the answer's tokens. A long answer is scored in pieces, each with its question, and
counts at its worst piece.

A folder holds `backbone/` and `tokenizer/` (save_pretrained), `head.safetensors` (`weight`, (1, hidden)) and
`detector.json` (`TunedHead`). Training and serving share `encode` and `pooled`, so they cannot drift apart.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DetectorError, MissingExtra
from safesight.core.records import Exchange, Harm
from safesight.detectors.tuned_head import Pooling, TunedHead
from safesight.detectors.visible import visible
from safesight.detectors.windows import ends, windows

if TYPE_CHECKING:
    import torch

_BATCH = 16


def libraries() -> tuple[Any, Any]:
    """Torch and Transformers.

    Raises:
        MissingExtra: they are not installed.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "hf") from None
    return torch, transformers


class Batch(msgspec.Struct, kw_only=True):
    """Padded token ids (n, t), attention mask (n, t) and which tokens are the answer's (n, t)."""

    ids: Any
    mask: Any
    answer: Any

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        return Batch(ids=self.ids.to(device), mask=self.mask.to(device), answer=self.answer.to(device))


def pieces(
    tokenizer: Any, question: str, answer: str, *, max_tokens: int, bos: bool = False
) -> list[tuple[list[int], int]]:
    """Token sequences that cover the answer, each with where the answer starts in it.

    The question keeps at most a quarter of the window; a piece overlaps the one before by a quarter of itself.
    """

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    if getattr(tokenizer, "cls_token_id", None) is not None:
        head = [tokenizer.cls_token_id, *ends(ids(question), limit=max_tokens // 4), tokenizer.sep_token_id]
    else:
        first = [tokenizer.bos_token_id] if bos and tokenizer.bos_token_id is not None else []
        head = [*first, *ends(ids(f"Question: {question}"), limit=max_tokens // 4), *ids("\n\nAnswer:")]
    # A leading space keeps the first word's token the same as in running text.
    told = ids(f" {answer}") or [0]
    return windows(head, told, max_tokens=max_tokens)


def encode(sequences: Sequence[tuple[list[int], int]]) -> Batch:
    """Sequences from `pieces`, padded on the right."""
    torch, _ = libraries()
    longest = max(len(ids) for ids, _ in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask, answer = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, (tokens, start) in enumerate(sequences):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        answer[row, start : len(tokens)] = 1
    return Batch(ids=ids, mask=mask, answer=answer)


def token_logits(model: Any, head: Any, batch: Batch) -> torch.Tensor:
    """Harm logit at every position (n, t)."""
    states = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
    return cast("torch.Tensor", head(states.float()).squeeze(-1))


def pooled(logits: torch.Tensor, batch: Batch, *, pooling: Pooling) -> torch.Tensor:
    """One logit per row: the mean over the answer's tokens, or the last token's ("last" and "token")."""
    if pooling == "mean":
        weight = batch.answer.to(logits.dtype)
        return (logits * weight).sum(1) / weight.sum(1)
    return logits[range(len(logits)), batch.mask.sum(1) - 1]


class Tuned:
    """Scores exchanges with a tuned backbone."""

    def __init__(self, folder: Path, *, threshold: float | None = None) -> None:
        """Load a folder that training wrote.

        Raises:
            DetectorError: the folder is incomplete or not one.
            MissingExtra: torch or transformers is not installed.
        """
        torch, transformers = libraries()
        from safetensors.torch import load_file

        try:
            self.head = msgspec.json.decode((folder / "detector.json").read_bytes(), type=TunedHead)
            weight = load_file(folder / "head.safetensors")["weight"]
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "tokenizer")
            self.model = transformers.AutoModel.from_pretrained(folder / "backbone", dtype=torch.float32).eval()
        except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
            raise DetectorError(f"{folder}: expected a folder written by `safesight train detector`: {error}") from None
        self.linear = torch.nn.Linear(weight.shape[1], 1, bias=False)
        self.linear.load_state_dict({"weight": weight})
        self.name = f"tuned:{folder}"
        self.threshold = self.head.threshold if threshold is None else threshold
        digest = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(path.name.encode() + path.read_bytes())
        self.fingerprint = f"tuned:{digest.hexdigest()[:32]}"

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order, in a worker thread; an empty answer has harm 0."""
        return await asyncio.to_thread(self._score, [visible(exchange) for exchange in exchanges])

    async def aclose(self) -> None:
        """Nothing to close."""

    def _score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        parts = [
            (owner, piece)
            for owner, exchange in enumerate(exchanges)
            if exchange.answer.strip()
            for piece in pieces(
                self.tokenizer,
                exchange.question,
                exchange.answer,
                max_tokens=self.head.max_tokens,
                bos=self.head.bos,
            )
        ]
        parts.sort(key=lambda part: len(part[1][0]))
        worst = [0.0] * len(exchanges)
        for start in range(0, len(parts), _BATCH):
            chunk = parts[start : start + _BATCH]
            harms = self.head.harm(self._logits([piece for _, piece in chunk]))
            for (owner, _), harm in zip(chunk, harms.tolist(), strict=True):
                if harm != harm:
                    raise DetectorError(f"{self.name}: the model's output is not a number.")
                worst[owner] = max(worst[owner], harm)
        return [Harm(harm=harm) for harm in worst]

    def _logits(self, sequences: Sequence[tuple[list[int], int]]) -> NDArray[np.float64]:
        torch, _ = libraries()
        batch = encode(sequences)
        with torch.inference_mode():
            found = pooled(token_logits(self.model, self.linear, batch), batch, pooling=self.head.pooling)
        return found.double().numpy()


class _Options(msgspec.Struct, kw_only=True):
    threshold: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None


def open_detector(rest: str, options: dict[str, str]) -> Tuned:
    """A backbone tuned by `safesight train detector`, by folder: `tuned:FOLDER`; `?threshold=0.4` moves the threshold.

    Raises:
        ConfigError: no folder, or an option is malformed.
        DetectorError: the folder does not hold a tuned detector.
        MissingExtra: torch or transformers is not installed.
    """
    PluginName("tuned", rest, options).reject_unknown(["threshold"])
    if not rest:
        raise ConfigError("tuned: expected the folder of a trained detector, as in 'tuned:out/NAME', got none.")
    chosen = convert(options, _Options, where=f"tuned:{rest}")
    return Tuned(Path(rest), threshold=chosen.threshold)
