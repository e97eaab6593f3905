"""Guardrails of the OpenAI Agents SDK: input, output, and both sides of a tool.

    guards = Guardrails(open_guard())
    Agent(..., input_guardrails=[guards.input], output_guardrails=[guards.output])
    function_tool(..., tool_input_guardrails=[guards.tool_input], tool_output_guardrails=[guards.tool_output])

The SDK's own words are kept: a flagged request or answer trips its wire, a flagged call or result is replaced by a
refusal that the model reads. Its output guardrails run on the finished answer: to guard a stream as it comes, guard
the model (`safesight guard --upstream`).
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from typing import Any

from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
)
from safesight.guard.guard import Guard
from safesight.integrations.turn import Turn


class Guardrails:
    """The four guardrails of one guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._turns: dict[int, Turn] = {}
        # Before the model, not beside it: nothing is asked of it that was not judged.
        self.input = InputGuardrail(self._asked, name="safesight", run_in_parallel=False)
        self.output = OutputGuardrail(self._answered, name="safesight")
        self.tool_input = ToolInputGuardrail(self._called, name="safesight")
        self.tool_output = ToolOutputGuardrail(self._returned, name="safesight")

    async def _asked(self, context: RunContextWrapper[Any], agent: Agent[Any], said: Any) -> GuardrailFunctionOutput:
        items = [{"role": "user", "content": said}] if isinstance(said, str) else said
        turn = await Turn.ask(self._guard, [_message(item) for item in items])
        # The answer is judged with its question; the run's context is what both are handed.
        self._turns[id(context)] = turn
        weakref.finalize(context, self._turns.pop, id(context), None)
        return GuardrailFunctionOutput(output_info=turn.refusal, tripwire_triggered=turn.refusal is not None)

    async def _answered(self, context: RunContextWrapper[Any], agent: Agent[Any], said: Any) -> GuardrailFunctionOutput:
        turn = self._turns.get(id(context)) or await Turn.ask(self._guard, [])
        refusal = await turn.answer(_text(said))
        return GuardrailFunctionOutput(output_info=refusal, tripwire_triggered=refusal is not None)

    async def _called(self, data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        turn = await Turn.ask(self._guard, [])
        refusal = await turn.answer("", [{data.context.tool_name: data.context.tool_arguments}])
        return _verdict(refusal)

    async def _returned(self, data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
        turn = await Turn.ask(self._guard, [{"role": "tool", "content": _text(data.output)}])
        return _verdict(turn.refusal)


def _verdict(refusal: str | None) -> ToolGuardrailFunctionOutput:
    if refusal is None:
        return ToolGuardrailFunctionOutput.allow()
    return ToolGuardrailFunctionOutput.reject_content(refusal)


def _message(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item of the Responses protocol as a message: calls, results and the like are read as what tools brought."""
    return item if "role" in item else {"role": "tool", "content": json.dumps(item, ensure_ascii=False, default=str)}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    dumped = value.model_dump() if hasattr(value, "model_dump") else value
    return json.dumps(dumped, ensure_ascii=False, default=str)
