"""What an attention probe recorded, as layers by heads, averaged over a run's answers.

Invariant: undefined numbers are left out of the mean; a cell without any is NaN, not zero.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from safesight.core.records import Probe

_PREFERRED: Final = ("normalised", "entropy", "varentropy")


class Layers(msgspec.Struct, frozen=True, kw_only=True):
    """One probe's statistic; `values` is (layers, heads), NaN where undefined."""

    probe: str
    statistic: str
    answers: int
    values: list[list[float]]


def layers(probes: Sequence[Probe]) -> list[Layers]:
    """One grid for each probe that recorded something by layer and head; further axes (tokens) are averaged."""
    found: list[Layers] = []
    for name in sorted({probe.probe for probe in probes}):
        same = [probe for probe in probes if probe.probe == name]
        statistic = _statistic(same[0])
        if statistic is not None:
            grids = [_grid(probe, statistic) for probe in same if statistic in probe.values]
            shape = grids[0].shape
            stack = np.stack([grid for grid in grids if grid.shape == shape])
            found.append(Layers(probe=name, statistic=statistic, answers=len(stack), values=_mean(stack, 0).tolist()))
    return found


def _statistic(probe: Probe) -> str | None:
    known = [name for name, shape in probe.shape.items() if len(shape) >= 2 and name in probe.values]
    return next((name for name in _PREFERRED if name in known), known[0] if known else None)


def _grid(probe: Probe, statistic: str) -> np.ndarray:
    flat = np.array([np.nan if value is None else value for value in probe.values[statistic]], dtype=np.float64)
    shape = probe.shape[statistic]
    return _mean(flat.reshape(shape[0], shape[1], -1), 2)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an all-NaN cell is NaN, as promised
        return np.nanmean(values, axis=axis)
