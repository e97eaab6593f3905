"""Each framework's real package, our plug in it, and a mock upstream: what passes, what does not, and what leaves."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any

import openai
import pytest

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.integrations.turn import BackgroundLoop
from tests.models.mock_openai import MockOpenAI, in_thread, reply

# Frameworks keep clients open and use what their dependencies discourage; neither is ours to say.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

WORD = "forbidden tower"
MILD = "Go down the road and over the bridge. Then on, past the mill."
HARM = f"{MILD} Turn left at the {WORD}."
CALL = {"id": "call_1", "type": "function", "function": {"name": "go", "arguments": json.dumps({"place": WORD})}}
LOOP = BackgroundLoop()
"""langchain-openai keeps one client for every loop."""
Way = Callable[[str, Guard, str], Sequence[str]]
"""Asks the upstream at a URL through a framework with our plug in it; the pieces that came."""


@pytest.fixture(autouse=True)
def left_behind() -> Generator[None]:
    """Loops that frameworks make and leave open go here, and not at the end of the session."""
    yield
    asyncio.set_event_loop(None)
    gc.collect()


@pytest.fixture
def guard() -> Guard:
    return Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text=WORD)])])


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread(then=reply(MILD)) as server:
        yield server


def langchain_model(url: str, guard: Guard) -> Any:
    from langchain_openai import ChatOpenAI

    from safesight.integrations.langchain import GuardedChatModel

    return GuardedChatModel(model=ChatOpenAI(model="mock", base_url=url, api_key="k", max_retries=0), guard=guard)


def langchain(url: str, guard: Guard, said: str) -> list[str]:
    return [langchain_model(url, guard).invoke(said).text]


def langchain_async(url: str, guard: Guard, said: str) -> list[str]:
    return [LOOP.run(langchain_model(url, guard).ainvoke(said)).text]


def langchain_stream(url: str, guard: Guard, said: str) -> list[str]:
    return [chunk.text for chunk in langchain_model(url, guard).stream(said)]


def langchain_astream(url: str, guard: Guard, said: str) -> list[str]:
    async def go() -> list[str]:
        return [chunk.text async for chunk in langchain_model(url, guard).astream(said)]

    return LOOP.run(go())


def langgraph_agent(url: str, guard: Guard, *, stream: bool, ran: list[str]) -> Any:
    from langchain_core.tools import tool
    from langgraph.prebuilt import create_react_agent  # pyright: ignore[reportDeprecated]

    @tool
    def go(place: str) -> str:
        """Go there."""
        ran.append(place)
        return "there"

    return create_react_agent(langchain_model(url, guard), [go])  # pyright: ignore[reportDeprecated]


def pydantic_model(url: str, guard: Guard) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from safesight.integrations.pydantic_ai import GuardedModel

    return GuardedModel(OpenAIChatModel("mock", provider=OpenAIProvider(base_url=url, api_key="k")), guard=guard)


def pydantic_ai(url: str, guard: Guard, said: str) -> list[str]:
    from pydantic_ai import Agent

    return [Agent(pydantic_model(url, guard)).run_sync(said).output]


def pydantic_ai_stream(url: str, guard: Guard, said: str) -> list[str]:
    from pydantic_ai import Agent

    async def go() -> list[str]:
        async with Agent(pydantic_model(url, guard)).run_stream(said) as result:
            return [text async for text in result.stream_text(delta=True)]

    return asyncio.run(go())


def llama_model(url: str, guard: Guard) -> Any:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
    from llama_index.core.llms import CustomLLM

    from safesight.integrations.llama_index import GuardedLLM

    class Upstream(CustomLLM):
        """A model behind the OpenAI protocol."""

        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="mock")

        def _ask(self, messages: Any, *, stream: bool) -> Any:
            told: Any = [{"role": m.role.value, "content": m.content} for m in messages]
            client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
            return client.chat.completions.create(model="mock", messages=told, stream=stream)

        def chat(self, messages: Any, **_: Any) -> ChatResponse:
            text = self._ask(messages, stream=False).choices[0].message.content
            return ChatResponse(message=ChatMessage(role="assistant", content=text))

        def stream_chat(self, messages: Any, **_: Any) -> Generator[ChatResponse]:
            said = ""
            for event in self._ask(messages, stream=True):
                delta = event.choices[0].delta.content or "" if event.choices else ""
                said += delta
                yield ChatResponse(message=ChatMessage(role="assistant", content=said), delta=delta)

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            raise NotImplementedError

        def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            raise NotImplementedError

    return GuardedLLM(llm=Upstream(), guard=guard)


def llama_index(url: str, guard: Guard, said: str) -> list[str]:
    return [str(llama_model(url, guard).complete(said))]


def llama_index_async(url: str, guard: Guard, said: str) -> list[str]:
    from llama_index.core.llms import ChatMessage

    return [str(asyncio.run(llama_model(url, guard).achat([ChatMessage(content=said)])).message.content)]


def llama_index_stream(url: str, guard: Guard, said: str) -> list[str]:
    return [piece.delta or "" for piece in llama_model(url, guard).stream_complete(said)]


def llama_index_astream(url: str, guard: Guard, said: str) -> list[str]:
    from llama_index.core.llms import ChatMessage

    async def go() -> list[str]:
        stream = await llama_model(url, guard).astream_chat([ChatMessage(content=said)])
        return [piece.delta or "" async for piece in stream]

    return asyncio.run(go())


def llama_index_engine(url: str, guard: Guard, said: str) -> list[str]:
    from llama_index.core.chat_engine import SimpleChatEngine

    return [str(SimpleChatEngine.from_defaults(llm=llama_model(url, guard)).chat(said))]


OTHERS = (
    *(pydantic_ai, pydantic_ai_stream),
    *(llama_index, llama_index_async, llama_index_stream, llama_index_astream, llama_index_engine),
)
WAYS: list[Any] = [
    *(langchain, langchain_async, langchain_stream, langchain_astream),
    *(pytest.param(way, marks=pytest.mark.slow) for way in OTHERS),  # importing their packages takes seconds
]
STREAMS: list[Any] = [
    *(langchain_stream, langchain_astream),
    *(pytest.param(way, marks=pytest.mark.slow) for way in (llama_index_stream, llama_index_astream)),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_mild_words_pass_and_others_do_not(way: Way, upstream: MockOpenAI, guard: Guard) -> None:
    assert "".join(way(upstream.url, guard, "Where?")) == MILD
    upstream.requests.clear()
    assert "can't help" in "".join(way(upstream.url, guard, f"To the {WORD}!"))
    assert not upstream.requests
    upstream.then = reply(HARM)
    pieces = way(upstream.url, guard, "Where?")
    assert "can't help" in "".join(pieces)
    assert "forbidden" not in "".join(pieces)


@pytest.mark.parametrize("way", STREAMS)
def test_streams_leave_as_they_come(way: Way, upstream: MockOpenAI, guard: Guard) -> None:
    upstream.then = reply(" ".join([MILD] * 10))
    assert sum(bool(piece) for piece in way(upstream.url, guard, "Where?")) > 5


@pytest.mark.parametrize("stream", [False, True])
def test_a_flagged_call_of_a_langgraph_agent_is_not_run(upstream: MockOpenAI, guard: Guard, stream: bool) -> None:
    asked: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ran: list[str] = []
        agent = langgraph_agent(upstream.url, guard, stream=stream, ran=ran)
        for call, place in (
            (CALL, None),
            ({**CALL, "function": {"name": "go", "arguments": '{"place": "mill"}'}}, "mill"),
        ):
            upstream.behaviours = [
                reply(None, chunks=[], message={"tool_calls": [{"index": 0, **call}]}, finish_reason="tool_calls")
            ]
            mode = "messages" if stream else "values"
            found = list(agent.stream({"messages": [("user", "Go.")]}, {"recursion_limit": 6}, stream_mode=mode))
            assert ran == ([place] if place else [])
            assert WORD not in str(found)
    asked += [request.json for request in upstream.requests]
    assert asked[0]["tools"][0]["function"]["name"] == "go"


def test_a_graphs_token_stream_hears_of_the_guarded_model_alone(upstream: MockOpenAI, guard: Guard) -> None:
    upstream.then = reply(HARM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agent = langgraph_agent(upstream.url, guard, stream=True, ran=[])
        tokens = [token for token, _ in agent.stream({"messages": [("user", "Where?")]}, stream_mode="messages")]
    said = "".join(token.text for token in tokens)
    assert "can't help" in said
    assert "forbidden" not in said


@pytest.mark.slow
def test_a_flagged_call_of_a_pydantic_agent_is_not_run(upstream: MockOpenAI, guard: Guard) -> None:
    from pydantic_ai import Agent

    agent, ran = Agent(pydantic_model(upstream.url, guard)), list[str]()

    @agent.tool_plain
    def go(place: str) -> str:
        """Go there."""
        ran.append(place)
        return "there"

    upstream.behaviours = [reply(None, message={"tool_calls": [CALL]}, finish_reason="tool_calls")]
    assert "can't help" in agent.run_sync("Go.").output
    mild = {**CALL, "function": {"name": "go", "arguments": '{"place": "mill"}'}}
    upstream.behaviours = [reply(None, message={"tool_calls": [mild]}, finish_reason="tool_calls")]
    assert agent.run_sync("Go.").output == MILD
    assert ran == ["mill"]


def agents_run(url: str, guard: Guard, said: str, *, brings: str = "there", ran: list[str] | None = None) -> str:
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
    from safesight.integrations.openai_agents import Guardrails

    set_tracing_disabled(True)
    guards = Guardrails(guard)

    def go(place: str) -> str:
        """Go there."""
        (ran if ran is not None else []).append(place)
        return brings

    async def run() -> str:
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            tool = function_tool(
                go, tool_input_guardrails=[guards.tool_input], tool_output_guardrails=[guards.tool_output]
            )
            agent = Agent(
                name="guide",
                model=OpenAIChatCompletionsModel(model="mock", openai_client=client),
                tools=[tool],
                input_guardrails=[guards.input],
                output_guardrails=[guards.output],
            )
            return (await Runner.run(agent, said, max_turns=3)).final_output

    return asyncio.run(run())


@pytest.mark.slow
def test_openai_agents_guardrails_trip(upstream: MockOpenAI, guard: Guard) -> None:
    from agents import InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered

    assert agents_run(upstream.url, guard, "Where?") == MILD
    upstream.requests.clear()
    with pytest.raises(InputGuardrailTripwireTriggered) as asked:
        agents_run(upstream.url, guard, f"To the {WORD}!")
    assert "can't help" in asked.value.guardrail_result.output.output_info
    assert not upstream.requests
    upstream.then = reply(HARM)
    with pytest.raises(OutputGuardrailTripwireTriggered):
        agents_run(upstream.url, guard, "Where?")


@pytest.mark.slow
def test_openai_agents_tools_are_guarded_on_both_sides(upstream: MockOpenAI, guard: Guard) -> None:
    ran: list[str] = []
    upstream.behaviours = [reply(None, message={"tool_calls": [CALL]}, finish_reason="tool_calls")]
    assert agents_run(upstream.url, guard, "Go.", ran=ran) == MILD
    assert not ran
    assert "can't help" in upstream.last.json["messages"][-1]["content"]  # what the model reads of the call
    mild = {**CALL, "function": {"name": "go", "arguments": '{"place": "mill"}'}}
    upstream.behaviours = [reply(None, message={"tool_calls": [mild]}, finish_reason="tool_calls")]
    assert agents_run(upstream.url, guard, "Go.", ran=ran, brings=f"the {WORD}") == MILD
    assert ran == ["mill"]
    assert WORD not in json.dumps(upstream.last.json["messages"])
