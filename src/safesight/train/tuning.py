"""Tunes a chat model on conversations: adapters or all weights, checkpoints, early stopping, export.

The loop is Transformers' Trainer, so that gradient accumulation, bf16 and several GPUs work as its users know them.
Invariant: order, dropout and stopping follow the seed and the checkpoint, so a run killed and resumed ends at the same
weights as one that was not (on the CPU, and on one GPU with deterministic kernels).

Loss by kind of example is measured before and after on rows that were not trained on.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from safesight.core.errors import ConfigError, MissingExtra
from safesight.models.embedded import WEIGHTS_FILE, weights
from safesight.models.hf.loading import Checkpoint, locate, open_checkpoint, open_dense
from safesight.train.backbone import Lora
from safesight.train.chat_data import Conversation
from safesight.train.chat_encoding import ChatEncoder
from safesight.train.corpus import fold_of

Say = Callable[[str], None]
ALL_LINEAR = ("all-linear",)
"""As `targets` of an adapter: every linear layer but the output's."""


class Steps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how fast a model is tuned."""

    learning_rate: float = 2e-5
    epochs: int = 4
    max_steps: int = 0
    """Optimiser steps at most; 0 for all epochs."""
    batch: int = 8
    """Rows of a forward pass."""
    accumulate: int = 1
    """Forward passes of an optimiser step."""
    max_tokens: int = 1024
    """Longer conversations are left out (never cut: an answer without its question teaches nothing); 0 for no limit."""
    warmup: float = 0.03
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    check_every: int = 100
    """Optimiser steps between validations, each of which leaves a checkpoint."""
    patience: int = 4
    """Validations without a better loss before training stops."""
    validation_share: float = 0.05
    bf16: bool = False
    gradient_checkpointing: bool = False


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Mean cross-entropy per assistant token, in nats, on `rows` held rows of one kind."""

    rows: int
    before: float
    after: float


class TunedChat(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a tuning."""

    folder: Path
    """Opens as `hf/FOLDER`."""
    rows: int
    """Rows trained on."""
    steps: int
    losses: dict[str, Loss]
    """By kind of example."""
    card: Path = Path()


def open_base(base: str, *, root: Path, gguf_file: str = "") -> Checkpoint:
    """Open the model to tune, in fp32: `embedded` (SmolLM2-135M from its package), a folder, or ORG/NAME.

    A folder that begins with a dot starts at `root`.

    Raises:
        ConfigError: the name is neither.
        MissingExtra: torch, transformers or the embedded model's package is not installed.
        ModelError: the checkpoint cannot be loaded.
    """
    where, file = (str(weights().parent), WEIGHTS_FILE) if base == "embedded" else (_placed(base, root), gguf_file)
    source = locate(where, revision=None, gguf_file=file or None)
    if source.gguf_file:
        checkpoint = open_dense(source)
        # PEFT looks for a config.json where the base came from; there is none.
        checkpoint.model.name_or_path = ""
    else:
        checkpoint = open_checkpoint(msgspec.structs.replace(source, dtype="float32", device="cpu"))
    # A GGUF carries no generation settings: without an end token the result would never stop.
    settings = checkpoint.model.generation_config
    if settings.eos_token_id is None:
        settings.eos_token_id = checkpoint.tokenizer.eos_token_id
    if settings.pad_token_id is None:
        settings.pad_token_id = checkpoint.tokenizer.pad_token_id
    return checkpoint


def _placed(base: str, root: Path) -> str:
    return str((root / base).resolve()) if base.startswith(".") else base


def held_apart(rows: Sequence[Conversation], *, share: float) -> tuple[list[Conversation], list[Conversation]]:
    """Rows to train on and to validate on; conversations of one group stay together."""
    parts = max(2, round(1 / share))
    kept: list[Conversation] = []
    held: list[Conversation] = []
    for row in rows:
        (kept if fold_of(row.group, folds=parts) else held).append(row)
    if not kept or not held:
        raise ConfigError(f"expected enough rows to keep 1 in {parts} for validation, got {len(rows)}.")
    return kept, held


def fitting(rows: Sequence[Conversation], encoder: ChatEncoder, *, max_tokens: int, say: Say) -> list[Conversation]:
    """Rows of at most `max_tokens` tokens (0: all)."""
    if not max_tokens:
        return list(rows)
    kept = [row for row in rows if encoder.length(row) <= max_tokens]
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} of {len(rows)} rows left out: longer than {max_tokens} tokens")
    return kept


class Tuning:
    """A model under training, and the folder it keeps its checkpoints in."""

    def __init__(
        self, checkpoint: Checkpoint, encoder: ChatEncoder, steps: Steps, lora: Lora | None, *, state: Path, seed: int
    ) -> None:
        self._checkpoint, self._encoder, self._steps = checkpoint, encoder, steps
        self._state, self._seed = state, seed
        _transformers().set_seed(seed)
        self._model = adapted(checkpoint.model, lora) if lora else checkpoint.model
        self._adapters = lora is not None

    def run(
        self, rows: Sequence[Conversation], held: Sequence[Conversation], *, say: Say
    ) -> tuple[int, dict[str, Loss]]:
        """Train on `rows`, stop early by `held`, keep the best; returns steps and losses by kind."""
        transformers = _transformers()
        trainer = _trainer_class(adapters=self._adapters)(
            model=self._model,
            args=self._arguments(len(rows)),
            data_collator=self._encoder,
            train_dataset=list(rows),
            eval_dataset=list(held),
            callbacks=[_reporter(say)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        before = self._measure(trainer, held)
        # Only now: it has nothing to say about single kinds.
        trainer.add_callback(transformers.EarlyStoppingCallback(self._steps.patience))
        last = last_checkpoint(self._state)
        if last is not None:
            say(f"resumed at step {last.name.rpartition('-')[2]}")
        done = trainer.train(resume_from_checkpoint=str(last) if last else None)
        trainer.remove_callback(transformers.EarlyStoppingCallback)
        after = self._measure(trainer, held)
        kinds = [row.kind for row in held]
        losses = {k: Loss(rows=kinds.count(k), before=before[k], after=after[k]) for k in before}
        return int(done.global_step), losses

    def _measure(self, trainer: Any, held: Sequence[Conversation]) -> dict[str, float]:
        kinds = sorted({row.kind for row in held})
        return {
            kind: float(
                trainer.evaluate([row for row in held if row.kind == kind], metric_key_prefix=kind)[f"{kind}_loss"]
            )
            for kind in kinds
        }

    def _arguments(self, rows: int) -> Any:
        steps = self._steps
        total = steps.max_steps or math.ceil(rows / steps.batch / steps.accumulate) * steps.epochs
        every = min(steps.check_every, total)
        return _transformers().TrainingArguments(
            output_dir=str(self._state),
            seed=self._seed,
            learning_rate=steps.learning_rate,
            lr_scheduler_type=steps.schedule,
            warmup_steps=steps.warmup,
            num_train_epochs=steps.epochs,
            max_steps=steps.max_steps or -1,
            per_device_train_batch_size=steps.batch,
            per_device_eval_batch_size=steps.batch,
            gradient_accumulation_steps=steps.accumulate,
            gradient_checkpointing=steps.gradient_checkpointing,
            bf16=steps.bf16,
            eval_strategy="steps",
            save_strategy="steps",
            logging_strategy="steps",
            eval_steps=every,
            save_steps=every,
            logging_steps=every,
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model="eval_loss",
            restore_callback_states_from_checkpoint=True,
            prediction_loss_only=True,
            remove_unused_columns=False,
            label_names=["labels"],
            dataloader_pin_memory=False,
            report_to="none",
            disable_tqdm=True,
        )

    def export(self, folder: Path, *, dtype: str) -> None:
        """Write what `hf/FOLDER` opens, adapters merged and kept beside in `adapter/`; safetensors only."""
        import torch

        folder.mkdir(parents=True, exist_ok=True)
        model = self._model
        if self._adapters:
            model.save_pretrained(folder / "adapter")
            model = model.merge_and_unload()
        speaker = self._checkpoint.processor or self._checkpoint.tokenizer
        self._checkpoint.tokenizer.padding_side = "left"
        speaker.save_pretrained(folder)
        model.to(device="cpu", dtype=getattr(torch, dtype)).save_pretrained(folder)


def adapted(model: Any, lora: Lora) -> Any:
    """A model with fresh low-rank adapters; all else is frozen."""
    try:
        import peft
    except ImportError:
        raise MissingExtra("peft", "train") from None
    targets = ALL_LINEAR[0] if lora.targets == ALL_LINEAR else list(lora.targets)
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    # Gradient checkpointing needs a gradient at the input, and the embeddings are frozen.
    model.enable_input_require_grads()
    return peft.get_peft_model(model, config)


def last_checkpoint(state: Path) -> Path | None:
    """The newest whole checkpoint in a folder: the trainer's state is written last."""
    whole = [path.parent for path in state.glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def forget(state: Path) -> None:
    """Remove a run's checkpoints, and the folder of such folders once it is empty."""
    shutil.rmtree(state, ignore_errors=True)
    if state.parent.exists() and not any(state.parent.iterdir()):
        state.parent.rmdir()


def _trainer_class(*, adapters: bool) -> Any:
    """The Trainer, writing whole models under the names that it reads them back by.

    Vision-language models are saved under the names of their first release; Trainer does not translate these back, so
    a resumed run, or the best weights, would silently not be loaded.
    """
    base = _transformers().Trainer
    if adapters:
        return base

    class WholeTrainer(base):
        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            self.model.save_pretrained(output_dir or self.args.output_dir, save_original_format=False)

    return WholeTrainer


def _reporter(say: Say) -> Any:
    class Reporter(_transformers().TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            for name in ("loss", "eval_loss"):
                if name in logs:
                    shown = "validation" if name == "eval_loss" else "loss"
                    say(f"step {state.global_step}/{state.max_steps}: {shown} {float(logs[name]):.4f}")

    return Reporter()


def _transformers() -> Any:
    try:
        import accelerate
        import transformers
    except ImportError as error:
        raise MissingExtra(error.name or "transformers", "train") from None
    del accelerate
    return transformers
