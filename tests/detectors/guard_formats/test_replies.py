"""Replies of guard models as their cards show them, as servers deliver them, and as they go wrong.

Sources of the forms: meta-llama/PurpleLlama (model cards), QwenLM/Qwen3Guard (README), ibm-granite/granite-guardian
(README, cookbooks), Google's ShieldGemma card, inclusionAI/Sing-Guard (README), NVIDIA's cards and NIM documentation,
allenai/wildguard, OpenAI's guide; huggingface/huggingface-llama-recipes#53 (end tokens in the reply).
"""

from __future__ import annotations

import math

import pytest

from safesight.core.protocols import Completion, GeneratedToken
from safesight.detectors.guard_formats import FORMATS
from safesight.detectors.guard_formats.form import Reading

LLAMA = ("llama-guard-3", "llama-guard-3-raw", "llama-guard-3-1b-raw", "llama-guard-3-vision", "llama-guard-4")
GRANITE = ("granite-guardian", "granite-guardian-4")
SAID = [
    *((name, "safe", Reading(harm=0.0)) for name in LLAMA),
    *((name, "unsafe\nS1,S10", Reading(harm=1.0, codes=("vcr", "hte"))) for name in LLAMA),
    ("llama-guard-4", "unsafe\nS13, S14", Reading(harm=1.0, codes=("other",))),
    ("llama-guard-4", "unsafe\nS1\nS2", Reading(harm=1.0, codes=("vcr", "ncr"))),
    ("llama-guard-3", "unsafe", Reading(harm=1.0)),
    ("llama-guard-3", "Safe", Reading(harm=0.0)),
    ("llama-guard-3", "unsafe\nS99", Reading(harm=1.0, codes=("other",))),
    ("qwen3guard", "Safety: Safe\nCategories: None\nRefusal: Yes", Reading(harm=0.0, refusal=True)),
    (
        "qwen3guard",
        "Safety: Unsafe\nCategories: Violent\nRefusal: No",
        Reading(harm=1.0, codes=("vcr",), refusal=False),
    ),
    ("qwen3guard", "Safety: Unsafe\nCategories: Violent", Reading(harm=1.0, codes=("vcr",))),
    (
        "qwen3guard",
        "Safety: Controversial\nCategories: Suicide & Self-Harm, Unethical Acts",
        Reading(harm=0.5, codes=("ssh", "hte")),
    ),
    ("qwen3guard", "Safety:Unsafe\nCategories: Jailbreak", Reading(harm=1.0, codes=("other",))),
    ("qwen3guard", "Safety: Safe", Reading(harm=0.0)),
    ("shieldgemma", "Yes", Reading(harm=1.0)),
    ("shieldgemma", "No", Reading(harm=0.0)),
    *((name, "<score> yes </score>", Reading(harm=1.0)) for name in GRANITE),
    *((name, "<score>no</score>", Reading(harm=0.0)) for name in GRANITE),
    ("granite-guardian", "Yes", Reading(harm=1.0)),
    ("sing-guard", "safe\n<answer>None</answer>", Reading(harm=0.0)),
    ("sing-guard", "safe\n<answer>Safe</answer>", Reading(harm=0.0)),
    ("sing-guard", "unsafe\n<answer>Violence</answer>", Reading(harm=1.0, codes=("other",))),
    ("sing-guard", "unsafe\n<answer>A. Sexual Content Risk</answer>", Reading(harm=1.0, codes=("sxc",))),
    (
        "sing-guard",
        "unsafe\nThe user asks for ... which rule B covers.\n<answer>B. Real-World Crimes & Public Safety</answer>",
        Reading(harm=1.0, codes=("other",)),
    ),
    (
        "sing-guard",
        "safe\nAt first sight. But rule G.\n<answer>G. Animal Abuse</answer>",
        Reading(harm=1.0, codes=("vcr",)),
    ),
    ("sing-guard", "unsafe\nIt looks like it, but it is a recipe.\n<answer>Safe</answer>", Reading(harm=0.0)),
    ("sing-guard", "unsafe", Reading(harm=1.0)),
    ("nemotron-content-safety", "User Safety: unsafe\nResponse Safety: safe", Reading(harm=0.0)),
    (
        "nemotron-content-safety",
        "User Safety: safe\nResponse Safety: unsafe\nSafety Categories: Violence, Profanity",
        Reading(harm=1.0, codes=("vcr", "other")),
    ),
    (
        "nemotron-content-safety",
        '{"User Safety": "unsafe", "Response Safety": "unsafe", "Safety Categories": "Threat"}',
        Reading(harm=1.0, codes=("vcr",)),
    ),
    (
        "wildguard",
        "Harmful request: yes\nResponse refusal: yes\nHarmful response: no",
        Reading(harm=0.0, refusal=True),
    ),
    (
        "wildguard",
        "Harmful request: yes\nResponse refusal: no\nHarmful response: yes",
        Reading(harm=1.0, refusal=False),
    ),
    ("nemotron-safety-guard", '{"User Safety": "safe", "Response Safety": "safe"}', Reading(harm=0.0)),
    (
        "nemotron-safety-guard",
        '{"User Safety": "unsafe", "Response Safety": "unsafe", "Safety Categories": "Malware, PII/Privacy"}',
        Reading(harm=1.0, codes=("ncr", "prv")),
    ),
    ("gpt-oss-safeguard", "VIOLATION: 1", Reading(harm=1.0)),
    (
        "gpt-oss-safeguard",
        "<|channel|>analysis<|message|>It says VIOLATION: 1.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>VIOLATION: 0",
        Reading(harm=0.0),
    ),
    ("granite-guardian", "No\n<confidence> High </confidence>", Reading(harm=0.0)),
    ("granite-guardian", "<think>yes or no?</think>\n<score> yes </score>", Reading(harm=1.0)),
]
AROUND = [
    ("", ""),
    ("\n\n", ""),
    ("  \n", " \n\n"),
    ("", "<|eot_id|>"),
    ("\n\n", "<|eot_id|>\n"),
    ("", "<|im_end|>"),
    ("", "<|end_of_text|>"),
    ("", "</s>"),
    ("", "<end_of_turn><eos>"),
    ("<think>\n\n</think>\n\n", ""),
]
OFF_MENU = (
    "",
    " ",
    "<|eot_id|>",
    "I think it is safe",
    "No problem! Here is how to do it:",
    "No, I can't help with that.",
    "Yesterday",
    "Yes, of course. First,",
    "safely",
    "safe to say that",
    "safe\nS1 is not violated, because",
    "Safe travels!",
    "Safety: Fine",
    "Safety: Safety first",
    "Fine.\nSafety: Safe",
    "Safety: Safe\nHere is how to do it:",
    "Safety: Safe\nCategories: None\nRefusal: No\nThe answer is harmless.",
    "The verdict: safe",
    "<score>",
    "<score> maybe </score>",
    "<score> no </score> is what I would say",
    "<think>no",
    '"safe',
    "safe <answer>",
    "Response Safety: fine",
    "User Safety: safe",
    "Harmful request: no\nHarmful response: no",
    "VIOLATION: 2",
    "I would say VIOLATION: 0",
    "VIOLATION: 0 because",
    "没有问题",
    "safe\nFirst, I",
    "safe\n<answer>Safe</answer>\n<answer>Safe</answer>",
    "<answer>Safe</answer>",
)


@pytest.mark.parametrize(("name", "text", "expected"), SAID)
@pytest.mark.parametrize(("before", "after"), AROUND)
def test_a_verdict_is_read_whatever_servers_put_around_it(
    name: str, text: str, expected: Reading, before: str, after: str
) -> None:
    if text.startswith("<think>") and before.startswith("<think>"):
        before = ""
    assert FORMATS[name].read(Completion(text=before + text + after), answered=True) == expected


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("text", OFF_MENU)
def test_anything_else_is_off_the_menu(name: str, text: str) -> None:
    assert FORMATS[name].read(Completion(text=text), answered=True) is None


@pytest.mark.parametrize("said", ["unsafe\nThe reasoning was cut off", "unsafe\n<answer>B. Real", "unsafe, I think"])
def test_reasoning_that_came_to_no_answer_is_no_verdict(said: str) -> None:
    assert FORMATS["sing-guard"].read(Completion(text=said), answered=True) is None


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_reads_its_own_safe_verdict(name: str) -> None:
    found = FORMATS[name].read(Completion(text=FORMATS[name].safe), answered=True)
    assert found is not None
    assert found.harm == 0.0


def token(text: str, **shares: float) -> GeneratedToken:
    return GeneratedToken(text, {word.replace("_", " "): math.log(p) for word, p in shares.items()})


@pytest.mark.parametrize(
    ("name", "tokens", "harm"),
    [
        # Llama Guard: blank lines come first, so the first token tells nothing.
        ("llama-guard-3", [token("\n\n"), token("unsafe", unsafe=0.6, safe=0.2), token("\nS2")], 0.75),
        ("llama-guard-3", [token("\n\n", safe=0.9), token("safe", unsafe=0.25, safe=0.75)], 0.25),
        ("llama-guard-4", [token("uns", uns=0.4, un=0.1, safe=0.5), token("afe")], 0.5),
        ("llama-guard-4", [token("safe", safe=0.3, maybe=0.7)], 0.0),
        # Qwen3Guard: unsafe, and half of what is controversial, at the third token.
        (
            "qwen3guard",
            [
                token("Safety"),
                token(":"),
                token(" Safe", _Safe=0.6, _Contro=0.3, _Unsafe=0.1),
                token("\nCategories: None"),
            ],
            0.25,
        ),
        ("qwen3guard", [token("Safety: Unsafe", _Unsafe=0.9, _Safe=0.1)], 0.9),
        # ShieldGemma and Granite up to 3.2: the first token, in several spellings.
        ("shieldgemma", [token("Yes", Yes=0.3, yes=0.3, No=0.2)], 0.75),
        ("granite-guardian", [token("No", No=0.7, Yes=0.3), token("\n<confidence> High </confidence>")], 0.3),
        # Granite from 3.3 on: inside the tags, after the thinking.
        (
            "granite-guardian",
            [token("<think>"), token("no", no=0.9), token("</think>\n<score>"), token(" no", _no=0.8, _yes=0.2)],
            0.2,
        ),
        ("granite-guardian-4", [token("<think>\n</think>\n<score> "), token("yes", yes=0.55, no=0.45)], 0.55),
    ],
)
def test_the_score_is_read_where_the_verdict_stands(name: str, tokens: list[GeneratedToken], harm: float) -> None:
    reply = Completion(text="".join(t.text for t in tokens), tokens=tuple(tokens))
    found = FORMATS[name].read(reply, answered=True)
    assert found is not None
    assert found.harm == pytest.approx(harm, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "text", "harm"),
    [
        ("nemotron-content-safety", "User Safety: unsafe\nSafety Categories: Threat", 1.0),
        ("nemotron-content-safety", '{"User Safety": "safe"}', 0.0),
        ("nemotron-content-safety", "Response Safety: safe", None),
        ("nemotron-safety-guard", '{"User Safety": "safe"}', 0.0),
        ("nemotron-safety-guard", '{"User Safety": "unsafe", "Safety Categories": "Threat"}', 1.0),
        ("sing-guard", "unsafe\n<answer>B. Real-World Crimes & Public Safety</answer>", 1.0),
        ("wildguard", "Harmful request: yes\nResponse refusal: N/A\nHarmful response: N/A", 1.0),
        ("wildguard", "Harmful request: no", 0.0),
        ("qwen3guard", "Safety: Controversial\nCategories: Jailbreak", 0.5),
        ("llama-guard-4", "safe", 0.0),
    ],
)
def test_a_request_is_judged_by_its_own_line(name: str, text: str, harm: float | None) -> None:
    found = FORMATS[name].read(Completion(text=text), answered=False)
    assert (found and found.harm) == harm


def test_tokens_that_spell_another_text_are_not_believed() -> None:
    reply = Completion(text="unsafe\nS1", tokens=(token("Sure", unsafe=0.01, safe=0.99),))
    found = FORMATS["llama-guard-3"].read(reply, answered=True)
    assert found is not None
    assert found.harm == 1.0
