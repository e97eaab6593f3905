"""A language model of LlamaIndex behind a guard: `Settings.llm = GuardedLLM(llm=OpenAI(...), guard=open_guard())`.

Query engines, chat engines and retrievers take it for any other; streams are guarded as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    ImageBlock,
    LLMMetadata,
    MessageRole,
    TextBlock,
)
from llama_index.core.bridge.pydantic import ConfigDict
from llama_index.core.llms import LLM, CustomLLM

from safesight.guard.guard import Guard
from safesight.integrations.turn import BackgroundLoop, Turn

_LOOP = BackgroundLoop()


class GuardedLLM(CustomLLM):
    """`llm` behind `guard`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    llm: LLM
    guard: Guard

    @property
    def metadata(self) -> LLMMetadata:
        """The model's, without its own tool calling, which would go around the guard."""
        return self.llm.metadata.model_copy(update={"is_function_calling_model": False})

    async def achat(self, messages: Sequence[ChatMessage], **settings: Any) -> ChatResponse:
        """Answer a conversation through the guard."""
        turn = await self._turn(messages)
        if turn.refusal is not None:
            return _reply(turn.refusal)
        return await _judged(turn, await self.llm.achat(messages, **settings))

    def chat(self, messages: Sequence[ChatMessage], **settings: Any) -> ChatResponse:
        """Answer a conversation through the guard."""
        turn = _LOOP.run(self._turn(messages))
        if turn.refusal is not None:
            return _reply(turn.refusal)
        return _LOOP.run(_judged(turn, self.llm.chat(messages, **settings)))

    async def astream_chat(self, messages: Sequence[ChatMessage], **settings: Any) -> ChatResponseAsyncGen:
        """Answer a conversation as it comes through the guard."""
        turn = await self._turn(messages)

        async def pieces() -> ChatResponseAsyncGen:
            if turn.refusal is not None:
                yield _reply(turn.refusal, delta=turn.refusal)
                return
            stream, said = turn.stream(), ""
            async for reply in await self.llm.astream_chat(messages, **settings):
                if out := await stream.feed(reply.delta or ""):
                    said += out
                    yield _reply(said, delta=out)
                if stream.stopped:
                    return
            if out := await stream.end():
                yield _reply(said + out, delta=out)

        return pieces()

    def stream_chat(self, messages: Sequence[ChatMessage], **settings: Any) -> ChatResponseGen:
        """Answer a conversation as it comes through the guard."""
        turn = _LOOP.run(self._turn(messages))
        if turn.refusal is not None:
            yield _reply(turn.refusal, delta=turn.refusal)
            return
        stream, said = turn.stream(), ""
        for reply in self.llm.stream_chat(messages, **settings):
            if out := _LOOP.run(stream.feed(reply.delta or "")):
                said += out
                yield _reply(said, delta=out)
            if stream.stopped:
                return
        if out := _LOOP.run(stream.end()):
            yield _reply(said + out, delta=out)

    def complete(self, prompt: str, formatted: bool = False, **settings: Any) -> CompletionResponse:
        """Answer a prompt, as a user's only turn."""
        return CompletionResponse(text=self.chat([ChatMessage(content=prompt)], **settings).message.content or "")

    def stream_complete(self, prompt: str, formatted: bool = False, **settings: Any) -> CompletionResponseGen:
        """Answer a prompt as it comes, as a user's only turn."""
        for reply in self.stream_chat([ChatMessage(content=prompt)], **settings):
            yield CompletionResponse(text=reply.message.content or "", delta=reply.delta)

    async def _turn(self, messages: Sequence[ChatMessage]) -> Turn:
        return await Turn.ask(self.guard, [_message(message) for message in messages])


def _message(message: ChatMessage) -> dict[str, Any]:
    return {"role": message.role.value, "content": [_part(block) for block in message.blocks]}


def _part(block: Any) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    if isinstance(block, ImageBlock):
        url = str(block.url) if block.url else block.inline_url()
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": str(getattr(block, "block_type", type(block).__name__))}  # refused: it cannot be judged


async def _judged(turn: Turn, reply: ChatResponse) -> ChatResponse:
    said = await turn.answer(reply.message.content or "", reply.message.additional_kwargs.get("tool_calls"))
    return reply if said is None else _reply(said)


def _reply(text: str, *, delta: str | None = None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)
