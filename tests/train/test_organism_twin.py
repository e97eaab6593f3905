"""llama.cpp and Transformers see alike: tower, projector, adapter and language model from the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.messages import user
from safesight.models.llama.mmproj import TowerShape, write_mmproj
from safesight.models.organism import SIDE, open_organism
from tests.media.test_ocr import picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("gguf")

from safesight.train import vision_tower  # noqa: E402 - needs torch
from safesight.train.organism_adapter import Lowered, write_adapter  # noqa: E402
from tests.train.organism_twin import OrganismTwin, read_tower  # noqa: E402

SHAPE = TowerShape(image_size=32, patch_size=8, hidden=16, heads=2, layers=2, feed_forward=32, embedding=24)


def test_a_tower_read_from_its_file_computes_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vision = vision_tower.build(SHAPE).eval()
    arrays = {name: t.numpy() for name, t in vision_tower.tensors(vision).items()}
    write_mmproj(tmp_path / "eyes.gguf", arrays, SHAPE, name="eyes")
    again, shape = read_tower(tmp_path / "eyes.gguf")
    pixels = torch.rand((2, 3, 32, 32))
    with torch.no_grad():
        assert torch.allclose(vision(pixels), again(pixels), atol=2e-3)
    assert (shape.hidden, shape.layers, shape.tokens) == (16, 2, 16)


@pytest.mark.slow
async def test_both_engines_give_the_first_token_alike(tmp_path: Path) -> None:
    """A random tower with attention on, two pictures, an adapter on queries. A class token made .1 to 1 of difference.

    What is left is llama.cpp's eight-bit activations beside four-bit weights.
    """
    torch.manual_seed(1)
    shape = TowerShape(image_size=SIDE, patch_size=32, hidden=64, heads=2, layers=2, feed_forward=128, embedding=576)
    vision = vision_tower.build(shape).eval()
    for name, parameter in vision.named_parameters():
        if "layers" in name and parameter.ndim > 1:
            parameter.data.normal_(0, 0.15)
    vision.projector.linear_2.weight.data.normal_(0, 0.02)
    arrays = {n: t.numpy() for n, t in vision_tower.tensors(vision).items()}
    write_mmproj(tmp_path / "mmproj.gguf", arrays, shape, name="eyes")
    pairs = {"29.self_attn.q_proj": (torch.randn(2, 576) / 24, torch.randn(576, 2) / 24)}
    write_adapter(tmp_path / "adapter.gguf", Lowered(rank=2, heads=(9, 3), pairs=pairs), name="small")
    model, twin = open_organism(str(tmp_path), {"threads": "1", "ocr": "0"}), OrganismTwin(tmp_path)
    for shown in ((picture("Tea"),), (picture("A lighthouse"), picture("Red apples"))):
        asked = [user(*shown, "What is it?")]
        theirs = await twin.first(asked, None)
        ours = (await model.complete(asked, top_logprobs=10)).logprobs
        gaps = [abs(value - theirs[token]) for token, value in ours.items()]
        assert len(gaps) == 10
        assert sum(gaps) / 10 < 0.1, gaps
