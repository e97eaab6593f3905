from __future__ import annotations

import asyncio
from typing import Any

import pytest

from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import user
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin, summary
from safesight.models.openai.model import OpenAIModel
from safesight.models.openai.openers import open_http, open_https, open_openai
from tests.models.mock_openai import MockOpenAI, failure, html, in_thread, reply
from tests.models.openers import KEY

PLAIN = Decoding()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SAFESIGHT_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def ask(name: str) -> str:
    model = open_plugin("models", name)
    assert isinstance(model, OpenAIModel)
    assert model.name == name
    try:
        return (await model.generate([user("x")], decoding=Decoding(max_tokens=3))).text
    finally:
        await model.aclose()


async def test_a_url_names_server_and_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFESIGHT_API_KEY", KEY)
    async with MockOpenAI() as server:
        assert await ask(f"{server.url}#org/qwen2.5-vl") == "Hello."
        assert await ask(f"{server.url}/#m?stream=1&timeout_s=5") == "Hello."
        assert await ask(f"{server.url}/chat/completions#m") == "Hello."
    first, second, third = server.requests
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert first.json["model"] == "org/qwen2.5-vl"
    assert first.json["max_tokens"] == 3
    assert second.json["stream"] is True
    assert third.path == "/v1/chat/completions"


async def test_openai_has_its_own_variables_and_token_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFESIGHT_API_KEY", "sk-other")
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    async with MockOpenAI() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert await ask("openai/gpt-x?detail=high") == "Hello."
    assert server.last.headers["Authorization"] == f"Bearer {KEY}"
    assert server.last.json["max_completion_tokens"] == 3


async def test_keys_go_only_where_they_belong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    async with MockOpenAI() as server:
        await ask(server.name)
        await ask(f"{server.name}?key_env=OTHER_KEY")
    assert "Authorization" not in server.requests[0].headers
    assert server.requests[1].headers["Authorization"] == "Bearer sk-other"


async def test_a_refused_key_says_which_variable():
    async with MockOpenAI(then=failure(401)) as server:
        with pytest.raises(ModelError, match=r"SAFESIGHT_API_KEY is not set: set it, or name another with \?key_env"):
            await ask(server.name)


async def test_openai_without_a_key_is_not_even_asked():
    model = open_openai("gpt-x", {"retries": "0"})
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        await model.generate([user("x")], decoding=PLAIN)


def test_a_server_with_one_model_needs_no_name():
    with in_thread(models=["only-one"]) as server:
        model = open_plugin("models", server.url)
        answer = asyncio.run(_once(model))
        assert server.last.json["model"] == "only-one"
        assert answer == "Hello."
        assert model.fingerprint == open_plugin("models", f"{server.url}#only-one").fingerprint


async def _once(model: Any) -> str:
    answer = await model.generate([user("x")], decoding=PLAIN)
    await model.aclose()
    return answer.text


@pytest.mark.parametrize(("models", "says"), [(["b", "a"], "serves 2 models .a, b.*#b"), ([], "serves 0 models")])
def test_a_server_with_several_asks_for_a_choice(models: list[str], says: str):
    with in_thread(models=models) as server, pytest.raises(ModelError, match=says):
        open_plugin("models", server.url)


async def test_the_served_model_is_found_inside_an_event_loop_too():
    def opened(url: str) -> str:
        async def inside() -> str:
            return open_plugin("models", url).name

        return asyncio.run(inside())

    async with MockOpenAI() as server:
        assert await asyncio.to_thread(opened, server.url) == server.url


def test_a_server_that_lists_nothing_readable_asks_for_a_name():
    with in_thread() as server, pytest.raises(ModelError, match=r"HTTP 405\. .* Or name the model"):
        open_plugin("models", server.url.replace("/v1", "/v1/other") + "?retries=0")


def test_fingerprints_change_with_the_answers_only():
    base = open_http("//h:1/v1#m", {}).fingerprint
    same = [{"stream": "1"}, {"timeout_s": "5"}, {"price_in": "1", "price_out": "2"}, {"retries": "0"}]
    other = [open_http("//h:2/v1#m", {}), open_https("//h:1/v1#m", {}), open_http("//h:1/v1#n", {})]
    other += [open_http("//h:1/v1#m", {"detail": "low"}), open_http("//h:1/v1#m", {"max_side": "512"})]
    assert {open_http("//h:1/v1#m", options).fingerprint for options in same} == {base}
    assert open_http("//h:1/v1/#m", {}).fingerprint == base
    assert len({base, *(model.fingerprint for model in other)}) == 6


@pytest.mark.parametrize(
    ("rest", "options", "error", "says"),
    [
        ("//h/v1#m", {"details": "low"}, UnknownName, "Did you mean 'detail'"),
        ("//h/v1#m", {"detail": "medium"}, ConfigError, "detail"),
        ("//h/v1#m", {"timeout_s": "0"}, ConfigError, "timeout_s"),
        ("//h/v1#m", {"timeout_s": "nan"}, ConfigError, "timeout_s"),
        ("//h/v1#m", {"max_side": "3"}, ConfigError, "max_side"),
        ("//h/v1#m", {"retries": "-1"}, ConfigError, "retries"),
        ("//h/v1#m", {"stream": "maybe"}, ConfigError, "stream"),
        ("//h/v1#m", {"price_in": "1"}, ConfigError, "both price_in and price_out"),
        ("//h/v1#m", {"key_env": "NO_SUCH_KEY"}, ConfigError, "NO_SUCH_KEY"),
        ("//user:secret@h/v1#m", {}, ConfigError, "without user or password"),
        ("//h:port/v1#m", {}, ConfigError, "expected a URL"),
        ("///v1#m", {}, ConfigError, "expected a URL"),
        ("", {}, ConfigError, "expected a URL"),
    ],
)
def test_bad_names_and_options_are_refused(rest: str, options: dict[str, str], error: type[Exception], says: str):
    with pytest.raises(error, match=says) as caught:
        open_http(rest, options)
    assert "secret" not in str(caught.value)


def test_openai_needs_a_model():
    with pytest.raises(ConfigError, match="openai/gpt-4o"):
        open_openai("", {})


def test_a_key_that_no_header_carries_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-se\ncret")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        open_openai("gpt-x", {})
    assert "cret" not in str(caught.value)


async def test_prices_become_spend():
    async with MockOpenAI() as server:
        model = open_plugin("models", f"{server.name}?price_in=1&price_out=2")
        answer = await model.generate([user("x")], decoding=PLAIN)
        await model.aclose()
    assert answer.usage.cost_usd == pytest.approx((11 + 14) / 1e6)


async def test_retries_can_be_switched_off():
    async with MockOpenAI(reply(), then=html(503)) as server:
        model = open_plugin("models", f"{server.name}?retries=0")
        await model.generate([user("x")], decoding=PLAIN)
        assert (await model.generate([user("x")], decoding=PLAIN)).attempts == 1
        await model.aclose()


@pytest.mark.parametrize("name", ["openai", "http", "https", "replay", "scripted"])
def test_the_catalogue_has_a_line_for_each(name: str):
    assert 20 < len(summary("models", name)) < 120


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("o3-mini", "openai/o3-mini"),
        ("Qwen/Qwen2-VL-2B", "hf/Qwen/Qwen2-VL-2B"),
        ("models/tiny.gguf", "gguf:models/tiny.gguf"),
    ],
)
def test_a_bare_name_is_answered_with_the_whole_one(given: str, meant: str):
    with pytest.raises(UnknownName, match=f"Did you mean '{meant}'"):
        open_plugin("models", given)


def test_a_model_is_called_as_asked_and_stays_the_same_model():
    plain = open_plugin("models", "http://127.0.0.1:9/v1#qwen")
    named = open_plugin("models", "http://127.0.0.1:9/v1#qwen?name=my qwen")
    assert named.name == "my qwen"
    assert named.fingerprint == plain.fingerprint
    with pytest.raises(ConfigError, match="1 to 80 printable"):
        open_plugin("models", "http://127.0.0.1:9/v1#qwen?name=%0A")
