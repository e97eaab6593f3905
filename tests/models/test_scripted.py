from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import Image, system, user
from safesight.core.protocols import CompletingModel, Delta
from safesight.core.records import Decoding, Usage
from safesight.core.registry import open_plugin
from safesight.models.scripted import Scripted, ScriptedModel, open_scripted

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PLAIN = Decoding()


async def collect(model: ScriptedModel, text: str = "hi") -> list[Delta]:
    return [delta async for delta in model.stream([user(text)], decoding=PLAIN)]


async def test_answers_in_order_and_records_what_it_was_asked():
    model = ScriptedModel(["first", Scripted(text="second", usage=Usage(prompt_tokens=3))])
    hot = Decoding(temperature=1.0)
    assert (await model.generate([user("a")], decoding=PLAIN)).text == "first"
    assert (await model.generate([user("b")], decoding=hot)).usage.prompt_tokens == 3
    assert [call.decoding for call in model.calls] == [PLAIN, hot]
    assert model.calls[0].messages == (user("a"),)


async def test_one_call_too_many_fails():
    model = ScriptedModel(["only"])
    await model.generate([user("a")], decoding=PLAIN)
    with pytest.raises(ModelError, match="call 2 has no line"):
        await model.generate([user("b")], decoding=PLAIN)


async def test_rules_answer_by_content_whatever_the_order():
    model = ScriptedModel([Scripted(when="cat", text="meow"), Scripted(when="dog", text="woof"), "else"])
    asked = ["a dog", "a cat", "a dog", "a bird"]
    assert [(await model.generate([user(text)], decoding=PLAIN)).text for text in asked] == [
        "woof",
        "meow",
        "woof",
        "else",
    ]


async def test_a_function_sees_the_messages_of_chat_and_of_raw_completions():
    model = ScriptedModel(lambda messages: messages[-1].text.upper())
    assert (await model.generate([system("s"), user("hi")], decoding=PLAIN)).text == "HI"
    assert (await model.complete("raw")).text == "RAW"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (Scripted(text="x"), "ok"),
        (Scripted(), "empty"),
        (Scripted(text="x", status="truncated"), "truncated"),
        (Scripted(status="blocked", finish_reason="content_filter"), "blocked"),
        (Scripted(status="error", error="boom"), "error"),
    ],
)
async def test_every_status_can_be_scripted(line: Scripted, status: str):
    reply = await ScriptedModel([line]).generate([user("a")], decoding=PLAIN)
    assert (reply.status, reply.error, reply.finish_reason) == (status, line.error, line.finish_reason)


async def test_a_fatal_line_stops_the_run():
    with pytest.raises(ModelError, match="no such model"):
        await ScriptedModel([Scripted(fatal="no such model")]).generate([user("a")], decoding=PLAIN)


async def test_streams_in_the_given_pieces_with_the_finish_last():
    line = Scripted(chunks=("he", "llo ", "wörld"), reasoning="why", usage=Usage(completion_tokens=2))
    deltas = await collect(ScriptedModel([line]))
    assert [d.text for d in deltas] == ["", "he", "llo ", "wörld", ""]
    assert deltas[0].reasoning == "why"
    assert deltas[-1].finish_reason == "stop"
    assert deltas[-1].usage == Usage(completion_tokens=2)


@pytest.mark.parametrize(("chunk", "pieces"), [(0, ["abcde"]), (2, ["ab", "cd", "e"]), (9, ["abcde"])])
async def test_streams_evenly_without_given_pieces(chunk: int, pieces: list[str]):
    deltas = await collect(ScriptedModel(["abcde"], chunk=chunk))
    assert [d.text for d in deltas if d.text] == pieces


async def test_a_stream_breaks_where_told():
    model = ScriptedModel([Scripted(chunks=("a", "b", "c"), breaks_after=2)])
    stream = model.stream([user("x")], decoding=PLAIN)
    assert [(await anext(stream)).text, (await anext(stream)).text] == ["a", "b"]
    with pytest.raises(ModelError, match="after 2"):
        await anext(stream)


async def test_an_error_line_breaks_a_stream():
    with pytest.raises(ModelError, match="boom"):
        await collect(ScriptedModel([Scripted(status="error", error="boom")]))


async def test_delays_let_later_calls_overtake():
    model = ScriptedModel([Scripted(text="slow", delay_s=0.05), "fast"])
    done: list[str] = []

    async def ask() -> None:
        done.append((await model.generate([user("a")], decoding=PLAIN)).text)

    await asyncio.gather(ask(), ask())
    assert done == ["fast", "slow"]


async def test_completions_carry_logprobs():
    model = ScriptedModel([Scripted(text="Yes", logprobs={"Yes": -0.1, "No": -2.4})])
    completion = await model.complete("prompt", max_tokens=1)
    assert (completion.text, completion.logprobs) == ("Yes", {"Yes": -0.1, "No": -2.4})
    assert model.calls[0].messages == "prompt"


def test_fits_the_protocols():
    model = ScriptedModel([])
    assert callable(model.stream)
    assert isinstance(model, CompletingModel)


async def test_echo_by_name():
    model = open_plugin("models", "scripted:echo?chunk=3")
    assert isinstance(model, ScriptedModel)
    image = Image.from_bytes(PNG)
    reply = await model.generate([system("be kind"), user(image, "one", "two")], decoding=PLAIN)
    assert reply.text == "one\ntwo"
    assert [d.text for d in await collect(model, "abcd") if d.text] == ["abc", "d"]
    assert (await model.generate([user(image)], decoding=PLAIN)).status == "empty"


async def test_reads_a_script_file(tmp_path: Path):
    path = tmp_path / "script.jsonl"
    path.write_text('"plain"\n\n{"text": "第二", "finish_reason": "length", "status": "truncated"}\n', encoding="utf-8")
    model = open_scripted(str(path), {"max_concurrency": "2"})
    assert model.max_concurrency == 2
    assert (await model.generate([user("a")], decoding=PLAIN)).text == "plain"
    assert (await model.generate([user("a")], decoding=PLAIN)).status == "truncated"


@pytest.mark.parametrize("content", ["{", '{"txt": "x"}', "3", '{"text": 3}'])
def test_a_bad_script_line_is_named(tmp_path: Path, content: str):
    path = tmp_path / "script.jsonl"
    path.write_text('"fine"\n' + content)
    with pytest.raises(ConfigError, match="line 2"):
        open_scripted(str(path), {})


def test_bad_names_and_options_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="echo"):
        open_scripted("", {})
    with pytest.raises(ConfigError, match="cannot read"):
        open_scripted(str(tmp_path / "none.jsonl"), {})
    with pytest.raises(UnknownName, match="Did you mean 'chunk'"):
        open_scripted("echo", {"chunks": "3"})
    with pytest.raises(ConfigError, match="delay_s"):
        open_scripted("echo", {"delay_s": "soon"})


def test_fingerprints_follow_the_script():
    one, same, other = ScriptedModel(["a"]), ScriptedModel(["a"]), ScriptedModel(["b"])
    assert one.fingerprint == same.fingerprint != other.fingerprint
