"""Wraps the attention functions of Transformers in place, for as long as a probe listens.

`AttentionInterface._global_mapping` is the one table every model file looks its attention up in; its entries are
replaced by wrappers that call the original with the same arguments and hand its output back untouched. `eager`
is not in the table: each model file passes its own as the default of `get_interface` (transformers 5), which is
wrapped too. Registering a new name instead would change the masks a model builds. Refcounted, so that probes may
nest and end in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from safesight.core.errors import MissingExtra, ModelError

Attention = Callable[..., tuple[Tensor, Tensor | None]]


class AttentionCall(NamedTuple):
    """One call of an attention function, before it is made."""

    backend: str
    module: Any
    query: Tensor
    key: Tensor
    mask: Any
    arguments: dict[str, Any]


class Listener(Protocol):
    """Is told of every attention call while it is attached."""

    def heard(self, call: AttentionCall) -> None:
        """Look at a call; must not change its tensors."""
        ...


_lock = RLock()
_listeners: list[Listener] = []
_originals: dict[str, Attention] = {}
_lookup: list[Any] = []


def attach(listener: Listener) -> None:
    """Start telling `listener` of attention calls.

    Raises:
        MissingExtra: transformers is not installed.
    """
    with _lock:
        if not _listeners:
            _install()
        _listeners.append(listener)


def detach(listener: Listener) -> None:
    """Stop; the last to go puts every original back."""
    with _lock:
        _listeners.remove(listener)
        if not _listeners:
            _restore()


def _interface() -> Any:
    try:
        from transformers import AttentionInterface
    except ImportError:
        raise MissingExtra("transformers", "hf") from None
    if not hasattr(AttentionInterface, "get_interface"):
        raise ModelError("expected transformers 5 or later (AttentionInterface.get_interface). Upgrade transformers.")
    return AttentionInterface


def _install() -> None:
    interface = _interface()
    table = interface._global_mapping
    for name, original in list(table.items()):
        _originals[name] = original
        table[name] = _wrapped(name, original)
    look_up = interface.get_interface
    _lookup.append(look_up)

    def get_interface(self: Any, attn_implementation: str, default: Attention) -> Attention:
        found = look_up(self, attn_implementation, default)
        return _wrapped("eager", found) if found is default else found

    interface.get_interface = get_interface


def _restore() -> None:
    interface = _interface()
    interface._global_mapping.update(_originals)
    interface.get_interface = _lookup.pop()
    _originals.clear()


def _wrapped(name: str, original: Attention) -> Attention:
    def attention(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any = None, *rest: Any, **more: Any
    ) -> tuple[Tensor, Tensor | None]:
        # No model of transformers 5 passes more by position; one that does is refused by the probe.
        call = AttentionCall(name, module, query, key, attention_mask, {**more, "positional": rest} if rest else more)
        for listener in tuple(_listeners):
            listener.heard(call)
        return original(module, query, key, value, attention_mask, *rest, **more)

    return attention
