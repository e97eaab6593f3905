"""Writes a vision tower and its projector as llama.cpp's `mmproj` GGUF: LLaVA-1.5's form, for `gguf:FILE+MMPROJ`.

Invariant: what llama.cpp computes from the file is what Transformers' `LlavaForConditionalGeneration` computes from the
same tensors: a SigLIP tower, which has no class token, whose last layer's output passes through its final norm and two
linear layers. A class token would do harm: llama.cpp (`tools/mtmd/models/llava.cpp`) puts it behind the patches.
Names and keys are those of llama.cpp's `convert_image_encoder_to_gguf.py` for `projector_type` "mlp".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.core.errors import DataError, MissingExtra


class TowerShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes of a SigLIP vision tower and of the language model's embeddings it projects to."""

    image_size: int = 128
    """Side of the square it sees, in pixels."""
    patch_size: int = 32
    hidden: int = 192
    heads: int = 3
    layers: int = 4
    feed_forward: int = 768
    embedding: int = 576
    norm_epsilon: float = 1e-6
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    @property
    def tokens(self) -> int:
        """Image tokens of one picture."""
        return (self.image_size // self.patch_size) ** 2


_BLOCK = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_out": "self_attn.out_proj",
    "ln1": "layer_norm1",
    "ln2": "layer_norm2",
    "ffn_down": "mlp.fc1",  # llama.cpp's names for CLIP are swapped, and its reader knows it
    "ffn_up": "mlp.fc2",
}


def mmproj_names(layers: int) -> dict[str, str]:
    """GGUF tensor name -> name in `vision.safetensors` (a SiglipVisionModel's, and `projector.linear_1|2`)."""
    names = {
        "v.position_embd.weight": "tower.embeddings.position_embedding.weight",
    }
    for kind in ("weight", "bias"):
        names[f"v.patch_embd.{kind}"] = f"tower.embeddings.patch_embedding.{kind}"
        names[f"v.post_ln.{kind}"] = f"tower.post_layernorm.{kind}"
        names[f"mm.0.{kind}"] = f"projector.linear_1.{kind}"
        names[f"mm.2.{kind}"] = f"projector.linear_2.{kind}"
        for layer in range(layers):
            for gguf_name, name in _BLOCK.items():
                names[f"v.blk.{layer}.{gguf_name}.{kind}"] = f"tower.encoder.layers.{layer}.{name}.{kind}"
    return names


def write_mmproj(path: Path, tensors: Mapping[str, npt.NDArray[Any]], shape: TowerShape, *, name: str) -> None:
    """Write the file; matrices in f16, vectors in f32, as llama.cpp expects them.

    Raises:
        DataError: a tensor is missing.
        MissingExtra: the `gguf` package is not installed.
    """
    try:
        import gguf
    except ImportError:
        raise MissingExtra("gguf", "hf") from None
    names = mmproj_names(shape.layers)
    missing = sorted(set(names.values()) - set(tensors))
    if missing:
        raise DataError(f"{path}: the vision weights lack {', '.join(missing[:3])} ({len(missing)} in all).")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "clip")
    _keys(writer, shape, name)
    for gguf_name, own in names.items():
        array = np.ascontiguousarray(tensors[own], dtype=np.float32)
        half = array.ndim > 1 and gguf_name != "v.position_embd.weight"
        writer.add_tensor(gguf_name, array.astype(np.float16) if half else array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _keys(writer: Any, shape: TowerShape, name: str) -> None:
    writer.add_name(name)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    writer.add_file_type(1)
    for key, value in {
        "image_size": shape.image_size,
        "patch_size": shape.patch_size,
        "embedding_length": shape.hidden,
        "feed_forward_length": shape.feed_forward,
        "projection_dim": shape.embedding,
        "attention.head_count": shape.heads,
        "block_count": shape.layers,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    # Without this key llama.cpp leaves out the last layer, as LLaVA-1.5's own towers want it.
    writer.add_array("clip.vision.feature_layer", [shape.layers])
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", shape.norm_epsilon)
    writer.add_array("clip.vision.image_mean", list(shape.mean))
    writer.add_array("clip.vision.image_std", list(shape.std))
