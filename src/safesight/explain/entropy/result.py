"""What a probe recorded: statistics by layer, batch item, head and token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from safesight.core.doors import require
from safesight.core.errors import ModelError, UnknownName
from safesight.explain.entropy.rows import RowStats, normalise

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

_BY_ROW = ("entropy", "max_prob", "varentropy", "renyi2")
_BY_SEGMENT = ("mass", "segment_entropy")
_SHOWN = 6
"""Layers in a representation."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ProbeResult:
    """Attention statistics, (layers, batch, heads, tokens); `mass` and `segment_entropy` add segments.

    The definition is ours: H = -sum p ln p in nats over the keys a row may see. A token's row is the one that
    produced it (the last prompt token's row produced the first). Layers with fewer heads are padded with NaN.
    `frame()` and `heatmap()` show it; `aggregate()` is what a run file keeps.
    """

    layers: tuple[int, ...]
    """Layers of the model that were recorded, counted from 0."""
    segments: tuple[str, ...]
    """Parts of the prompt (`text`, `image 1`, `answer` ...) that `mass` and `segment_entropy` tell apart."""
    entropy: Tensor
    """H in nats, (layers, batch, heads, tokens)."""
    visible: Tensor
    """Keys a row may see, (layers, batch, heads, tokens)."""
    max_prob: Tensor | None = None
    """Largest weight of a row, in [0, 1]."""
    varentropy: Tensor | None = None
    """Variance of -ln p under p, in nats squared."""
    renyi2: Tensor | None = None
    """Renyi entropy of order 2, -ln sum p^2, in nats."""
    mass: Tensor | None = None
    """Weight that falls on each segment, (layers, batch, heads, tokens, segments); sums to 1."""
    segment_entropy: Tensor | None = None
    """H in nats of the weights inside a segment, made to sum to 1 there; same shape as `mass`."""

    def __repr__(self) -> str:
        layers, batch, heads, tokens = self.entropy.shape
        parts = f"; segments {', '.join(self.segments)}" if self.segments else ""
        means = ", ".join(f"{float(mean):.2f}" for mean in self.normalised.nanmean((1, 2, 3))[:_SHOWN])
        more = ", ..." if layers > _SHOWN else ""
        return (
            f"<ProbeResult: {layers} layers x {batch} answers x {heads} heads x {tokens} tokens{parts}; "
            f"normalised entropy by layer {means}{more}>"
        )

    def frame(self) -> pl.DataFrame:
        """One row a layer, answer, head and token: `entropy` (nats), `normalised`, and what else was recorded.

        `mass` and `segment_entropy` have a column a segment (`mass: image 1`). Rows of padded heads are left out.

        Raises:
            MissingExtra: polars is not installed.
        """
        require("polars", "tables")
        import polars as pl

        _, batch, heads, tokens = self.entropy.shape
        axes = torch.meshgrid(
            torch.tensor(self.layers), *(torch.arange(n) for n in (batch, heads, tokens)), indexing="ij"
        )
        columns = {
            name: axis.flatten().numpy() for name, axis in zip(("layer", "answer", "head", "token"), axes, strict=True)
        }
        rows = {"entropy": self.entropy, "normalised": self.normalised, "visible": self.visible.expand_as(self.entropy)}
        rows |= {name: value for name in _BY_ROW[1:] if (value := getattr(self, name)) is not None}
        columns |= {name: value.flatten().float().cpu().numpy() for name, value in rows.items()}
        for name in _BY_SEGMENT:
            value: Tensor | None = getattr(self, name)
            if value is None:
                continue
            for i, segment in enumerate(self.segments):
                columns[f"{name}: {segment}"] = value[..., i].flatten().float().cpu().numpy()
        return pl.DataFrame(columns).filter(pl.col("entropy").is_not_nan())

    def heatmap(self, statistic: str = "normalised") -> alt.Chart:
        """Mean of a statistic by layer and head, as an Altair chart; `chart.save("heatmap.png")` writes a picture.

        Args:
            statistic: a column of `frame()`.

        Raises:
            MissingExtra: Altair or polars is not installed.
            UnknownName: no such statistic was recorded.
        """
        require("altair", "report")
        import altair as alt
        import polars as pl

        frame = self.frame()
        if statistic not in frame.columns[4:]:
            raise UnknownName("statistic", statistic, frame.columns[4:])
        means = frame.group_by("layer", "head").agg(pl.col(statistic).mean().alias("value")).sort("layer", "head")
        return (
            alt.Chart(alt.Data(values=means.to_dicts()), title=f"{statistic} by layer and head")
            .mark_rect()
            .encode(
                x=alt.X("head:O"),
                y=alt.Y("layer:O", sort="descending"),
                color=alt.Color("value:Q", title=statistic, scale=alt.Scale(scheme="viridis")),
                tooltip=["layer:O", "head:O", alt.Tooltip("value:Q", format=".3f")],
            )
        )

    @property
    def normalised(self) -> Tensor:
        """Entropy over ln(visible keys), in [0, 1]."""
        return normalise(self.entropy, self.visible)

    def aggregate(self) -> dict[str, Tensor]:
        """Mean over tokens of every statistic, NaN left out: (layers, batch, heads[, segments])."""
        means = {"normalised": self.normalised.nanmean(3)}
        for name in (*_BY_ROW, *_BY_SEGMENT):
            value = getattr(self, name)
            if value is not None:
                means[name] = value.nanmean(3)
        return means


def joined(chunks: Sequence[RowStats]) -> RowStats:
    """Rows of successive passes as one; segments of later passes may be more."""
    if len(chunks) == 1:
        return chunks[0]
    first = chunks[0]
    merged: dict[str, Tensor] = {
        "entropy": torch.cat([chunk.entropy for chunk in chunks], 2),
        "visible": torch.cat([_expanded(chunk) for chunk in chunks], 2),
    }
    for name in (*_BY_ROW[1:], *_BY_SEGMENT):
        values = [getattr(chunk, name) for chunk in chunks]
        if values[0] is not None:
            merged[name] = torch.cat(values, 2)
    return replace(first, **merged)


def _expanded(stats: RowStats) -> Tensor:
    return stats.visible.expand(stats.entropy.shape)


def stacked(by_layer: dict[int, RowStats], segments: tuple[str, ...]) -> ProbeResult:
    """One result from the rows of each layer.

    Raises:
        ModelError: layers recorded different numbers of rows.
    """
    layers = tuple(sorted(by_layer))
    rows = [by_layer[layer] for layer in layers]
    if len({(stats.entropy.shape[0], stats.entropy.shape[2]) for stats in rows}) > 1:
        raise ModelError("layers recorded different numbers of rows; probe them apart with layers=.")
    heads = max(stats.entropy.shape[1] for stats in rows)
    values: dict[str, Tensor] = {"visible": torch.stack([_padded(_expanded(stats), heads, 0) for stats in rows]).cpu()}
    for item in fields(ProbeResult):
        if item.name in (*_BY_ROW, *_BY_SEGMENT) and getattr(rows[0], item.name) is not None:
            parts = [_padded(getattr(stats, item.name), heads, float("nan")) for stats in rows]
            values[item.name] = torch.stack(parts).cpu()
    return ProbeResult(layers=layers, segments=segments, **values)  # pyright: ignore[reportArgumentType]


def _padded(value: Tensor, heads: int, fill: float) -> Tensor:
    missing = heads - value.shape[1]
    if not missing:
        return value
    shape = (value.shape[0], missing, *value.shape[2:])
    return torch.cat([value, torch.full(shape, fill, dtype=value.dtype, device=value.device)], 1)
