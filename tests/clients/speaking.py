"""Clients of others, each asked the same way: `python speaking.py` reads a client's name and tasks, and tells what
came.

It imports nothing of this project, so that it also runs where packages are installed that do not fit beside ours. A
task is {url, stream, question}; what came is {text, end, ran, error}: what a user reads, how the client says that it
ended, what the tool `delete` was run with, and what was raised.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

Came = dict[str, Any]
PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TIDY = {"name": "delete", "description": "Delete a path."}
ASKS_TOOL = "Delete"
"""Questions that begin so are asked with the tool."""


def chat_tools(question: str) -> dict[str, Any]:
    tool = {"type": "function", "function": {**TIDY, "parameters": PARAMETERS}}
    return {"tools": [tool]} if question.startswith(ASKS_TOOL) else {}


def openai_chat(url: str, stream: bool, question: str) -> Came:
    import openai

    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
    body: Any = {"model": "mock", "messages": [{"role": "user", "content": question}], **chat_tools(question)}
    if stream:
        with client.chat.completions.stream(**body) as events:
            for _ in events:
                pass
            completion: Any = events.get_final_completion()
    else:
        completion = client.chat.completions.create(**body)
    choice = completion.choices[0]
    calls = [call.function.arguments for call in choice.message.tool_calls or ()]
    return {"text": choice.message.content or "", "end": f"finish_reason {choice.finish_reason}", "ran": calls}


def openai_responses(url: str, stream: bool, question: str) -> Came:
    import openai

    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
    tools: Any = [{"type": "function", **TIDY, "parameters": PARAMETERS, "strict": False}]
    body: Any = {"model": "mock", "input": question} | ({"tools": tools} if question.startswith(ASKS_TOOL) else {})
    shown = ""
    if stream:
        with client.responses.stream(**body) as events:
            response: Any = None
            for event in events:
                shown += event.delta if event.type == "response.output_text.delta" else ""
                response = getattr(event, "response", response)
        assert shown == response.output_text, (shown, response.output_text)
    else:
        response = client.responses.create(**body)
    why = response.incomplete_details.reason if response.incomplete_details else ""
    calls = [item.arguments for item in response.output if item.type == "function_call"]
    return {"text": response.output_text, "end": f"status {response.status}{why and f', reason {why}'}", "ran": calls}


def anthropic_messages(url: str, stream: bool, question: str) -> Came:
    import anthropic

    client = anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="k", max_retries=0)
    body: Any = {"model": "mock", "max_tokens": 99, "messages": [{"role": "user", "content": question}]}
    body |= {"tools": [{**TIDY, "input_schema": PARAMETERS}]} if question.startswith(ASKS_TOOL) else {}
    if stream:
        with client.messages.stream(**body) as events:
            for _ in events:
                pass
            message: Any = events.get_final_message()
    else:
        message = client.messages.create(**body)
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [json.dumps(block.input) for block in message.content if block.type == "tool_use"]
    return {"text": text, "end": f"stop_reason {message.stop_reason}", "ran": calls}


def _langchain(model: Any, stream: bool, question: str, field: str) -> Came:
    from langchain_core.tools import tool

    @tool
    def delete(path: str) -> str:
        """Delete a path."""
        return path

    model = model.bind_tools([delete]) if question.startswith(ASKS_TOOL) else model
    said: Any = None
    if stream:
        for chunk in model.stream(question):
            said = chunk if said is None else said + chunk
    else:
        said = model.invoke(question)
    content = said.content
    text = content if isinstance(content, str) else "".join(b.get("text", "") for b in content if isinstance(b, dict))
    meta = said.response_metadata
    end = meta.get(field) or meta.get("status")
    return {"text": text, "end": f"{field} {end}", "ran": [json.dumps(call["args"]) for call in said.tool_calls]}


def langchain_openai(url: str, stream: bool, question: str) -> Came:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="mock", base_url=url, api_key="k", max_retries=0)  # type: ignore[arg-type]
    return _langchain(model, stream, question, "finish_reason")


def langchain_anthropic(url: str, stream: bool, question: str) -> Came:
    from langchain_anthropic import ChatAnthropic  # pyright: ignore[reportMissingImports]

    model = ChatAnthropic(model="mock", base_url=url.removesuffix("/v1"), api_key="k", max_retries=0)
    return _langchain(model, stream, question, "stop_reason")


def pydantic_ai(url: str, stream: bool, question: str) -> Came:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    agent = Agent(OpenAIChatModel("mock", provider=OpenAIProvider(base_url=url, api_key="k")), retries=0)
    ran: list[str] = []

    @agent.tool_plain
    def delete(path: str) -> str:
        """Delete a path."""
        ran.append(json.dumps({"path": path}))
        return "deleted"

    async def go() -> Came:
        if not stream:
            result = await agent.run(question)
            return {"text": result.output, "end": f"finish_reason {result.response.finish_reason}", "ran": ran}
        async with agent.run_stream(question) as streamed:
            text = "".join([delta async for delta in streamed.stream_text(delta=True, debounce_by=None)])
            return {"text": text, "end": f"finish_reason {streamed.response.finish_reason}", "ran": ran}

    return asyncio.run(go())


def openai_agents(url: str, stream: bool, question: str) -> Came:
    import openai

    from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled

    set_tracing_disabled(True)
    ran: list[str] = []

    def delete(path: str) -> str:
        """Delete a path."""
        ran.append(json.dumps({"path": path}))
        return "deleted"

    async def go() -> Came:
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            model = OpenAIResponsesModel(model="mock", openai_client=client)
            agent = Agent(name="tidy", model=model, tools=[function_tool(delete)])
            if not stream:
                return {"text": (await Runner.run(agent, question, max_turns=3)).final_output, "end": "", "ran": ran}
            result = Runner.run_streamed(agent, question, max_turns=3)
            async for _ in result.stream_events():
                pass
            return {"text": result.final_output, "end": "", "ran": ran}

    return asyncio.run(go())


def litellm_chat(url: str, stream: bool, question: str) -> Came:
    import litellm  # pyright: ignore[reportMissingImports]

    asked: Any = {"model": "openai/mock", "api_base": url, "api_key": "k", "max_retries": 0, **chat_tools(question)}
    reply: Any = litellm.completion(**asked, messages=[{"role": "user", "content": question}], stream=stream)
    if stream:
        reply = litellm.stream_chunk_builder(list(reply))
    choice = reply.choices[0]
    calls = [call.function.arguments for call in choice.message.tool_calls or ()]
    return {"text": choice.message.content or "", "end": f"finish_reason {choice.finish_reason}", "ran": calls}


def llama_index(url: str, stream: bool, question: str) -> Came:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.tools import FunctionTool
    from llama_index.llms.openai import OpenAI  # pyright: ignore[reportMissingImports]

    def delete(path: str) -> str:
        """Delete a path."""
        return path

    llm = OpenAI(model="gpt-4o", api_base=url, api_key="k", max_retries=0)
    ask = [ChatMessage(role="user", content=question)]
    if question.startswith(ASKS_TOOL):
        tools = [FunctionTool.from_defaults(delete)]
        said = llm.chat_with_tools(tools, chat_history=ask)
        if stream:
            *_, said = llm.stream_chat_with_tools(tools, chat_history=ask)
        calls = llm.get_tool_calls_from_response(said, error_on_no_tool_call=False)
        return {"text": said.message.content or "", "end": "", "ran": [json.dumps(call.tool_kwargs) for call in calls]}
    if stream:
        text = "".join(chunk.delta or "" for chunk in llm.stream_chat(ask))
        return {"text": text, "end": "", "ran": []}
    said = llm.chat(ask)
    return {"text": said.message.content, "end": f"finish_reason {said.raw.choices[0].finish_reason}", "ran": []}


def instructor_json(url: str, stream: bool, question: str) -> Came:
    import instructor  # pyright: ignore[reportMissingImports]
    import openai
    from pydantic import BaseModel

    class Delete(BaseModel):
        """Delete a path."""

        path: str

    # The tool whose input it parses is the answer itself.
    client = instructor.from_openai(openai.OpenAI(base_url=url, api_key="k", max_retries=0))
    asked: Any = {"model": "mock", "max_retries": 0, "messages": [{"role": "user", "content": question}]}
    found: Any = client.create_partial(response_model=Delete, **asked) if stream else None
    made = list(found)[-1] if stream else client.create(response_model=Delete, **asked)
    return {"text": "", "end": "", "ran": [json.dumps({"path": made.path})]}


CLIENTS: dict[str, Callable[[str, bool, str], Came]] = {
    "openai": openai_chat,
    "openai responses": openai_responses,
    "anthropic": anthropic_messages,
    "langchain-openai": langchain_openai,
    "langchain-anthropic": langchain_anthropic,
    "pydantic-ai": pydantic_ai,
    "openai-agents": openai_agents,
    "litellm": litellm_chat,
    "llama-index": llama_index,
    "instructor": instructor_json,
}


def came(client: str, task: dict[str, Any]) -> Came:
    try:
        return {"error": "", **CLIENTS[client](task["url"], task["stream"], task["question"])}
    except Exception as error:  # noqa: BLE001 - what a client raises is what it shows
        return {"text": "", "end": "", "ran": [], "error": type(error).__name__}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    json.dump([came(asked["client"], task) for task in asked["tasks"]], out)
