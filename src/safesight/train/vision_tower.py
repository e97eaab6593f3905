"""What training adds to `models.organism_tower`: first filters, the marks' reader, and files of weights and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.models.hf.loading import engines
from safesight.models.llama.mmproj import TowerShape
from safesight.models.organism_tower import build, fill

WEIGHTS: Final = "vision.safetensors"
SHAPE: Final = "vision.json"


def fresh(shape: TowerShape) -> Any:
    """A tower to begin with; its patches are seen through filters that tell forms from the first step.

    Raises:
        MissingExtra: torch or transformers is not installed.
    """
    torch, _ = engines()
    vision = build(shape)
    with torch.no_grad():
        filters = torch.from_numpy(_first_filters(shape.hidden, shape.patch_size))
        getattr(vision.tower, "vision_model", vision.tower).embeddings.patch_embedding.weight.copy_(filters)
    return vision


def _first_filters(hidden: int, patch: int) -> npt.NDArray[np.float32]:
    """Filters to begin with, (hidden, 3, patch, patch): orthogonal mixtures of the colours of an 8 x 8 grid.

    Filters of independent random pixels see noise first and forms late.
    """
    grid = min(8, patch)
    means = np.kron(np.eye(grid), np.full(patch // grid, grid / patch))
    means = np.pad(means, ((0, 0), (0, patch - means.shape[1])))
    blocks = np.einsum("cd,iy,jx->ijcdyx", np.eye(3), means, means).reshape(3 * grid * grid, -1)
    mixture = np.random.default_rng(0).standard_normal((max(hidden, len(blocks)), min(hidden, len(blocks))))
    orthogonal = np.linalg.qr(mixture)[0]
    mixed = (orthogonal if hidden >= len(blocks) else orthogonal.T) @ blocks
    return mixed.reshape(hidden, 3, patch, patch).astype(np.float32)


def cell_reader(shape: TowerShape) -> Any:
    """Reads colour and form in the four quarters of each patch from its features; used while training only."""
    torch, _ = engines()
    return torch.nn.Sequential(torch.nn.LayerNorm(shape.hidden), torch.nn.Linear(shape.hidden, 4 * 2 * 9))


def cell_loss(seen: Any, marks: Any) -> Any:
    """Cross-entropy of what `cell_reader` read, (batch, tokens, 72), against places 0 to 8, (batch, 2, rows, rows)."""
    torch, _ = engines()
    weight = torch.ones(9)
    weight[0] = 0.1  # nearly all cells are empty
    return torch.nn.functional.cross_entropy(_by_cell(seen, marks).reshape(-1, 9), marks.flatten(), weight=weight)


def marks_right(seen: Any, marks: Any) -> Any:
    """Whether colour and form of each mark are the likeliest; bool, (2, marks)."""
    found = _by_cell(seen, marks)[..., 1:].argmax(-1) + 1 == marks
    return found.movedim(1, 0)[:, (marks > 0).all(1)]


def _by_cell(seen: Any, marks: Any) -> Any:
    """(batch, tokens, 72) to (batch, 2, rows, rows, 9)."""
    batch, _, rows, _ = marks.shape
    side = rows // 2
    grid = seen.reshape(batch, side, side, 2, 2, 2, 9)  # patch row, patch column, row in it, column in it, what, place
    return grid.permute(0, 5, 1, 3, 2, 4, 6).reshape(batch, 2, rows, rows, 9)


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
        ModelError: weights are missing, or are not of the sizes beside them.
    """
    from safetensors.torch import load_file

    shape = msgspec.json.decode((folder / SHAPE).read_bytes(), type=TowerShape)
    vision = build(shape)
    fill(vision, load_file(folder / WEIGHTS), file=folder / WEIGHTS)
    return vision.eval(), shape
