"""llama.cpp and Transformers see alike: tower, projector, adapter and language model from the same files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safesight.core.errors import ModelError
from safesight.core.messages import user
from safesight.core.records import Decoding
from safesight.models.embedded import open_embedded
from safesight.models.llama.mmproj import TowerShape, write_mmproj
from safesight.models.organism import SIDE
from tests.media.test_ocr import picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("gguf")

from safesight.models.organism_checkpoint import read_adapter, read_tower  # noqa: E402
from safesight.models.organism_tower import build  # noqa: E402 - needs torch
from safesight.train import vision_tower  # noqa: E402
from safesight.train.organism_adapter import Lowered, write_adapter  # noqa: E402

SHAPE = TowerShape(image_size=32, patch_size=8, hidden=16, heads=2, layers=2, feed_forward=32, embedding=24)


def test_a_tower_read_from_its_file_computes_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vision = build(SHAPE).eval()
    for parameter in vision.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # norms too, which begin as one and nought
    arrays = {name: t.detach().numpy() for name, t in vision_tower.tensors(vision).items()}
    write_mmproj(tmp_path / "eyes.gguf", arrays, SHAPE, name="eyes")
    again, shape = read_tower(tmp_path / "eyes.gguf")
    pixels = torch.rand((2, 3, 32, 32))
    with torch.no_grad():
        assert torch.allclose(vision(pixels), again(pixels), atol=5e-3)
    assert (shape.hidden, shape.layers, shape.tokens) == (16, 2, 16)


def test_files_that_hold_something_else_are_named(tmp_path: Path) -> None:
    arrays = {name: t.detach().numpy() for name, t in vision_tower.tensors(build(SHAPE)).items()}
    write_mmproj(tmp_path / "eyes.gguf", arrays, SHAPE, name="eyes")
    with pytest.raises(ModelError, match=r"eyes\.gguf: expected an adapter"):
        read_adapter(tmp_path / "eyes.gguf", (4, 2))
    vision_tower.save(build(SHAPE), msgspec.structs.replace(SHAPE, layers=3), tmp_path / "deeper")
    with pytest.raises(ModelError, match=r"vision\.safetensors: expected a whole tower.* missing, .*layers\.2"):
        vision_tower.load(tmp_path / "deeper")
    vision_tower.save(build(SHAPE), msgspec.structs.replace(SHAPE, hidden=32), tmp_path / "wider")
    with pytest.raises(ModelError, match="does not fit the sizes"):
        vision_tower.load(tmp_path / "wider")


@pytest.mark.slow
async def test_both_engines_give_the_first_token_alike(tmp_path: Path) -> None:
    """A random tower, two pictures, an adapter on queries. A class token made .1 to 1 of difference.

    What is left is llama.cpp's eight-bit activations beside four-bit weights.
    """
    torch.manual_seed(1)
    shape = TowerShape(image_size=SIDE, patch_size=32, hidden=64, heads=2, layers=2, feed_forward=128, embedding=576)
    vision = build(shape).eval()
    for name, parameter in vision.named_parameters():
        if "layers" in name and parameter.ndim > 1:
            parameter.data.normal_(0, 0.15)
        if "norm" in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    vision.projector.linear_2.weight.data.normal_(0, 0.02)
    arrays = {n: t.numpy() for n, t in vision_tower.tensors(vision).items()}
    write_mmproj(tmp_path / "mmproj.gguf", arrays, shape, name="eyes")
    pairs = {"29.self_attn.q_proj": (torch.randn(2, 576) / 24, torch.randn(576, 2) / 24)}
    write_adapter(tmp_path / "adapter.gguf", Lowered(rank=2, heads=(9, 3), pairs=pairs), name="small")
    llama = open_embedded(str(tmp_path), {"threads": "1", "ocr": "0"})
    twin = open_embedded(str(tmp_path), {"engine": "transformers", "ocr": "0"})
    for shown in ((picture("Tea"),), (picture("A lighthouse"), picture("Red apples"))):
        asked = [user(*shown, "What is it?")]
        ours, theirs = [(await one.complete(asked, top_logprobs=20)).logprobs for one in (llama, twin)]
        both = ours.keys() & theirs.keys()
        assert len(both) >= 15
        gaps = [abs(ours[token] - theirs[token]) for token in both]
        assert sum(gaps) / len(gaps) < 0.1, gaps
        used = [(await one.generate(asked, decoding=Decoding(max_tokens=1))).usage for one in (llama, twin)]
        assert used[0].prompt_tokens == used[1].prompt_tokens


@pytest.mark.slow
async def test_both_engines_answer_alike_on_pages() -> None:
    """The organism that ships; answers may part where two tokens are nearly alike."""
    from itertools import islice

    from safesight.benchmarks.verifiable import Verifiable
    from safesight.core.protocols import DataOptions
    from safesight.core.records import Sample

    llama, twin = open_embedded("", {}), open_embedded("", {"engine": "transformers"})
    samples = islice(Verifiable().load(DataOptions(tiny=True, languages=("en",))), 12)
    asked = [s.messages for s in samples if isinstance(s, Sample)]
    pairs = [[(await one.generate(m, decoding=Decoding())).text for one in (llama, twin)] for m in asked]
    assert sum(ours == theirs for ours, theirs in pairs) >= len(asked) - 2
