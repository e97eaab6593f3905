"""A model of pydantic-ai behind a guard: `Agent(GuardedModel("openai:gpt-4o", guard=open_guard()))`.

Replies are judged whole, thoughts and tool calls with them, and go or stay together. A stream is read to its end,
judged, and then played: its pieces are typed parts that an agent acts on, so none leaves before the verdict on all.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ThinkingPart,
    UserPromptPart,
)
from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel

from safesight.guard.guard import Guard
from safesight.integrations.turn import Turn


class GuardedModel(WrapperModel):
    """Any model of pydantic-ai, by name or opened, behind a guard."""

    def __init__(self, wrapped: Model | str, *, guard: Guard) -> None:
        super().__init__(wrapped)
        self._guard = guard

    async def request(
        self, messages: list[ModelMessage], model_settings: Any, model_request_parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Answer through the guard."""
        turn = await self._turn(messages, model_request_parameters)
        if turn.refusal is not None:
            return self._said(turn.refusal)
        return await self._judged(turn, await super().request(messages, model_settings, model_request_parameters))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: Any,
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Answer through the guard; the stream is played once the whole of it was judged."""
        turn = await self._turn(messages, model_request_parameters)
        if turn.refusal is not None:
            found = self._said(turn.refusal)
        else:
            asked = super().request_stream(messages, model_settings, model_request_parameters, run_context)
            async with asked as stream:
                async for _ in stream:
                    pass
                found = await self._judged(turn, stream.get())
        yield CompletedStreamedResponse(found, model_request_parameters=model_request_parameters)

    async def _turn(self, messages: list[ModelMessage], asked: ModelRequestParameters) -> Turn:
        tools = [
            {"name": t.name, "description": t.description, "parameters": t.parameters_json_schema}
            for t in (*asked.function_tools, *asked.output_tools)
        ]
        return await Turn.ask(self._guard, [said for message in messages for said in _messages(message)], tools=tools)

    async def _judged(self, turn: Turn, reply: ModelResponse) -> ModelResponse:
        text = "".join(part.content for part in reply.parts if isinstance(part, TextPart))
        thoughts = "".join(part.content for part in reply.parts if isinstance(part, ThinkingPart))
        others = [_plain(part) for part in reply.parts if not isinstance(part, (TextPart, ThinkingPart))]
        said = await turn.answer(text, [*others, thoughts] if others or thoughts else None)
        return reply if said is None else self._said(said)

    def _said(self, text: str) -> ModelResponse:
        return ModelResponse(parts=[TextPart(text)], model_name=self.model_name, finish_reason="content_filter")


def _messages(message: ModelMessage) -> list[dict[str, Any]]:
    """A message in the chat protocol's shape; of parts that are no prompt, all that they say."""
    if isinstance(message, ModelResponse):
        return [
            {"role": "assistant", "content": msgspec.json.encode([_plain(part) for part in message.parts]).decode()}
        ]
    said: list[dict[str, Any]] = [{"role": "system", "content": message.instructions}] if message.instructions else []
    for part in message.parts:
        if isinstance(part, UserPromptPart):
            content = [part.content] if isinstance(part.content, str) else part.content
            said.append({"role": "user", "content": _content(content)})
        else:
            said.append(
                {
                    "role": "system" if part.part_kind == "system-prompt" else "tool",
                    "content": str(getattr(part, "content", "")),
                }
            )
    return said


def _content(parts: Sequence[Any]) -> list[Any]:
    return [_part(part) for part in parts]


def _part(part: Any) -> Any:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if isinstance(part, ImageUrl):
        return {"type": "image_url", "image_url": {"url": part.url}}
    if isinstance(part, BinaryContent) and part.is_image:
        data = base64.b64encode(part.data).decode()
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}
    return {"type": getattr(part, "kind", type(part).__name__)}  # refused: it cannot be judged


def _plain(part: Any) -> Any:
    [message] = ModelMessagesTypeAdapter.dump_python([ModelResponse(parts=[part])], mode="json")
    kept = ("content", "tool_name", "args")
    return {name: value for name, value in message["parts"][0].items() if name in kept and value is not None}
