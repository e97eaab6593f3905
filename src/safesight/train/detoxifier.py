"""Trains a detoxifier from a TOML configuration: question and harmful answer in, harmless answer out.

MLLM-Protector's recipe (arXiv 2401.02906: adapters of rank 128, alpha 32; cross-entropy on the target only), on the
prompts that `guard.detoxify` serves. The result opens as `[detoxify] model = "hf/FOLDER"` of a guard policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from safesight.core.config import read_toml
from safesight.core.files import file_hash
from safesight.core.records import content_hash
from safesight.train.backbone import Lora
from safesight.train.chat_encoding import ChatEncoder
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.detox_data import DetoxSettings, detox_examples
from safesight.train.generator_card import write_generator_card
from safesight.train.harmless import harmless_rows
from safesight.train.tuning import ALL_LINEAR, Say, Steps, TunedChat, Tuning, fitting, forget, held_apart, open_base


class DetoxifierConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; paths of data and `out` are relative to the configuration file."""

    name: str
    out: str
    base: str = "embedded"
    """`embedded` (SmolLM2-135M from its package), a folder (./ or /), or ORG/NAME on the hub."""
    gguf_file: str = ""
    """The file in `base`, when it is a GGUF."""
    licence: str = "Apache-2.0"
    seed: int = 0
    data: tuple[DataFile, ...]
    held_out: tuple[DataFile, ...] = ()
    """Files whose near-duplicates must not be trained on."""
    duplicate_threshold: float = 0.7
    written_per_kind: int = 0
    """Harmless answers written for SafeSight, of each kind, to copy."""
    examples: DetoxSettings = DetoxSettings()
    lora: Lora = Lora(rank=128, alpha=32, dropout=0.05, targets=ALL_LINEAR)
    steps: Steps = Steps()
    export_dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"


def train_detoxifier(
    path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None
) -> TunedChat:
    """Train the detoxifier a configuration describes; writes model, adapter and card to OUT/NAME.

    Raises:
        ConfigError: the configuration has unknown keys, or its data hold no rewrites.
        MissingData: a data file is not there.
        MissingExtra: torch, transformers, peft or the base's package is not installed.
        ModelError: the base cannot be loaded.
    """
    config = read_toml(path, DetoxifierConfig)
    root, folder = path.parent, out or (path.parent / config.out).resolve()
    rows, removed = _rows(config, root=root, say=say)
    examples = detox_examples(rows, config.examples, seed=config.seed)
    files = {file.path: file_hash(root / file.path) for file in (*config.data, *config.held_out)}
    state = folder / "state" / content_hash(msgspec.to_builtins(config), files)
    if not resume:
        forget(state)
    checkpoint = open_base(config.base, root=root, gguf_file=config.gguf_file)
    encoder = ChatEncoder(checkpoint)
    fitted = fitting(examples, encoder, max_tokens=config.steps.max_tokens, say=say)
    kept, held = held_apart(fitted, share=config.steps.validation_share)
    tuning = Tuning(checkpoint, encoder, config.steps, config.lora, state=state, seed=config.seed)
    steps, losses = tuning.run(kept, held, say=say)
    made = folder / config.name
    tuning.export(made, dtype=config.export_dtype)
    done = TunedChat(folder=made, rows=len(kept), steps=steps, losses=losses, card=made / "README.md")
    notes = [f"Near-duplicates of held-out rows removed before training: {removed}."]
    write_generator_card(done, title=f"Detoxifier `{config.name}`", config=config, rows=kept, files=files, notes=notes)
    forget(state)
    return done


def _rows(config: DetoxifierConfig, *, root: Path, say: Say) -> tuple[list[Row], int]:
    held_out = [row for file in config.held_out for row in read_rows(file, root=root)]
    rows: list[Row] = []
    removed = 0
    for file in config.data:
        found = read_rows(file, root=root)
        gone = set(near_duplicates(found, held_out, threshold=config.duplicate_threshold)) if held_out else set[int]()
        removed += len(gone)
        rows.extend(row for number, row in enumerate(found) if number not in gone)
        say(f"{file.path}: {len(found) - len(gone)} rows ({len(gone)} near-duplicates of held-out rows removed)")
    return [*rows, *harmless_rows(per_kind=config.written_per_kind, seed=config.seed)], removed
