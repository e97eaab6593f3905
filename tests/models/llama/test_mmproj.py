"""A vision tower written as llama.cpp's projector: the tensors as `gguf` reads them, and llama.cpp answering by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safesight.core.errors import DataError
from safesight.core.messages import user
from safesight.core.records import Decoding
from safesight.models.llama.mmproj import TowerShape, mmproj_names, write_mmproj
from safesight.models.llama.model import open_gguf
from tests.media.test_ocr import picture
from tests.models.llama.tiny_gguf import write_llama

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
gguf = pytest.importorskip("gguf")

from safesight.models.organism_tower import build  # noqa: E402 - needs torch
from safesight.train import vision_tower  # noqa: E402

SHAPE = TowerShape(image_size=56, patch_size=14, hidden=32, heads=2, layers=2, feed_forward=48, embedding=64)


def tower(seed: int = 0) -> dict[str, Any]:
    """A random tower's tensors; larger than a fresh one's, so that pictures differ clearly."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    vision = build(SHAPE)
    for parameter in vision.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3)
    return {name: tensor.numpy() for name, tensor in vision_tower.tensors(vision).items()}


def test_the_file_holds_the_towers_tensors(tmp_path: Path) -> None:
    tensors = tower()
    write_mmproj(tmp_path / "eyes.gguf", tensors, SHAPE, name="eyes")
    reader = gguf.GGUFReader(str(tmp_path / "eyes.gguf"))
    names = mmproj_names(SHAPE.layers)
    assert {t.name for t in reader.tensors} == set(names)
    for held in reader.tensors:
        own = tensors[names[held.name]]
        assert tuple(held.data.shape) == own.shape, held.name
        # Half precision keeps 11 bits; below 2^-14 its steps are 2^-24.
        assert np.allclose(held.data.astype(np.float32), own, rtol=2**-11, atol=2**-24), held.name
    # All of the tower is in it, but the buffer of positions.
    left = set(tensors) - set(names.values())
    assert all("position_ids" in name for name in left), left


async def test_llama_cpp_answers_by_it_and_tells_pictures_apart(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "see.gguf", width=SHAPE.embedding)
    write_mmproj(tmp_path / "eyes.gguf", tower(), SHAPE, name="eyes")
    write_mmproj(tmp_path / "other.gguf", tower(1), SHAPE, name="other")
    seeing, other = (open_gguf(f"{path}+{tmp_path / name}", {"threads": "1"}) for name in ("eyes.gguf", "other.gguf"))
    tea, sea = picture("Tea"), picture("A lighthouse", "by the sea")
    reply = await seeing.generate([user("What is this?", tea)], decoding=Decoding(max_tokens=4))
    assert (reply.status, reply.usage.completion_tokens) in {("truncated", 4), ("ok", reply.usage.completion_tokens)}
    blind = await seeing.generate([user("What is this?")], decoding=Decoding(max_tokens=4))
    assert reply.usage.prompt_tokens >= blind.usage.prompt_tokens + SHAPE.tokens
    asked = [(seeing, tea), (seeing, sea), (other, tea), (seeing, tea)]
    found = [await model.complete([user("What is this?", image)], top_logprobs=5) for model, image in asked]
    assert {completion.error for completion in found} == {""}
    seen = [tuple(completion.logprobs.values()) for completion in found]
    assert len(set(seen[:3])) == 3
    assert seen[3] == pytest.approx(seen[0], abs=1e-4)


@pytest.mark.parametrize(
    "gone", ["tower.post_layernorm.bias", "projector.linear_2.bias", "tower.encoder.layers.1.mlp.fc1.weight"]
)
def test_a_missing_tensor_is_named(tmp_path: Path, gone: str) -> None:
    tensors = tower()
    del tensors[gone]
    with pytest.raises(DataError, match=rf"lack {gone} \(1 in all\)"):
        write_mmproj(tmp_path / "eyes.gguf", tensors, SHAPE, name="eyes")
    assert not (tmp_path / "eyes.gguf").exists()
