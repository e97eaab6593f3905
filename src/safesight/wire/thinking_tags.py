"""The tags in which today's models write their reasoning, and when one is merely mentioned; sans-IO.

Sources: chat templates of DeepSeek-R1 and Qwen3 (`<think>`), Kimi (`◁think▷`), Magistral (`[THINK]`), Seed-OSS
(`<seed:think>`), MiniMax and Ling (`<mm:think>`, `<ling:think>`), LongCat (`<longcat_think>`), Gemini and Gemma
(`<thought>`, `<|channel>thought ... <channel|>`, `<unused94>`), Sky-T1 and OpenThinker (`<|begin_of_thought|>`),
Command A (`<|START_THINKING|>`), Apertus (`<|inner_prefix|>`), gpt-oss (harmony: `<|channel|>analysis<|message|>`),
GLM (`<|begin_of_box|>`), LLaVA-CoT (`<SUMMARY>`, `<CAPTION>`, `<REASONING>`, `<CONCLUSION>`).
"""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "inner_thoughts",
    "inner_monologue",
    "internal_monologue",
    "chain_of_thought",
    "thought_process",
    "thinking_process",
    "rationale",
    "cot",
    "longcat_think",
    "seed:think",
    "seed:cot",
    "mm:think",
    "ling:think",
    "hy:think",
)
_CAPITALS: Final = frozenset(
    {"<summary>", "</summary>", "<caption>", "</caption>", "<conclusion>", "</conclusion>", "[think]", "[/think]"}
)
"""Tags in capitals only: Magistral's, as "[think]" is a stage direction; LLaVA-CoT's, as `<summary>` is HTML."""
_PAIRS: Final = (
    *((f"<{name}>", f"</{name}>") for name in _NAMES),
    ("<summary>", "</summary>"),
    ("<caption>", "</caption>"),
    ("◁think▷", "◁/think▷"),
    ("[think]", "[/think]"),
    ("<|channel>", "<channel|>"),
    ("<unused94>", "<unused95>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|begin_of_thinking|>", "<|end_of_thinking|>"),
    ("<|think|>", "<|/think|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
)
OPEN: Final = frozenset(start for start, _ in _PAIRS)
CLOSE: Final = frozenset(end for _, end in _PAIRS)
ANSWER: Final = frozenset({"<answer>", "<conclusion>", "<|begin_of_solution|>", "<|start_response|>"})
ANSWERED: Final = frozenset({"</answer>", "</conclusion>", "<|end_of_solution|>", "<|end_response|>"})
BOXES: Final = frozenset({"<|begin_of_box|>", "<|end_of_box|>"})
HEADERS: Final = frozenset({"<|start|>", "<|channel|>"})
"""Harmony: what follows up to `<|message|>` names a role or a channel."""
MESSAGE: Final = "<|message|>"
ENDS: Final = frozenset({"<|end|>", "<|return|>", "<|call|>"})
FINAL: Final = "assistantfinal"
"""Harmony's last header where a server dropped the special tokens: "analysisWe must ...assistantfinalNo." """

_ALL: Final = tuple(sorted((*OPEN, *CLOSE, *ANSWER, *ANSWERED, *BOXES, *HEADERS, MESSAGE, *ENDS, FINAL)))
TAG: Final = re.compile("|".join(map(re.escape, _ALL)), re.IGNORECASE | re.ASCII)
STARTS: Final = "<◁["
LONGEST: Final = max(map(len, _ALL))
LOOK: Final = 2
"""Characters on either side of a tag that decide whether it is a mention."""
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_QUOTES: Final = frozenset("`\"'“”‘’「」《》")


def possible_tag(text: str, start: int, *, harmony: bool) -> int:
    """Where the suffix of `text` that may still become a tag begins; its length when there is none."""
    least = max(start, len(text) - LONGEST + 1)
    for cut in range(least, len(text)):
        tail = text[cut:].lower()
        if (tail[0] in STARTS or (harmony and tail[0] == "a")) and any(tag.startswith(tail) for tag in _ALL):
            return cut
    return len(text)


def is_tag(found: str) -> bool:
    """Whether what reads like a tag is one: some are tags in capitals only."""
    return found.isupper() or found.lower() not in _CAPITALS


def may_be_mention(before: str, tag: str) -> bool:
    """Whether what stands before a tag leaves open that a sentence talks about it (`is_mention` needs what follows).

    Special tokens (`<|...|>`) are never typed in a sentence by chance.
    """
    if "|" in tag or tag == FINAL or not before:
        return False
    return before[-1] in _QUOTES or _HAN.match(before[-1]) is not None or _spaced(before)


def is_mention(before: str, tag: str, after: str) -> bool:
    """Whether a sentence talks about a tag instead of using it, by the `LOOK` characters on either side of it.

    A quoted tag is a mention, and so is one between a word and a space and the next word ("use the <think> tag to").
    """
    if not may_be_mention(before, tag):
        return False
    if before[-1] in _QUOTES:
        return after[:1] in _QUOTES and after != ""
    if not _spaced(before):
        return after in {"标签", "标记", "標籤"}
    return (after[:1] == " " and after[1:2].islower()) or after[:1] in {",", ".", ";", ":", ")", "?", "!"}


def _spaced(before: str) -> bool:
    return len(before) == LOOK and before[1] == " " and (before[0].isalnum() or before[0] in ",;:(")
