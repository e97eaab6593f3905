"""Every way in which an endpoint can fail, on real connections: a clear status, no traceback, no key."""

from __future__ import annotations

import asyncio
import socket

import pytest

from safesight.core.errors import ModelError
from safesight.core.messages import user
from safesight.core.records import Decoding, Reply
from safesight.models.openai import reading
from safesight.models.openai.model import OpenAIModel
from safesight.net import body
from tests.models.mock_openai import (
    Behaviour,
    MockOpenAI,
    azure_block,
    close,
    close_mid_body,
    empty,
    endless,
    failure,
    garbage_stream,
    hang,
    html,
    malformed,
    rate_limited,
    raw,
    reply,
)
from tests.models.openers import KEY, quick

PLAIN = Decoding()

PASSING = {
    "429": rate_limited(),
    "429 with seconds": rate_limited(0),
    "429 with a date": rate_limited("Sun, 01 Mar 2020 12:00:00 GMT"),
    "429 with nonsense": rate_limited("soon"),
    "500": failure(500, "oops"),
    "502 HTML": html(502),
    "503": failure(503, "overloaded"),
    "504 empty": empty(504),
    "408": failure(408),
    "closes": close,
    "closes mid-body": close_mid_body,
    "HTML": html(),
    "empty body": empty(),
    "malformed JSON": malformed(),
    "JSON of another kind": raw("[1, 2]"),
    "no choices and no sign of an answer": raw('{"id": "x"}'),
    "error in a good status": raw('{"error": {"message": "upstream died", "code": 502}}'),
    "provider gave up": reply("half", finish_reason="error"),
    "garbage events": garbage_stream(),
    "no events": raw(b": ping\n\n", content_type="text/event-stream"),
    "error event": raw(b'data: {"error": {"message": "died"}}\n\n', content_type="text/event-stream"),
    "vLLM's error event": raw(
        b'data: {"object": "error", "message": "died", "code": 500}\n\n', content_type="text/event-stream"
    ),
    "promised more than it sent": raw(b"{}", headers={"Content-Encoding": "gzip"}),
}


async def ask(model: OpenAIModel) -> Reply:
    try:
        return await model.generate([user("What is shown?")], decoding=PLAIN)
    finally:
        await model.aclose()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("behaviour", PASSING.values(), ids=PASSING)
async def test_a_fault_that_passes_is_retried(behaviour: Behaviour, streaming: bool):
    async with MockOpenAI(behaviour, behaviour, then=reply("at last")) as server:
        answer = await ask(quick(server, streaming=streaming))
    assert (answer.status, answer.text, answer.attempts, server.count) == ("ok", "at last", 3, 3)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("behaviour", PASSING.values(), ids=PASSING)
async def test_a_fault_that_stays_is_an_error_with_a_reason(behaviour: Behaviour, streaming: bool):
    async with MockOpenAI(reply(), then=behaviour) as server:
        model = quick(server, streaming=streaming)
        await model.generate([user("x")], decoding=PLAIN)
        answer = await ask(model)
    assert (answer.status, answer.text, answer.attempts, server.count) == ("error", "", 3, 4)
    assert answer.error.startswith(server.url)
    assert len(answer.error) < 500


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("behaviour", [hang, endless], ids=["hangs", "never ends"])
async def test_an_endpoint_that_takes_for_ever_times_out(behaviour: Behaviour, streaming: bool):
    async with MockOpenAI(reply(), then=behaviour) as server:
        model = quick(server, streaming=streaming, timeout_s=0.15, attempts=2)
        await model.generate([user("x")], decoding=PLAIN)
        answer = await ask(model)
    assert (answer.status, answer.attempts) == ("error", 2)
    assert "no answer within 0.15 s" in answer.error


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_without_bounds_is_given_up(streaming: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(body, "MAX_REPLY_BYTES", 1 << 20)
    monkeypatch.setattr(reading, "MAX_REPLY_BYTES", 1 << 20)
    flood = raw(b" " * (3 << 20), content_type="text/event-stream" if streaming else "application/json")
    async with MockOpenAI(flood) as server:
        answer = await ask(quick(server, streaming=streaming))
    assert (answer.status, answer.attempts) == ("error", 1)
    assert "over 1 MiB" in answer.error


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_block_by_the_provider_is_counted_apart(streaming: bool):
    event = raw(b'data: {"error": {"message": "x", "code": "content_filter"}}\n\n', content_type="text/event-stream")
    async with MockOpenAI(azure_block(), event) as server:
        answers = [await ask(quick(server, streaming=streaming)) for _ in range(2)]
    assert [(a.status, a.finish_reason, a.attempts) for a in answers] == [("blocked", "content_filter", 1)] * 2


BLOCKS = {
    "promptFeedback": raw('{"choices": [], "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}'),
    "promptFeedback with billed tokens": raw(
        '{"choices": null, "promptFeedback": {"blockReason": "OTHER"}, "usage": {"prompt_tokens": 9}}'
    ),
    "a gateway's sentence": failure(400, "Gemini blocked the request: PROHIBITED_CONTENT"),
    "invalid_prompt": failure(400, "Invalid prompt: flagged", code="invalid_prompt"),
    "Anthropic's sentence": failure(400, "Output blocked by content filtering policy"),
    "DashScope's sentence": failure(400, "Input data may contain inappropriate content."),
    "a choice's own error": raw(
        '{"choices": [{"error": {"message": "x", "code": "content_filter"}, "finish_reason": "error"}]}'
    ),
    "OpenRouter's native reason": reply("", native_finish_reason="IMAGE_SAFETY"),
    **{
        reason: reply("", finish_reason=reason)
        for reason in (
            "RECITATION",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "guardrail_intervened",
            "content_filtered",
            "refusal",
            "ERROR_TOXIC",
            "content_filter: SPII",
        )
    },
}


@pytest.mark.parametrize("behaviour", BLOCKS.values(), ids=BLOCKS)
async def test_a_block_by_any_name_is_a_block_asked_once(behaviour: Behaviour):
    async with MockOpenAI(then=behaviour) as server:
        answer = await ask(quick(server))
    assert (answer.status, server.count) == ("blocked", 1)


async def test_text_before_a_block_in_mid_stream_was_delivered():
    half = (
        'data: {"choices": [{"delta": {"content": "First step."}}]}\n\n'
        'data: {"error": {"message": "x", "code": "content_filter"}}\n\n'
    )
    async with MockOpenAI(then=raw(half.encode(), content_type="text/event-stream")) as server:
        answer = await ask(quick(server, streaming=True))
    assert (answer.status, answer.text, answer.finish_reason) == ("truncated", "First step.", "content_filter")


@pytest.mark.parametrize("body", ['{"choices": []}', '{"object": "chat.completion", "choices": null}'])
async def test_a_reply_without_choices_is_asked_twice_at_most_and_then_empty(body: str):
    async with MockOpenAI(raw(body), reply("second time")) as server:
        assert (await ask(quick(server))).text == "second time"
    async with MockOpenAI(then=raw(body)) as server:
        answer = await ask(quick(server))
    assert (answer.status, answer.attempts, server.count) == ("empty", 2, 2)


@pytest.mark.parametrize("choices", ["[]", "null"])
async def test_a_billed_reply_without_choices_is_asked_once_and_its_usage_counted(choices: str):
    billed = f'{{"choices": {choices}, "usage": {{"prompt_tokens": 4241, "completion_tokens": 0}}}}'
    async with MockOpenAI(then=raw(billed)) as server:
        answer = await ask(quick(server))
    assert (answer.status, answer.usage.prompt_tokens, server.count) == ("empty", 4241, 1)


async def test_a_bad_request_is_not_repeated():
    async with MockOpenAI(then=failure(400, "image too small")) as server:
        answer = await ask(quick(server))
    assert (answer.status, answer.attempts, server.count) == ("error", 1, 1)
    assert "image too small" in answer.error


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 405])
async def test_what_no_request_can_mend_stops_at_once(status: int):
    async with MockOpenAI(then=failure(status, f"refused {KEY}")) as server:
        with pytest.raises(ModelError, match=f"HTTP {status}") as caught:
            await ask(quick(server))
        assert server.count == 1
    assert KEY not in str(caught.value)


async def test_the_key_is_in_no_error(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    async with MockOpenAI(failure(400, f"you sent {KEY}"), then=failure(500, f"you sent {KEY}")) as server:
        answers = [await ask(quick(server)) for _ in range(2)]
        model = quick(server, attempts=1)
        with pytest.raises(ModelError) as caught:
            await anext(model.stream([user("x")], decoding=PLAIN))
        completion = await model.complete("x")
        await model.aclose()
    said = [*(a.error for a in answers), str(caught.value), completion.error]
    assert all("you sent ***" in text for text in said)
    assert KEY not in "".join(said) + caplog.text


async def test_pressure_is_passed_on_before_each_wait():
    async with MockOpenAI(rate_limited(0.001), failure(503), failure(500), then=reply()) as server:
        model = quick(server, attempts=4)
        felt: list[float] = []
        model.pressure = felt.append
        assert model.pressure is not None
        assert (await ask(model)).status == "ok"
    assert felt == [0.001, 0.0]


async def test_a_server_that_never_answered_stops_the_run_with_advice():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match=r"cannot connect.*2 attempts.*Start the server or check the URL"):
            await ask(quick(MockOpenAI(), url=url, attempts=2))


async def test_a_server_that_went_away_is_a_counted_failure():
    server = await MockOpenAI().start()
    model = quick(server, attempts=2)
    await model.generate([user("x")], decoding=PLAIN)
    await server.stop()
    answer = await ask(model)
    assert (answer.status, answer.attempts) == ("error", 2)
    assert "cannot connect" in answer.error


async def test_one_slow_request_holds_up_no_other():
    async with MockOpenAI(hang, then=reply()) as server:
        model = quick(server)
        stuck = asyncio.create_task(model.generate([user("x")], decoding=PLAIN))
        await asyncio.sleep(0.02)
        answers = await asyncio.gather(*(model.generate([user("x")], decoding=PLAIN) for _ in range(20)))
        assert {a.status for a in answers} == {"ok"}
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        await model.aclose()
    assert server.aborted == 1


async def test_proxies_are_taken_from_the_environment_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch):
    async with MockOpenAI() as server:
        port = server.url.split(":")[2].split("/")[0]
        monkeypatch.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        through = quick(server, url="http://mock.invalid/v1")
        assert (await ask(through)).status == "ok"
        assert server.last.headers["Host"] == "mock.invalid"
        assert server.last.headers["Proxy-Authorization"].startswith("Basic ")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert (await ask(quick(server))).status == "ok"


async def test_an_endpoint_open_in_another_loop_says_so():
    async with MockOpenAI() as server:
        model = quick(server)
        await model.generate([user("x")], decoding=PLAIN)

        def elsewhere() -> None:
            asyncio.run(model.generate([user("x")], decoding=PLAIN))

        with pytest.raises(ModelError, match="another event loop"):
            await asyncio.to_thread(elsewhere)
        await model.aclose()
