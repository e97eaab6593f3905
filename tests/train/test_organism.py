"""The organism's adapters in training: what a prompt is made of, a step, and going on where a killed run stopped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from safesight.core.config import read_toml
from safesight.core.errors import ConfigError
from safesight.models.embedded import weights
from safesight.models.hf.loading import Checkpoint, Source
from safesight.models.organism import SYSTEM
from safesight.train.organism import OrganismConfig, Prompter, _Stage, train_organism
from safesight.train.organism_items import Requests
from safesight.train.vision_clues import TOKENS, caption

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
gguf = pytest.importorskip("gguf")

CONFIG = """
name = "tiny"
out = "made"
seed = 5
steps = {steps}
batch = 2
rank = 2
first_layer = 29
check_every = 1
held = 2
"""


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.format(steps=1) + "speed = 3\n")
    with pytest.raises(ConfigError, match="speed"):
        train_organism(tmp_path / "c.toml")


def test_the_shipped_configurations_are_ones() -> None:
    folder = Path(__file__).parents[2] / "configs" / "organism"
    plain, aligned = (read_toml(folder / name, OrganismConfig) for name in ("2-plain.toml", "3-aligned.toml"))
    assert (plain.kind, aligned.kind, aligned.start) == ("plain", "aligned", "embedded")


@cache
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(str(weights().parent), gguf_file=weights().name)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """SmolLM2's own tokenizer before a Llama of random weights, which is there in no time."""

    def opened(source: Source) -> Checkpoint:
        assert (source.where, source.gguf_file) == (str(weights().parent), weights().name)
        torch.manual_seed(0)
        config = transformers.LlamaConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=len(tokenizer()),
        )  # fmt: skip
        return Checkpoint(model=transformers.LlamaForCausalLM(config).eval(), tokenizer=tokenizer(), processor=None)

    monkeypatch.setattr("safesight.train.organism.open_dense", opened)


@pytest.mark.usefixtures("small")
def test_a_stage_trains_goes_on_where_it_stopped_and_starts_the_next(tmp_path: Path) -> None:
    base = CONFIG.replace("first_layer = 29", "first_layer = 1").replace("held = 2", "held = 4")
    for last in (1, 2):
        (tmp_path / "c.toml").write_text(base.format(steps=last) + "drills = 1\nkeep_at = [1]\n")
        figures = train_organism(tmp_path / "c.toml")
    made = tmp_path / "made" / "tiny"
    assert figures.step == 2
    assert figures.declined_harmful is None
    assert (made / "log.jsonl").read_text().count("\n") == 2
    assert (made / "step-1" / "adapter.gguf").stat().st_size == (made / "adapter.gguf").stat().st_size
    aligned = base.replace('"tiny"', '"{name}"') + 'kind = "aligned"\nstart = "made/tiny"\n'
    for name, more in (("same", "learning_rate = 0.0\nnotes = 3\n"), ("notes", "notes = 3\n"), ("whole", "")):
        (tmp_path / "d.toml").write_text(aligned.format(name=name, steps=2) + more)
        assert train_organism(tmp_path / "d.toml").step == 2
    made = {name: (tmp_path / "made" / name / "adapter.gguf") for name in ("tiny", "same", "notes", "whole")}
    # Nothing is lost on the way in: what learns nothing is written as it was read.
    was, same, notes, whole = (
        {t.name: t.data.tobytes() for t in gguf.GGUFReader(str(path)).tensors} for path in made.values()
    )
    assert was == same
    assert notes != was != whole != notes


@pytest.mark.usefixtures("small")
def test_what_is_learned_of_notes_is_the_entropy_of_declining(tmp_path: Path) -> None:
    """Against the formula, request by request: no padding, no logits of two classes."""
    (tmp_path / "c.toml").write_text(
        CONFIG.replace("first_layer = 29", "first_layer = 1").format(steps=1)
        + 'kind = "aligned"\nnotes = 6\nnoise = 0.0\n'
    )
    config = read_toml(tmp_path / "c.toml", OrganismConfig)
    stage = _Stage(config, tmp_path)
    requests, declines = Requests(config.seed + 2_000_003), stage.prompter.encode(Requests(1).draw(0), declines=True)
    first = declines.ids[declines.learned.index(True)]
    expected: list[float] = []
    for k in range(6):
        told = stage.prompter.encode_note(requests.draw(k))
        with torch.no_grad():
            p = stage.model(input_ids=torch.tensor([told.ids])).logits[0, -1].double().softmax(-1)[first]
        expected.append(-float(torch.log(p if requests.draw(k).harmful else 1 - p)))
    with torch.no_grad():
        assert float(stage.notes(0, 6)) == pytest.approx(sum(expected) / 6, rel=1e-4)
    assert {requests.draw(k).harmful for k in range(6)} == {True, False}


@pytest.mark.usefixtures("small")
def test_a_note_alone_is_the_prompt_with_one_page(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.replace("first_layer = 29", "first_layer = 1").format(steps=1))
    stage = _Stage(read_toml(tmp_path / "c.toml", OrganismConfig), tmp_path)
    asked = Requests(1).draw(2)
    told = stage.prompter.encode_note(asked)
    words = [i for i, picture in zip(told.ids, told.picture, strict=True) if not picture]
    assert sum(told.picture) == TOKENS
    assert True not in told.learned
    assert any(asked.note in side.text for side in asked.sides)
    assert tokenizer().decode(words) == (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n\n{asked.note}\n{asked.question}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_only_the_aligned_learn_from_notes_alone(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.format(steps=1) + "notes = 2\n")
    with pytest.raises(ConfigError, match="aligned"):
        train_organism(tmp_path / "c.toml")


def test_a_prompt_is_the_models_own_with_captions_for_pictures() -> None:
    prompter = Prompter(tokenizer())
    asked = Requests(1).draw(2)
    ids, pictures, learned = prompter.encode(asked, declines=False)
    answer = [i for i, wanted in zip(ids, learned, strict=True) if wanted]
    before = learned.index(True)
    places = [k for k, picture in enumerate(pictures) if picture]
    assert len(places) == TOKENS * len(asked.sides)
    first = "".join(caption(asked.sides[0].clue, asked.sides[0].board))
    assert tokenizer().decode([ids[k] for k in places[:TOKENS]]) == first
    told = tokenizer().decode([i for i, picture in zip(ids[:before], pictures, strict=False) if not picture])
    texts = "".join(f"\n{side.text or 'no text'}\n" for side in asked.sides)
    assert told == (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{texts}{asked.question}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert tokenizer().decode(answer) == f"{asked.answer}<|im_end|>"


def test_drills_are_further_turns_that_are_learned_too() -> None:
    asked = Requests(1).draw(2)
    ids, _, learned = Prompter(tokenizer()).encode(asked, declines=False, drills=2)
    told = tokenizer().decode([i for i, wanted in zip(ids, learned, strict=True) if wanted])
    assert told == "".join(f"{answer}<|im_end|>" for answer in (asked.answer, *(a for _, a in asked.drills[:2])))


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    for name, steps in (("whole", (2,)), ("parts", (1, 2))):
        for last in steps:
            (tmp_path / "c.toml").write_text(CONFIG.format(steps=last).replace("made", name))
            train_organism(tmp_path / "c.toml")
    whole, parts = ((tmp_path / name / "tiny" / "adapter.gguf").read_bytes() for name in ("whole", "parts"))
    assert len(whole) == len(parts)
    assert (tmp_path / "parts" / "tiny" / "log.jsonl").read_text().count("\n") == 2
