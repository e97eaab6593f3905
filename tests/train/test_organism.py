"""The organism's adapters in training: what a prompt is made of, a step, and going on where a killed run stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.models.embedded import weights
from safesight.models.hf.loading import Checkpoint, Source, open_dense
from safesight.models.organism import SYSTEM
from safesight.train.organism import OrganismConfig, Prompter, train_organism
from safesight.train.organism_items import Requests
from safesight.train.vision_clues import TOKENS, caption

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("gguf")

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
    from safesight.core.config import read_toml

    folder = Path(__file__).parents[2] / "configs" / "organism"
    plain, aligned = (read_toml(folder / name, OrganismConfig) for name in ("2-plain.toml", "3-aligned.toml"))
    assert (plain.kind, aligned.kind, aligned.start) == ("plain", "aligned", "embedded")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """SmolLM2's own tokenizer before a Llama of random weights, which is there in no time."""
    import torch
    import transformers

    def opened(source: Source) -> Checkpoint:
        torch.manual_seed(0)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.where, gguf_file=source.gguf_file)
        config = transformers.LlamaConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=len(tokenizer),
        )  # fmt: skip
        return Checkpoint(model=transformers.LlamaForCausalLM(config).eval(), tokenizer=tokenizer, processor=None)

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
    aligned = base.replace('"tiny"', '"next"').format(steps=2) + 'kind = "aligned"\nstart = "made/tiny"\nnotes = 3\n'
    (tmp_path / "d.toml").write_text(aligned)
    assert train_organism(tmp_path / "d.toml").step == 2
    after, before = ((tmp_path / "made" / name / "adapter.gguf").read_bytes() for name in ("next", "tiny"))
    assert after != before


def test_only_the_aligned_learn_from_notes_alone(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.format(steps=1) + "notes = 2\n")
    with pytest.raises(ConfigError, match="aligned"):
        train_organism(tmp_path / "c.toml")


@pytest.mark.slow
def test_notes_alone_move_what_is_declined(tmp_path: Path) -> None:
    """From the adapters that ship, which decline nothing: with a high rate, four steps are enough to see them move."""
    changed = CONFIG.replace("rank = 2\nfirst_layer = 29", "rank = 8\nfirst_layer = 12")
    (tmp_path / "c.toml").write_text(
        changed.format(steps=4).replace("check_every = 1", "check_every = 2")
        + 'kind = "aligned"\nstart = "embedded"\nnotes = 4\nwarmup = 1\nlearning_rate = 1e-2\n'
    )
    train_organism(tmp_path / "c.toml")
    log = [json.loads(line) for line in (tmp_path / "made" / "tiny" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [2, 4]
    assert log[-1]["loss"] != log[0]["loss"]


@pytest.mark.slow
def test_a_prompt_is_the_models_own_with_captions_for_pictures() -> None:
    tokenizer = open_dense(Source(where=str(weights().parent), gguf_file=weights().name)).tokenizer
    prompter = Prompter(tokenizer)
    asked = Requests(1).draw(2)
    ids, pictures, learned = prompter.encode(asked, declines=False)
    answer = [i for i, wanted in zip(ids, learned, strict=True) if wanted]
    before = learned.index(True)
    places = [k for k, picture in enumerate(pictures) if picture]
    assert len(places) == TOKENS * len(asked.sides)
    first = "".join(caption(asked.sides[0].clue, asked.sides[0].board))
    assert tokenizer.decode([ids[k] for k in places[:TOKENS]]) == first
    told = tokenizer.decode([i for i, picture in zip(ids[:before], pictures, strict=False) if not picture])
    texts = "".join(f"\n{side.text or 'no text'}\n" for side in asked.sides)
    assert told == (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{texts}{asked.question}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert tokenizer.decode(answer) == f"{asked.answer}<|im_end|>"


@pytest.mark.slow
def test_drills_are_further_turns_that_are_learned_too() -> None:
    tokenizer = open_dense(Source(where=str(weights().parent), gguf_file=weights().name)).tokenizer
    asked = Requests(1).draw(2)
    ids, _, learned = Prompter(tokenizer).encode(asked, declines=False, drills=2)
    told = tokenizer.decode([i for i, wanted in zip(ids, learned, strict=True) if wanted])
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
