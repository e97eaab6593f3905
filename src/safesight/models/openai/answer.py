"""A reply put together from a body or from the chunks of a stream, and given its status; sans-IO.

Invariant: `ok` and `truncated` have text that is not blank and holds no trace; everything else says why not. Text that
stands before a provider's cut was delivered: it is `truncated` and judged, never `blocked`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from safesight.core.records import Reply, Status, Usage
from safesight.models.openai.pricing import Prices
from safesight.net.blocks import is_block_reason
from safesight.net.faults import Address, Fault, body_fault
from safesight.wire.chat_reply import Body, ReplyChoice
from safesight.wire.thinking import split

_CUT: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
"""Finish reasons of a token limit (OpenAI; Gemini and Anthropic; Mistral)."""


class CollectedAnswer:
    """Collects one reply."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.usage: Usage | None = None
        self.model = ""
        self.finish_reason = ""
        self.first_at: float | None = None
        """When the first text or reasoning came, by `clock`."""
        self.ended = False
        """The stream said that it is complete."""
        self._clock = clock
        self._text: list[str] = []
        self._trace: list[str] = []

    def add(self, body: Body, address: Address) -> ReplyChoice | None:
        """Take a body or a chunk; returns its first choice, where it has one.

        Raises:
            Fault: it is an error.
            ModelError: it is an error that no later request can mend.
        """
        if (failure := body.failure) is not None:
            raise body_fault(failure, address)
        if body.usage is not None:
            self.usage = body.usage.usage()
        self.model = body.model or self.model
        if body.withheld:
            why = body.withheld
            self.finish_reason = why if is_block_reason(why) else f"content_filter: {why}"
        if not body.choices:
            return None
        choice = body.choices[0]
        if choice.error:
            raise body_fault(choice.error, address)
        native = choice.native_finish_reason or ""
        self.finish_reason = native if is_block_reason(native) else choice.finish_reason or self.finish_reason
        if self.finish_reason.lower() in {"error", "network_error"}:  # OpenRouter, Zhipu
            raise Fault("retry", f"{address.url}: the provider gave up half-way (finish_reason {self.finish_reason!r})")
        message = choice.delta or choice.message
        if message is not None:
            self._take(message.text, message.trace)
        return choice

    def _take(self, text: str, trace: str) -> None:
        if self.first_at is None and (text or trace):
            self.first_at = self._clock()
        if text:
            self._text.append(text)
        if trace:
            self._trace.append(trace)

    @property
    def blocked(self) -> bool:
        """The provider cut or withheld the answer."""
        return is_block_reason(self.finish_reason)

    def cut_by_provider(self) -> bool:
        """Take note that the provider broke the answer off as blocked; False when nothing had been delivered."""
        self.finish_reason = "content_filter"
        return bool(self._text)

    def priced(self, prices: Prices | None) -> Usage:
        """Usage, with its cost where prices and counts are known."""
        if self.usage is None or prices is None:
            return self.usage or Usage()
        return msgspec.structs.replace(self.usage, cost_usd=prices.cost_usd(self.usage))

    def reply(self, *, prices: Prices | None, latency_ms: float, ttft_ms: float | None, attempts: int) -> Reply:
        """The finished reply."""
        piece = split("".join(self._text))
        return Reply(
            status=self._status(piece.text),
            text=piece.text,
            reasoning="".join(self._trace) + piece.reasoning,
            finish_reason=self.finish_reason,
            usage=self.priced(prices),
            latency_ms=latency_ms,
            ttft_ms=ttft_ms,
            provider_model=self.model,
            attempts=attempts,
        )

    def _status(self, text: str) -> Status:
        if not text.strip():
            # Also when the token limit cut it: `truncated` answers are judged, and there is nothing to judge.
            return "blocked" if self.blocked else "empty"
        return "truncated" if self.blocked or self.finish_reason.lower() in _CUT else "ok"


def failed_reply(fault: Fault) -> Reply:
    """The reply that stands for a request without an answer."""
    blocked = fault.kind == "blocked"
    return Reply(
        status="blocked" if blocked else "empty" if fault.kind == "empty" else "error",
        finish_reason="content_filter" if blocked else "",
        error=fault.message,
        attempts=fault.attempts,
    )
