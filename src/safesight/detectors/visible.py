"""An exchange as people see it, for detectors whose models read as people do: case and accents stay, tricks do not."""

from __future__ import annotations

import msgspec

from safesight.core.messages import Message, TextPart
from safesight.core.normal_form import normal_form
from safesight.core.records import Exchange


def visible(exchange: Exchange) -> Exchange:
    """The exchange without characters that show nothing, with look-alike letters as what they look like."""
    if exchange.question.isascii() and exchange.answer.isascii() and not exchange.turns:
        return exchange
    return msgspec.structs.replace(
        exchange,
        question=normal_form(exchange.question, folded=False),
        answer=normal_form(exchange.answer, folded=False),
        turns=tuple(_turn(turn) for turn in exchange.turns),
    )


def _turn(turn: Message) -> Message:
    parts = (TextPart(normal_form(p.text, folded=False)) if isinstance(p, TextPart) else p for p in turn.parts)
    return Message(turn.role, tuple(parts))
