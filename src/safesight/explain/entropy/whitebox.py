"""Opens the model an answer is replayed through, and builds the tokens of prompt and recorded answer.

`hf/...` is any local Transformers checkpoint. `embedded` is the organism's own weights (its GGUF files loaded into
Transformers), `embedded?vision=0` SmolLM2's, with images read by OCR into the very words the embedded pipeline puts in
the prompt. Other models cannot be looked into.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from safesight.core.config import PluginName, parse_name
from safesight.core.errors import ConfigError, ModelError
from safesight.core.messages import ImagePart, Message, TextPart
from safesight.core.records import Reply, content_hash
from safesight.core.registry import open_plugin
from safesight.explain.entropy.segments import ImageTokens, SegmentLayout, layout, spans_layout
from safesight.models.hf.loading import Checkpoint, Source, open_checkpoint
from safesight.models.hf.prompts import chat_inputs, read_prompt


class WhiteBox(NamedTuple):
    """A loaded checkpoint, and how messages become its prompt."""

    name: str
    fingerprint: str
    checkpoint: Checkpoint
    prepare: Callable[[Sequence[Message]], Sequence[Message]]


class Forced(NamedTuple):
    """Model inputs of prompt and answer together; rows of the answer start after `prompt_tokens`."""

    inputs: dict[str, Any]
    prompt_tokens: int
    answer_tokens: int
    layout: SegmentLayout | None
    """Where in the prompt each image stands, as tokens of its own or as words; None without any."""


def open_white_box(name: str) -> WhiteBox:
    """Load the model of that name.

    Raises:
        ConfigError: the name is no local Transformers model.
        MissingExtra: torch, transformers, gguf or the embedded model's package is not installed.
        ModelError: the checkpoint cannot be loaded.
    """
    parsed = parse_name(name)
    if parsed.scheme == "embedded":
        return _embedded(parsed)
    if parsed.scheme != "hf":
        raise ConfigError(
            f"expected a local Transformers model to look into, hf/ORG/NAME, hf/./FOLDER or 'embedded', got {name!r}."
        )
    model: Any = open_plugin("models", name)
    return WhiteBox(name, model.fingerprint, model.load(), tuple)


def _embedded(parsed: PluginName) -> WhiteBox:
    from safesight.core.files import file_print
    from safesight.media.described import describe_images
    from safesight.media.ocr import OcrSettings, shared_reader
    from safesight.models import organism
    from safesight.models.embedded import PROMPT_VERSION, organism_files, weights
    from safesight.models.organism_checkpoint import open_organism

    parsed.reject_unknown(("vision", "adapter"))
    path = weights()
    if parsed.options.get("vision", "1") == "0":
        source = Source(where=str(path.parent), gguf_file=path.name, dtype="float32", device="cpu")
        reader = shared_reader()
        fingerprint = content_hash("embedded", PROMPT_VERSION, file_print(path), reader.fingerprint)
        return WhiteBox(
            "embedded?vision=0",
            fingerprint,
            open_checkpoint(source),
            lambda messages: asyncio.run(describe_images(messages, reader)),
        )
    found, eyes = organism_files(parsed.rest, parsed.options.get("adapter", "plain")), shared_reader(OcrSettings())

    def prepare(messages: Sequence[Message]) -> Sequence[Message]:
        if not any(m.images for m in messages):
            raise ModelError("this answer had no picture, and SmolLM2 alone gave it. Name the model embedded?vision=0.")
        return asyncio.run(organism.framed(messages, eyes))

    prints = (file_print(p) for p in (path, *found))
    fingerprint = content_hash("organism", organism.PROMPT_VERSION, *prints, eyes.fingerprint)
    return WhiteBox("embedded", fingerprint, open_organism(path, *found), prepare)


def teacher_force(box: WhiteBox, messages: Sequence[Message], reply: Reply) -> Forced:
    """Tokens of the prompt as the model's template makes it, then of the recorded answer.

    A recorded reasoning trace goes before the answer, as context only.

    Raises:
        DataError: an image cannot be read.
        ModelError: the checkpoint has no chat template, cannot see images, or the answer has no tokens.
    """
    import torch

    shown = box.prepare(messages)
    inputs = chat_inputs(box.checkpoint, [read_prompt(shown)])
    tokenizer = box.checkpoint.tokenizer
    reasoning = f"<think>\n{reply.reasoning}\n</think>\n\n" if reply.reasoning else ""
    before: list[int] = tokenizer(reasoning, add_special_tokens=False)["input_ids"] if reasoning else []
    answer: list[int] = tokenizer(reply.text, add_special_tokens=False)["input_ids"]
    if not answer:
        raise ModelError("the recorded answer has no tokens; there is nothing to replay.")
    ids = inputs["input_ids"]
    prompt = ids.shape[1] + len(before)
    more = torch.tensor([before + answer], dtype=ids.dtype, device=ids.device)
    extended = dict(inputs, input_ids=torch.cat([ids, more], 1))
    for key, fill in (("attention_mask", 1), ("token_type_ids", 0), ("mm_token_type_ids", 0)):
        if key in inputs:
            extended[key] = torch.nn.functional.pad(inputs[key], (0, more.shape[1]), value=fill)
    found = _told_layout(box.checkpoint, messages, shown, ids[0].tolist(), prompt)
    if found is None:
        found = _image_layout(box.checkpoint, extended, prompt, sum(len(message.images) for message in shown))
    return Forced(extended, prompt, len(answer), found)


def _image_layout(checkpoint: Checkpoint, inputs: dict[str, Any], prompt: int, images: int) -> SegmentLayout | None:
    """Segments of a prompt with image tokens; the sample says how many images there are, the processor how large."""
    if not images:
        return None
    config = checkpoint.model.config
    grid = inputs.get("image_grid_thw")
    merged = int(getattr(getattr(config, "vision_config", None), "spatial_merge_size", 1)) ** 2
    sizes = [[int(cells) // merged for cells in grid.prod(dim=-1).tolist()]] if grid is not None else ()
    tokens = ImageTokens.of(config, checkpoint.tokenizer)
    return layout(inputs["input_ids"][:, :prompt], tokens, counts=[images], sizes=sizes)


def _told_layout(
    checkpoint: Checkpoint, messages: Sequence[Message], shown: Sequence[Message], ids: list[int], prompt: int
) -> SegmentLayout | None:
    """Find the words of each image in a text model's prompt; None where there is none or it cannot be told."""
    if any(message.images for message in shown):
        return None
    words = [
        told.text
        for before, after in zip(messages, shown, strict=True)
        for part, told in zip(before.parts, after.parts, strict=True)
        if isinstance(part, ImagePart) and isinstance(told, TextPart)
    ]
    if not words:
        return None
    turns = [{"role": message.role, "content": message.text} for message in shown]
    text = checkpoint.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    found = checkpoint.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if found["input_ids"] != ids:
        return None
    spans: list[tuple[int, int]] = []
    end = 0
    for block in words:
        start = text.find(block, end)
        if start < 0:
            return None
        end = start + len(block)
        inside = [i for i, (low, high) in enumerate(found["offset_mapping"]) if high > start and low < end]
        spans.append((inside[0], inside[-1] + 1))
    return spans_layout(prompt, spans)
