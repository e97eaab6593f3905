"""llama.cpp in process on the real embedded weights: answers, streams, log-probabilities, failures, the URL."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import aiohttp
import pytest

from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import assistant, system, user
from safesight.core.protocols import CompletingModel
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.models.embedded import weights
from safesight.models.llama.model import GgufModel, open_gguf, serve
from safesight.models.llama.server import default_threads
from safesight.testing import check_model
from tests.media.test_ocr import picture
from tests.models.llama.tiny_gguf import write_llama, write_projector

SHORT = Decoding(max_tokens=12)


@pytest.fixture(scope="module")
def model() -> GgufModel:
    opened = open_plugin("models", f"gguf:{weights()}?n_ctx=1024")
    assert isinstance(opened, GgufModel)
    return opened


async def test_answers_and_counts(model: GgufModel) -> None:
    reply = await model.generate([system("You are brief."), user("Name two fruits.")], decoding=SHORT)
    assert reply.status == "truncated"
    assert reply.finish_reason == "length"
    assert reply.text.strip()
    assert reply.usage.completion_tokens == 12
    assert reply.usage.prompt_tokens > 10
    assert reply.provider_model == "SmolLM2-135M-Instruct.Q4_1"
    assert reply.ttft_ms is not None
    assert 0 < reply.ttft_ms <= reply.latency_ms


async def test_equal_requests_get_equal_answers(model: GgufModel) -> None:
    ask = [user("Why is the sky blue?")]
    sampled = Decoding(max_tokens=16, temperature=1.0, top_p=0.9, seed=5)
    greedy = [await model.generate(ask, decoding=SHORT) for _ in range(2)]
    drawn = [await model.generate(ask, decoding=sampled) for _ in range(2)]
    other = await model.generate(ask, decoding=Decoding(max_tokens=16, temperature=1.0, seed=6))
    assert greedy[0].text == greedy[1].text
    assert drawn[0].text == drawn[1].text
    assert len({greedy[0].text, drawn[0].text, other.text}) == 3


async def test_the_stream_is_the_answer(model: GgufModel) -> None:
    ask = [user("Count: one, two,"), assistant("three."), user("Go on.")]
    deltas = [delta async for delta in model.stream(ask, decoding=SHORT)]
    reply = await model.generate(ask, decoding=SHORT)
    assert "".join(delta.text for delta in deltas) == reply.text
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["length"]
    assert (deltas[-1].finish_reason, deltas[-1].usage) == ("length", reply.usage)
    assert len([delta for delta in deltas if delta.text]) > 5


async def test_leaving_a_stream_stops_the_model(model: GgufModel) -> None:
    stream = model.stream([user("Tell a very long story.")], decoding=Decoding(max_tokens=900))
    async for delta in stream:
        if delta.text:
            break
    await stream.aclose()
    # One slot: this waits for the story, and times out if the story goes on to 900 tokens.
    async with asyncio.timeout(10):
        assert (await model.generate([user("Hi")], decoding=Decoding(max_tokens=1))).usage.completion_tokens == 1


async def test_first_token_logprobs_are_a_distribution(model: GgufModel) -> None:
    raw = await model.complete("The capital of France is", top_logprobs=10)
    assert raw.text == " Paris"
    assert max(raw.logprobs, key=lambda token: raw.logprobs[token]) == " Paris"
    assert 0.5 < sum(math.exp(value) for value in raw.logprobs.values()) <= 1 + 1e-6
    chat = await model.complete([user("Say yes or no.")], max_tokens=2, top_logprobs=5)
    assert len(chat.logprobs) == 5
    assert chat.text


async def test_a_prompt_beyond_the_context_is_an_error_reply(model: GgufModel) -> None:
    reply = await model.generate([user("word " * 3000)], decoding=SHORT)
    assert reply.status == "error"
    assert "1024" in reply.error
    completion = await model.complete("word " * 3000)
    assert "1024" in completion.error
    with pytest.raises(ModelError, match="1024"):
        _ = [delta async for delta in model.stream([user("word " * 3000)], decoding=SHORT)]


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "你好，世界 🌍", "<|im_end|>"])
async def test_odd_text_gets_a_reply(model: GgufModel, text: str) -> None:
    reply = await model.generate([user(text)], decoding=Decoding(max_tokens=2))
    assert reply.status in {"ok", "truncated", "empty", "error"}
    assert (reply.status == "error") == (text == "\ud800")


async def test_images_need_a_projector(model: GgufModel) -> None:
    ask = [user("What is this?", picture("Tea"))]
    with pytest.raises(ModelError, match=r"\+MMPROJ.*'embedded'"):
        await model.generate(ask, decoding=SHORT)
    with pytest.raises(ModelError, match=r"\+MMPROJ"):
        await model.complete(ask)


async def test_a_projector_lets_images_in_in_order(tmp_path: Path) -> None:
    path, eyes = write_llama(tmp_path / "see.gguf"), write_projector(tmp_path / "eyes.gguf", text_width=64)
    seeing = open_gguf(f"{path}+{eyes}", {})
    assert seeing.fingerprint != open_gguf(str(path), {}).fingerprint
    tea, sea = picture("Tea"), picture("A lighthouse", "by the sea")
    asks = [[user(tea, "then", sea)], [user(sea, "then", tea)], [user("then", tea, sea)], [user("then")]]
    found = [await seeing.complete(ask, top_logprobs=5) for ask in asks]
    assert {completion.error for completion in found} == {""}
    assert len({tuple(completion.logprobs.values()) for completion in found}) == 4
    reply = await seeing.generate(asks[0], decoding=SHORT)
    assert reply.usage.prompt_tokens > (await seeing.generate(asks[3], decoding=SHORT)).usage.prompt_tokens + 20
    gone = await seeing.generate([user(tea.reference(), "Hm")], decoding=SHORT)
    assert (gone.status, "not kept in the run file" in gone.error) == ("error", True)
    assert "not kept in the run file" in (await seeing.complete([user(tea.reference(), "Hm")])).error


async def test_the_same_weights_answer_by_url(model: GgufModel) -> None:
    body = {"messages": [{"role": "user", "content": "Name two fruits."}], "max_tokens": 12, "temperature": 0}
    with serve(weights(), n_ctx=1024) as url:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/chat/completions", json=body) as response:
                by_url = await response.json()
            async with session.get(f"{url}/models") as response:
                listed = await response.json()
    reply = await model.generate([user("Name two fruits.")], decoding=SHORT)
    assert by_url["choices"][0]["message"]["content"] == reply.text
    assert [entry["id"] for entry in listed["data"]] == [reply.provider_model]


def test_protocols(model: GgufModel) -> None:
    assert callable(model.stream)
    assert isinstance(model, CompletingModel)
    assert model.max_concurrency == 1


async def test_it_keeps_a_models_contract(tmp_path: Path) -> None:
    opened = open_gguf(str(write_llama(tmp_path / "tiny.gguf")), {})
    await check_model(opened, texts=("", "hello", "天气 é", "<think>"))


def test_one_copy_is_shared_by_all_who_name_it(model: GgufModel) -> None:
    again = open_gguf(str(weights()), {"n_ctx": "1024"})
    assert again._server is model._server
    assert again.fingerprint == model.fingerprint
    assert open_gguf(str(weights()), {"n_ctx": "2048"}).fingerprint != model.fingerprint


def test_a_copied_file_is_the_same_model_and_a_changed_one_is_not(tmp_path: Path, model: GgufModel) -> None:
    data = weights().read_bytes()
    copy = tmp_path / "a+b.gguf"
    copy.write_bytes(data)
    assert open_gguf(str(copy), {"n_ctx": "1024"}).fingerprint == model.fingerprint
    copy.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert open_gguf(str(copy), {"n_ctx": "1024"}).fingerprint != model.fingerprint


@pytest.mark.parametrize(
    ("rest", "options", "error", "match"),
    [
        ("", {}, ConfigError, "expected gguf:FILE"),
        ("/nowhere/x.gguf", {}, ModelError, "No such file"),
        ("/nowhere/x.gguf+/nowhere/y.gguf", {}, ModelError, "x.gguf: expected a GGUF file"),
        (__file__, {}, ModelError, "expected a GGUF file, got one that starts"),
        (__file__, {"n_ctx": "0"}, ConfigError, "at least 1"),
        (__file__, {"n_ctx": "many"}, ConfigError, "n_ctx"),
        (__file__, {"thread": "1"}, UnknownName, "threads"),
    ],
)
def test_what_cannot_be_opened_says_why(rest: str, options: dict[str, str], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        open_gguf(rest, options)


async def test_a_file_that_does_not_load_fails_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights().read_bytes()[:100_000])
    model = open_gguf(str(broken), {})
    for _ in range(2):
        with pytest.raises(ModelError, match=r"broken\.gguf: llama\.cpp could not load it"):
            await model.generate([user("Hi")], decoding=SHORT)
    with pytest.raises(ModelError):
        await model.complete("Hi")


def test_default_threads_leave_a_core_free() -> None:
    assert default_threads() >= 1


async def test_reasoning_is_kept_apart(model: GgufModel) -> None:
    shots = [("one", "1"), ("two", "2"), ("three", "3")]
    turns = [turn for word, digit in shots for turn in (user(word), assistant(f"<think>word {word}</think>{digit}"))]
    reply = await model.generate([*turns, user("four")], decoding=Decoding(max_tokens=24))
    deltas = [delta async for delta in model.stream([*turns, user("four")], decoding=Decoding(max_tokens=24))]
    assert (reply.text, reply.reasoning) == ("4", "word four")
    assert "".join(delta.text for delta in deltas) == "4"
    assert "".join(delta.reasoning for delta in deltas) == "word four"


async def test_the_chat_template_is_told_what_the_name_says(tmp_path: Path) -> None:
    """A policy for a guard model travels so: the template of the file prints it, and the prompt grows by its tokens."""
    template = "{{ policy or 'none' }}{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
    path = write_llama(tmp_path / "told.gguf", template=template)
    counts: list[int] = []
    prints: set[str] = set()
    for more in ("", '&chat_template_kwargs={"policy":"none none none none none none"}'):
        opened = open_plugin("models", f"gguf:{path}?n_ctx=256{more}")
        counts.append((await opened.generate([user("a")], decoding=Decoding(max_tokens=1))).usage.prompt_tokens)
        prints.add(opened.fingerprint)
    assert counts[1] >= counts[0] + 5
    assert len(prints) == 2, "another policy is another model to a judge"
    with pytest.raises(ConfigError, match="JSON object"):
        open_plugin("models", f"gguf:{path}?chat_template_kwargs=policy")
