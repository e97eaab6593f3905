"""Exact attention entropy of given Q and K: one streaming pass, no attention map, no V.

Scores are made a tile at a time in float32 (about 1 MB, small enough to stay in a core's cache) and folded into
the sums of `rows.Sums` before the next tile overwrites them, so memory grows with rows + keys and never with
their product. Key heads are shared by index, never repeated. A tile holds one lane (batch item x key head) of
many rows, or many lanes of few rows (decode).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from safesight.core.errors import ConfigError
from safesight.explain.entropy.rows import MASKED, RowStats, SinkRule, Sums, finish, parse_stats
from safesight.explain.entropy.visibility import Tile, Visibility

TILE_ROWS = 192
"""Rows of one matrix product; fewer than 64 waste it, more waste the causal triangle."""

TILE_KEYS = 1024

FLOOR = -87.0
"""Scores this far below their row's largest are raised to it: e^-87 adds nothing to a float32 sum, and below it
exp leaves the normal range, where it is 20 to 80 times slower."""

Backend = Literal["auto", "stream", "triton"]


@dataclass(frozen=True, slots=True)
class Segments:
    """Which segment each key is in: `ids` (keys,) or (batch, keys) int, -1 for none; `count` segments."""

    ids: Tensor
    count: int


def attention_entropy(
    q: Tensor,
    k: Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: int | None = None,
    mask: Tensor | None = None,
    softcap: float | None = None,
    segments: Tensor | None = None,
    positions: Tensor | None = None,
    sinks: Tensor | None = None,
    sink_rule: SinkRule = "exclude",
    stats: Sequence[str] = ("entropy",),
    backend: Backend = "auto",
) -> RowStats:
    """Entropy of softmax(scale q k^T) for each query row, in nats, without the attention map.

    Within 1e-5 (float32) or 1e-4 (bfloat16, float16) of a float64 softmax of the same q and k.

    Args:
        q: (batch, heads, rows, dim), after RoPE.
        k: (batch, key heads, keys, dim); heads must be a multiple of key heads.
        scale: Of the scores; default 1 / sqrt(dim).
        causal: Each row sees keys up to its position.
        window: Each row sees only keys in (position - window, position]; implies nothing about later keys.
        mask: (batch, keys) bool, True is a real key; or (batch or 1, heads or 1, rows, keys), bool (True sees) or
            additive float.
        softcap: Scores become softcap * tanh(score / softcap) before any mask.
        segments: (keys,) or (batch, keys) int, the segment of each key from 0, -1 for none.
        positions: (rows,) each row's place on the key axis; by default the rows are the last ones.
        sinks: (heads,) learned sink logits.
        sink_rule: What a sink counts as; see `SinkRule`.
        stats: Names from `rows.STATS`.
        backend: "stream" is this module; "triton" the CUDA kernel; "auto" takes triton for CUDA tensors where
            it is installed and covers what was asked.

    Raises:
        ConfigError: shapes do not fit, or a statistic or backend is unknown or not available.
    """
    if q.ndim != 4 or k.ndim != 4 or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3] or q.shape[1] % k.shape[1]:
        raise ConfigError(
            "expected q (batch, heads, rows, dim) and k (batch, key heads, keys, dim) with heads a multiple of key "
            f"heads, got {tuple(q.shape)} and {tuple(k.shape)}."
        )
    rows, keys = q.shape[2], k.shape[2]
    if positions is None:
        positions = torch.arange(keys - rows, keys, device=q.device)
    if positions.shape != (rows,):
        raise ConfigError(f"expected positions of shape ({rows},), got {tuple(positions.shape)}.")
    dense = mask is not None and mask.ndim == 4
    visibility = Visibility(
        keys=keys,
        positions=positions,
        causal=causal,
        window=window,
        padding=None if dense or mask is None else mask.bool(),
        dense=mask if dense else None,
    )
    parts = None
    if segments is not None:
        parts = Segments(segments, int(segments.max()) + 1)
    return entropy_rows(
        q,
        k,
        visibility,
        scale=scale,
        softcap=softcap,
        segments=parts,
        sinks=sinks,
        sink_rule=sink_rule,
        stats=stats,
        backend=backend,
    )


@torch.no_grad()
def entropy_rows(
    q: Tensor,
    k: Tensor,
    visibility: Visibility,
    *,
    scale: float | None = None,
    softcap: float | None = None,
    segments: Segments | None = None,
    sinks: Tensor | None = None,
    sink_rule: SinkRule = "exclude",
    stats: Sequence[str] = ("entropy",),
    backend: Backend = "auto",
) -> RowStats:
    """`attention_entropy` with its masks already resolved.

    Raises:
        ConfigError: a statistic needs segments and none are given, or the backend is not available.
    """
    stats = parse_stats(stats)
    if segments is None and {"mass", "segment_entropy"} & set(stats):
        raise ConfigError("expected segments for the statistics 'mass' and 'segment_entropy', got none.")
    k = k[:, :, : visibility.keys]
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    wanted = _Wanted.of(stats, segments)
    if _use_triton(backend, q, visibility, segments):
        from safesight.explain.entropy.triton_kernel import fill_sums

        sums = wanted.allocate(q)
        ids = None if segments is None else segments.ids
        fill_sums(sums, q, k, visibility, scale=scale, softcap=softcap, segment_ids=ids)
    else:
        hot = _one_hot(segments, q.shape[0]) if segments is not None and wanted.segments else None
        sums = _stream(wanted, q, k, visibility, scale, softcap, hot)
    if visibility.undefined_rows is not None:
        sums.m.masked_fill_(visibility.undefined_rows.unsqueeze(1), MASKED)
    return finish(sums, visibility.counts(q.shape[0]), stats=stats, sinks=sinks, rule=sink_rule)


def _use_triton(backend: Backend, q: Tensor, visibility: Visibility, segments: Segments | None) -> bool:
    if backend == "stream" or (backend == "auto" and not q.is_cuda):
        return False
    from safesight.explain.entropy.triton_kernel import unavailable

    reason = unavailable(q, visibility, segments=0 if segments is None else segments.count)
    if reason and backend == "triton":
        raise ConfigError(f"the triton backend cannot be used: {reason}. Use backend='stream'.")
    return not reason


class _Wanted(NamedTuple):
    """Which sums are needed, and over how many segments (0: none)."""

    b: bool
    p2: bool
    segments: int
    seg_a: bool

    @classmethod
    def of(cls, stats: Sequence[str], segments: Segments | None) -> _Wanted:
        by_segment = segments is not None and ("mass" in stats or "segment_entropy" in stats)
        return cls(
            b="varentropy" in stats,
            p2="renyi2" in stats,
            segments=segments.count if segments is not None and by_segment else 0,
            seg_a=by_segment and "segment_entropy" in stats,
        )

    def allocate(self, q: Tensor) -> Sums:
        """Sums of rows that have seen nothing, (batch, heads, rows[, segments])."""
        shape, device = q.shape[:3], q.device
        by_segment = (*shape, self.segments)
        return Sums(
            m=torch.full(shape, MASKED, device=device),
            l=torch.zeros(shape, device=device),
            a=torch.zeros(shape, device=device),
            b=torch.zeros(shape, device=device) if self.b else None,
            p2=torch.zeros(shape, device=device) if self.p2 else None,
            mass=torch.zeros(by_segment, device=device) if self.segments else None,
            seg_a=torch.zeros(by_segment, device=device) if self.seg_a else None,
        )


class _Lanes(NamedTuple):
    """A block of lanes: batch items and key heads by range; so many keys make a tile."""

    batch: slice
    heads: slice
    most: int


def _lanes(q: Tensor, k: Tensor, per_batch: bool) -> Iterator[_Lanes]:
    """Split lanes so that a tile of few rows still fills the matrix product and one of many stays small."""
    batch, key_heads, keys = k.shape[:3]
    rows = max(1, min((q.shape[1] // key_heads) * q.shape[2], TILE_ROWS))
    fit = max(1, TILE_ROWS * TILE_KEYS // (rows * max(1, min(keys, TILE_KEYS))))
    if fit >= batch * key_heads and not per_batch:
        yield _Lanes(slice(0, batch), slice(0, key_heads), _most(batch * key_heads * rows))
        return
    for b in range(batch):
        for h in range(0, key_heads, fit):
            last = min(h + fit, key_heads)
            yield _Lanes(slice(b, b + 1), slice(h, last), _most((last - h) * rows))


def _most(rows: int) -> int:
    return max(TILE_KEYS, TILE_ROWS * TILE_KEYS // rows)


def _stream(
    wanted: _Wanted,
    q: Tensor,
    k: Tensor,
    visibility: Visibility,
    scale: float,
    softcap: float | None,
    hot: Tensor | None,
) -> Sums:
    """Sums over keys, lane by lane, block of rows by block of rows, tile by tile."""
    group = q.shape[1] // k.shape[1]
    work = _Workspace(q.device)
    out: Sums | None = None
    for lanes in _lanes(q, k, visibility.per_batch):
        lane = _Lane(_lane_view(q, lanes, group), k[lanes.batch, lanes.heads].flatten(0, 1), scale, softcap)
        mine = None if hot is None else hot[lanes.batch]
        places: list[Tensor | None] = []
        for start in range(0, lane.rows, lane.step):
            rows = slice(start, min(start + lane.step, lane.rows))
            sums = _block(wanted, work, lane, lanes, visibility, rows, mine)
            if sums is None:
                continue
            if sums.m.numel() == q.shape[:3].numel():
                # One block was everything (decode): no need to gather.
                return sums.shaped(q.shape[:3])
            if out is None:
                out = wanted.allocate(q)
            if not places:
                places = [None if tensor is None else _lane_view(tensor, lanes, group) for tensor in out.tensors()]
            _store(places, sums, rows)
    return wanted.allocate(q) if out is None else out


def _block(
    wanted: _Wanted,
    work: _Workspace,
    lane: _Lane,
    lanes: _Lanes,
    visibility: Visibility,
    rows: slice,
    hot: Tensor | None,
) -> Sums | None:
    """Sums of a block of rows over all the keys it may see, (lanes, group x rows); None if it sees none."""
    block = lane.block(rows)
    sums: Sums | None = None
    for tile in visibility.plan(lanes.batch.start, rows.start, rows.stop, lanes.most):
        scores, e = work.take(block.shape[0], block.shape[1], tile.last - tile.first)
        lane.score(block, tile, out=scores)
        _hide(scores, visibility, lanes, rows, tile)
        found = _fold(scores, e, wanted, None if hot is None else hot[:, tile.first : tile.last])
        if tile.blind:
            found.forget_unseen()
        sums = found if sums is None else sums.merge(found)
    return sums


def _lane_view(tensor: Tensor, lanes: _Lanes, group: int) -> Tensor:
    """(lanes, group, rows, ...) of a tensor (batch, heads, rows, ...), sharing its memory where that can be."""
    return tensor.unflatten(1, (-1, group))[lanes.batch, lanes.heads].flatten(0, 1)


def _store(places: Sequence[Tensor | None], sums: Sums, rows: slice) -> None:
    for place, value in zip(places, sums.tensors(), strict=True):
        if place is not None and value is not None:
            mine = place.narrow(2, rows.start, rows.stop - rows.start)
            mine.copy_(value.view(mine.shape))


class _Lane:
    """Queries (lanes, group, rows, dim) and keys (lanes, keys, dim) of a block of lanes."""

    def __init__(self, queries: Tensor, keys: Tensor, scale: float, softcap: float | None) -> None:
        self._queries = queries
        self.rows = queries.shape[2]
        self.step = max(1, TILE_ROWS // queries.shape[1])
        self._softcap = softcap
        self._keys = keys.transpose(1, 2)
        self._scale = scale
        if self.rows > self.step:
            # Read by every block of rows: worth one copy, scaled, in the layout the product likes.
            self._keys = self._keys.float().contiguous().mul_(scale) if scale != 1 else self._keys.float().contiguous()
            self._scale = 1.0

    def block(self, rows: slice) -> Tensor:
        """These rows of every query head of the lanes, (lanes, group x rows, dim), in float32."""
        block = self._queries[:, :, rows].float().flatten(1, 2)
        return block if self._scale == 1 else block * self._scale

    def score(self, block: Tensor, tile: Tile, *, out: Tensor) -> None:
        """Write the scores of a tile, (lanes, group x rows, keys), into `out`."""
        torch.bmm(block, self._keys.narrow(2, tile.first, tile.last - tile.first).float(), out=out)
        if self._softcap is not None:
            out.div_(self._softcap).tanh_().mul_(self._softcap)


class _Workspace:
    """Two tile buffers kept for a whole pass: fresh ones would cost more in page faults than the arithmetic."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._buffers: list[Tensor] = []
        self._views: dict[tuple[int, int, int], tuple[Tensor, Tensor]] = {}

    def take(self, lanes: int, rows: int, keys: int) -> tuple[Tensor, Tensor]:
        """Two (lanes, rows, keys) float32 tensors; their contents last until the next call."""
        shape = (lanes, rows, keys)
        if shape not in self._views:
            need = lanes * rows * keys
            if not self._buffers or self._buffers[0].numel() < need:
                self._buffers = [torch.empty(need, device=self.device) for _ in range(2)]
                self._views.clear()
            first, second = (buffer[:need].view(shape) for buffer in self._buffers)
            self._views[shape] = first, second
        return self._views[shape]


def _hide(scores: Tensor, visibility: Visibility, lanes: _Lanes, rows: slice, tile: Tile) -> None:
    """Add a mask's bias to a tile's scores and put them at `MASKED` where a row may not look, in place."""
    if not tile.orders and not visibility.per_batch:
        return
    count = rows.stop - rows.start
    group = scores.shape[1] // count
    view = scores.view(-1, group, count, tile.last - tile.first)
    for low, high, order in tile.orders:
        view[..., low:high].add_(order)
    if not visibility.per_batch:
        return
    for low, high in tile.parts:
        part, box = view[..., low - tile.first : high - tile.first], (rows.start, rows.stop, low, high)
        bias = visibility.bias(lanes.batch.start, *box)
        if bias is not None:
            part.add_(_by_head(bias, lanes, group))
        hidden = visibility.hidden(lanes.batch.start, *box)
        if hidden is not None:
            part.masked_fill_(_by_head(hidden, lanes, group), MASKED)


def _by_head(tile: Tensor, lanes: _Lanes, group: int) -> Tensor:
    """A (1 or heads, rows, keys) tile as (1 or key heads of these lanes, 1 or group, rows, keys)."""
    return tile.unsqueeze(0) if tile.shape[0] == 1 else tile.unflatten(0, (-1, group))[lanes.heads]


def _fold(scores: Tensor, e: Tensor, wanted: _Wanted, hot: Tensor | None) -> Sums:
    """Sums of one tile; destroys it and `e`, a buffer of its shape."""
    m = scores.amax(-1)
    torch.exp(scores.sub_(m.unsqueeze(-1)).clamp_min_(FLOOR), out=e)
    total = e.sum(-1)
    p2 = torch.linalg.vecdot(e, e) if wanted.p2 else None
    mass = None if hot is None else _per_segment(e, hot)
    e.mul_(scores)
    seg_a = _per_segment(e, hot) if hot is not None and wanted.seg_a else None
    a = e.sum(-1)
    b = e.mul_(scores).sum(-1) if wanted.b else None
    return Sums(m, total, a, b, p2, mass, seg_a)


def _per_segment(e: Tensor, hot: Tensor) -> Tensor:
    """(lanes, rows, keys) by (1 or batch items, keys, segments), summed over keys within each segment."""
    if hot.shape[0] == 1:
        return (e.flatten(0, 1) @ hot[0]).unflatten(0, e.shape[:2])
    return (e.unflatten(0, (hot.shape[0], -1)) @ hot.unsqueeze(1)).flatten(0, 1)


def _one_hot(segments: Segments, batch: int) -> Tensor:
    ids = segments.ids if segments.ids.ndim == 2 else segments.ids.unsqueeze(0)
    hot = (ids.unsqueeze(-1) == torch.arange(segments.count, device=ids.device)).float()
    return hot.expand(batch, -1, -1)
