"""Nulls are problems, lists are lists however they are spelt; in every loader that could have said "None"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from safesight.benchmarks.cells import listed, text_of
from safesight.benchmarks.choice import ChoiceBenchmark
from safesight.benchmarks.mir_safetybench import MirSafetyBench
from safesight.benchmarks.mllmguard import MLLMGuard
from safesight.benchmarks.mm_safetybench import MMSafetyBench
from safesight.core.errors import CorruptData
from safesight.core.protocols import BrokenItem, DataOptions
from safesight.core.records import Sample
from tests.benchmarks import test_mllmguard, test_mm_safetybench

from .conftest import Picture


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        (" ['it\\'s', \"b\"] ", ["it's", "b"]),
        ("('a', 'b')", ["a", "b"]),
        ("[]", []),
        ("a.png", ["a.png"]),
        ("(see below", ["(see below"]),
        (None, []),
        ('["a", null]', ["a", None]),
        ("['a', None]", ["a", None]),
    ],
)
def test_lists_are_read_however_they_are_spelt(cell: object, items: list[object]) -> None:
    assert listed(cell, where="x") == items


@pytest.mark.parametrize("cell", ["[a, b]", "[", "['a', open('x')]", "[" * 5000 + "]" * 5000, 5, {"a": 1}])
def test_what_begins_like_a_list_and_is_none_is_refused(cell: object) -> None:
    if cell == "[":
        assert listed(cell, where="x") == ["["]
        return
    with pytest.raises(CorruptData, match="expected a list"):
        listed(cell, where="x")


@pytest.mark.parametrize("cell", [None, float("nan"), [], {"a": 1}, b"x"])
def test_what_is_no_text_is_refused(cell: object) -> None:
    with pytest.raises(CorruptData, match="item 3: expected text"):
        text_of(cell, where="item 3")


def mir_rows(picture: Picture, **changes: object) -> list[dict[str, Any]]:
    row = {
        "id": "1",
        "category": "Violence",
        "relationship_type": "Analogy",
        "original_question": "q",
        "revised_prompt": "p",
        "image_descriptions": ["a cat", "a dog"],
        "images": [{"bytes": picture(k), "path": None} for k in range(2)],
        "num_images": 2,
    }
    other = row | {"id": "2", "images": [{"bytes": picture(9 + k), "path": None} for k in range(2)]}
    return [row | changes, other]


def mir_tables(root: Path, rows: list[dict[str, Any]]) -> Path:
    root.mkdir(exist_ok=True)
    pl.DataFrame(rows, infer_schema_length=None, strict=False).write_parquet(root / "train.parquet")
    return root


def mir_folder(root: Path, rows: list[dict[str, Any]]) -> Path:
    images = root / "Violence" / "images"
    images.mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    for row in rows:
        names = [f"images/{row['id']}_{k}.png" for k in range(len(row["images"]))]
        for name, cell in zip(names, row["images"], strict=True):
            (root / "Violence" / name).write_bytes(cell["bytes"])
        entries.append(row | {"images": names})
    (root / "Violence" / "Analogy_final.json").write_text(json.dumps(entries))
    return root


@pytest.mark.parametrize("make", [mir_tables, mir_folder])
@pytest.mark.parametrize("field", ["original_question", "revised_prompt", "id"])
@pytest.mark.parametrize("arm", ["multi", "text"])
def test_a_null_breaks_its_item_only(tmp_path: Path, picture: Picture, make: Any, field: str, arm: str) -> None:
    source = make(tmp_path / "s", mir_rows(picture, **{field: None}))
    first, second = MirSafetyBench().load(DataOptions(source=source, arm=arm))
    assert isinstance(first, BrokenItem)
    assert "got null" in str(first.error)
    assert isinstance(second, Sample)


SPELT = {
    "a list": (["a cat", "a dog"], True),
    "JSON": ('["a cat", "a dog"]', True),
    "Python": ("['a cat', 'a dog']", True),
    "lines": ("a cat\na dog", True),
    "an object": ('{"1": "a cat", "2": "a dog"}', True),
    "NumPy's": ("['a cat' 'a dog']", False),
    "cut": ("['a cat', 'a d]", False),
    "one for two": (["a cat"], False),
    "a null": (["a cat", None], False),
    "one text": ("a cat", False),
}


@pytest.mark.parametrize("make", [mir_tables, mir_folder])
@pytest.mark.parametrize(("descriptions", "told"), SPELT.values(), ids=SPELT)
@pytest.mark.parametrize("counted", [True, False])
def test_the_text_arm_tells_every_image_or_breaks(
    tmp_path: Path, picture: Picture, make: Any, descriptions: object, told: bool, counted: bool
) -> None:
    rows = mir_rows(picture, image_descriptions=descriptions)[:1]
    if not counted:
        rows[0].pop("num_images")
    (item,) = MirSafetyBench().load(DataOptions(source=make(tmp_path / "s", rows), arm="text"))
    if told:
        assert isinstance(item, Sample)
        assert item.text == "Image 1: a cat\nImage 2: a dog\n\np"
    else:
        assert isinstance(item, BrokenItem)


def test_a_null_question_of_mm_safetybench_is_no_word(tmp_path: Path) -> None:
    test_mm_safetybench.make(tmp_path)
    path = tmp_path / "processed_questions" / "05-EconomicHarm.json"
    entries = json.loads(path.read_text())
    entries["0"]["Question"] = None
    entries["1"]["Rephrased Question"] = None
    path.write_text(json.dumps(entries))
    items = list(MMSafetyBench().load(DataOptions(source=tmp_path, arm="TYPO")))
    broken = [item for item in items if isinstance(item, BrokenItem)]
    assert [item.item for item in broken] == ["05-EconomicHarm/0", "05-EconomicHarm/1"]
    assert not [item for item in items if isinstance(item, Sample) and "None" in item.text + item.question]


def test_a_null_prompt_of_mllmguard_is_no_word(tmp_path: Path, picture: Picture) -> None:
    rows = [row | {"image": {"bytes": picture(1), "path": row["file_name"]}} for row in test_mllmguard.rows("bias")]
    rows[0]["Prompt"] = None
    (tmp_path / "bias").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "bias" / "prompt.parquet")
    with pytest.raises(CorruptData, match="got null"):
        MLLMGuard().load(DataOptions(source=tmp_path))


@pytest.mark.parametrize("item", [{"question": None}, {"options": ["a", None]}, {"options": "['a', None]"}])
def test_a_null_of_a_choice_is_no_word(tmp_path: Path, picture: Picture, item: dict[str, object]) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    whole = {"question": "q", "options": ["a", "b"], "answer": "A", "images": ["a.png"]} | item
    (tmp_path / "set.json").write_text(json.dumps([whole]))
    with pytest.raises(CorruptData, match="expected text, got null"):
        ChoiceBenchmark().load(DataOptions(source=tmp_path))


def test_a_null_among_the_images_of_a_choice_breaks_it(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    whole = {"question": "q", "options": "['a', 'b']", "answer": "A", "images": ["a.png", None]}
    (tmp_path / "set.json").write_text(json.dumps([whole]))
    (item,) = ChoiceBenchmark().load(DataOptions(source=tmp_path))
    assert isinstance(item, BrokenItem)
