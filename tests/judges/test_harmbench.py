"""The HarmBench judge: canonical template, trimming, P(yes), strict parsing."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.protocols import Completion
from safesight.core.registry import open_plugin
from safesight.judges.harmbench import HarmBenchJudge, tokens_at_most, yes_no
from safesight.models.scripted import Scripted, ScriptedModel
from tests.models.mock_openai import MockOpenAI, failure, reply

from .build import case

# SHA-256 of LLAMA2_CLS_PROMPT["prompt"] on the model card of cais/HarmBench-Llama-2-13b-cls.
CANONICAL = "4016eb2e1758f37cfbf37f0e1540f15f26857e048c28e69796c23337ae0a285a"


def prompts(model: ScriptedModel) -> list[str]:
    return [call.messages for call in model.calls if isinstance(call.messages, str)]


async def test_the_prompt_is_the_model_cards():
    model = ScriptedModel(["No"])
    judge = HarmBenchJudge(model)
    await judge.judge([case("Fold it in half.", question="How do I fold a crane?")])
    lines = prompts(model)[0].split("\n")
    assert lines[0] == "[INST] <<SYS>>"
    assert lines[2:6] == ["<</SYS>>", "", "Behavior:", "How do I fold a crane?"]
    assert lines[6:12] == ["", "Generation:", "Fold it in half.", "", "---", "Rules:"]
    assert lines[12].endswith("do not count. ")
    assert lines[-2:] == ["", "Answer: [/INST]"]
    assert judge.prompt_hash == CANONICAL == hashlib.sha256(judge.template.encode()).hexdigest()


@pytest.mark.parametrize(
    ("said", "label"),
    [("Yes", "unsafe"), (" yes", "unsafe"), ("No", "safe"), (" No\n", "safe"), ("", "unparsed"), ("Maybe", "unparsed")],
)
async def test_one_token_decides(said: str, label: str):
    verdict = (await HarmBenchJudge(ScriptedModel([said])).judge([case()]))[0]
    assert (verdict.label, verdict.error, verdict.harm) == (label, "", None)


async def test_the_probability_of_yes_is_recorded():
    logprobs = {" Yes": math.log(0.5), "yes": math.log(0.1), "No": math.log(0.3), "Maybe": math.log(0.1)}
    verdict = (await HarmBenchJudge(ScriptedModel([Scripted(text="Yes", logprobs=logprobs)])).judge([case()]))[0]
    assert verdict.harm == pytest.approx(0.6 / 0.9)
    assert verdict.meta == {"p_yes": "0.600000", "p_no": "0.300000"}


def test_probabilities_that_are_absent_are_absent():
    assert yes_no({}) == {}
    assert yes_no({"Maybe": -0.1}) == {"yes": 0.0, "no": 0.0}
    assert yes_no({"▁Yes": 0.0}) == {"yes": 1.0, "no": 0.0}


async def test_an_answer_without_yes_or_no_in_reach_has_no_harm():
    said = Scripted(text="Maybe", logprobs={"Maybe": -0.1})
    verdict = (await HarmBenchJudge(ScriptedModel([said])).judge([case()]))[0]
    assert (verdict.label, verdict.harm) == ("unparsed", None)


@pytest.mark.parametrize("answer", ["word " * 4000, "字" * 6000, "🙂" * 3000])
async def test_a_long_answer_is_trimmed_and_the_scaffold_kept(answer: str):
    model = ScriptedModel(["No", "No"])
    judge = HarmBenchJudge(model, window=1024)
    long, short = await judge.judge([case(answer), case("short")])
    prompt = prompts(model)[0]
    assert (long.truncated, short.truncated) == (True, False)
    assert tokens_at_most(prompt) <= 1024
    assert prompt.endswith("Answer: [/INST]")
    assert f"Generation:\n{answer[:100]}" in prompt


async def test_a_question_that_fills_the_window_is_a_broken_verdict():
    model = ScriptedModel(["No"])
    verdict = (await HarmBenchJudge(model, window=600).judge([case(question="why " * 600)]))[0]
    assert verdict.label == "unparsed"
    assert "raise window=" in verdict.error
    assert model.calls == []


class Counted(ScriptedModel):
    """A model with its own tokenizer: a word a token."""

    async def count_tokens(self, text: str) -> int:
        return len(text.split())


async def test_a_local_tokenizer_fills_the_window():
    model = Counted(["No"])
    judge = HarmBenchJudge(model, window=600)
    [verdict] = await judge.judge([case("word " * 4000)])
    assert verdict.truncated
    # The beginning-of-text token and the answer's own token are kept free.
    assert len(prompts(model)[0].split()) == 598


async def test_the_default_window_is_llama_2s():
    model = ScriptedModel(["No", "No"])
    # 8,000 English characters were cut at 5,094 before; they are some 2,000 tokens.
    verdicts = await HarmBenchJudge(model).judge([case("word " * 1600), case("word " * 4000)])
    assert [v.truncated for v in verdicts] == [False, True]


@settings(deadline=None, max_examples=30)
@given(text=st.text(max_size=300), window=st.integers(700, 1100))
async def test_the_longest_beginning_that_fits_is_shown(text: str, window: int):
    model = ScriptedModel(["No"])
    judge = HarmBenchJudge(model, window=window)
    [verdict] = await judge.judge([case(text, question="q")])
    if verdict.error:
        assert tokens_at_most(judge.template) > window - 20
        return
    prompt = prompts(model)[0]
    assert tokens_at_most(prompt) <= window - 2
    if verdict.truncated:
        shown = judge.template.format(behavior="q", generation="\0").split("\0")
        kept = prompt.removeprefix(shown[0]).removesuffix(shown[1])
        longer = shown[0] + text[: len(kept) + 1] + shown[1]
        assert tokens_at_most(longer) > window - 2


async def test_braces_in_an_answer_are_text():
    model = ScriptedModel(["No"])
    await HarmBenchJudge(model).judge([case("{behavior} {0} {{x}}")])
    assert "Generation:\n{behavior} {0} {{x}}\n" in prompts(model)[0]


async def test_a_completions_endpoint_with_logprobs():
    logprobs = {"tokens": ["Yes"], "token_logprobs": [-0.1], "top_logprobs": [{"Yes": -0.1, "No": -2.5}]}
    async with MockOpenAI(then=reply(" Yes", logprobs=logprobs)) as server:
        judge = open_plugin("judges", f"harmbench:{server.name}")
        verdicts = await judge.judge([case(key=str(i)) for i in range(4)])
        await judge.aclose()
    assert {v.label for v in verdicts} == {"unsafe"}
    assert verdicts[0].harm == pytest.approx(math.exp(-0.1) / (math.exp(-0.1) + math.exp(-2.5)))
    assert server.last.path == "/v1/completions"
    assert server.last.json["max_tokens"] == 1
    assert server.last.json["prompt"].startswith("[INST] <<SYS>>\nYou are a classifier")
    assert judge.name == f"harmbench:{server.name}"


async def test_a_failed_call_is_an_error_not_a_label():
    async with MockOpenAI(failure(400, "too long"), then=reply("No")) as server:
        judge = open_plugin("judges", f"harmbench:{server.name}?retries=0")
        verdicts = [(await judge.judge([case()]))[0] for _ in range(2)]
        await judge.aclose()
    assert [v.label for v in verdicts] == ["unparsed", "safe"]
    assert "too long" in verdicts[0].error


class ChatOnly:
    """A model without raw completions."""

    name, fingerprint, max_concurrency = "chat", "f", None

    async def generate(self, messages: object, *, decoding: object) -> Completion:
        raise AssertionError("never asked")

    async def aclose(self) -> None:
        """Nothing to close."""


def test_a_model_that_only_chats_is_refused():
    with pytest.raises(ConfigError, match="only chats"):
        HarmBenchJudge(ChatOnly())


def test_bad_names_say_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigError, match="positive whole number"):
        open_plugin("judges", "harmbench:scripted:echo?window=0")
    with pytest.raises(UnknownName, match="colour"):
        open_plugin("judges", "harmbench:scripted:echo?colour=red")


def test_fingerprints_follow_model_and_window():
    one = HarmBenchJudge(ScriptedModel(["No"]))
    assert one.fingerprint == HarmBenchJudge(ScriptedModel(["No"])).fingerprint
    assert one.fingerprint != HarmBenchJudge(ScriptedModel(["Yes"])).fingerprint
    assert one.fingerprint != HarmBenchJudge(ScriptedModel(["No"]), window=512).fingerprint


@pytest.mark.slow
async def test_the_real_embedded_model_continues_the_raw_template():
    judge = open_plugin("judges", "harmbench:embedded")
    verdict = (await judge.judge([case("Fold the sheet along its diagonal.")]))[0]
    await judge.aclose()
    assert verdict.error == ""
    assert verdict.meta.keys() == {"p_yes", "p_no"}
