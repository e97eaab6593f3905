"""A model that puts a conversation into a frame of its own and lets another model answer it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import msgspec

from safesight.core.errors import DataError
from safesight.core.messages import Message
from safesight.core.protocols import CompletingModel, Completion, Delta
from safesight.core.records import Decoding, Reply
from safesight.models.llama.model import GgufModel

Frame = Callable[[Sequence[Message]], Awaitable[tuple[Message, ...]]]
"""Messages as the model is to see them; raises DataError for an image that cannot be read."""


class FramedModel:
    """Frames, then asks.

    Args:
        behind: the model that answers.
        frame: makes what it is asked.
        defaults: settings that a request leaves open.
        name: of this model.
        fingerprint: of frame, defaults and model behind.
    """

    def __init__(
        self, behind: CompletingModel, frame: Frame, *, defaults: Decoding, name: str, fingerprint: str
    ) -> None:
        self.name, self.fingerprint = name, fingerprint
        # One generates while the OCR of the next two runs.
        self.max_concurrency: int | None = 3
        self._behind, self._frame, self._defaults = behind, frame, defaults

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; an unreadable image is a reply with status `error`.

        Raises:
            MissingExtra: what the model or OCR needs is not installed.
            ModelError: the weights cannot be loaded.
        """
        start = time.perf_counter()
        try:
            shown = await self._frame(messages)
        except DataError as error:
            return Reply(status="error", error=str(error), latency_ms=1e3 * (time.perf_counter() - start))
        framing_ms = 1e3 * (time.perf_counter() - start)
        reply = await self._behind.generate(shown, decoding=filled(decoding, self._defaults))
        return msgspec.structs.replace(
            reply,
            latency_ms=reply.latency_ms + framing_ms,
            ttft_ms=None if reply.ttft_ms is None else reply.ttft_ms + framing_ms,
        )

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily; an unreadable image is the completion's `error`."""
        if not isinstance(prompt, str):
            try:
                prompt = await self._frame(prompt)
            except DataError as error:
                return Completion(text="", error=str(error))
        return await self._behind.complete(prompt, max_tokens=max_tokens, top_logprobs=top_logprobs)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self._behind.aclose()


class StreamedModel(FramedModel):
    """A framed model whose answer can be had as it is made."""

    def __init__(self, behind: GgufModel, frame: Frame, *, defaults: Decoding, name: str, fingerprint: str) -> None:
        super().__init__(behind, frame, defaults=defaults, name=name, fingerprint=fingerprint)
        self._streaming = behind

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncGenerator[Delta]:
        """Yield the answer as it is made.

        Raises:
            DataError: an image cannot be read.
            ModelError: the request failed or the weights cannot be loaded.
        """
        shown = await self._frame(messages)
        deltas = self._streaming.stream(shown, decoding=filled(decoding, self._defaults))
        try:
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()


def filled(decoding: Decoding, defaults: Decoding) -> Decoding:
    """Settings, with those left open at None as in `defaults`."""
    given = {name: value for name in Decoding.__struct_fields__ if (value := getattr(decoding, name)) is not None}
    return msgspec.structs.replace(defaults, **given)
