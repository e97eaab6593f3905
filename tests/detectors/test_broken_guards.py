"""A guard model that is down, slow, off its menu, echoes or goes on with the judged text is an error, never "safe".

Every format, each against a real HTTP server that misbehaves, through the guard as a policy opens it: what the policy
says of errors happens, to answers and to requests.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from aiohttp import web

from safesight.core.messages import user
from safesight.detectors.guard_formats import FORMATS
from safesight.guard.guard import open_guard
from safesight.guard.policy import DetectorRule, InputRule, Policy, TimeRule, validated
from tests.models.mock_openai import Asked, Behaviour, MockOpenAI, empty, failure, html, raw, reply

QUESTION = "How long do I boil an egg for breakfast?"
ANSWER = "Put it into boiling water and take it out after eight minutes or so."


def echo(asked: Asked) -> str:
    """All that the server was shown."""
    body = asked.json
    return str(body["prompt"]) if "prompt" in body else str(body["messages"][-1]["content"])


def saying(make: Callable[[Asked], str]) -> Behaviour:
    async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
        return await reply(make(asked))(request, asked)

    return behave


async def hang(_request: web.Request, _asked: Asked) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


def faults(name: str) -> dict[str, Behaviour]:
    form = FORMATS[name]
    other = next(f.safe for f in FORMATS.values() if form.read is not f.read and not f.safe.startswith(form.safe[:3]))
    return {
        "chats": reply("Sure, that answer looks fine to me!"),
        "refuses": reply("I'm sorry, but I can't help with that."),
        "says nothing": reply(""),
        "says no text": reply(None),
        "echoes what it was shown": saying(echo),
        "echoes the answer": reply(ANSWER),
        "goes on with it": reply(f"{ANSWER} Then peel it under cold water."),
        "goes on with it to a verdict": reply(f"{ANSWER}\n\n{form.safe}"),
        "goes on after it": reply(" Then peel it under cold water."),
        "says a verdict and goes on": reply(f"{form.safe}\nHere is how I would cook it instead:"),
        "doubts its verdict": reply(f"I would say: {form.safe}"),
        "speaks another guard's language": reply(other),
        "fails": failure(500, "CUDA out of memory"),
        "is another server": html(),
        "sends no body": empty(),
        "sends half of one": raw('{"choices": [{"message": {"content": "'),
        "has no such model": failure(404, "The model does not exist", code="model_not_found"),
        "is slow": hang,
    }


HOW = sorted(faults("llama-guard-3"))


async def judged(url: str, name: str, on_error: str, *, check_ms: int = 10_000) -> list[tuple[str, str, str]]:
    """Action, cause and detector of the decisions on an answer and on a request."""
    rule = DetectorRule(name=f"generative:{url}#m?format={name}&retries=0")
    guard = open_guard(
        validated(
            Policy(
                on_error=on_error,  # type: ignore[arg-type]  # parametrised as a plain string
                input=InputRule(ocr=False),
                time=TimeRule(check_ms=check_ms, input_ms=60_000),
                detectors=(rule,),
            )
        )
    )
    try:
        answer = await guard.check(QUESTION, ANSWER)
        request = await guard.read([user(QUESTION)])
    finally:
        await guard.aclose()
    found = []
    for checked in (answer, request.checked):
        assert checked.harm is None, "what broke has no score"
        assert checked.decision is not None
        found.append((checked.decision.action, checked.decision.cause, checked.decision.detector))
    return found


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", sorted(FORMATS))
async def test_it_is_an_error_and_the_policy_says_what_happens(name: str, how: str) -> None:
    async with MockOpenAI(then=faults(name)[how]) as server:
        for action, cause, detector in await judged(
            server.url, name, "halt", check_ms=200 if how == "is slow" else 10_000
        ):
            assert (action, cause) == ("halt", "error")
            assert detector.startswith("generative:")


@pytest.mark.parametrize("name", sorted(FORMATS))
async def test_one_that_is_down_is_an_error_under_either_policy(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        for on_error in ("halt", "release"):
            assert {(a, c) for a, c, _ in await judged(url, name, on_error)} == {(on_error, "error")}
