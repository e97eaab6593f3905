"""Which keys each row saw in one call of a Transformers attention function, one resolver per backend.

The same model hands its backends different masks: sdpa None or a bool square, eager an additive square, flash
attention a row of key padding and keyword arguments, flex a BlockMask. Read against transformers 5.23
(`integrations/*_attention.py`, `masking_utils.py`). A keyword argument this module doesn't know might change
scores, so it raises rather than report entropy of something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from safesight.core.errors import ModelError
from safesight.explain.entropy.visibility import Visibility

INERT: Final = frozenset(
    {
        "cache_position",
        "deterministic",
        "dropout",
        "is_causal",
        "kernel_options",
        "labels",
        "layer_idx",
        "logits_to_keep",
        "num_items_in_batch",
        "num_logits_to_keep",
        "output_attentions",
        "output_hidden_states",
        "output_router_logits",
        "past_key_value",
        "past_key_values",
        "cache",
        "position_embeddings",
        "position_ids",
        "return_dict",
        "s_aux",
        "scaling",
        "sliding_window",
        "softcap",
        "token_type_ids",
        "mm_token_type_ids",
        "use_cache",
    }
)
"""Arguments that change no score, or that the resolvers read themselves."""


def check_arguments(given: Mapping[str, Any], allowed: frozenset[str], *, where: str) -> None:
    """Raise for an argument with a value that may change scores.

    Raises:
        ModelError: names the argument; `allow=` of the probe accepts it.
    """
    for name, value in given.items():
        if value is not None and value is not False and name not in INERT and name not in allowed:
            raise ModelError(
                f"{where}: the attention function got an argument {name!r}, which may change the scores. If it "
                f"does not, pass allow=({name!r},) to the probe."
            )


def resolve(
    backend: str, module: Any, query: Tensor, key: Tensor, mask: Any, given: Mapping[str, Any], rows: slice
) -> Visibility:
    """The visibility of `rows` of one attention call.

    Args:
        backend: Name in Transformers' attention interface ("sdpa", "eager", "flash_attention_2", ...).
        module: The attention module, asked for `is_causal`.
        query: (batch, heads, rows, dim).
        key: (batch, key heads, keys, dim).
        mask: What the model passed as attention mask.
        given: The call's keyword arguments.
        rows: The query rows to look at.

    Raises:
        ModelError: the backend or the kind of mask is not known.
    """
    if "paged" in backend:
        raise ModelError(f"the probe cannot read a paged cache (attention backend {backend!r}). Use sdpa or eager.")
    if type(mask).__name__ == "BlockMask":
        return _flex(query, key, mask, rows)
    if mask is not None and not isinstance(mask, Tensor):
        raise ModelError(f"expected an attention mask tensor for backend {backend!r}, got {type(mask).__name__}.")
    if "flash" in backend:
        return _flash(module, query, key, mask, given, rows)
    return _square(backend, module, query, key, mask, given, rows)


def _rows(query: Tensor, rows: slice, *, offset: int) -> Tensor:
    return torch.arange(query.shape[2], device=query.device)[rows] + offset


def _is_causal(module: Any, given: Mapping[str, Any]) -> bool:
    passed = given.get("is_causal")
    return bool(getattr(module, "is_causal", True) if passed is None else passed)


def _square(
    backend: str, module: Any, query: Tensor, key: Tensor, mask: Tensor | None, given: Mapping[str, Any], rows: slice
) -> Visibility:
    """sdpa, eager and flex with a score mask: a 4-D mask is all there is; sdpa without one is causal by flag."""
    count, keys = query.shape[2], key.shape[2]
    if mask is not None:
        if mask.ndim != 4 or mask.shape[-1] < keys or mask.shape[-2] not in (1, count):
            raise ModelError(
                f"expected a mask of shape (batch, heads, {count}, {keys}) for backend {backend!r}, got "
                f"{tuple(mask.shape)}."
            )
        # The position is a hint where whole tiles can skip the mask; the mask itself decides.
        dense = mask.expand(-1, -1, count, -1)[:, :, rows] if mask.shape[-2] == 1 else mask[:, :, rows]
        return Visibility(keys=keys, positions=_rows(query, rows, offset=max(0, keys - count)), dense=dense)
    causal = backend == "sdpa" and count > 1 and _is_causal(module, given)
    # Transformers cuts the keys of an empty static cache to the rows before sdpa's upper-left causal flag.
    return Visibility(keys=min(keys, count) if causal else keys, positions=_rows(query, rows, offset=0), causal=causal)


def _flash(
    module: Any, query: Tensor, key: Tensor, mask: Tensor | None, given: Mapping[str, Any], rows: slice
) -> Visibility:
    """Flash attention: lower-right causal order, window from arguments, padding from a (batch, keys) mask."""
    if any(given.get(name) is not None for name in ("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k")):
        raise ModelError("the probe cannot read packed sequences (cu_seq_lens). Pass one padded sequence a row.")
    count, keys = query.shape[2], key.shape[2]
    causal = _is_causal(module, given) and count > 1
    window = given.get("sliding_window")
    window = int(window) if window is not None and keys > int(window) else None
    padding = None if mask is None or bool(mask.all()) else mask[:, -keys:].bool()
    positions = _rows(query, rows, offset=keys - count)
    return Visibility(
        keys=keys,
        positions=positions,
        # Flash attention's left window of w - 1 holds in decode too, where no causal flag is set.
        causal=causal or window is not None,
        window=window,
        padding=padding,
        undefined_rows=None if padding is None else ~padding[:, positions],
    )


def _flex(query: Tensor, key: Tensor, mask: Any, rows: slice) -> Visibility:
    """Flex attention: the mask function itself, asked tile by tile."""
    keys = key.shape[2]
    return Visibility(
        keys=keys,
        positions=_rows(query, rows, offset=max(0, keys - query.shape[2])),
        function=mask.mask_mod,
        function_rows=_rows(query, rows, offset=0),
    )
