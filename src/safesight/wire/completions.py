"""The older completions as a dialect: choices that carry `text`, whole and streamed; read as chat completions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from safesight.wire.channels import FILTERED, Event
from safesight.wire.chat_dialect import ChatDialect
from safesight.wire.dialect import Replaced
from safesight.wire.typed import left_as, objects, text_of


class CompletionsDialect(ChatDialect):
    """One reply of completions."""

    alike: bool = False
    expects: str = "a completion with choices"
    whole_object: ClassVar[str] = "text_completion"

    def read(self, payload: bytes) -> Event:
        event = super().read(payload)
        pieces = tuple(
            msgspec.structs.replace(piece, field="content") if _adds_text_alone(choice) else piece
            for piece, choice in zip(event.pieces, event.value.get("choices") or (), strict=True)
        )
        return msgspec.structs.replace(event, pieces=pieces)

    def left(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            for choice in objects(left_as(payload).get("choices")):
                self._departed.add(choice.get("index") or 0, "content", len(text_of(choice.get("text"))))

    def part(self, choice: int, field: str, text: str) -> bytes:
        return self._chunk(choice, text)

    def _chunk(self, choice: int, text: str, finish_reason: str | None = None, **more: object) -> bytes:
        said = {"index": choice, "text": text, "logprobs": None, "finish_reason": finish_reason}
        head = {"id": self._head.id, "object": self.whole_object, "created": self._head.created}
        return msgspec.json.encode({**head, "model": self._head.model, "choices": [said], **more})

    def _end(self, choice: int, reason: dict[str, object]) -> bytes:
        return self._chunk(choice, "", FILTERED, safesight=reason)

    def _opening(self, index: int, text: str) -> list[bytes]:
        return [self._chunk(index, text)] if text else []

    def stopped(self, index: int, told: Replaced) -> dict[str, object]:
        end = {"logprobs": None, "finish_reason": FILTERED, "safesight": told.reason}
        return {"index": index, "text": told.text, **end}


def _adds_text_alone(choice: dict[str, object]) -> bool:
    """Whether an event adds to a choice a text that may be sent in part."""
    return bool(choice.get("text")) and not choice.get("logprobs") and choice.get("finish_reason") is None
