from pathlib import Path

import pytest

from safesight.core.errors import CorruptData, MissingData, UnknownName
from safesight.explain.capability.scores import (
    Score,
    accuracy,
    bare_name,
    family_of,
    match,
    normalised,
    read_scores,
    size_in_name,
)
from tests.analysis.build import case


def _csv(folder: Path, text: str) -> Path:
    path = folder / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "model,score,params_b,family\nQwen2-VL-7B,60.5,8.3,qwen\nGPT-4o,70,,\nNew,-,,\n",
        "\ufeffRank,Method,Param (B),Language Model,Avg Score,Avg Rank,MMMU_VAL,family\n"
        "1,GPT-4o,,,70,1,69,\n2,Qwen2-VL-7B,8.3,Qwen2-7B,60.5,2,54,qwen\n3,New,1B,,N/A,9,,\n",
        "T,fullname,Average ⬆️,#Params (B),family\n💬,Qwen2-VL-7B,60.5,8.3,qwen\n💬,GPT-4o,70,,\n💬,New,,,\n",
        'Model,Average ⬆️,#Params (B),family\n"<a href=""https://x/y"">Qwen2-VL-7B</a>",60.5,8.3,qwen\n'
        "[GPT-4o](https://z),70%,,\n",
    ],
    ids=["plain", "openvlm", "open-llm", "links"],
)
def test_every_layout_gives_the_same_scores(tmp_path: Path, text: str):
    assert sorted(read_scores(_csv(tmp_path, text)), key=lambda one: one.score) == [
        Score(model="Qwen2-VL-7B", score=60.5, params_b=8.3, family="qwen"),
        Score(model="GPT-4o", score=70.0),
    ]


def test_another_column_can_be_the_score(tmp_path: Path):
    path = _csv(tmp_path, "Method,Avg Score,MMMU_VAL\nA,50,41\n")
    assert read_scores(path, column="MMMU_VAL")[0].score == 41
    with pytest.raises(UnknownName, match="MMMU_VAL"):
        read_scores(path, column="MMMU_VAl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got none"),
        ("a,b\n1,2\n", "got a, b"),
        ("model,score\nA,good\n", "record 2: expected a number"),
        ("model,score\nA,1\nA,2\n", "expected each model once, got A"),
    ],
)
def test_files_that_are_no_scores_say_why(tmp_path: Path, text: str, message: str):
    with pytest.raises(CorruptData, match=message):
        read_scores(_csv(tmp_path, text))


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path: Path):
    with pytest.raises(MissingData, match="--scores"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"model,score\n\xff\xfe,1\n")
    with pytest.raises(CorruptData, match="UTF-8"):
        read_scores(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("model", "bare", "size", "family"),
    [
        ("hf/Qwen/Qwen2.5-VL-3B-Instruct", "Qwen2.5-VL-3B-Instruct", 3.0, "qwen"),
        ("http://127.0.0.1:8000/v1#qwen2.5-vl", "qwen2.5-vl", None, "qwen"),
        ("openai/gpt-4o-mini?detail=high", "gpt-4o-mini", None, "gpt"),
        ("gguf:/models/InternVL3-8B.gguf+/models/mm.gguf", "InternVL3-8B", 8.0, "internvl"),
        ("Kimi-VL-A3B-Instruct", "Kimi-VL-A3B-Instruct", None, "kimi"),
        ("QVQ-72B-Preview", "QVQ-72B-Preview", 72.0, "qwen"),
        ("openai/o3-mini", "o3-mini", None, "gpt"),
        ("MiniCPM-o 2.6", "MiniCPM-o 2.6", None, "minicpm"),
        # Whose weights: model cards of the published tables' models, and siblings.
        ("Llama3-LLaVA-NeXT-8B", "Llama3-LLaVA-NeXT-8B", 8.0, "llava"),
        ("LLaVA-1.5", "LLaVA-1.5", None, "llava"),
        ("Skywork-R1V3-38B", "Skywork-R1V3-38B", 38.0, "internvl"),
        ("InternVL3-78B", "InternVL3-78B", 78.0, "internvl"),
        ("hf/mistralai/Pixtral-12B-2409", "Pixtral-12B-2409", 12.0, "mistral"),
        ("Mistral-Small-3.1-24B", "Mistral-Small-3.1-24B", 24.0, "mistral"),
        ("Gemini-3-Pro-Preview", "Gemini-3-Pro-Preview", None, "gemini"),
        ("hf/google/paligemma2-3b", "paligemma2-3b", 3.0, "gemma"),
        ("Gemma-3-12B", "Gemma-3-12B", 12.0, "gemma"),
        ("GLM-4.1V-9B-Thinking", "GLM-4.1V-9B-Thinking", 9.0, "glm"),
        ("Llama-3.2-11B-Vision", "Llama-3.2-11B-Vision", 11.0, "llama"),
    ],
)
def test_names_sizes_and_families_are_read_off(model: str, bare: str, size: float | None, family: str):
    assert (bare_name(model), size_in_name(model), family_of(model)) == (bare, size, family)


def test_names_match_by_rule_and_never_by_likeness():
    scores = [
        Score(model=name, score=1.0) for name in ("GPT4o", "Qwen2.5-VL-32B", "InternVL-38B", "Phi-3", "Phi 3 (chat)")
    ]
    ours = ["openai/gpt-4o", "hf/Qwen/Qwen2.5-VL-32B-Instruct", "InternVL3-8B", "hf/x/phi-3-instruct"]
    found = match(ours, scores)
    assert {name: score.model for name, score in found.found.items()} == {ours[0]: "GPT4o", ours[1]: "Qwen2.5-VL-32B"}
    assert found.unmatched == {ours[2]: ("InternVL-38B",), ours[3]: ("Phi-3", "Phi 3 (chat)")}
    assert found.unused == ("InternVL-38B", "Phi-3", "Phi 3 (chat)")


def test_an_exact_name_wins_over_a_shortened_one():
    scores = [Score(model="Qwen2-VL-7B", score=1.0), Score(model="Qwen2-VL-7B-Instruct", score=2.0)]
    assert match(["Qwen2-VL-7B-Instruct"], scores).found["Qwen2-VL-7B-Instruct"].score == 2.0
    assert normalised("it", short=True) == "it"


def test_accuracy_leaves_out_what_was_not_answered():
    cases = [
        case("1", text="The answer is B.", target="B", benign=True),
        case("2", text="(A)", target="B", benign=True),
        case("3", status="error", target="B", benign=True),
        case("4", text="(B)", benign=True),
    ]
    found = accuracy(cases)
    assert (found.value, found.n) == (0.5, 2)
    assert accuracy([]).value is None
