"""A provider that refuses a setting by name is asked again without it; what was learned is kept and told."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from safesight.core.messages import user
from safesight.core.records import Decoding
from tests.models.mock_openai import Asked, Behaviour, MockOpenAI, failure, reply
from tests.models.openers import quick

QUESTION = [user("What is shown?")]


def refusing(*names: str, says: str, **fields: Any) -> Behaviour:
    """Refuses a request that holds the first of `names` that is there; `{}` in `says` is that name."""

    async def behave(request: web.Request, asked: Asked) -> web.StreamResponse:
        found = next((name for name in names if name in asked.json), None)
        behaviour = reply("fine") if found is None else failure(400, says.format(found), **fields)
        return await behaviour(request, asked)

    return behave


# Sentences as the providers write them.
@pytest.mark.parametrize(
    ("names", "says", "decoding"),
    [
        (["temperature"], "Unsupported value: '{}' does not support 0.0 with this model. Only the default (1) value is "
         "supported.", Decoding(temperature=0.0)),
        (["top_p"], "Unsupported parameter: '{}' is not supported with this model.", Decoding(top_p=0.5)),
        (["seed"], "body.{}: Extra inputs are not permitted", Decoding(seed=3)),
        (["seed"], 'Invalid JSON payload received. Unknown name "{}": Cannot find field.', Decoding(seed=3)),
        (["repeat_penalty", "repetition_penalty"], "Unrecognized request argument supplied: {}",
         Decoding(repetition_penalty=1.1)),
        (["top_p"], "`temperature` and `{}` cannot both be specified for this model.",
         Decoding(temperature=0.0, top_p=0.5)),
        (["temperature"], "{} is deprecated for this model", Decoding(temperature=0.2)),
        (["temperature"], "`{}` may only be set to 1 when thinking is enabled.", Decoding(temperature=0.2)),
        (["seed"], "the field {} is no longer accepted", Decoding(seed=3)),
        (["temperature"], "参数 {} 不被支持", Decoding(temperature=0.2)),
        (["temperature"], "invalid {}: only 1 is allowed for this model", Decoding(temperature=0.2)),
        (["top_p"], "{} must be 1 when thinking is enabled", Decoding(top_p=0.2)),
    ],
)  # fmt: skip
async def test_a_refused_setting_is_left_out_from_then_on(names: list[str], says: str, decoding: Decoding):
    async with MockOpenAI(then=refusing(*names, says=says)) as server:
        model = quick(server)
        answers = [await model.generate(QUESTION, decoding=decoding) for _ in range(2)]
        await model.aclose()
    assert [answer.status for answer in answers] == ["ok", "ok"]
    assert server.count == len(names) + 2
    assert sorted(model.settings_left_out) == sorted(names)


@pytest.mark.parametrize("streaming", [False, True])
async def test_the_token_limit_goes_by_its_other_name(streaming: bool):
    says = "Unsupported parameter: '{}' is not supported with this model. Use 'max_completion_tokens' instead."
    async with MockOpenAI(then=refusing("max_tokens", says=says, param="max_tokens")) as server:
        model = quick(server, streaming=streaming)
        assert (await model.generate(QUESTION, decoding=Decoding(max_tokens=50))).status == "ok"
        await model.aclose()
    assert server.requests[-1].json["max_completion_tokens"] == 50
    assert model.settings_left_out == {"max_tokens": "sent as max_completion_tokens"}


async def test_a_limit_refused_by_both_names_is_left_out():
    says = "{} is not supported"
    async with MockOpenAI(then=refusing("max_tokens", "max_completion_tokens", says=says)) as server:
        model = quick(server)
        assert (await model.generate(QUESTION, decoding=Decoding(max_tokens=50))).status == "ok"
        await model.aclose()
    assert not {"max_tokens", "max_completion_tokens"} & set(server.requests[-1].json)


async def test_stream_options_and_log_probabilities_too():
    async with MockOpenAI(then=refusing("stream_options", says="Unknown parameter: '{}.include_usage'")) as server:
        model = quick(server, streaming=True)
        assert (await model.generate(QUESTION, decoding=Decoding())).text == "fine"
        await model.aclose()
    async with MockOpenAI(
        then=refusing("temperature", "logprobs", "top_logprobs", says="{} is not supported")
    ) as server:
        model = quick(server)
        said = await model.complete(QUESTION)
        await model.aclose()
    assert (said.text, said.error) == ("fine", "")


@pytest.mark.parametrize(
    "says",
    [
        "max_tokens is too large: 4096. This model supports at most 2048 completion tokens.",
        "temperature must be between 0 and 2",
        "messages: at least one message is required",
        "Unknown model",
        "bad request",
    ],
)
async def test_other_errors_change_nothing(says: str):
    async with MockOpenAI(then=failure(400, says)) as server:
        model = quick(server)
        answer = await model.generate(QUESTION, decoding=Decoding(temperature=3.0, max_tokens=4096))
        await model.aclose()
    assert (answer.status, server.count, model.settings_left_out) == ("error", 1, {})


async def test_what_nobody_asked_for_is_not_sent():
    async with MockOpenAI(then=reply()) as server:
        model = quick(server)
        await model.generate(QUESTION, decoding=Decoding())
        await model.aclose()
    assert set(server.requests[-1].json) == {"model", "messages"}
