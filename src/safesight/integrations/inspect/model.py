"""`guarded/PROVIDER/MODEL` in Inspect: the guard between an evaluation and any model that Inspect knows."""

from __future__ import annotations

from typing import Any

import msgspec
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ContentReasoning,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    get_model,
    messages_to_openai,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from safesight.api import open_guard
from safesight.core.errors import DataError
from safesight.guard.findings import Request
from safesight.integrations.inspect.conversion import KEY
from safesight.proxy.errors import BadRequestError
from safesight.proxy.hooks import Hook, HookVerdict
from safesight.proxy.settings import Limits


class GuardedAPI(ModelAPI):
    """A model behind a guard; `-M policy=FILE` names its policy, other arguments are the model's."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - the signature that Inspect calls
        *,
        policy: str = "",
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self._model = get_model(model_name, config=config, base_url=base_url, api_key=api_key, **model_args)
        self._guard = open_guard(policy or None)

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002 - Inspect's name for it
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer through the guard; what it stops ends with `content_filter`, as a provider's own filter does."""
        hook = Hook(self._guard, Limits(), fetcher=None, client=None)
        beside = {"tools": [tool.model_dump(exclude_none=True) for tool in tools]} if tools else {}
        try:
            verdict, request = await hook.request(await messages_to_openai(input), beside)
        except BadRequestError as error:
            raise DataError(str(error)) from None
        if verdict.decision is not None:
            return self._told(ModelOutput(model=self.model_name, choices=[self._stopped(verdict)]), hook)
        output = await self._model.generate(input, tools, tool_choice, config)
        output.choices = [await self._guarded(hook, request, choice) for choice in output.choices]
        output.completion = output.message.text if output.choices else ""
        return self._told(output, hook)

    async def _guarded(self, hook: Hook, request: Request, choice: ChatCompletionChoice) -> ChatCompletionChoice:
        message = choice.message
        parts = message.content if isinstance(message.content, list) else []
        thoughts = "\n".join(part.reasoning for part in parts if isinstance(part, ContentReasoning))
        verdict = await hook.answer(request, thoughts, channel="reasoning") if thoughts else HookVerdict()
        if verdict.decision is not None and self._guard.policy.reasoning == "withhold":
            message.content = [part for part in parts if not isinstance(part, ContentReasoning)]
            verdict = HookVerdict()
        if verdict.decision is None:
            verdict = await hook.answer(request, message.text)
        if verdict.decision is None and message.tool_calls:
            verdict = await hook.calls(request, [{c.function: c.arguments} for c in message.tool_calls])
        return self._stopped(verdict) if verdict.decision is not None else choice

    def _stopped(self, verdict: HookVerdict) -> ChatCompletionChoice:
        said = ChatMessageAssistant(content=verdict.text, model=self.model_name, source="generate")
        return ChatCompletionChoice(message=said, stop_reason="content_filter")

    def _told(self, output: ModelOutput, hook: Hook) -> ModelOutput:
        events = [msgspec.to_builtins(event) for event in hook.tally.events]
        output.metadata = {**(output.metadata or {}), KEY: {"guard_events": events}}
        return output

    def max_connections(self) -> int:
        """As many as the model behind takes."""
        return self._model.api.max_connections()

    def connection_key(self) -> str:
        """Connections are counted with the model behind."""
        return self._model.api.connection_key()

    async def aclose(self) -> None:
        """Close the model behind, and the guard."""
        await self._model.api.aclose()
        await self._guard.aclose()
