"""Checks the streaming pass against a float64 softmax of the same q and k, row by row, on a model's own inputs.

The reference writes out every score of a sampled row in float64; only the mask is shared with what it checks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from safesight.core.errors import ModelError
from safesight.explain.entropy.hooks import AttentionCall, attach, detach
from safesight.explain.entropy.kernel import Backend, entropy_rows
from safesight.explain.entropy.masks import resolve
from safesight.explain.entropy.probe import language_layers
from safesight.explain.entropy.visibility import Visibility, visible_of

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-5, torch.bfloat16: 1e-4, torch.float16: 1e-4}
"""Largest difference from float64, in nats, by the model's dtype."""


class Verification(NamedTuple):
    """The largest difference found, in nats, over so many rows of so many layers."""

    error: float
    rows: int
    undefined: int
    """Rows that see no key, NaN on both sides."""
    layers: int


def reference_entropy(
    q: Tensor, k: Tensor, visibility: Visibility, *, scale: float, softcap: float | None = None
) -> Tensor:
    """Entropy by float64 softmax with every score written out: (batch, heads, rows); for checking only."""
    k = k[:, :, : visibility.keys].double().repeat_interleave(q.shape[1] // k.shape[1], 1)
    scores = (q.double() @ k.transpose(2, 3)) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    for batch in range(q.shape[0]):
        box = (0, visibility.rows, 0, visibility.keys)
        order, hidden = visibility.order(*box), visibility.hidden(batch, *box)
        if visibility.dense is not None and visibility.dense.dtype != torch.bool:
            dense = visibility.dense[batch if visibility.dense.shape[0] > 1 else 0, :, :, : visibility.keys]
            scores[batch] += torch.where(visible_of(dense), dense, 0).double()
        if order is not None:
            scores[batch].masked_fill_(order < 0, -math.inf)
        if hidden is not None:
            scores[batch].masked_fill_(hidden, -math.inf)
    if visibility.undefined_rows is not None:
        scores.masked_fill_(visibility.undefined_rows[:, None, :, None], -math.inf)
    p = scores.softmax(-1)
    entropy = torch.special.entr(p).sum(-1)
    return entropy.masked_fill(torch.isneginf(scores).all(-1), math.nan)


class _Checker:
    def __init__(self, layers: dict[Any, int], rows: int, seed: int, backend: Backend) -> None:
        self._layers, self._count = layers, rows
        self._backend: Backend = backend
        self._rng = torch.Generator().manual_seed(seed)
        self.error, self.rows, self.undefined = 0.0, 0, 0
        self.seen: set[int] = set()

    def heard(self, call: AttentionCall) -> None:
        layer = self._layers.get(call.module)
        if layer is None:
            return
        self.seen.add(layer)
        total = call.query.shape[2]
        for row in torch.randperm(total, generator=self._rng)[: self._count].tolist():
            self._check(call, slice(int(row), int(row) + 1))

    def _check(self, call: AttentionCall, rows: slice) -> None:
        given = call.arguments
        visibility = resolve(call.backend, call.module, call.query, call.key, call.mask, given, rows)
        q = call.query[:, :, rows]
        passed = given.get("scaling")
        scale = 1 / math.sqrt(q.shape[-1]) if passed is None else float(passed)
        softcap = given.get("softcap")
        ours = entropy_rows(q, call.key, visibility, scale=scale, softcap=softcap, backend=self._backend).entropy
        exact = reference_entropy(q, call.key, visibility, scale=scale, softcap=softcap)
        if not torch.equal(ours.isnan(), exact.isnan()):
            raise ModelError("the streaming pass and float64 disagree on which rows see a key: please report this.")
        defined = ~exact.isnan()
        self.undefined += int((~defined).sum())
        self.rows += int(defined.sum())
        if defined.any():
            self.error = max(self.error, float((ours.double() - exact)[defined].abs().max()))


@torch.no_grad()
def verify(
    model: Any, inputs: Mapping[str, Any], *, rows: int = 16, seed: int = 0, backend: Backend = "auto"
) -> Verification:
    """Run one forward pass and compare sampled rows of every language layer with float64.

    Args:
        model: A Transformers model.
        inputs: Keyword arguments of its forward pass.
        rows: Rows sampled per layer, without replacement.
        seed: Chooses the rows.
        backend: See `attention_entropy`.

    Raises:
        ModelError: nothing was heard, a row sees keys on one side only, or the largest difference is over
            `TOLERANCE`.
    """
    checker = _Checker(language_layers(model), rows, seed, backend)
    attach(checker)
    try:
        model(**inputs)
    finally:
        detach(checker)
    if not checker.seen:
        raise ModelError(f"no attention of {type(model).__name__} was heard; it bypasses Transformers' interface.")
    limit = TOLERANCE.get(model.dtype, 1e-4)
    if checker.error > limit:
        raise ModelError(f"entropy differs from float64 by {checker.error:.2e} nats; expected at most {limit:.0e}.")
    return Verification(checker.error, checker.rows, checker.undefined, len(checker.seen))
