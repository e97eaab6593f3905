"""Training a tower of a few thousand weights: its files, resuming, one's own pictures, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.core.errors import ConfigError, DataError, SafeSightError
from safesight.train.vision import VisionTrained, train_vision

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("gguf")

CONFIG = """
name = "tiny"
out = "made"
seed = 3
steps = 4
batch = 4
held = 6
check_every = 2
warmup = 1
lone_until = 8
keep_at = [2]
{more}
[tower]
image_size = {side}
patch_size = 8
hidden = {hidden}
heads = {heads}
layers = 1
feed_forward = 32
embedding = {embedding}
"""
SIZES = {"more": "", "side": 32, "hidden": 16, "heads": 2, "embedding": 576}


def written(folder: Path, **changed: object) -> Path:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(**{**SIZES, **changed}))
    return path


def logged(done: VisionTrained) -> list[dict[str, object]]:
    return [json.loads(line) for line in (done.folder / "log.jsonl").read_text().splitlines()]


def held_bytes(folder: Path) -> dict[str, str]:
    names = ("vision.safetensors", "vision.json", "mmproj.gguf", "step-2/vision.safetensors")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def test_it_learns_and_writes_what_both_engines_load(tmp_path: Path) -> None:
    more = "learning_rate = 0.01"
    config = written(tmp_path, more=more)
    config.write_text(
        config.read_text().replace("steps = 4", "steps = 30").replace("check_every = 2", "check_every = 5")
    )
    result = CliRunner().invoke(build(), ["train", "vision", str(config)])
    assert result.exit_code == 0, result.output
    assert "after 30 steps" in result.output
    folder = tmp_path / "made" / "tiny"
    assert set(held_bytes(folder)) == {"vision.safetensors", "vision.json", "mmproj.gguf", "step-2/vision.safetensors"}
    losses = [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert held_bytes(folder)["vision.safetensors"] != held_bytes(folder)["step-2/vision.safetensors"]
    assert [path.name for path in sorted((folder / "state").iterdir())] == ["step", "step-30.safetensors"]


class Killed(BaseException):
    """Ends a training from outside."""


@pytest.mark.parametrize("at", [1, 3])
def test_a_killed_and_resumed_training_ends_at_the_same_weights(tmp_path: Path, at: int) -> None:
    config = written(tmp_path, more="")
    config.write_text(config.read_text().replace("check_every = 2", "check_every = 1"))
    whole = train_vision(config, out=tmp_path / "whole")
    said: list[str] = []

    def kill(line: str) -> None:
        said.append(line)
        if line.startswith(f"step {at}:"):
            raise Killed

    with pytest.raises(Killed):
        train_vision(config, out=tmp_path / "cut", say=kill)
    assert not (tmp_path / "cut" / "tiny" / "mmproj.gguf").exists()
    said.clear()
    resumed = train_vision(config, out=tmp_path / "cut", say=said.append)
    assert said[0] == f"resumed at step {at}"
    assert held_bytes(resumed.folder) == held_bytes(whole.folder)
    assert (resumed.figures, logged(resumed)) == (whole.figures, logged(whole))


def pictures(folder: Path, captions: list[str]) -> Path:
    rows = folder / "captions.jsonl"
    lines: list[str] = []
    for i, caption in enumerate(captions):
        Image.new("RGB", (40 + i, 30), (20 * i, 90, 200)).save(folder / f"{i}.png")
        lines.append(json.dumps({"image": f"{i}.png", "caption": caption}))
    rows.write_text("\n".join(lines))
    return rows


def test_own_pictures_are_measured_on_those_held_apart(tmp_path: Path) -> None:
    # Rows 1 and 11 of twelve are held apart: "dog" and "cat" are never trained on, and nothing else is asked for.
    captions = ["red car" if i not in (1, 11) else "dog" if i == 1 else "cat" for i in range(12)]
    pictures(tmp_path, captions)
    done = train_vision(written(tmp_path, more='captions = "captions.jsonl"'))
    assert set(done.figures.by_kind) == {" dog", " cat"}


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"heads": 3}, ConfigError, "heads must divide hidden"),
        ({"heads": 0}, ConfigError, "at least 1 for heads"),
        ({"side": 36}, ConfigError, "patch_size image_size"),
        ({"side": 16}, ConfigError, "need 12 image tokens, got 4. Choose smaller patches"),
        ({"embedding": 64}, ConfigError, "expected tower.embedding = 576.*got 64"),
        ({"more": "stpes = 3"}, ConfigError, "stpes"),
        ({"more": 'threads = "many"'}, ConfigError, "threads"),
        ({"more": 'captions = "gone.jsonl"'}, DataError, r"gone\.jsonl: No such file"),
        ({"more": 'language = "/nowhere/x.gguf"'}, DataError, r"x\.gguf: expected a language model in GGUF"),
        ({"more": f'language = "{Path(__file__).as_posix()}"'}, DataError, "expected a language model in GGUF"),
    ],
)
def test_what_cannot_be_trained_says_why(
    tmp_path: Path, changed: dict[str, object], error: type[SafeSightError], match: str
) -> None:
    with pytest.raises(error, match=match):
        train_vision(written(tmp_path, **changed))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("key", ["batch", "held", "check_every"])
def test_counts_of_nothing_are_refused(tmp_path: Path, key: str) -> None:
    config = written(tmp_path)
    lines = [f"{key} = 0" if line.startswith(f"{key} =") else line for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=f"at least 1 for {key}"):
        train_vision(config)


@pytest.mark.parametrize(
    ("captions", "match"),
    [
        (["red car"], "two captions or more"),
        (["red car", "qwrtzxv"], "not one token"),
        (["red car", "dog " * 17], "at most 16 words"),
    ],
)
def test_captions_that_cannot_be_learned_say_why(tmp_path: Path, captions: list[str], match: str) -> None:
    pictures(tmp_path, captions)
    with pytest.raises(DataError, match=match):
        train_vision(written(tmp_path, more='captions = "captions.jsonl"'))


def test_a_checkpoint_of_other_sizes_is_not_resumed(tmp_path: Path) -> None:
    train_vision(written(tmp_path))
    with pytest.raises(ConfigError, match=r"other sizes.*--no-resume"):
        train_vision(written(tmp_path, hidden=24))
    assert train_vision(written(tmp_path, hidden=24), resume=False).figures.step == 4


def test_the_shipped_configuration_is_one(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "configs" / "organism" / "1-pages.toml"
    text = shipped.read_text()
    for key, value in {"steps": "1", "batch": "2", "held": "2", "keep_at": "[]"}.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
        text = "\n".join([f"{key} = {value}", *lines])
    (tmp_path / "config.toml").write_text(text)
    assert train_vision(tmp_path / "config.toml", out=tmp_path).folder == tmp_path / "organism-tower"
