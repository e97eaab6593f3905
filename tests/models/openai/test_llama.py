"""The HTTP model against a real OpenAI-compatible server: llama.cpp's, on loopback, with the embedded weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from safesight.core.messages import Image, user
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.models.embedded import weights
from safesight.models.llama.model import serve
from safesight.models.openai.model import OpenAIModel
from tests.support import PNG

SHORT = Decoding(temperature=0.0, max_tokens=12, seed=0)
ASK = [user("Name two fruits.")]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(weights(), n_ctx=1024) as served:
        yield served


def opened(name: str) -> OpenAIModel:
    model = open_plugin("models", name)
    assert isinstance(model, OpenAIModel)
    return model


async def test_whole_and_streamed_answers_are_the_same(url: str):
    whole_model, stream_model = opened(f"{url}?price_in=1&price_out=1"), opened(f"{url}?stream=1")
    whole = await whole_model.generate(ASK, decoding=SHORT)
    streamed = await stream_model.generate(ASK, decoding=SHORT)
    deltas = [delta async for delta in whole_model.stream(ASK, decoding=SHORT)]
    await whole_model.aclose()
    await stream_model.aclose()
    assert (whole.status, whole.finish_reason) == ("truncated", "length")
    assert whole.text == streamed.text == "".join(delta.text for delta in deltas)
    assert whole.usage.completion_tokens == streamed.usage.completion_tokens == 12
    assert whole.usage.cost_usd == pytest.approx((whole.usage.prompt_tokens + 12) / 1e6)
    assert streamed.ttft_ms is not None
    assert deltas[-1].finish_reason == "length"


async def test_log_probabilities_of_chats_and_raw_prompts(url: str):
    model = opened(url)
    raw = await model.complete("The capital of France is", top_logprobs=5)
    chat = await model.complete(ASK, top_logprobs=5)
    await model.aclose()
    for completion in (raw, chat):
        assert completion.error == ""
        assert 5 <= len(completion.logprobs) <= 6
        assert max(completion.logprobs, key=lambda token: completion.logprobs[token]) == completion.text
        assert all(value <= 0 for value in completion.logprobs.values())


async def test_images_to_a_text_model_are_a_counted_failure(url: str):
    model = opened(f"{url}?retries=0")
    await model.generate(ASK, decoding=SHORT)
    reply = await model.generate([user(Image.from_bytes(PNG), "What is it?")], decoding=SHORT)
    await model.aclose()
    assert reply.status == "error"
    assert "image" in reply.error
