"""Decoding settings for `generate`, and sampling that does not depend on what else is in the batch.

Transformers draws all rows of a batch from one global generator: an answer then depends on its neighbours and
on every other user of that generator. Here each row has its own generator, seeded by the request, and draws by
the Gumbel-max rule: the argmax of logits plus Gumbel noise is an exact sample of their softmax (Maddison et al.,
2014). To `generate` that is greedy decoding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from safesight.core.records import Decoding

DEFAULT_MAX_TOKENS = 1024


def generation_config(base: Any, decoding: Decoding) -> Any:
    """The checkpoint's generation settings with what `decoding` sets; always greedy, see `row_sampler`."""
    config = copy.deepcopy(base)
    for name in ("temperature", "top_p", "top_k", "min_p", "typical_p"):
        setattr(config, name, None)
    config.do_sample = False
    config.max_length = None
    config.max_new_tokens = decoding.max_tokens or config.max_new_tokens or DEFAULT_MAX_TOKENS
    if decoding.repetition_penalty is not None:
        config.repetition_penalty = decoding.repetition_penalty
    return config


def row_sampler(base: Any, decoding: Decoding, seeds: Sequence[int]) -> Any:
    """Logits processors that make greedy decoding draw each row from its own seed; None when it is greedy anyway.

    Args:
        base: The checkpoint's generation settings: they decide what `decoding` leaves open.
        decoding: A temperature of 0 is greedy, a positive one samples, None follows the checkpoint.
        seeds: One per row of the batch.
    """
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    samples = bool(base.do_sample) if decoding.temperature is None else decoding.temperature > 0
    if not samples:
        return None
    temperature = base.temperature if decoding.temperature is None else decoding.temperature
    top_p = base.top_p if decoding.top_p is None else decoding.top_p
    chain = LogitsProcessorList()
    if temperature not in (None, 1.0):
        chain.append(TemperatureLogitsWarper(float(temperature)))
    if base.top_k:
        chain.append(TopKLogitsWarper(base.top_k))
    if top_p is not None and top_p < 1.0:
        chain.append(TopPLogitsWarper(top_p))
    if base.min_p:
        chain.append(MinPLogitsWarper(base.min_p))
    chain.append(_GumbelRows(seeds))
    return chain


class _GumbelRows:
    """Adds Gumbel noise to each row of logits (rows, vocabulary) from the row's own generator."""

    def __init__(self, seeds: Sequence[int]) -> None:
        import torch

        # On the CPU, so that a seed means the same on every device.
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        rows, vocabulary = scores.shape
        noise = torch.empty(rows, vocabulary)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.log().to(device=scores.device, dtype=scores.dtype)
