"""The vision tower and its projector in torch: built, saved and loaded as `vision.safetensors` and `vision.json`.

Invariant: the file's tensors are what both engines run: `models.llama.mmproj` writes them for llama.cpp, and
Transformers' `LlavaForConditionalGeneration` takes them with `vision_feature_layer` -1, all features kept. The tower is
SigLIP's: it has no class token. llama.cpp of autumn 2026 puts CLIP's class token behind the patches, so that each patch
gets its neighbour's position and the first is lost; the two engines then differ by up to 1 in a log-probability.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.core.errors import MissingExtra
from safesight.models.llama.mmproj import TowerShape

WEIGHTS: Final = "vision.safetensors"
SHAPE: Final = "vision.json"


def build(shape: TowerShape) -> Any:
    """A fresh tower and projector as one torch module; call it with pixels for (batch, tokens, embedding).

    Raises:
        MissingExtra: torch or transformers is not installed.
    """
    torch, transformers = _engines()

    class Projector(torch.nn.Module):
        """Two linear layers with a GELU between, as LLaVA-1.5's."""

        def __init__(self) -> None:
            super().__init__()
            self.linear_1 = torch.nn.Linear(shape.hidden, shape.embedding)
            self.linear_2 = torch.nn.Linear(shape.embedding, shape.embedding)

        def forward(self, features: Any) -> Any:
            return self.linear_2(torch.nn.functional.gelu(self.linear_1(features)))

    class Vision(torch.nn.Module):
        """Pixels, normalised, of shape (batch, 3, side, side), to soft words."""

        def __init__(self) -> None:
            super().__init__()
            self.tower = transformers.SiglipVisionModel(siglip_config(shape))
            self.projector = Projector()

        def layers(self, pixels: Any) -> Any:
            """What enters the first layer, then each layer's output; (batch, tokens, hidden) each."""
            return self.tower(pixel_values=pixels, output_hidden_states=True).hidden_states

        def told(self, features: Any) -> Any:
            """Soft words of the last layer's output."""
            inner = getattr(self.tower, "vision_model", self.tower)
            return self.projector(inner.post_layernorm(features))

        def forward(self, pixels: Any) -> Any:
            return self.told(self.layers(pixels)[-1])

    return Vision()


def cell_reader(shape: TowerShape) -> Any:
    """Reads colour and form in the four quarters of each patch from its features; used while training only."""
    torch, _ = _engines()
    return torch.nn.Sequential(torch.nn.LayerNorm(shape.hidden), torch.nn.Linear(shape.hidden, 4 * 2 * 9))


def cell_loss(seen: Any, marks: Any) -> Any:
    """Cross-entropy of what `cell_reader` read, (batch, tokens, 72), against places 0 to 8, (batch, 2, rows, rows)."""
    torch, _ = _engines()
    batch, _, rows, _ = marks.shape
    side = rows // 2
    grid = seen.reshape(batch, side, side, 2, 2, 2, 9)  # patch row, patch column, row in it, column in it, what, place
    scores = grid.permute(0, 5, 1, 3, 2, 4, 6).reshape(-1, 9)
    weight = torch.ones(9)
    weight[0] = 0.1  # nearly all cells are empty
    return torch.nn.functional.cross_entropy(scores, marks.flatten(), weight=weight)


def siglip_config(shape: TowerShape) -> Any:
    """The tower's configuration for Transformers."""
    _, transformers = _engines()
    return transformers.SiglipVisionConfig(
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        image_size=shape.image_size,
        patch_size=shape.patch_size,
        layer_norm_eps=shape.norm_epsilon,
        hidden_act="gelu_pytorch_tanh",
        vision_use_head=False,
    )


def normalised(pixels: npt.NDArray[np.uint8], shape: TowerShape) -> npt.NDArray[np.float32]:
    """Bytes of shape (..., side, side, 3) to what the tower takes, (..., 3, side, side)."""
    scaled = pixels.astype(np.float32) / 255
    centred = (scaled - np.asarray(shape.mean, np.float32)) / np.asarray(shape.std, np.float32)
    return np.moveaxis(centred, -1, -3).astype(np.float32)


def tensors(vision: Any) -> dict[str, Any]:
    """The module's tensors by the names `models.llama.mmproj` knows."""
    named = vision.state_dict()
    return {name.replace("tower.vision_model.", "tower."): t.detach().contiguous() for name, t in named.items()}


def save(vision: Any, shape: TowerShape, folder: Path) -> None:
    """Write weights (f32) and sizes; the sizes last."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    wanted = {n: t for n, t in tensors(vision).items() if "position_ids" not in n}
    save_file(wanted, folder / WEIGHTS)
    (folder / SHAPE).write_bytes(msgspec.json.format(msgspec.json.encode(shape), indent=1) + b"\n")


def load(folder: Path) -> tuple[Any, TowerShape]:
    """The module and its sizes from a folder that `save` wrote.

    Raises:
        MissingExtra: torch or transformers is not installed.
        OSError: a file is missing.
    """
    from safetensors.torch import load_file

    shape = msgspec.json.decode((folder / SHAPE).read_bytes(), type=TowerShape)
    vision = build(shape)
    inner = any(name.startswith("tower.vision_model.") for name in vision.state_dict())
    held = load_file(folder / WEIGHTS)
    named = {n.replace("tower.", "tower.vision_model.") if inner else n: t for n, t in held.items()}
    vision.load_state_dict(named, strict=False)
    return vision.eval(), shape


def _engines() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra("torch and transformers", "train") from None
    return torch, transformers
