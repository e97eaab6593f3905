"""A chat model of LangChain behind a guard; chains, agents and LangGraph's graphs take it for any other.

    model = GuardedChatModel(model=ChatOpenAI(...), guard=open_guard())

Streams are guarded as they come; tool calls wait for the end of the reply, are judged together, and go or stay whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from safesight.guard.guard import Guard
from safesight.integrations.turn import BackgroundLoop, Turn

_LOOP = BackgroundLoop()
FILTERED = {"finish_reason": "content_filter"}
_ALONE: Any = {"callbacks": [], "tags": ["nostream"]}
"""Graphs and tracers hear of the guarded model alone: the one behind would tell them each token before its verdict."""


class GuardedChatModel(BaseChatModel):
    """`model` behind `guard`: requests, tools and their answers are read, and what answers is judged."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    model: BaseChatModel
    guard: Guard
    tools: tuple[Any, ...] = ()
    """What was bound, as the model is told it."""
    bound: Any = None

    @property
    def _llm_type(self) -> str:
        return f"guarded-{self.model._llm_type}"

    def bind_tools(self, tools: Sequence[Any], **settings: Any) -> Runnable[Any, AIMessage]:
        """The same with tools, which the guard reads too."""
        bound = self.model.bind_tools(tools, **settings)
        told = getattr(bound, "kwargs", {}).get("tools", ())
        return self.model_copy(update={"bound": bound, "tools": tuple(told)})

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **settings: Any
    ) -> ChatResult:
        turn = await self._turn(messages)
        if turn.refusal is not None:
            return _result(_refused(turn.refusal))
        return _result(await _judged(turn, await self._inner.ainvoke(messages, _ALONE, stop=stop, **settings)))

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **settings: Any
    ) -> ChatResult:
        turn = _LOOP.run(self._turn(messages))
        if turn.refusal is not None:
            return _result(_refused(turn.refusal))
        return _result(_LOOP.run(_judged(turn, self._inner.invoke(messages, _ALONE, stop=stop, **settings))))

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **settings: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        turn = await self._turn(messages)
        if turn.refusal is not None:
            yield _piece(turn.refusal, **FILTERED)
            return
        stream, rest = turn.stream(), AIMessageChunk(content="")
        async for chunk in self._inner.astream(messages, _ALONE, stop=stop, **settings):
            rest += chunk.model_copy(update={"content": ""})
            if out := await stream.feed(chunk.text):
                yield _piece(out)
            if stream.stopped:
                break
        for piece in await _ended(turn, stream, rest):
            yield piece

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **settings: Any
    ) -> Iterator[ChatGenerationChunk]:
        turn = _LOOP.run(self._turn(messages))
        if turn.refusal is not None:
            yield _piece(turn.refusal, **FILTERED)
            return
        stream, rest = turn.stream(), AIMessageChunk(content="")
        for chunk in self._inner.stream(messages, _ALONE, stop=stop, **settings):
            rest += chunk.model_copy(update={"content": ""})
            if out := _LOOP.run(stream.feed(chunk.text)):
                yield _piece(out)
            if stream.stopped:
                break
        yield from _LOOP.run(_ended(turn, stream, rest))

    @property
    def _inner(self) -> Any:
        return self.model if self.bound is None else self.bound

    async def _turn(self, messages: list[BaseMessage]) -> Turn:
        return await Turn.ask(self.guard, convert_to_openai_messages(messages), tools=self.tools)


async def _judged(turn: Turn, message: AIMessage) -> AIMessage:
    said = await turn.answer(message.text, [*message.tool_calls, *message.invalid_tool_calls])
    return message if said is None else _refused(said)


async def _ended(turn: Turn, stream: Any, rest: AIMessageChunk) -> list[ChatGenerationChunk]:
    """What ends a stream: the rest of its text, then its tool calls, judged together."""
    out = await stream.end()
    if stream.stopped:
        return [_piece(out, **FILTERED)]
    calls = await turn.answer("", [*rest.tool_calls, *rest.invalid_tool_calls])
    if calls is not None:
        return [_piece(f"{out}\n\n{calls}" if out else calls, **FILTERED)]
    return [_piece(out), ChatGenerationChunk(message=rest)]


def _refused(text: str) -> AIMessage:
    return AIMessage(content=text, response_metadata=FILTERED)


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _piece(text: str, **about: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=about))
