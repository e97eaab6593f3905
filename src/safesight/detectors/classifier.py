r"""Transformers sequence classifiers as detectors, MLLM-Protector's among them.

The paper's detector (arXiv 2401.02906) is a decoder with a bias-free one-logit head on the last token that is not
padding, tuned with LoRA on "Question: {q}\n\nAnswer: {a}"; sigmoid of the logit is P(safe). That is what a sequence
classifier with `num_labels = 1` computes. Other classifiers say by their label names which classes are harmful.

A long answer is scored in overlapping pieces, each with the question, and counts at its worst piece: nothing is cut
off unseen. (The paper's code lost the end of long answers to `max_length`.) Work runs in one thread.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DetectorError, MissingExtra
from safesight.core.records import Exchange, Harm, content_hash
from safesight.detectors.visible import visible

if TYPE_CHECKING:
    import torch

_HARMFUL: Final = ("unsafe", "harmful", "harm", "toxic", "unsafe content", "jailbreak", "injection")
"""Label names that mean harm when the options don't say which do."""
_SPARE: Final = 8
"""Tokens left free in a piece: text cut from an answer may take a few more tokens than it did inside it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a classifier is loaded and read."""

    lora: str = ""
    """Folder of a PEFT adapter."""
    num_labels: int = 0
    """Set to 1 for a base model whose head comes with the adapter; 0 takes what the model has."""
    logit: Literal["safe", "harm"] = "safe"
    """What the sigmoid of a single logit is the probability of."""
    unsafe: str = ""
    """Harmful label names, comma-separated."""
    layout: Literal["question_answer", "answer", "pair"] = "question_answer"
    """`answer` leaves the question out, as the paper's released code does at inference; `pair` gives the tokenizer
    question and answer as two texts, as encoders of pairs (HarmAug-Guard) were trained."""
    max_length: int = 512
    """Tokens of one piece, question included."""
    batch: int = 8
    threshold: float = 0.5


class SequenceClassifier:
    """Scores exchanges with a loaded classifier and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, *, name: str, settings: Settings | None = None) -> None:
        """Read labels and limits off a loaded model.

        Raises:
            ConfigError: the harmful labels cannot be told, or the tokenizer is a slow one.
        """
        self.settings = settings or Settings()
        self.name = name
        self.threshold = self.settings.threshold
        if not tokenizer.is_fast:
            raise ConfigError(f"{name}: expected a fast tokenizer (tokenizer.json), which long answers need.")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id
        tokenizer.padding_side = "right"
        self.one_logit = int(model.config.num_labels) == 1
        """MLLM-Protector's head: the sigmoid of one logit is P(safe)."""
        self._harmful = _harmful_labels(model.config, self.settings.unsafe, name)
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="classifier")
        self.fingerprint = content_hash("hf", _digest(model), self.settings)

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order, in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._score, [visible(e) for e in exchanges]
        )

    async def aclose(self) -> None:
        """Let the thread go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        texts: list[tuple[str, str]] = []
        owners: list[int] = []
        for index, exchange in enumerate(exchanges):
            pieces = self._pieces(exchange)
            texts += pieces
            owners += [index] * len(pieces)
        worst = [0.0] * len(exchanges)
        for start in range(0, len(texts), self.settings.batch):
            scores = self._forward(texts[start : start + self.settings.batch])
            for owner, score in zip(owners[start:], scores, strict=False):
                if score != score:
                    raise DetectorError(f"{self.name}: the model's output is not a number.")
                worst[owner] = max(worst[owner], score)
        return [Harm(harm=score) for score in worst]

    def _pieces(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Text pairs that cover the answer; the second is empty where the model takes one text."""
        limit = self.settings.max_length
        question = self._cut(exchange.question, limit // 3)[0] if self.settings.layout != "answer" else ""
        before = f"Question: {question}\n\nAnswer: " if self.settings.layout == "question_answer" else question
        taken = len(self._tokenizer(before)["input_ids"])
        pieces = self._cut(exchange.answer, max(16, limit - taken - _SPARE))
        if self.settings.layout == "pair":
            return [(before, piece) for piece in pieces]
        return [(before + piece, "") for piece in pieces]

    def _cut(self, text: str, size: int) -> list[str]:
        """Pieces of at most `size` tokens, each beginning in the last quarter of the one before."""
        spans = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if len(spans) <= size:
            return [text]
        step = size - size // 4
        starts = range(0, max(1, len(spans) - size // 4), step)
        return [text[spans[start][0] : spans[min(start + size, len(spans)) - 1][1]] for start in starts]

    def _forward(self, texts: list[tuple[str, str]]) -> list[float]:
        import torch

        firsts = [first for first, _ in texts]
        seconds = [second for _, second in texts] if self.settings.layout == "pair" else None
        encoded = self._tokenizer(
            firsts, seconds, truncation=True, max_length=self.settings.max_length, padding=True, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            logits: torch.Tensor = self._model(**encoded).logits.float()
        return self._harm(logits).tolist()

    def _harm(self, logits: torch.Tensor) -> torch.Tensor:
        """P(harmful) from logits of shape (batch, labels)."""
        if logits.shape[1] == 1:
            probability = logits[:, 0].sigmoid()
            return 1 - probability if self.settings.logit == "safe" else probability
        chosen = list(self._harmful)
        if self._model.config.problem_type == "multi_label_classification":
            return logits[:, chosen].sigmoid().amax(dim=1)
        return logits.softmax(dim=1)[:, chosen].sum(dim=1).clamp(0, 1)


def _harmful_labels(config: Any, wanted: str, name: str) -> tuple[int, ...]:
    if config.num_labels == 1:
        return (0,)
    labels = {str(label).lower(): int(index) for index, label in config.id2label.items()}
    names = [part.strip().lower() for part in wanted.split(",") if part.strip()] or [n for n in _HARMFUL if n in labels]
    missing = [n for n in names if n not in labels]
    if missing or not names:
        raise ConfigError(
            f"{name}: expected to know which labels mean harm; the model has {', '.join(sorted(labels))}. "
            "Add ?unsafe=LABEL,LABEL."
        )
    return tuple(sorted({labels[n] for n in names}))


def _digest(model: Any) -> str:
    """A hash of every weight's name, shape and first two moments: cheap for billions of weights."""
    found = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        values = weight.detach().float()
        found.update(f"{name} {tuple(weight.shape)} {values.sum():.6e} {values.square().sum():.6e}\n".encode())
    return found.hexdigest()[:32]


def _load(source: str, settings: Settings) -> tuple[Any, Any]:
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise MissingExtra(error.name or "transformers", "hf") from None
    extra = {"num_labels": settings.num_labels} if settings.num_labels else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model, loaded = AutoModelForSequenceClassification.from_pretrained(source, output_loading_info=True, **extra)
        # What is missing was drawn at random: backbones are published without a head, and an adapter may bring one.
        missing = {name.split(".")[0] for name in loaded["missing_keys"]}
        _require_head(missing, settings.lora, source)
        return (_with_adapter(model, settings.lora) if settings.lora else model), tokenizer
    except (OSError, ValueError) as error:
        raise DetectorError(f"hf:{source}: cannot be loaded as a sequence classifier: {error}") from None


def _require_head(missing: set[str], adapter: str, source: str) -> None:
    if not missing:
        return
    brought: set[str] = set()
    for path in Path(adapter).glob("adapter_model.safetensors") if adapter else ():
        from safetensors import safe_open

        with safe_open(path, framework="pt") as weights:
            brought = {part for name in weights.keys() for part in name.split(".")}  # noqa: SIM118 - no mapping
    lacking = sorted(missing - brought)
    if lacking:
        bringer = f"neither the model nor the adapter {adapter} has" if adapter else "the model lacks"
        raise DetectorError(
            f"hf:{source}: {bringer} weights for its score head ({', '.join(lacking)}): it would score at random. "
            'Name a model trained as a sequence classifier, or an adapter saved with modules_to_save=["score"].'
        )


def _with_adapter(model: Any, folder: str) -> Any:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra(error.name or "peft", "train") from None
    return PeftModel.from_pretrained(model, folder)


def open_detector(rest: str, options: dict[str, str]) -> SequenceClassifier:
    """Transformers sequence classifier, by folder or hub name: `hf:FOLDER` or `hf/ORG/NAME`.

    Options: `lora` (adapter folder), `num_labels`, `logit` (safe or harm), `unsafe` (harmful labels), `layout`
    (question_answer, answer or pair), `max_length`, `batch`, `threshold`.

    Raises:
        ConfigError: an option is malformed, or the harmful labels cannot be told.
        MissingExtra: transformers (or peft, for an adapter) is not installed.
        DetectorError: the model cannot be loaded.
    """
    PluginName("hf", rest, options).reject_unknown(Settings.__struct_fields__)
    settings = convert(options, Settings, where=f"hf:{rest}")
    if not rest:
        raise ConfigError("hf: expected a folder or a hub name, as in 'hf/ORG/NAME', got none.")
    if settings.max_length < 64 or settings.batch < 1 or not 0.0 <= settings.threshold <= 1.0:
        raise ConfigError(f"hf:{rest}: expected max_length >= 64, batch >= 1 and a threshold in [0, 1], got {options}.")
    model, tokenizer = _load(rest, settings)
    return SequenceClassifier(model, tokenizer, name=f"hf:{rest}", settings=settings)
