"""Events and replies without what may not leave with the rest: re-encoded only where something is left out. Sans-IO."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from safesight.wire.channels import Event
from safesight.wire.reply_json import decode, encode


def without_spelt(payload: bytes, event: Event, place: int | None = None) -> bytes:
    """An event's bytes for one of its choices, without the numbers that spell what is not shown."""
    alone = place is None or len(event.pieces) == 1
    spelt = event.pieces[place].spelt if place is not None else ()
    if alone and event.plain and not spelt and not event.spelt:
        return payload
    value = {name: item for name, item in event.value.items() if name not in event.spelt}
    if place is not None:
        choice: dict[str, Any] = value["choices"][place]
        value["choices"] = [without_fields(choice, spelt)]
    return encode(value)


def without_fields(choice: dict[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """A choice without some of its fields (`token_ids`), or of its message's (`delta.token_ids`)."""
    kept = {name: item for name, item in choice.items() if name not in paths}
    for path in paths:
        holder, _, field = path.partition(".")
        if field and isinstance(kept.get(holder), dict):
            kept[holder] = {name: item for name, item in kept[holder].items() if name != field}
    return kept


def without_reasoning(payload: bytes) -> bytes:
    """An event without its reasoning, by any of its names."""
    value = decode(payload).value
    for choice in value.get("choices") or ():
        leave_out_reasoning(choice)
    return encode(value)


def leave_out_reasoning(choice: dict[str, Any]) -> None:
    """Take the reasoning out of a choice."""
    for said in (choice.get("delta"), choice.get("message")):
        if not isinstance(said, dict):
            continue
        for name in [name for name in said if name.startswith("reasoning")]:
            del said[name]
        if isinstance(said.get("content"), list):
            said["content"] = [part for part in said["content"] if not _thinks(part)]


def _thinks(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in ("thinking", "reasoning")
