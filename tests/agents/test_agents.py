"""Agents of others, with their real packages, run nothing of a flagged reply; each runs it without the guard."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import openai
import pytest
from aiohttp import web

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.settings import ProxySettings
from tests.models.mock_openai import Asked, in_thread
from tests.node import running
from tests.proxy.serving import serving

PATH = "/srv/data/2024/reports/old and unused drafts of the year, see note on the forbidden tower"
ARGUMENTS = json.dumps({"path": PATH, "force": True})
HEAD: dict[str, Any] = {"id": "chatcmpl-1", "created": 1, "model": "mock"}
Ran = list[tuple[str, bool]]
Agent = Callable[[str, Ran], None]


async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
    """Ask for the tool until it has answered, streamed or whole as the client likes."""
    body = asked.json
    answered = any(message["role"] == "tool" for message in body["messages"])
    call = {"id": "call_a1", "type": "function", "function": {"name": "delete", "arguments": ARGUMENTS}}
    finish = "stop" if answered else "tool_calls"
    if not body.get("stream"):
        message = {"role": "assistant", "content": "Done." if answered else None}
        message |= {} if answered else {"tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return web.json_response({**HEAD, "object": "chat.completion", "choices": [choice], "usage": None})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "Done." if answered else None}]
    if not answered:
        deltas.append({"tool_calls": [{**call, "index": 0, "function": {"name": "delete", "arguments": ""}}]})
        pieces = [ARGUMENTS[i : i + 6] for i in range(0, len(ARGUMENTS), 6)]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    events = [{**HEAD, "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


@pytest.fixture(scope="module")
def urls() -> Generator[tuple[str, str]]:
    """The upstream, and a guard before it that knows the last word of the call's path."""
    guard = Guard(
        Policy(input=InputRule(text=False, ocr=False)), detectors=[Patterns([Phrase(text="forbidden tower")])]
    )
    with (
        in_thread(then=behave) as upstream,
        serving(ProxySettings(upstream=upstream.url), guard=guard) as (url, _),
    ):
        yield upstream.url, url


def langgraph(*, streaming: bool) -> Agent:
    def run(url: str, ran: Ran) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from langchain_core.tools import tool
            from langchain_openai import ChatOpenAI
            from langgraph.prebuilt import create_react_agent  # pyright: ignore[reportDeprecated]

            @tool
            def delete(path: str, force: bool = False) -> str:
                """Delete a path."""
                ran.append((path, force))
                return "deleted"

            model = ChatOpenAI(model="mock", base_url=url, api_key="k", max_retries=0, streaming=streaming)
            agent = create_react_agent(model, [delete])  # pyright: ignore[reportDeprecated]
            mode = "messages" if streaming else "values"
            for _ in agent.stream({"messages": [("user", "tidy up")]}, {"recursion_limit": 6}, stream_mode=mode):
                pass

    return run


def openai_agents(*, streaming: bool) -> Agent:
    def run(url: str, ran: Ran) -> None:
        from agents import Agent as OpenAIAgent
        from agents import OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

        set_tracing_disabled(True)

        def delete(path: str, force: bool = False) -> str:
            """Delete a path."""
            ran.append((path, force))
            return "deleted"

        async def go() -> None:
            async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
                model = OpenAIChatCompletionsModel(model="mock", openai_client=client)
                agent = OpenAIAgent(name="tidy", model=model, tools=[function_tool(delete)])
                if not streaming:
                    await Runner.run(agent, "tidy up", max_turns=3)
                    return
                async for _ in Runner.run_streamed(agent, "tidy up", max_turns=3).stream_events():
                    pass

        asyncio.run(go())

    return run


def pydantic_ai(*, streaming: bool) -> Agent:
    def run(url: str, ran: Ran) -> None:
        from pydantic_ai import Agent as PydanticAgent
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        async def go() -> None:
            async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
                agent = PydanticAgent(OpenAIChatModel("mock", provider=OpenAIProvider(openai_client=client)))

                @agent.tool_plain
                def delete(path: str, force: bool = False) -> str:
                    """Delete a path."""
                    ran.append((path, force))
                    return "deleted"

                if not streaming:
                    await agent.run("tidy up")
                    return
                async with agent.run_stream("tidy up") as result:
                    async for _ in result.stream_text():
                        pass

        asyncio.run(go())

    return run


def vercel(*, streaming: bool) -> Agent:
    def run(url: str, ran: Ran) -> None:
        running.install()
        told = running.run("agent", url=url, stream=streaming)
        assert told["error"] is None, told
        ran += [(path, force) for path, force in told["ran"]]

    return run


AGENTS = {"langgraph": langgraph, "openai-agents": openai_agents, "pydantic-ai": pydantic_ai, "vercel-ai": vercel}


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_runs_nothing_of_a_flagged_reply(urls: tuple[str, str], name: str, streaming: bool) -> None:
    upstream, guarded = urls
    ran: Ran = []
    AGENTS[name](streaming=streaming)(upstream, ran)
    assert ran == [(PATH, True)], "without the guard it runs what the model asked for"
    ran.clear()
    with suppress(Exception):  # an agent may refuse to go on; what counts is that it ran nothing
        AGENTS[name](streaming=streaming)(guarded, ran)
    assert ran == []


@pytest.mark.parametrize("streaming", [True, False])
def test_vercels_agent_hears_of_no_call_and_of_a_filtered_end(
    urls: tuple[str, str], node: running.RunScript, streaming: bool
) -> None:
    told = node("agent", url=urls[1], stream=streaming)
    assert (told["ran"], told["calls"], told["finish"], told["error"]) == ([], 0, "content-filter", None)
    assert told["text"].startswith("I can't help")
