"""A model in one module: says back what the user said, in capitals. `parrot?pause_s=0.2` waits before it speaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from safesight.core.config import PluginName
from safesight.core.errors import ConfigError
from safesight.core.messages import Message
from safesight.core.records import Decoding, Reply, content_hash


class Parrot:
    """Answers with the last user turn in capitals."""

    max_concurrency: int | None = None

    def __init__(self, *, pause_s: float) -> None:
        self.name = "parrot"
        self.fingerprint = content_hash("parrot", 1)
        self._pause_s = pause_s

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Say it back; `max_tokens` counts words here."""
        started = time.perf_counter()
        await asyncio.sleep(self._pause_s)
        words = next((m.text for m in reversed(messages) if m.role == "user"), "").upper().split()
        kept = words[: decoding.max_tokens]
        cut = len(kept) < len(words)
        return Reply(
            status="empty" if not kept else "truncated" if cut else "ok",
            text=" ".join(kept),
            finish_reason="length" if cut else "stop",
            latency_ms=1e3 * (time.perf_counter() - started),
        )

    async def aclose(self) -> None:
        """Nothing to close."""


def open_parrot(rest: str, options: Mapping[str, str]) -> Parrot:
    """Parrot: says back what the user said, in capitals; an example.

    Raises:
        ConfigError: the pause is no number of seconds.
        UnknownName: an option that it does not have.
    """
    PluginName("parrot", rest, dict(options)).reject_unknown({"pause_s"})
    try:
        pause = float(options.get("pause_s", "0"))
    except ValueError:
        raise ConfigError(f"parrot: expected pause_s in seconds, got {options['pause_s']!r}.") from None
    return Parrot(pause_s=pause)
