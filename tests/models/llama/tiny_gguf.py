"""Random-weight GGUF files: a tiny Llama, and a vision projector for a language model of any width."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, TokenType

from tests.models.hf.tiny_vlms import make_tokenizer

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_llama(
    path: Path, *, layers: int = 2, width: int = 64, heads: int = 4, seed: int = 0, template: str = TEMPLATE
) -> Path:
    """Write a random Llama (float32, some 400 tokens) with tokenizer and chat template; returns `path`."""
    rng = np.random.default_rng(seed)
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads // 2)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    size = _add_tokenizer(writer, template)

    def add(name: str, *shape: int) -> None:
        # Larger than a trained model's, so that distributions differ clearly from uniform.
        writer.add_tensor(name, rng.normal(0, 0.2, shape).astype(np.float32))

    def one(name: str) -> None:
        writer.add_tensor(name, np.ones(width, dtype=np.float32))

    add("token_embd.weight", size, width)
    add("output.weight", size, width)
    one("output_norm.weight")
    for layer in range(layers):
        prefix = f"blk.{layer}."
        one(f"{prefix}attn_norm.weight")
        one(f"{prefix}ffn_norm.weight")
        for part, rows in (("q", width), ("k", width // 2), ("v", width // 2), ("output", width)):
            add(f"{prefix}attn_{part}.weight", rows, width)
        add(f"{prefix}ffn_gate.weight", 2 * width, width)
        add(f"{prefix}ffn_up.weight", 2 * width, width)
        add(f"{prefix}ffn_down.weight", width, 2 * width)
    return _finish(writer, path)


def write_projector(path: Path, *, text_width: int, seed: int = 0) -> Path:
    """Write a random vision tower with a LLaVA projector to `text_width`; returns `path`."""
    rng = np.random.default_rng(seed)
    width, feed, layers, side, patch = 32, 48, 2, 56, 14
    writer = GGUFWriter(path, "clip")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("mlp")
    writer.add_vision_projection_dim(text_width)
    writer.add_vision_image_size(side)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(width)
    writer.add_vision_feed_forward_length(feed)
    writer.add_vision_block_count(layers)
    writer.add_vision_head_count(2)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, rng.normal(0, 0.3, shape).astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(width, dtype=np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, dtype=np.float32))

    add("v.patch_embd.weight", width, 3, patch, patch)
    add("v.class_embd", width)
    add("v.position_embd.weight", (side // patch) ** 2 + 1, width)
    norm("v.pre_ln")
    for layer in range(layers):
        prefix = f"v.blk.{layer}."
        norm(f"{prefix}ln1")
        norm(f"{prefix}ln2")
        for part in ("q", "k", "v", "out"):
            add(f"{prefix}attn_{part}.weight", width, width)
            add(f"{prefix}attn_{part}.bias", width)
        add(f"{prefix}ffn_up.weight", feed, width)
        add(f"{prefix}ffn_up.bias", feed)
        add(f"{prefix}ffn_down.weight", width, feed)
        add(f"{prefix}ffn_down.bias", width)
    add("mm.0.weight", text_width, width)
    add("mm.0.bias", text_width)
    add("mm.2.weight", text_width, text_width)
    add("mm.2.bias", text_width)
    return _finish(writer, path)


def _add_tokenizer(writer: GGUFWriter, template: str) -> int:
    tokenizer: Any = make_tokenizer({})
    core = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = [token for token, _ in sorted(core["vocab"].items(), key=lambda item: item[1])]
    special = {str(added) for added in tokenizer.added_tokens_decoder.values()}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in core["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    return len(tokens)


def _finish(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
