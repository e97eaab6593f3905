"""The tower in torch: saved and loaded it computes the same, and its pixels are Transformers' own processor's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safesight.models.llama.mmproj import TowerShape
from safesight.train import vision_tower

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SHAPE = TowerShape(image_size=32, patch_size=8, hidden=16, heads=2, layers=2, feed_forward=32, embedding=24)


def pages(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_pixels_are_those_of_transformers_processor() -> None:
    processor = transformers.CLIPImageProcessor(
        do_resize=False, do_center_crop=False, image_mean=list(SHAPE.mean), image_std=list(SHAPE.std)
    )
    theirs = np.asarray(processor(list(pages()), return_tensors="np")["pixel_values"])
    assert np.allclose(vision_tower.normalised(pages(), SHAPE), theirs, atol=1e-5)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vision = vision_tower.build(SHAPE).eval()
    vision_tower.save(vision, SHAPE, tmp_path)
    loaded, shape = vision_tower.load(tmp_path)
    pixels = torch.from_numpy(vision_tower.normalised(pages(), SHAPE))
    with torch.no_grad():
        ours, theirs = vision(pixels), loaded(pixels)
    assert shape == SHAPE
    assert ours.shape == (2, SHAPE.tokens, SHAPE.embedding)
    assert torch.equal(ours, theirs)


def test_the_tower_is_llavas() -> None:
    torch.manual_seed(0)
    vision = vision_tower.build(SHAPE).eval()
    text = transformers.LlamaConfig(
        hidden_size=24, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=8
    )
    config = transformers.LlavaConfig(
        vision_config=vision_tower.clip_config(SHAPE),
        text_config=text,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        image_token_index=7,
    )
    llava = transformers.LlavaForConditionalGeneration(config).eval()
    llava.model.vision_tower.load_state_dict(vision.tower.state_dict())
    llava.model.multi_modal_projector.load_state_dict(vision.projector.state_dict())
    pixels = torch.from_numpy(vision_tower.normalised(pages(), SHAPE))
    with torch.no_grad():
        found = llava.get_image_features(pixel_values=pixels)
        soft = getattr(found, "pooler_output", found)
        ours = vision(pixels)
    assert torch.allclose(torch.cat(list(soft)).reshape(ours.shape), ours, atol=1e-5)
