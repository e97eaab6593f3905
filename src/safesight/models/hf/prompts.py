"""Turns prompts into a padded batch of model inputs, and generated tokens back into text."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from safesight.core.errors import ModelError
from safesight.core.messages import Message, TextPart
from safesight.core.records import content_hash
from safesight.media.pixels import decode
from safesight.models.hf.loading import Checkpoint
from safesight.wire.thinking import split


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation with decoded images, in the form chat templates take, or a raw string."""

    raw: str = ""
    turns: list[dict[str, Any]] = field(default_factory=list)
    seen: str = ""
    """Hash of the conversation's text and images."""

    @property
    def kind(self) -> Literal["raw", "text", "images"]:
        """Prompts of one kind can share a batch."""
        if not self.turns:
            return "raw"
        return "images" if any(part["type"] == "image" for turn in self.turns for part in turn["content"]) else "text"

    @property
    def identity(self) -> str:
        """A hash of the content."""
        return self.seen or content_hash(self.raw)


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """A conversation as a prompt, its images decoded.

    Raises:
        DataError: an image cannot be read.
    """
    turns: list[dict[str, Any]] = []
    identity: list[tuple[str, str]] = []
    for message in messages:
        parts: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                parts.append({"type": "text", "text": part.text})
                identity.append((message.role, part.text))
            else:
                parts.append({"type": "image", "image": decode(part.image)})
                identity.append((message.role, part.image.sha256))
        turns.append({"role": message.role, "content": parts})
    return Prompt(turns=turns, seen=content_hash(identity))


def raw_inputs(checkpoint: Checkpoint, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Tokenize raw strings and pad on the left; a string that begins with the start token gets no second one."""
    import torch

    tokenizer = checkpoint.tokenizer
    start = tokenizer.bos_token
    rows: list[list[int]] = [
        tokenizer(prompt.raw, add_special_tokens=not (start and prompt.raw.startswith(start)))["input_ids"]
        for prompt in prompts
    ]
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), tokenizer.pad_token_id or 0)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = 1
    return _on_device(checkpoint, {"input_ids": ids, "attention_mask": mask})


def chat_inputs(checkpoint: Checkpoint, prompts: Sequence[Prompt], *, answered: bool = False) -> dict[str, Any]:
    """Apply the chat template, expand images, tokenize and pad on the tokenizer's side (left, as it is opened).

    Args:
        checkpoint: The model that is asked.
        prompts: Conversations; their last turn is the user's, or the assistant's when `answered` (for training).
        answered: Open no turn for the assistant after them.

    Raises:
        ModelError: the checkpoint has no chat template, or cannot see and is shown an image.
    """
    speaker = checkpoint.processor or checkpoint.tokenizer
    if not (getattr(speaker, "chat_template", None) or checkpoint.tokenizer.chat_template):
        raise ModelError("the checkpoint has no chat template: it can only continue raw text (judges and guards).")
    if checkpoint.processor is None and prompts[0].kind == "images":
        raise ModelError("this is a text model, but the request has images. Use a text arm or a vision model.")
    extra: dict[str, Any] = (
        {"padding": True} if checkpoint.processor is None else {"processor_kwargs": {"padding": True}}
    )
    if "sanitize_control_tokens" in inspect.signature(checkpoint.tokenizer.apply_chat_template).parameters:
        extra["sanitize_control_tokens"] = True
    turns = [prompt.turns if checkpoint.processor is not None else _plain(prompt.turns) for prompt in prompts]
    batch = speaker.apply_chat_template(
        turns, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=not answered, **extra
    )
    return _on_device(checkpoint, batch)


def _on_device(checkpoint: Checkpoint, batch: Mapping[str, Any]) -> dict[str, Any]:
    model = checkpoint.model
    return {
        name: value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
        for name, value in batch.items()
    }


def _plain(turns: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Text templates take strings, not parts."""
    return [{"role": turn["role"], "content": "\n".join(part["text"] for part in turn["content"])} for turn in turns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a row of generated tokens says."""

    text: str
    finished: bool
    """Ended by an end token; False: cut by the limit."""
    tokens: int


def read_answer(checkpoint: Checkpoint, prompt_ids: Any, generated: Any) -> Ending:
    """Decode a row up to its end token; special tokens are dropped, except those that mark reasoning.

    Args:
        checkpoint: The model that generated.
        prompt_ids: Token ids of the padded prompt (1-d tensor).
        generated: Token ids after the prompt (1-d tensor), padded after the end.
    """
    ends = checkpoint.model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    ids: list[int] = generated.tolist()
    stop = next((index for index, token in enumerate(ids) if token in ends), len(ids))
    tokenizer = checkpoint.tokenizer
    marks = {token for token in tokenizer.all_special_tokens if split(token).text != token}
    dropped = {tokenizer.convert_tokens_to_ids(token) for token in set(tokenizer.all_special_tokens) - marks}
    text = tokenizer.decode([token for token in ids[:stop] if token not in dropped], skip_special_tokens=False)
    # Some templates open the reasoning in the prompt; the answer then starts inside it.
    tail = tokenizer.decode(prompt_ids[-8:].tolist(), skip_special_tokens=False).rstrip()
    opened = next((mark for mark in ("<think>", "◁think▷") if tail.endswith(mark)), "")
    return Ending(text=opened + text, finished=stop < len(ids), tokens=min(stop + 1, len(ids)))


def alternatives(tokenizer: Any, logits: Any, count: int) -> dict[str, float]:
    """Natural log-probability by token text of the `count` likeliest next tokens.

    Args:
        tokenizer: Names the tokens.
        logits: Next-token logits (vocabulary).
        count: How many; tokens with the same text add their probabilities.
    """
    import torch

    values, ids = torch.log_softmax(logits.float(), dim=-1).topk(min(count, logits.shape[-1]))
    merged: dict[str, float] = {}
    for value, token in zip(values, ids.tolist(), strict=True):
        text = tokenizer.decode([token])
        held = merged.get(text)
        merged[text] = float(value if held is None else torch.logaddexp(value, torch.tensor(held)))
    return merged
