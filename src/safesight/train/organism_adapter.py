"""LoRA matrices beside SmolLM2's linear layers: in torch, and as the GGUF adapter llama.cpp applies.

Invariant: both engines add the same: W x + (alpha / rank) B A x, with alpha = 2 rank. llama.cpp holds the rows of query
and key weights in the order of its rotary embedding, so B of these is written in that order (its
`convert_hf_to_gguf.py`, LlamaModel.permute).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from safesight.core.errors import ConfigError, MissingExtra
from safesight.models.organism_checkpoint import ALPHA, PLACES, read_adapter


class Lowered(NamedTuple):
    """What an adapter's file is written from: rank, query and key heads, and matrices by layer and place."""

    rank: int
    heads: tuple[int, int]
    pairs: dict[str, tuple[Any, Any]]


class Adapter:
    """The matrices, put beside the linear layers of a Llama from `first_layer` on."""

    def __init__(self, model: Any, *, rank: int, first_layer: int) -> None:
        import torch

        self.rank = rank
        self.heads = (model.config.num_attention_heads, model.config.num_key_value_heads)
        self.pairs: dict[str, tuple[Any, Any]] = {}
        for k in range(first_layer, model.config.num_hidden_layers):
            layer = model.model.layers[k]
            for place in PLACES:
                linear = layer.get_submodule(place)
                down = torch.nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
                up = torch.nn.Parameter(torch.zeros(linear.out_features, rank))
                self.pairs[f"{k}.{place}"] = (down, up)
                linear.register_forward_hook(_Beside(down, up))

    def parameters(self) -> list[Any]:
        """All matrices, in a fixed order."""
        return [matrix for pair in self.pairs.values() for matrix in pair]

    def named(self) -> Iterator[tuple[str, Any]]:
        """Matrices by name: "12.mlp.up_proj.a" is the first that x meets, ".b" the second."""
        for name, (down, up) in self.pairs.items():
            yield f"{name}.a", down
            yield f"{name}.b", up

    def save(self, path: Path, *, optimiser: Any) -> None:
        """Write the matrices and the optimiser's state, f32."""
        from safetensors.torch import save_file

        held = {n: p.detach().clone() for n, p in self.named()}
        for name, p in self.named():
            held |= {f"o.{key}.{name}": value.detach().clone() for key, value in optimiser.state[p].items()}
        save_file(held, path)

    def load(self, path: Path, *, optimiser: Any) -> None:
        """Read what `save` wrote."""
        from safetensors.torch import load_file

        held = load_file(path)
        for name, p in self.named():
            p.data.copy_(held[name])
            optimiser.state[p] = {key: held[f"o.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}

    def start_from(self, path: Path) -> None:
        """Take the matrices of a GGUF that `write_adapter` wrote.

        Raises:
            ConfigError: it has another rank, or other layers.
            ModelError: it holds no adapter.
            MissingExtra: torch or gguf is not installed.
            OSError: the file is missing.
        """
        held = read_adapter(path, self.heads)
        rank = next(iter(held.values()))[0].shape[0]
        if held.keys() != self.pairs.keys() or rank != self.rank:
            raise ConfigError(
                f"{path}: expected rank {self.rank} from layer {min(_layers(self.pairs))} on, got rank {rank} from "
                f"layer {min(_layers(held))} on; set rank and first_layer to the file's."
            )
        for name, (down, up) in self.pairs.items():
            down.data.copy_(held[name][0])
            up.data.copy_(held[name][1])


def _layers(pairs: Iterable[str]) -> set[int]:
    return {int(name.partition(".")[0]) for name in pairs}


class _Beside:
    """Adds the adapter's share to a layer's output."""

    def __init__(self, down: Any, up: Any) -> None:
        self._down, self._up = down, up

    def __call__(self, _layer: Any, given: tuple[Any, ...], out: Any) -> Any:
        x = given[0]
        return out + (x @ self._down.to(x.dtype).T) @ self._up.to(x.dtype).T * ALPHA


def write_adapter(path: Path, lora: Adapter | Lowered, *, name: str) -> None:
    """Write the adapter for llama.cpp: the first matrix in 8 bits, the second in f16.

    Raises:
        MissingExtra: the `gguf` package is not installed.
    """
    try:
        import gguf
    except ImportError:
        raise MissingExtra("gguf", "train") from None
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_name(name)
    writer.add_float32("adapter.lora.alpha", float(ALPHA * lora.rank))
    kind = gguf.GGMLQuantizationType.Q8_0  # rows of the second matrix are shorter than its blocks
    for place, (down, up) in lora.pairs.items():
        layer, _, part = place.partition(".")
        target = f"blk.{layer}.{PLACES[part]}.weight"
        second = up.detach().float().numpy()
        if part.endswith(("q_proj", "k_proj")):
            second = _rotary_order(second, lora.heads[0 if part.endswith("q_proj") else 1])
        first = gguf.quants.quantize(down.detach().float().numpy(), kind)
        writer.add_tensor(f"{target}.lora_a", first, raw_dtype=kind)
        writer.add_tensor(f"{target}.lora_b", np.ascontiguousarray(second).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _rotary_order(matrix: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Rows of each head from halves to neighbours."""
    rows, rank = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)
