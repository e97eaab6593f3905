"""Any OpenAI-compatible chat endpoint, by URL: answers, streams, and first-token log-probabilities.

Invariant: a reply's status tells the truth about the request: a failed call is never text, a provider's
block is never a refusal, a trace is never an answer. Request shape: OpenAI API reference, chat completions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import aiohttp

from safesight.core.errors import DataError, ModelError
from safesight.core.messages import Message
from safesight.core.protocols import Completion, Delta
from safesight.core.records import Decoding, Reply
from safesight.media.ocr import OcrReader
from safesight.models.openai.answer import CollectedAnswer, failed_reply
from safesight.models.openai.pricing import Expected, Prices
from safesight.models.openai.reading import check_end, read_answer, read_bodies, read_choice
from safesight.models.openai.writing import ChatWriter
from safesight.net.endpoint import Asked, Endpoint
from safesight.net.faults import Fault
from safesight.net.upload import pack
from safesight.wire.chat_reply import ReplyChoice, generated_tokens
from safesight.wire.chat_request import RequestLayout, Tail, completion_pieces, probing
from safesight.wire.thinking import ThinkingSplitter

CHAT: Final = "/chat/completions"
T = TypeVar("T")


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint."""

    max_concurrency: int | None = None

    def __init__(
        self,
        endpoint: Endpoint,
        layout: RequestLayout,
        *,
        name: str,
        fingerprint: str,
        streaming: bool = False,
        max_side: int | None = None,
        prices: Prices | None = None,
        expected: Expected = Expected(),  # noqa: B008 - frozen
        reader: OcrReader | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._endpoint = endpoint
        self._writer = ChatWriter(layout, max_side=max_side, reader=reader)
        self._left_out = self._writer.left_out
        self._streaming = streaming
        self.prices = prices
        self.expected = expected

    @property
    def pressure(self) -> Callable[[float], None] | None:
        """Called with the seconds of `Retry-After` (0.0: not said) at every 429, 503 and 529, before the wait."""
        return self._endpoint.pressure

    @pressure.setter
    def pressure(self, hook: Callable[[float], None] | None) -> None:
        self._endpoint.pressure = hook

    @property
    def settings_left_out(self) -> Mapping[str, str]:
        """Settings that the provider refused and that are no longer sent, each with its reason."""
        return self._left_out.words()

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; `latency_ms` and `ttft_ms` are those of the attempt that answered.

        Raises:
            ModelError: nothing can ever be answered; says what to set.
        """
        try:
            asked = await self._learning(
                lambda: self._writer.settings(decoding, stream=self._streaming),
                lambda tail: self._ask_chat(messages, tail),
            )
        except Fault as fault:
            return failed_reply(fault)
        except (DataError, UnicodeEncodeError) as error:
            return Reply(status="error", error=f"the request cannot be made: {error}")
        return self._reply(asked)

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncIterator[Delta]:
        """Yield deltas with the trace split off; the last has the finish reason and usage.

        A block by the provider finishes with `content_filter`, by whatever name it came. Text before a stray
        closing think tag has been released by then and stays text. Closing the iterator aborts the request.

        Raises:
            ModelError: the request failed, or the stream broke off.
        """

        async def begin(tail: Tail) -> aiohttp.ClientResponse:
            return await self._endpoint.open(CHAT, await self._writer.chat(messages, tail))

        try:
            response = await self._learning(lambda: self._writer.settings(decoding, stream=True), begin)
        except Fault as fault:
            if fault.kind != "blocked":
                raise ModelError(fault.message) from fault
            yield Delta(finish_reason="content_filter")
            return
        except (DataError, UnicodeEncodeError) as error:
            raise ModelError(f"{self.name}: the request cannot be made: {error}") from None
        async with response:
            try:
                async for delta in self._deltas(response):
                    yield delta
            except Fault as fault:
                if fault.kind != "blocked":
                    raise ModelError(self._endpoint.hide(fault.message)) from fault
                yield Delta(finish_reason="content_filter")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise ModelError(self._endpoint.broken(error)) from error

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily: a string by `/completions`, messages by the chat template with log-probabilities.

        Raises:
            ModelError: nothing can ever be answered.
        """
        chat = not isinstance(prompt, str)

        def written() -> Tail:
            known = self._left_out
            return probing(
                known.layout, max_tokens=max_tokens, top_logprobs=top_logprobs, chat=chat, without=known.names
            )

        async def ask(tail: Tail) -> Asked[ReplyChoice]:
            if isinstance(prompt, str):
                body = pack(completion_pieces(prompt, self._left_out.layout, tail.data))
                return await self._endpoint.ask("/completions", body, self._read_choice)
            return await self._endpoint.ask(CHAT, await self._writer.chat(prompt, tail), self._read_choice)

        try:
            asked = await self._learning(written, ask)
        except Fault as fault:
            return Completion(text="", error=fault.message)
        except (DataError, UnicodeEncodeError) as error:
            return Completion(text="", error=f"the request cannot be made: {error}")
        choice = asked.value
        text = choice.message.text if choice.message else choice.text or ""
        return Completion(text=text, tokens=generated_tokens(choice))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    async def _learning(self, written: Callable[[], Tail], send: Callable[[Tail], Awaitable[T]]) -> T:
        """Send a request, again without each setting that the provider refuses by name."""
        while True:
            tail = written()
            try:
                return await send(tail)
            except Fault as fault:
                if not self._left_out.learn(fault, tail.names):
                    raise

    async def _ask_chat(self, messages: Sequence[Message], tail: Tail) -> Asked[CollectedAnswer]:
        return await self._endpoint.ask(CHAT, await self._writer.chat(messages, tail), self._read_answer)

    async def _read_answer(self, response: aiohttp.ClientResponse) -> CollectedAnswer:
        return await read_answer(response, self._endpoint.address, streamed=self._streaming)

    async def _read_choice(self, response: aiohttp.ClientResponse) -> ReplyChoice:
        return await read_choice(response, self._endpoint.address)

    async def _deltas(self, response: aiohttp.ClientResponse) -> AsyncIterator[Delta]:
        answer = CollectedAnswer()
        splitter = ThinkingSplitter()
        async for body in read_bodies(response, self._endpoint.address, answer):
            choice = answer.add(body, self._endpoint.address)
            message = (choice.delta or choice.message) if choice else None
            if message is None:
                continue
            piece = splitter.feed(message.text)
            if piece.text or piece.reasoning or message.trace:
                yield Delta(text=piece.text, reasoning=message.trace + piece.reasoning, provider_model=answer.model)
        check_end(answer, self._endpoint.address)
        piece = splitter.flush()
        yield Delta(
            text=piece.text,
            reasoning=piece.reasoning,
            finish_reason="content_filter" if answer.blocked else answer.finish_reason,
            usage=answer.priced(self.prices) if answer.usage else None,
            provider_model=answer.model,
        )

    def _reply(self, asked: Asked[CollectedAnswer]) -> Reply:
        first = asked.value.first_at
        return asked.value.reply(
            prices=self.prices,
            latency_ms=asked.latency_ms,
            ttft_ms=(first - asked.started) * 1000 if self._streaming and first is not None else None,
            attempts=asked.attempts,
        )
