"""What a result shows of itself: a line, a frame, a picture; the numbers against NumPy on the raw tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from safesight.core.errors import UnknownName
from safesight.explain.entropy.result import ProbeResult

LAYERS, BATCH, HEADS, TOKENS = 3, 2, 4, 5


def result() -> ProbeResult:
    """Attention of uniform rows over 8 to 12 keys, by a head less in the last layer."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand((LAYERS, BATCH, HEADS, TOKENS, 12), generator=generator)
    weights = weights / weights.sum(-1, keepdim=True)
    entropy = -(weights * weights.log()).sum(-1)
    entropy[2, :, 3] = torch.nan
    mass = torch.stack([weights[..., :7].sum(-1), weights[..., 7:].sum(-1)], -1)
    return ProbeResult(
        layers=(0, 4, 9),
        segments=("text", "image 1"),
        entropy=entropy,
        visible=torch.full_like(entropy, 12),
        max_prob=weights.amax(-1),
        mass=mass,
    )


def test_a_result_fits_a_screen():
    shown = repr(result())
    assert len(shown) < 300
    assert "3 layers x 2 answers x 4 heads x 5 tokens" in shown
    assert "tensor" not in shown


def test_a_frame_has_a_row_a_token_and_the_tensors_numbers():
    found = result()
    frame = found.frame()
    assert frame.height == (LAYERS * HEADS - 1) * BATCH * TOKENS  # without the padded head
    row = frame.filter((frame["layer"] == 4) & (frame["answer"] == 1) & (frame["head"] == 2) & (frame["token"] == 3))
    assert found.mass is not None
    assert row["entropy"].item() == pytest.approx(float(found.entropy[1, 1, 2, 3]))
    assert row["normalised"].item() == pytest.approx(float(found.entropy[1, 1, 2, 3]) / np.log(12))
    assert row["mass: image 1"].item() == pytest.approx(float(found.mass[1, 1, 2, 3, 1]))
    assert frame["mass: text"].to_numpy() + frame["mass: image 1"].to_numpy() == pytest.approx(np.ones(frame.height))


def test_a_heatmap_is_a_picture_of_the_means(tmp_path: Path):
    found = result()
    chart = found.heatmap("entropy")
    values = {(row["layer"], row["head"]): row["value"] for row in chart.to_dict()["data"]["values"]}
    assert values[0, 1] == pytest.approx(float(found.entropy[0, :, 1].mean()))
    assert len(values) == LAYERS * HEADS - 1
    path = tmp_path / "heatmap.png"
    chart.save(str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UnknownName, match="max_prob"):
        found.heatmap("layer")
