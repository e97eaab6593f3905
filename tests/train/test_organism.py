"""The organism's adapters in training: what a prompt is made of, a step, and going on where a killed run stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.models.embedded import weights
from safesight.models.organism import SYSTEM
from safesight.models.organism_checkpoint import language_model
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
    assert (plain.kind, aligned.kind, aligned.start) == ("plain", "aligned", plain.name)


@pytest.mark.slow
def test_a_prompt_is_the_models_own_with_captions_for_pictures() -> None:
    _, tokenizer = language_model(weights())
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
    _, tokenizer = language_model(weights())
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
