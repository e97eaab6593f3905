"""The organism in Transformers: the GGUF files that llama.cpp runs, as one `LlavaForConditionalGeneration`.

Invariant: nothing is trained or rounded anew. Tower and projector are the file's f16, SmolLM2 its four-bit weights
multiplied out, the adapter added to them. llama.cpp multiplies four-bit weights by eight-bit activations and torch by
full ones, so log-probabilities differ by some hundredths; answers seldom do (docs/organism.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from safesight.core.errors import MissingExtra, ModelError
from safesight.models.hf.loading import Checkpoint, Source, engines, open_dense
from safesight.models.llama.mmproj import TowerShape, mmproj_names
from safesight.models.organism_tower import build, fill

PLACEHOLDER: Final = "<empty_output>"
"""A control token of SmolLM2's that stands for a picture's tokens; its tokenizer lets no text become one."""
PLACES: Final = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Name in a GGUF by place in a layer of Transformers' Llama."""
ALPHA: Final = 2
"""An adapter's alpha as a multiple of its rank."""
# Two texts are joined by a line break, a text and a picture by nothing, as llama.cpp does. That break is an expression
# because Transformers' Jinja drops a plain one right after a tag.
_TEMPLATE: Final = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for p in m['content'] %}{% if p['type'] == 'image' %}"
    + PLACEHOLDER
    + "{% else %}{% if not loop.first and loop.previtem['type'] == 'text' %}{{ '\\n' }}{% endif %}{{ p['text'] }}"
    "{% endif %}{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def open_organism(language: Path, mmproj: Path, adapter: Path) -> Checkpoint:
    """Model, tokenizer and processor, float32 on the CPU.

    Raises:
        MissingExtra: torch, transformers or gguf is not installed.
        OSError: a file is missing.
        ModelError: SmolLM2 cannot be loaded, or a file lacks tensors.
    """
    torch, transformers = engines()
    dense = open_dense(Source(where=str(language.parent), gguf_file=language.name))
    text, tokenizer = dense.model, dense.tokenizer
    add_adapter(adapter, text)
    vision, shape = read_tower(mmproj)
    config = transformers.LlavaConfig(
        vision_config=vision.tower.config,
        text_config=text.config,
        image_token_index=tokenizer.convert_tokens_to_ids(PLACEHOLDER),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    with torch.device("meta"):
        model = transformers.LlavaForConditionalGeneration(config)
    model.model.language_model, model.lm_head = text.model, text.lm_head
    model.model.vision_tower, model.model.multi_modal_projector = vision.tower, vision.normed_projector()
    model.generation_config = text.generation_config
    pictures = transformers.SiglipImageProcessor(
        size={"height": shape.image_size, "width": shape.image_size}, image_mean=shape.mean, image_std=shape.std
    )
    processor = transformers.LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=shape.patch_size,
        vision_feature_select_strategy="full",
        chat_template=_TEMPLATE,
        image_token=PLACEHOLDER,
    )
    return Checkpoint(model=model.eval(), tokenizer=tokenizer, processor=processor)


def read_tower(path: Path) -> tuple[Any, TowerShape]:
    """Tower and projector of an mmproj GGUF in torch, and their sizes.

    Raises:
        MissingExtra: torch, transformers or gguf is not installed.
        OSError: the file is missing.
        ModelError: tensors are missing.
    """
    torch, _ = engines()
    reader = _reader(path)

    def number(key: str) -> Any:
        return reader.fields[f"clip.vision.{key}"].parts[-1][0]

    def three(key: str) -> tuple[float, float, float]:
        field = reader.fields[f"clip.vision.{key}"]
        red, green, blue = (float(field.parts[i][0]) for i in field.data)
        return (red, green, blue)

    shape = TowerShape(
        image_size=int(number("image_size")),
        patch_size=int(number("patch_size")),
        hidden=int(number("embedding_length")),
        heads=int(number("attention.head_count")),
        layers=int(number("block_count")),
        feed_forward=int(number("feed_forward_length")),
        embedding=int(number("projection_dim")),
        norm_epsilon=float(number("attention.layer_norm_epsilon")),
        mean=three("image_mean"),
        std=three("image_std"),
    )
    vision = build(shape)
    names = mmproj_names(shape.layers)
    held = {names[t.name]: torch.from_numpy(np.array(t.data, dtype=np.float32)) for t in reader.tensors}
    fill(vision, held, file=path)
    return vision.eval(), shape


def add_adapter(path: Path, model: Any) -> None:
    """Add the adapter of a GGUF that `train.organism_adapter.write_adapter` wrote to a Llama's weights.

    Raises:
        MissingExtra: torch or gguf is not installed.
        OSError: the file is missing.
        ModelError: it holds no adapter.
    """
    heads = (model.config.num_attention_heads, model.config.num_key_value_heads)
    for place, (down, up) in read_adapter(path, heads).items():
        layer, _, part = place.partition(".")
        weight = model.model.layers[int(layer)].get_submodule(part).weight
        weight.data += (ALPHA * (up @ down)).to(weight.dtype)


def read_adapter(path: Path, heads: tuple[int, int]) -> dict[str, tuple[Any, Any]]:
    """The matrices of an adapter's GGUF, f32, by layer and place, in Transformers' order of rows.

    Args:
        path: What `train.organism_adapter.write_adapter` wrote.
        heads: Query and key heads of the Llama it belongs to.

    Raises:
        MissingExtra: torch or gguf is not installed.
        OSError: the file is missing.
        ModelError: it holds no adapter.
    """
    torch, _ = engines()
    reader = _reader(path)
    from gguf.quants import dequantize

    found = [t for t in reader.tensors if t.name.endswith((".lora_a", ".lora_b"))]
    if not found:
        raise ModelError(f"{path}: expected an adapter (.lora_a, .lora_b), got {len(reader.tensors)} other tensors.")
    held = {t.name: torch.from_numpy(np.array(dequantize(t.data, t.tensor_type))) for t in found}
    of = dict(zip(("attn_q", "attn_k"), heads, strict=True))
    places = {short: long for long, short in PLACES.items()}
    pairs: dict[str, tuple[Any, Any]] = {}
    for name in (n for n in held if n.endswith(".lora_a")):
        _, layer, part, _, _ = name.split(".")
        up = held[name.removesuffix("a") + "b"]
        if part in of:
            rows, rank = up.shape
            up = up.reshape(of[part], rows // of[part] // 2, 2, rank).swapaxes(1, 2).reshape(rows, rank)
        pairs[f"{layer}.{places[part]}"] = (held[name], up)
    return pairs


def _reader(path: Path) -> Any:
    try:
        from gguf import GGUFReader
    except ImportError:
        raise MissingExtra("gguf", "hf") from None
    return GGUFReader(str(path))
