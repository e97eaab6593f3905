from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safesight.wire.thinking import Piece, ThinkingSplitter, split

CASES = [
    # whole reply, text, reasoning
    ("plain answer", "plain answer", ""),
    ("  indented\n", "  indented\n", ""),
    ("   ", "   ", ""),
    ("", "", ""),
    ("a < b, <b>bold</b> and 1 <think", "a < b, <b>bold</b> and 1 <think", ""),
    ("<think>why</think>\n\nanswer", "answer", "why"),
    ("\n<think>\nwhy\n</think>\nanswer\n", "answer\n", "\nwhy\n"),
    ("<think>never ends", "", "never ends"),
    ("<think>", "", ""),
    ("<think></think>answer", "answer", ""),
    ("the template opened it</think>answer", "answer", "the template opened it"),
    ("trace</think>", "", "trace"),
    ("a</think>b</think>c", "c", "ab"),
    ("<think>a</think>x<think>b</think>y", "xy", "ab"),
    ("<think><think>a</think>b", "b", "a"),
    ("<think>a<think>b</think>c</think>d", "d", "abc"),
    ("so far <think>and then", "so far ", "and then"),
    ("<think>a</think>x<think>open", "x", "aopen"),
    ("<THINK>a</Think>b", "b", "a"),
    ("◁think▷理由◁/think▷答案", "答案", "理由"),
    ("◁think▷never ends", "", "never ends"),
    ("理由◁/think▷答案", "答案", "理由"),
    ("◁ not a tag ▷", "◁ not a tag ▷", ""),
    ("<think>a</think><answer>b</answer>", "b", "a"),
    ("<think>a</think><answer>\nb\n</answer>\n", "b\n\n", "a"),
    ("<think>a</think><answer>b", "b", "a"),
    ("stray</answer> tag", "stray tag", ""),
    ("<answer>b</answer>", "b", ""),
    ("<answer>one</answer> and <answer>two</answer>", "one and two", ""),
    ("<think>a</think><answer><|begin_of_box|>B<|end_of_box|></answer>", "B", "a"),
    ("The answer is <|begin_of_box|>42<|end_of_box|>.", "The answer is 42.", ""),
    ("<think>a <|begin_of_box|>", "", "a <|begin_of_box|>"),
    ("<think>a<answer>b</answer>", "b", "a"),
    ("<think>a<answer><|begin_of_box|>b<|end_of_box|></answer>\n", "b\n", "a"),
    ("<think>a<answer>draft</answer> no, more", "", "a<answer>draft</answer> no, more"),
    ("<think>a<answer>draft</answer> no <answer>b</answer>", "b", "a<answer>draft</answer> no "),
    ("<think>a<answer>draft</answer></think>b", "b", "a<answer>draft</answer>"),
    ("<think>a<answer>draft</answer><think>", "", "a<answer>draft</answer>"),
    ("<think>a<answer>draft</answer>\n[THINK]no", "", "a<answer>draft</answer>\nno"),
    ("<think>a<answer>draft</answer>◁think▷no<answer>b</answer>", "b", "a<answer>draft</answer>no"),
    ("<think>a<answer>draft</answer><|channel|>analysis<|message|>", "", "a<answer>draft</answer>"),
    ("<think>a<answer>draft</answer><think>no</think>b", "b", "a<answer>draft</answer>no"),
    ("<think>a<answer>cut off", "", "a<answer>cut off"),
    ("<think>a<answer>b</answer></answer>", "b", "a"),
    ("<think>a</answer>b", "", "a</answer>b"),
    # The families: a trace, an answer, in each model's own tags.
    ("<thinking>a</thinking>b", "b", "a"),
    ("<thought>a</thought>\nb", "b", "a"),
    ("<reasoning>a</reasoning>b", "b", "a"),
    ("[THINK]a[/THINK]b", "b", "a"),
    ("a[/THINK]b", "b", "a"),
    ("[THINK]never ends", "", "never ends"),
    ("<seed:think>a</seed:think>b", "b", "a"),
    ("<mm:think>a</mm:think>b", "b", "a"),
    ("<ling:think>a</ling:think>b", "b", "a"),
    ("<longcat_think>a</longcat_think>b", "b", "a"),
    ("<thought_process>a</thought_process>b", "b", "a"),
    ("<internal_monologue>a</internal_monologue>b", "b", "a"),
    ("<rationale>a</rationale>b", "b", "a"),
    ("<CAPTION>a</CAPTION><CONCLUSION>b</CONCLUSION>", "b", "a"),
    ("<details><summary>more</summary>b</details>", "<details><summary>more</summary>b</details>", ""),
    ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>", "b", "a"),
    ("<|begin_of_thought|>a<|begin_of_solution|>b<|end_of_solution|>", "b", "a"),
    ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b", "a"),
    ("<|inner_prefix|>a<|inner_suffix|>b", "b", "a"),
    ("<|channel>thought\na<channel|>b", "b", "thought\na"),
    ("<|channel>thought\n<channel|>b", "b", "thought\n"),
    ("<unused94>thought\na<unused95>b", "b", "thought\na"),
    # Harmony: whole, without its beginning, with a tool's channel, cut, and without special tokens.
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b", "a"),
    (
        "<|start|>assistant<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
        "b",
        "a",
    ),
    ("a<|end|><|start|>assistant<|channel|>final<|message|>b", "b", "a"),
    ("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>b", "b", "{}"),
    ("<|channel|>analysis<|message|>never ends", "", "never ends"),
    ("<|channel|>analy", "", "analy"),
    ("analysisWe must decline.assistantfinalNo.", "No.", "analysisWe must decline."),
    ("analysisWe must", "", "analysisWe must"),
    ("analysis of the picture: a cat", "analysis of the picture: a cat", ""),
    ("the word assistantfinal in a text", "the word assistantfinal in a text", ""),
    # Mentions: the sentence keeps its end, and its beginning.
    ("Use the <think> tag to reason, then answer.", "Use the <think> tag to reason, then answer.", ""),
    ("The tag </think> ends a trace.", "The tag </think> ends a trace.", ""),
    ("Between <think> and </think>, models reason.", "Between <think> and </think>, models reason.", ""),
    ("Write `<think>` first.", "Write `<think>` first.", ""),
    ('Quote "</think>" as it is.', 'Quote "</think>" as it is.', ""),
    ("It closes with </thinking>.", "It closes with </thinking>.", ""),
    ("Put it into [THINK] brackets.", "Put it into [THINK] brackets.", ""),
    ("请使用<think>标签书写。", "请使用<think>标签书写。", ""),
    ("<think>a</think>The <think> tag is kept.", "The <think> tag is kept.", "a"),
    ("[think] a stage direction [/think]", "[think] a stage direction [/think]", ""),
    ("see [1] and [th", "see [1] and [th", ""),
]

TAGS = [
    "<thinking>",
    "</thinking>",
    "[THINK]",
    "[/THINK]",
    "<|channel|>",
    "<|message|>",
    "<|end|>",
    "assistantfinal",
    "<|channel>",
    "<channel|>",
    "analysis",
    "final",
    "<think>",
    "</think>",
    "◁think▷",
    "◁/think▷",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
]
FRAGMENTS = st.sampled_from([*TAGS, "<", "</", "◁", "<thin", "k>", "|>", " ", "\n", "a", "bc ", "答", "İK"])
REPLIES = st.lists(FRAGMENTS, max_size=14).map("".join) | st.text(max_size=40)


def gather(pieces: list[Piece]) -> Piece:
    text = reasoning = ""
    for piece in pieces:
        keep = len(text) - piece.retract
        text, reasoning = text[:keep] + piece.text, reasoning + text[keep:] + piece.reasoning
    return Piece(text=text, reasoning=reasoning)


def stream(chunks: list[str]) -> list[Piece]:
    splitter = ThinkingSplitter()
    return [*map(splitter.feed, chunks), splitter.flush()]


@pytest.mark.parametrize(("reply", "text", "reasoning"), CASES)
def test_splits_whole_replies(reply: str, text: str, reasoning: str):
    assert split(reply) == Piece(text=text, reasoning=reasoning)


@pytest.mark.parametrize(("reply", "text", "reasoning"), CASES)
def test_splits_the_same_letter_by_letter(reply: str, text: str, reasoning: str):
    assert gather(stream(list(reply))) == Piece(text=text, reasoning=reasoning)


@given(REPLIES, st.data())
def test_any_chunking_gives_the_same_split(reply: str, data: st.DataObject):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=8)))
    chunks = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    assert gather(stream(chunks)) == split(reply)


@given(st.text(alphabet=st.characters(exclude_characters="<◁["), max_size=60))
def test_text_without_tags_passes_byte_identical(reply: str):
    assert split(reply) == Piece(text=reply)


@given(REPLIES)
@example("<think><answer><</answer>")
@example("<think><answer>a</answer>\n")
def test_nothing_after_a_last_open_tag_is_text(reply: str):
    assert split(reply + "<think>secret trace").text == split(reply + "<think>").text


@given(REPLIES)
def test_nothing_is_lost_but_tags_and_leading_blanks(reply: str):
    piece = split(reply)
    kept = sorted((piece.text + piece.reasoning).replace(" ", "").replace("\n", ""))
    for tag in ("<think>", "</think>", "◁think▷", "◁/think▷"):
        reply = reply.replace(tag, "")
    letters = [c for c in reply if c in "答İ"]
    assert [c for c in kept if c in "答İ"] == sorted(letters)


def test_a_stream_says_how_much_to_take_back():
    pieces = stream(["a tra", "ce", "</think>", "answer"])
    assert [piece.retract for piece in pieces] == [0, 0, 7, 0, 0]


def test_text_is_released_as_it_comes():
    splitter = ThinkingSplitter()
    splitter.feed("<think>x</think>")
    assert [splitter.feed(t).text for t in ("Hel", "lo <", "b>", " w")] == ["Hel", "lo ", "<b>", " w"]
