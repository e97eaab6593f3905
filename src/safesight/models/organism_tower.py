"""The organism's vision tower and projector in torch: what an mmproj GGUF holds.

The tower is SigLIP's: it has no class token. llama.cpp of autumn 2026 puts CLIP's class token behind the patches, so
that each patch gets its neighbour's position and the first is lost; the two engines then differ by up to 1 in a
log-probability. LLaVA of Transformers leaves out SigLIP's last norm, which llama.cpp applies: it goes with the
projector.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safesight.core.errors import ModelError
from safesight.models.hf.loading import engines
from safesight.models.llama.mmproj import TowerShape


def build(shape: TowerShape) -> Any:
    """A fresh tower and projector as one torch module; call it with pixels for (batch, tokens, embedding).

    Raises:
        MissingExtra: torch or transformers is not installed.
    """
    torch, transformers = engines()

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
            return self.normed_projector()(features)

        def normed_projector(self) -> Any:
            """The tower's last norm and the projector, as one module."""
            return torch.nn.Sequential(getattr(self.tower, "vision_model", self.tower).post_layernorm, self.projector)

        def forward(self, pixels: Any) -> Any:
            return self.told(self.layers(pixels)[-1])

    return Vision()


def fill(vision: Any, tensors: Mapping[str, Any], *, file: Path) -> None:
    """Give a module of `build` the tensors of `file`, by the names that `models.llama.mmproj` knows.

    Raises:
        ModelError: some are missing, or have another shape.
    """
    inner = any(name.startswith("tower.vision_model.") for name in vision.state_dict())
    named = {n.replace("tower.", "tower.vision_model.") if inner else n: t for n, t in tensors.items()}
    try:
        missing, _ = vision.load_state_dict(named, strict=False)
    except RuntimeError as error:
        raise ModelError(f"{file}: the tower does not fit the sizes that stand with it: {error}") from None
    lacking = [name for name in missing if "position_ids" not in name]
    if lacking:
        raise ModelError(
            f"{file}: expected a whole tower and projector; {len(lacking)} tensors are missing, {lacking[0]} first."
        )


def siglip_config(shape: TowerShape) -> Any:
    """The tower's configuration for Transformers."""
    _, transformers = engines()
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
