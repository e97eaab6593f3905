"""Transformers models in process: random weights of every family, and the embedded weights from their GGUF."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from safesight.core.errors import ConfigError, MissingExtra, ModelError, UnknownName
from safesight.core.messages import Image, Message, assistant, system, user
from safesight.core.protocols import CompletingModel
from safesight.core.records import Decoding, Reply
from safesight.core.registry import open_plugin
from safesight.models.hf import loading as hf_loading
from safesight.models.hf.loading import locate
from safesight.models.hf.model import TransformersModel, open_hf
from safesight.models.hf.prompts import read_answer
from safesight.models.hf.sampling import row_sampler
from safesight.models.llama.model import open_gguf
from safesight.testing import check_model
from tests.media.test_ocr import picture
from tests.models.llama.tiny_gguf import write_llama

torch = pytest.importorskip("torch")

Folder = Callable[[str], Path]
VISION = ("llava", "qwen2_5_vl", "qwen3_vl", "gemma3", "smolvlm", "internvl")
GREEDY = Decoding(temperature=0.0, max_tokens=6)
RED = picture("one", size=(60, 40))
BLUE = picture("two", size=(200, 90))
ASKS: list[list[Message]] = [
    [user(RED, "Compare", BLUE, "please")],
    [user("No image here, only words and more words")],
    [user(BLUE, "Hm")],
    [system("Be brief."), user(RED, "What is it?"), assistant("A picture."), user("Of what?", BLUE)],
]


async def answers(folder: Path, asks: Sequence[Sequence[Message]], decoding: Decoding, batch_size: int) -> list[Reply]:
    model = open_hf(str(folder), {"batch_size": str(batch_size), "dtype": "float32"})
    replies = await asyncio.gather(*(model.generate(ask, decoding=decoding) for ask in asks))
    await model.aclose()
    return replies


@pytest.mark.parametrize("family", VISION)
async def test_batches_of_several_images_answer_like_single_requests(tiny: Folder, family: str) -> None:
    together = await answers(tiny(family), ASKS, GREEDY, 4)
    alone = await answers(tiny(family), ASKS, GREEDY, 1)
    assert [reply.error for reply in together] == [""] * 4
    assert [(reply.text, reply.status) for reply in together] == [(reply.text, reply.status) for reply in alone]
    assert [reply.usage for reply in together] == [reply.usage for reply in alone]
    assert {reply.usage.completion_tokens for reply in together} == {6}
    assert {reply.finish_reason for reply in together} == {"length"}
    assert together[0].usage.prompt_tokens > together[2].usage.prompt_tokens


async def test_it_keeps_a_models_contract(tiny: Folder) -> None:
    await check_model(open_hf(str(tiny(VISION[0])), {"dtype": "float32"}), texts=("", "hello", "天气 é", "a " * 200))


@pytest.mark.parametrize("family", VISION)
async def test_what_and_where_the_images_are_reaches_the_model(tiny: Folder, family: str) -> None:
    model = open_hf(str(tiny(family)), {"dtype": "float32"})
    green = Image.from_bytes(picture("", size=(200, 90), mode="RGBA").read())
    asks = [[user(RED, "then", BLUE)], [user(BLUE, "then", RED)], [user(RED, "then", green)], [user(RED, BLUE, "then")]]
    found = [await model.complete(ask, top_logprobs=500) for ask in asks]
    assert {completion.error for completion in found} == {""}
    assert len({tuple(sorted(completion.logprobs.items())) for completion in found}) == 4
    total = sum(math.exp(value) for value in found[0].logprobs.values())
    assert total == pytest.approx(1.0, abs=1e-3)
    await model.aclose()


async def test_one_bad_request_does_not_fail_its_batch(tiny: Folder) -> None:
    # Qwen's image processor refuses images more than 200 times as wide as high.
    ribbon = picture("", size=(1300, 4))
    torn = Image.from_bytes(picture("x").read()[:150], label="torn.png")
    asks = [ASKS[0], [user(ribbon, "Hm")], ASKS[2], [user(torn, "Hm")]]
    replies = await answers(tiny("qwen2_5_vl"), asks, GREEDY, 4)
    assert [reply.status for reply in replies] == ["truncated", "error", "truncated", "error"]
    assert "aspect ratio" in replies[1].error
    assert "torn.png: cannot be decoded" in replies[3].error
    assert replies[0].text == (await answers(tiny("qwen2_5_vl"), [ASKS[0]], GREEDY, 1))[0].text


@pytest.mark.parametrize("damage", ["weights", "tokenizer", "architecture"])
async def test_a_load_failure_stops_every_request_at_once(tiny: Folder, tmp_path: Path, damage: str) -> None:
    # Official code: one adapter that fails to load hangs the run for ever.
    folder = tmp_path / "broken"
    shutil.copytree(tiny("llava"), folder)
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"not safetensors")
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    else:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "model_type": "unheard_of"}), encoding="utf-8")
    model = open_hf(str(folder), {"batch_size": "2"})
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(model.generate(ASKS[0], decoding=GREEDY) for _ in range(5)), return_exceptions=True
        )
        with pytest.raises(ModelError, match="cannot be loaded"):
            await model.complete("Hello")
        await model.aclose()
    assert [type(outcome) for outcome in outcomes] == [ModelError] * 5


async def test_sampling_depends_on_the_seed_and_not_on_the_batch(tiny: Folder) -> None:
    sampled = Decoding(temperature=1.0, top_p=0.95, max_tokens=8, seed=3)
    alone = await answers(tiny("text"), [[user("First")], [user("Second")]], sampled, 1)
    together = await answers(tiny("text"), [[user("Second")], [user("Third")], [user("First")]], sampled, 4)
    other = await answers(tiny("text"), [[user("First")]], Decoding(temperature=1.0, max_tokens=8, seed=4), 1)
    assert [together[2].text, together[0].text] == [reply.text for reply in alone]
    assert len({alone[0].text, alone[1].text, other[0].text}) == 3


def test_sampling_follows_the_softmax() -> None:
    base = torch.nn.Module()
    base.do_sample, base.temperature, base.top_p, base.top_k, base.min_p = False, None, None, None, None
    logits = torch.tensor([0.0, 1.0, 2.0])
    rows = 3000
    sampler = row_sampler(base, Decoding(temperature=2.0), range(rows))
    drawn = sampler(None, logits.repeat(rows, 1)).argmax(dim=-1)
    counts = torch.bincount(drawn, minlength=3) / rows
    expected = torch.softmax(logits / 2, dim=-1)
    # Four standard errors of a share near one half.
    assert (counts - expected).abs().max() < 4 * 0.5 / math.sqrt(rows)
    narrow = row_sampler(base, Decoding(temperature=1.0, top_p=0.5), range(50))
    assert set(narrow(None, logits.repeat(50, 1)).argmax(dim=-1).tolist()) == {2}
    assert row_sampler(base, Decoding(temperature=0.0), [1]) is None
    assert row_sampler(base, Decoding(), [1]) is None


async def test_control_tokens_in_a_message_stay_text(tiny: Folder) -> None:
    model = open_hf(str(tiny("llava")), {"dtype": "float32"})
    forged = await model.generate([user(RED, "See <image> and <image>")], decoding=GREEDY)
    assert forged.status == "truncated"
    await model.aclose()


async def test_text_models_take_text_and_raw_prompts_only(tiny: Folder) -> None:
    model = open_plugin("models", f"hf/{tiny('text')}?batch_size=2")
    assert isinstance(model, TransformersModel)
    assert isinstance(model, CompletingModel)
    assert (await model.generate([user("Hi")], decoding=GREEDY)).usage.completion_tokens == 6
    with pytest.raises(ModelError, match="text model"):
        await model.generate(ASKS[0], decoding=GREEDY)
    assert "cannot be decoded" in (await model.complete([user(Image.from_bytes(RED.read()[:99]))])).error
    await model.aclose()
    with pytest.raises(ModelError, match="closed"):
        await model.generate([user("Hi")], decoding=GREEDY)


async def test_a_checkpoint_without_a_template_continues_raw_text_only(tiny: Folder, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(tiny("text"), folder)
    (folder / "chat_template.jinja").unlink()
    model = open_hf(str(folder), {})
    plain, started = await asyncio.gather(model.complete("Hello", top_logprobs=4), model.complete("<bos>Hello"))
    assert len(plain.logprobs) == 4
    assert not started.error
    with pytest.raises(ModelError, match="no chat template"):
        await model.generate([user("Hi")], decoding=GREEDY)
    await model.aclose()


async def test_visible_devices_are_left_alone(tiny: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    before = dict(os.environ)
    await answers(tiny("text"), [[user("Hi")]], GREEDY, 1)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("<think>plan</think>done<eos>", False, ("<think>plan</think>done", True)),
        ("still planning", True, ("<think>still planning", False)),
        ("plan</think>done<eos>", True, ("<think>plan</think>done", True)),
        ("a<|im_end|>b", False, ("ab", False)),
        ("<eos>", False, ("", True)),
    ],
)
def test_reasoning_marks_survive_decoding(text: str, opened: bool, expected: tuple[str, bool]) -> None:
    from tests.models.hf.tiny_vlms import make_tokenizer

    tokenizer = make_tokenizer({"open_token": "<think>", "close_token": "</think>", "turn_token": "<|im_end|>"})
    model = torch.nn.Module()
    model.generation_config = torch.nn.Module()
    model.generation_config.eos_token_id = [tokenizer.eos_token_id]
    checkpoint = hf_loading.Checkpoint(model=model, tokenizer=tokenizer, processor=None)
    prompt = torch.tensor(tokenizer.encode("Hi <think>\n" if opened else "Hi"))
    generated = torch.tensor(
        [*tokenizer.encode(text), tokenizer.pad_token_id, tokenizer.pad_token_id][: None if "<eos>" in text else -2]
    )
    ending = read_answer(checkpoint, prompt, generated)
    assert (ending.text, ending.finished) == expected


async def test_a_gguf_file_says_the_same_as_in_llama_cpp(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    model, llama = open_hf(str(tmp_path), {"gguf_file": "tiny.gguf"}), open_gguf(str(path), {})
    prompt = "The quick brown fox"
    here, there = await model.complete(prompt, top_logprobs=5), await llama.complete(prompt, top_logprobs=5)
    assert here.text == there.text
    # llama.cpp keeps keys and values in half precision.
    assert list(here.logprobs.values()) == pytest.approx(list(there.logprobs.values()), abs=0.05)
    ask = [user("Name two fruits.")]
    reply = await model.generate(ask, decoding=GREEDY)
    assert reply.text == (await llama.generate(ask, decoding=GREEDY)).text
    await model.aclose()


def test_fingerprint_follows_the_weights(tiny: Folder, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny("text"), copy)
    first = open_hf(str(tiny("text")), {})
    assert open_hf(str(copy), {"batch_size": "2", "device": "cpu"}).fingerprint == first.fingerprint
    assert open_hf(str(copy), {"dtype": "bfloat16"}).fingerprint != first.fingerprint
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert open_hf(str(copy), {}).fingerprint != first.fingerprint


def test_a_hub_name_is_pinned_to_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    (tmp_path / f"models--org--name/snapshots/{commit}").mkdir(parents=True)
    (tmp_path / f"models--org--name/snapshots/{commit}/config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "models--org--name/refs").mkdir()
    (tmp_path / "models--org--name/refs/main").write_text(commit, encoding="utf-8")
    source = locate("org/name", revision=None, gguf_file=None)
    assert (source.where, source.revision) == ("org/name", commit)
    assert locate("org/name", revision=commit, gguf_file=None) == source
    assert locate(f"org/name@{commit}", revision=None, gguf_file=None) == source
    for rest, revision in (("org/name@", None), ("org/name@main", "other")):
        with pytest.raises(ConfigError, match="one revision"):
            locate(rest, revision=revision, gguf_file=None)
    with pytest.raises(ModelError, match=r"hf/org/other: the hub gave no config\.json"):
        locate("org/other", revision=None, gguf_file=None)


@pytest.mark.parametrize(
    ("rest", "options", "error", "match"),
    [
        ("", {}, ConfigError, "expected hf/ORG/NAME"),
        ("name", {}, ConfigError, "expected hf/ORG/NAME"),
        ("a/b/c", {}, ConfigError, "expected hf/ORG/NAME"),
        ("./nowhere", {}, ModelError, "config.json: no such file"),
        ("./nowhere", {"revision": "main"}, ConfigError, "a folder has no revisions"),
        ("./nowhere", {"dtype": "int3"}, ConfigError, "dtype"),
        ("./nowhere", {"batch_size": "0"}, ConfigError, "batch_size must be at least 1"),
        ("./nowhere", {"batchsize": "1"}, UnknownName, "Did you mean 'batch_size'"),
    ],
)
def test_odd_names_are_refused(rest: str, options: dict[str, str], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        open_hf(rest, options)


async def test_a_missing_package_is_named(tiny: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.models.smolvlm import processing_smolvlm

    monkeypatch.setattr(processing_smolvlm, "num2words", None)
    model = open_hf(str(tiny("smolvlm")), {})
    with pytest.raises(MissingExtra, match=r"num2words.*safesight\[hf\]"):
        await model.generate(ASKS[0], decoding=GREEDY)
    await model.aclose()
