"""The tower in torch: saved and loaded it computes the same, and its pixels are Transformers' own processor's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safesight.models.llama.mmproj import TowerShape
from safesight.models.organism_tower import build, siglip_config
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
    vision = build(SHAPE).eval()
    vision_tower.save(vision, SHAPE, tmp_path)
    loaded, shape = vision_tower.load(tmp_path)
    pixels = torch.from_numpy(vision_tower.normalised(pages(), SHAPE))
    with torch.no_grad():
        ours, theirs = vision(pixels), loaded(pixels)
    assert shape == SHAPE
    assert ours.shape == (2, SHAPE.tokens, SHAPE.embedding)
    assert torch.equal(ours, theirs)


def test_the_tower_is_siglips_and_has_no_class_token() -> None:
    torch.manual_seed(0)
    vision = build(SHAPE).eval()
    theirs = transformers.SiglipVisionModel(siglip_config(SHAPE)).eval()
    theirs.load_state_dict(vision.tower.state_dict())
    pixels = torch.from_numpy(vision_tower.normalised(pages(), SHAPE))
    with torch.no_grad():
        last = theirs(pixel_values=pixels).last_hidden_state
        assert last.shape == (2, SHAPE.tokens, SHAPE.hidden)
        assert torch.allclose(vision.projector(last), vision(pixels), atol=1e-5)


def test_cells_are_read_where_they_are() -> None:
    shape = TowerShape(image_size=24, patch_size=8, hidden=16, heads=2, layers=1, feed_forward=8, embedding=24)
    marks = torch.zeros((1, 2, 6, 6), dtype=torch.long)
    marks[0, :, 3, 4] = torch.tensor([5, 7])  # second row of patches, third column, lower left quarter
    seen = torch.zeros((1, shape.tokens, 72)).reshape(1, 9, 2, 2, 2, 9)
    seen[..., 0] = 50.0
    right = seen.clone()
    for what, place in enumerate((5, 7)):
        right[0, 5, 1, 0, what] = 0.0
        right[0, 5, 1, 0, what, place] = 50.0
    assert float(vision_tower.cell_loss(right.reshape(1, 9, 72), marks)) < 1e-6
    assert float(vision_tower.cell_loss(seen.reshape(1, 9, 72), marks)) > 1.0
    assert vision_tower.marks_right(right.reshape(1, 9, 72), marks).tolist() == [[True], [True]]
    right[0, 5, 1, 0, 1, 7] = -1.0
    assert vision_tower.marks_right(right.reshape(1, 9, 72), marks).tolist() == [[True], [False]]


def test_first_filters_keep_what_a_patch_holds_at_an_eighth() -> None:
    """Orthogonal mixtures: the means of the 64 fields in three colours can be had back."""
    filters = vision_tower.fresh(TowerShape(image_size=64, patch_size=32, hidden=192, heads=3, layers=1))
    weight = filters.tower.embeddings.patch_embedding.weight.detach().reshape(192, -1)
    fields = torch.rand(3, 8, 8)
    patch = fields.repeat_interleave(4, 1).repeat_interleave(4, 2)
    seen = weight @ patch.flatten()
    assert torch.allclose(seen @ weight * 16, patch.flatten(), atol=1e-4)
