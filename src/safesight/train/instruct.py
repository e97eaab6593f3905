"""Safety instruction tuning of a chat model that may see: safety conversations mixed with utility conversations.

Utility rows keep what the model could do: their share is fixed by the configuration, and the loss on held rows of both
kinds is measured before and after, so forgetting shows. Loss falls on the assistant's turns only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from safesight.core.config import read_toml
from safesight.core.files import file_hash
from safesight.core.records import content_hash
from safesight.train.backbone import Lora
from safesight.train.chat_data import ChatFile, Conversation, mixed, read_conversations
from safesight.train.chat_encoding import ChatEncoder
from safesight.train.generator_card import write_generator_card
from safesight.train.tuning import Say, Steps, TunedChat, Tuning, fitting, forget, held_apart, open_base


class InstructConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; paths of data and `out` are relative to the configuration file."""

    name: str
    out: str
    base: str
    """A folder (./ or /) or ORG/NAME on the hub: a vision-language model, or a text model."""
    gguf_file: str = ""
    licence: str = "Apache-2.0"
    seed: int = 0
    safety: tuple[ChatFile, ...]
    utility: tuple[ChatFile, ...] = ()
    utility_share: float = 0.5
    """Of all training rows."""
    lora: Lora = Lora(rank=32, alpha=32, dropout=0.05)
    full: bool = False
    """Tune every weight instead of adapters."""
    steps: Steps = Steps(epochs=1, max_tokens=4096)
    export_dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"


def train_instruct(path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None) -> TunedChat:
    """Tune the model a configuration describes; writes model, adapter and card to OUT/NAME.

    Raises:
        ConfigError: the configuration has unknown keys, or asks for utility rows and names none.
        DataError: a data file or an image is missing or malformed.
        MissingExtra: torch, transformers or peft is not installed.
        ModelError: the base cannot be loaded, or cannot see the images it is shown.
    """
    config = read_toml(path, InstructConfig)
    root, folder = path.parent, out or (path.parent / config.out).resolve()
    safety = _read(config.safety, "safety", root=root, say=say)
    utility = _read(config.utility, "utility", root=root, say=say)
    files = {file.path: file_hash(root / file.path) for file in (*config.safety, *config.utility)}
    images = sorted(image.sha256 for row in (*safety, *utility) for m in row.messages for image in m.images)
    state = folder / "state" / content_hash(msgspec.to_builtins(config), files, images)
    if not resume:
        forget(state)
    checkpoint = open_base(config.base, root=root, gguf_file=config.gguf_file)
    encoder = ChatEncoder(checkpoint)
    split = [
        held_apart(
            fitting(rows, encoder, max_tokens=config.steps.max_tokens, say=say), share=config.steps.validation_share
        )
        for rows in (safety, utility)
        if rows
    ]
    kept, held = [part[0] for part in split], [row for part in split for row in part[1]]
    uses = mixed(kept[0], kept[1] if utility else (), share=config.utility_share, seed=config.seed)
    rows = [row for row, times in zip((row for part in kept for row in part), uses, strict=True) for _ in range(times)]
    lora = None if config.full else config.lora
    tuning = Tuning(checkpoint, encoder, config.steps, lora, state=state, seed=config.seed)
    steps, losses = tuning.run(rows, held, say=say)
    made = folder / config.name
    tuning.export(made, dtype=config.export_dtype)
    done = TunedChat(folder=made, rows=len(rows), steps=steps, losses=losses, card=made / "README.md")
    notes = [f"Images: {len(set(images))} files; sha256 of their sorted hashes `{content_hash(images)}`."]
    title = f"Safety-tuned model `{config.name}`"
    write_generator_card(done, title=title, config=config, rows=rows, files=files, notes=notes)
    forget(state)
    return done


def _read(files: tuple[ChatFile, ...], kind: str, *, root: Path, say: Say) -> list[Conversation]:
    rows: list[Conversation] = []
    for file in files:
        found = read_conversations(file, kind=kind, root=root)
        rows.extend(found)
        say(f"{file.path}: {len(found)} {kind} conversations")
    return rows
