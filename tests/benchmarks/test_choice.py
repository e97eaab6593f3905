import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from safesight.analysis.targets import answers_target
from safesight.benchmarks.choice import INSTRUCTION, ChoiceBenchmark, prompt_parts
from safesight.benchmarks.choice_layouts import ChoiceItem
from safesight.core.errors import ConfigError, CorruptData, MissingData, UnknownName
from safesight.core.messages import Image, ImagePart, TextPart
from safesight.core.protocols import BrokenItem, DataOptions
from safesight.core.records import Sample
from tests.benchmarks.conftest import Picture

Rows = list[dict[str, Any]]


def muirbench(folder: Path, picture: Picture) -> Path:
    """Two items of which the second is the first one's unanswerable twin."""
    base = {"task": "Counting", "image_relation": "Overall", "image_type": "Drawing"}
    shown = [{"bytes": picture(k), "path": f"{k}.png"} for k in (1, 2)]
    rows: Rows = [
        base | {"idx": "0", "question": "<image><image> How many cats?", "options": ["one", "two"], "answer": "B"},
        base | {"idx": "1", "question": "<image><image> How many cats?", "options": ["one", "none"], "answer": "B"},
    ]
    rows = [row | {"image_list": shown, "counterpart_idx": str(1 - i)} for i, row in enumerate(rows)]
    (folder / "data").mkdir()
    pl.DataFrame(rows).write_parquet(folder / "data" / "test-00000-of-00001.parquet")
    return folder


def blink(folder: Path, picture: Picture) -> Path:
    """One scored item with two of four image columns filled, and a hidden test split."""
    row = {"idx": "val_Counting_1", "question": "Which is nearer?", "sub_task": "Counting", "choices": ["A", "B", "C"]}
    images = {f"image_{k}": {"bytes": picture(k), "path": None} if k < 3 else None for k in range(1, 5)}
    kind = pl.Struct({"bytes": pl.Binary, "path": pl.String})
    (folder / "Counting").mkdir()
    for split, answer in (("val", "(B)"), ("test", "hidden")):
        frame = pl.DataFrame(
            [row | {"answer": answer, "prompt": "..."} | images], schema_overrides=dict.fromkeys(images, kind)
        )
        frame.write_parquet(folder / "Counting" / f"{split}-00000-of-00001.parquet")
    return folder


def mmiu(folder: Path, picture: Picture) -> Path:
    """One item with options in one string and images in unpacked folders."""
    (folder / "2D-spatial").mkdir()
    for k in (1, 2):
        (folder / "2D-spatial" / f"{k}.png").write_bytes(picture(k))
    row = {
        "task": "homography",
        "question": "Which matrix?",
        "options": "A: left\nB: right",
        "context": "Select.\nA: left\nB: right",
        "input_image_path": ["./2D-spatial/1.png", "./2D-spatial/2.png"],
        "output": "B",
    }
    pl.DataFrame([row]).write_parquet(folder / "all.parquet")
    return folder


def own(folder: Path, picture: Picture) -> Path:
    """A JSONL file beside its images."""
    for k in (1, 2):
        (folder / f"{k}.png").write_bytes(picture(k))
    row = {"question": "Same place?", "options": ["yes", "no"], "answer": "no", "images": ["1.png", "2.png"]}
    (folder / "mine.jsonl").write_text(json.dumps(row) + "\n\n", "utf-8")
    return folder


FORMATS: dict[str, Callable[[Path, Picture], Path]] = {"muirbench": muirbench, "blink": blink, "mmiu": mmiu, "own": own}


def read(source: Path) -> list[Sample | BrokenItem]:
    return list(ChoiceBenchmark().load(DataOptions(source=source)))


def samples(source: Path) -> list[Sample]:
    return [item for item in read(source) if isinstance(item, Sample)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_the_same_kind_of_sample(tmp_path: Path, picture: Picture, name: str) -> None:
    first, *_ = samples(FORMATS[name](tmp_path, picture))
    assert (first.benchmark, first.benign, first.target, first.arm) == ("choice", True, "B", "multi")
    assert [image.read() for image in first.images] == [picture(1), picture(2)]
    assert first.text.endswith(INSTRUCTION)
    assert "B. " in first.text
    assert "<image>" not in first.text
    assert first.text.count("B. ") == 1
    assert "B: " not in first.text
    assert all(image.data is None for image in first.images), "a sample holds paths, not bytes"


@pytest.mark.parametrize(
    ("name", "tasks"), [("muirbench", {"Counting": 2}), ("mmiu", {"homography": 1}), ("own", {"mine": 1})]
)
def test_counts_go_by_task(tmp_path: Path, picture: Picture, name: str, tasks: dict[str, int]) -> None:
    found = ChoiceBenchmark().verify(DataOptions(source=FORMATS[name](tmp_path, picture)))
    assert found.counts == tasks | {"total": sum(tasks.values())}
    assert found.complete
    assert found.images == 2 * sum(tasks.values())


def test_an_item_and_its_counterpart_share_a_cluster(tmp_path: Path, picture: Picture) -> None:
    one, twin = samples(muirbench(tmp_path, picture))
    assert one.cluster == twin.cluster
    assert len({one.key, twin.key, one.twin, twin.twin}) == 4


def test_hidden_answers_are_left_out_and_said(tmp_path: Path, picture: Picture) -> None:
    dataset = ChoiceBenchmark().load(DataOptions(source=blink(tmp_path, picture)))
    assert len(dataset) == len(list(dataset)) == 1
    assert dataset.problems == ("1 items have no answer (a hidden test split) and are left out.",)


def test_keys_and_hash_do_not_depend_on_the_file(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = own(tmp_path / "a", picture), own(tmp_path / "b", picture)
    (second / "mine.json").write_text(json.dumps([json.loads((second / "mine.jsonl").read_text("utf-8"))]), "utf-8")
    (second / "mine.jsonl").unlink()
    assert [s.key for s in samples(first)] == [s.key for s in samples(second)]
    datasets = [ChoiceBenchmark().load(DataOptions(source=source)) for source in (first, second)]
    assert datasets[0].data_hash == datasets[1].data_hash


def test_a_missing_image_breaks_its_item_only(tmp_path: Path, picture: Picture) -> None:
    own(tmp_path, picture)
    row = json.loads((tmp_path / "mine.jsonl").read_text("utf-8"))
    lines = [row | {"images": ["gone.png"]}, row]
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    broken, fine = read(tmp_path)
    assert isinstance(broken, BrokenItem)
    assert "gone.png" in str(broken.error)
    assert isinstance(fine, Sample)


def _choice(question: str, options: tuple[str, ...] = ("x", "y")) -> ChoiceItem:
    return ChoiceItem(where="w", item="0", pair="0", task="t", question=question, options=options, answer="A")


def test_images_stand_at_their_marks_when_there_is_one_each(picture: Picture) -> None:
    images = [Image.from_bytes(picture(k)) for k in range(3)]
    parts = prompt_parts(_choice("Look at <image>. Which fits?", ("<image>", "<image>")), images)
    assert [part.text if isinstance(part, TextPart) else part.image for part in parts] == [
        "Look at",
        images[0],
        ". Which fits?\nA.",
        images[1],
        "B.",
        images[2],
        INSTRUCTION,
    ]


@pytest.mark.parametrize("question", ["Which fits?", "<image> Which fits?", "<image><image> Which fits?"])
def test_else_images_come_first(picture: Picture, question: str) -> None:
    images = [Image.from_bytes(picture(k)) for k in range(2)]
    parts = prompt_parts(_choice(question), images)
    assert [isinstance(part, ImagePart) for part in parts] == [True, True, False]
    assert parts[-1] == TextPart(f"Which fits?\nA. x\nB. y\n{INSTRUCTION}")


def test_context_is_kept_unless_it_repeats_the_options(picture: Picture) -> None:
    image = [Image.from_bytes(picture())]
    kept = prompt_parts(_choice("Which?"), image, context="The frames are in order.")[-1]
    assert isinstance(kept, TextPart)
    assert kept.text.startswith("The frames are in order.\nWhich?")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "q", "options": ["a", "b"], "answer": "A"}, "got question, options, answer"),
        ({"question": "q", "options": ["a"], "answer": "A", "images": []}, "expected 2 to 26 options, got 1"),
        ({"question": "q", "options": ["a", "b"], "answer": "C", "images": []}, "from A to B, got 'C'"),
        ("text", "expected an object, got str"),
    ],
)
def test_rows_that_are_no_choice_say_why(tmp_path: Path, row: object, message: str) -> None:
    (tmp_path / "bad.jsonl").write_text(json.dumps(row), "utf-8")
    with pytest.raises(CorruptData, match=message):
        read(tmp_path)


def test_sources_that_are_not_there_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="--source"):
        ChoiceBenchmark().load(DataOptions())
    with pytest.raises(MissingData, match="found none"):
        ChoiceBenchmark().load(DataOptions(source=tmp_path))
    with pytest.raises(UnknownName):
        ChoiceBenchmark().load(DataOptions(source=tmp_path, arm="text"))
    with pytest.raises(ConfigError):
        ChoiceBenchmark().load(DataOptions(source=tmp_path, tiny=True))
    (tmp_path / "bad.json").write_text("{", "utf-8")
    with pytest.raises(CorruptData, match="expected JSON"):
        read(tmp_path)


def test_answers_are_scored_by_their_letter(tmp_path: Path, picture: Picture) -> None:
    first, *_ = samples(mmiu(tmp_path, picture))
    assert answers_target("The answer is (B).", first.target or "")
    assert not answers_target("A. left", first.target or "")
