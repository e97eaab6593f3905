"""The committed drawing script makes the committed files."""

from __future__ import annotations

import importlib
import json
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(str(files("safesight.benchmarks") / "starter_data"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("draw_starter")


def test_two_cases_are_drawn_byte_for_byte_the_same_twice(script: ModuleType, tmp_path: Path) -> None:
    seeds = script.seeds()
    chosen = [seeds[0], seeds[-1]]
    for name in ("one", "two"):
        script.write(tmp_path / name, chosen)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.*")} for name in ("one", "two"))
    assert one == two
    assert len(one) == 2 + sum(len(seed.images) + 1 for seed in chosen)
    manifest = json.loads(one["manifest.json"])
    assert set(manifest["files"]) == {"cases.json", *(f"images/{n}" for n in one if n.endswith(".png"))}


def test_the_case_file_is_the_one_its_sources_give(script: ModuleType) -> None:
    committed = json.loads((DATA / "cases.json").read_text(encoding="utf-8"))
    assert committed == [case for seed in script.seeds() for case in script.cases(seed)]


def test_descriptions_tell_every_string_that_is_drawn(script: ModuleType) -> None:
    for seed in script.seeds():
        language = script.language_of(seed.texts)
        for image in (*seed.images, *seed.benign_images):
            description = image.describe(language)
            assert all(text in description for text in image.texts())


def test_text_that_does_not_fit_is_refused_and_wrapping_keeps_every_word() -> None:
    from safesight.benchmarks.drawing import pen

    assert " ".join(pen.wrap("one two three four five", 60, 20)) == "one two three four five"
    assert "".join(pen.wrap("大家好，我从山里来。", 60, 20)) == "大家好，我从山里来。"
    assert not any(row[0] in pen.CLOSING for row in pen.wrap("好，好，好，好，好。", 45, 20))
    with pytest.raises(ValueError, match="does not fit"):
        pen.fit("much too long for so small a box", 60, 20, balanced=True)
