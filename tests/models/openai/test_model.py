from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from pathlib import Path

import pytest

from safesight.core.errors import ModelError
from safesight.core.messages import Image, Message, TextPart, user
from safesight.core.protocols import CompletingModel, Delta
from safesight.core.records import Decoding, Usage
from safesight.models.openai.model import OpenAIModel
from safesight.models.openai.pricing import Prices
from tests.models.mock_openai import MockOpenAI, close_mid_body, endless, failure, in_thread, rate_limited, reply
from tests.models.openers import KEY, quick
from tests.support import PNG, png

PLAIN = Decoding()
QUESTION = [user(Image.from_bytes(PNG), "What is shown?")]


async def deltas(model: OpenAIModel) -> list[Delta]:
    return [delta async for delta in model.stream(QUESTION, decoding=PLAIN)]


def test_fits_the_protocols():
    model = quick(MockOpenAI(), url="http://127.0.0.1:9/v1")
    assert callable(model.stream)
    assert isinstance(model, CompletingModel)


async def test_a_whole_answer():
    details = {"prompt_tokens": 100, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 30}}
    async with MockOpenAI(reply("Grüße 答", usage=details)) as server:
        model = quick(server, prices=Prices(1.0, 2.0))
        answer = await model.generate(QUESTION, decoding=Decoding(temperature=0.0, max_tokens=9))
        await model.aclose()
    assert (answer.status, answer.text, answer.finish_reason) == ("ok", "Grüße 答", "stop")
    assert answer.provider_model == "mock-served"
    assert answer.usage == Usage(prompt_tokens=100, completion_tokens=50, reasoning_tokens=30, cost_usd=0.0002)
    assert (answer.attempts, answer.ttft_ms) == (1, None)
    assert answer.latency_ms > 0
    asked = server.last
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.headers["Content-Type"] == "application/json"
    assert (asked.json["temperature"], asked.json["max_tokens"]) == (0.0, 9)
    assert "stream" not in asked.json


@pytest.mark.parametrize("cut", [0, 1, 7])
async def test_a_streamed_answer_is_the_same(cut: int):
    text = "Grüße 答 \U0001f600!"
    async with MockOpenAI(reply(text, cut=cut)) as server:
        model = quick(server, streaming=True, prices=Prices(1.0, 1.0))
        answer = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
    assert (answer.status, answer.text, answer.finish_reason) == ("ok", text, "stop")
    assert answer.usage.cost_usd == pytest.approx(18e-6)
    assert answer.ttft_ms is not None
    assert 0 < answer.ttft_ms <= answer.latency_ms
    assert server.last.json["stream_options"] == {"include_usage": True}


async def test_time_to_first_token_counts_reasoning_and_not_the_role():
    slow = reply("late", delay_s=0.05, message={"reasoning_content": "hm"})
    async with MockOpenAI(slow) as server:
        model = quick(server, streaming=True)
        answer = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
    assert answer.reasoning == "hm"
    assert answer.ttft_ms is not None
    assert answer.ttft_ms >= 50


@pytest.mark.parametrize("streaming", [False, True])
async def test_traces_are_kept_apart(streaming: bool):
    behaviours = [
        reply("answer", message={"reasoning_content": "why"}),
        reply("answer", message={"reasoning": "why"}),
        reply("<think>why</think>answer"),
        reply("why</think>answer"),
        reply("◁think▷why◁/think▷answer"),
        reply("<think>why</think><answer>answer</answer>"),
    ]
    async with MockOpenAI(*behaviours) as server:
        model = quick(server, streaming=streaming)
        answers = [await model.generate(QUESTION, decoding=PLAIN) for _ in behaviours]
        await model.aclose()
    assert [(a.status, a.text, a.reasoning) for a in answers] == [("ok", "answer", "why")] * len(behaviours)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("behaviour", "status", "text"),
    [
        (reply("cut off", finish_reason="length"), "truncated", "cut off"),
        (reply(""), "empty", ""),
        (reply(" \n"), "empty", " \n"),
        (reply("", message={"reasoning_content": "only thought"}, finish_reason="length"), "empty", ""),
        (reply("<think>never stops", finish_reason="length"), "empty", ""),
        (reply("<think>never stops"), "empty", ""),
        (reply("partial", finish_reason="content_filter"), "truncated", "partial"),
        (reply("", finish_reason="content_filter"), "blocked", ""),
        (reply("", finish_reason="SAFETY"), "blocked", ""),
        (reply("", finish_reason="sensitive"), "blocked", ""),
        (reply("", message={"refusal": "I can't help with that."}), "ok", "I can't help with that."),
        (reply("", message={"tool_calls": []}, finish_reason="tool_calls"), "empty", ""),
    ],
)
async def test_every_status_is_told_apart(behaviour, status: str, text: str, streaming: bool):
    async with MockOpenAI(behaviour) as server:
        model = quick(server, streaming=streaming)
        answer = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
    assert (answer.status, answer.text, server.count) == (status, text, 1)


async def test_large_images_arrive_byte_identical(tmp_path: Path):
    data = png(8, 8) + bytes(range(256)) * 8000
    path = tmp_path / "large.png"
    path.write_bytes(data)
    image = Image.from_path(path)
    async with MockOpenAI(rate_limited(0)) as server:
        model = quick(server)
        answer = await model.generate([user(image, image, "x")], decoding=PLAIN)
        await model.aclose()
    assert (answer.status, answer.attempts) == ("ok", 2)
    for asked in server.requests:
        assert int(asked.headers["Content-Length"]) == len(asked.raw)
        for part in asked.json["messages"][0]["content"][:2]:
            assert base64.b64decode(part["image_url"]["url"].partition(",")[2]) == data


async def test_images_are_made_smaller_only_on_request():
    image = Image.from_bytes(png(64, 32))
    async with MockOpenAI() as server:
        for max_side in (None, 64, 16):
            model = quick(server, max_side=max_side)
            await model.generate([user(image)], decoding=PLAIN)
            await model.aclose()
    sent = [
        base64.b64decode(r.json["messages"][0]["content"][0]["image_url"]["url"].partition(",")[2])
        for r in server.requests
    ]
    assert sent[0] == sent[1] == image.data
    assert sent[2] != image.data


async def test_images_that_are_gone_or_changed_are_counted_failures(tmp_path: Path):
    paths = [tmp_path / name for name in ("small.png", "large.png")]
    paths[0].write_bytes(PNG)
    paths[1].write_bytes(PNG + bytes(500_000))
    images = [Image.from_path(path) for path in paths]
    paths[0].unlink()
    paths[1].write_bytes(PNG + b"x" * 500_000)
    broken = Message("user", (TextPart("\ud800"),))
    async with MockOpenAI() as server:
        model = quick(server)
        gone, changed, text = [
            await model.generate([message], decoding=PLAIN) for message in (user(images[0]), user(images[1]), broken)
        ]
        fine = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
    assert (gone.status, changed.status, text.status, fine.status) == ("error", "error", "error", "ok")
    assert "no such file" in gone.error.lower()
    assert "changed" in changed.error
    assert changed.attempts == 1


async def test_streams_deltas_with_the_trace_split_off():
    pieces = ["<thi", "nk>wh", "y</think>", "\n\nHel", "lo ", "<b>", "!"]
    async with MockOpenAI(reply(chunks=pieces)) as server:
        model = quick(server, prices=Prices(1.0, 1.0))
        got = await deltas(model)
        await model.aclose()
    assert "".join(d.text for d in got) == "Hello <b>!"
    assert "".join(d.reasoning for d in got) == "why"
    assert [d.finish_reason for d in got] == [""] * (len(got) - 1) + ["stop"]
    assert got[-1].usage == Usage(prompt_tokens=11, completion_tokens=7, cost_usd=18e-6)
    assert got[0].provider_model == "mock-served"


async def test_a_stream_asked_of_a_server_that_cannot_comes_whole():
    async def whole(request, asked):
        from aiohttp import web

        choice = {"message": {"content": "all at once"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    async with MockOpenAI(then=whole) as server:
        model = quick(server, streaming=True)
        assert (await model.generate(QUESTION, decoding=PLAIN)).text == "all at once"
        assert [d.text for d in await deltas(model)] == ["all at once", ""]
        await model.aclose()


@pytest.mark.parametrize(
    "behaviour", [reply("part", finish_reason="sensitive"), failure(400, "no", code="content_filter")]
)
async def test_a_blocked_stream_ends_with_content_filter(behaviour):
    async with MockOpenAI(behaviour) as server:
        model = quick(server)
        assert (await deltas(model))[-1].finish_reason == "content_filter"
        await model.aclose()


async def test_a_stream_is_retried_before_it_starts_and_never_after():
    async with MockOpenAI(rate_limited(0), reply("fine"), close_mid_body) as server:
        model = quick(server)
        assert "".join(d.text for d in await deltas(model)) == "fine"
        stream = model.stream(QUESTION, decoding=PLAIN)
        assert (await anext(stream)).text == "half"
        with pytest.raises(ModelError, match="middle of an answer"):
            await anext(stream)
        assert server.count == 3
        await model.aclose()


async def test_a_stream_that_just_stops_is_an_error():
    async with MockOpenAI(then=reply("half an ans", finish_reason=None, done=False)) as server:
        model = quick(server, streaming=True)
        with pytest.raises(ModelError, match="ended before the answer did"):
            await deltas(model)
        answer = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
    assert (answer.status, answer.text, answer.attempts) == ("error", "", 3)


async def test_done_alone_ends_a_stream():
    async with MockOpenAI(reply("fine", finish_reason=None)) as server:
        model = quick(server, streaming=True)
        assert (await model.generate(QUESTION, decoding=PLAIN)).status == "ok"
        await model.aclose()


async def test_leaving_a_stream_aborts_the_request():
    async with MockOpenAI(endless) as server:
        model = quick(server)
        async with aclosing(model.stream(QUESTION, decoding=PLAIN)) as stream:
            assert (await anext(stream)).text == "more "
        async with asyncio.timeout(5):
            await server.abort.wait()
        await model.aclose()


async def test_completions_of_raw_prompts_and_of_chats():
    legacy = {"tokens": [" Yes"], "token_logprobs": [-0.1], "top_logprobs": [{" Yes": -0.1, " No": -2.0}]}
    top = [{"token": "No", "logprob": -0.3}, {"token": "Yes", "logprob": -1.3}]
    chat = {"content": [{"token": "No", "logprob": -0.3, "top_logprobs": top}]}
    async with MockOpenAI(reply(" Yes", logprobs=legacy), reply("No", logprobs=chat)) as server:
        model = quick(server)
        raw = await model.complete("A raw prompt", top_logprobs=5)
        said = await model.complete(QUESTION)
        await model.aclose()
    assert (raw.text, raw.logprobs) == (" Yes", {" Yes": -0.1, " No": -2.0})
    assert (said.text, said.logprobs) == ("No", {"No": -0.3, "Yes": -1.3})
    first, second = server.requests
    assert (first.path, first.json["prompt"], first.json["logprobs"]) == ("/v1/completions", "A raw prompt", 5)
    assert (second.path, second.json["top_logprobs"]) == ("/v1/chat/completions", 20)


async def test_a_completion_that_fails_says_so(tmp_path: Path):
    async with MockOpenAI(then=failure(400, "logprobs are not supported")) as server:
        model = quick(server)
        assert "not supported" in (await model.complete("x")).error
        gone = user(Image.from_bytes(PNG).reference())
        assert "not kept" in (await model.complete([gone])).error
        await model.aclose()


async def test_connections_are_used_again():
    async with MockOpenAI() as server:
        model = quick(server, streaming=True)
        for _ in range(5):
            await model.generate(QUESTION, decoding=PLAIN)
        assert len(server.peers) == 1
        await model.aclose()


def test_a_closed_model_can_be_used_in_another_event_loop():
    async def once(model: OpenAIModel) -> str:
        answer = await model.generate(QUESTION, decoding=PLAIN)
        await model.aclose()
        return answer.text

    with in_thread() as server:
        model = quick(server)
        assert [asyncio.run(once(model)) for _ in range(2)] == ["Hello.", "Hello."]


async def test_the_official_client_reads_the_mock_server():
    """The mock speaks the protocol, so what passes here passes there."""
    from openai import AsyncOpenAI

    async with (
        MockOpenAI(reply("whole"), reply("streamed")) as server,
        AsyncOpenAI(base_url=server.url, api_key=KEY) as client,
    ):
        whole = await client.chat.completions.create(model="mock", messages=[{"role": "user", "content": "x"}])
        stream = await client.chat.completions.create(
            model="mock", messages=[{"role": "user", "content": "x"}], stream=True
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert whole.choices[0].message.content == "whole"
    assert "".join(pieces) == "streamed"
