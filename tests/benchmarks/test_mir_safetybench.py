from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image as Pillow

from safesight.benchmarks.mir_safetybench import EXPECTED, RELATIONS, REPO, MirSafetyBench
from safesight.benchmarks.relations import FAMILIES, HAZARDS
from safesight.core.errors import ConfigError, CorruptData, MissingData, UnknownName
from safesight.core.messages import ImagePart, TextPart
from safesight.core.protocols import Benchmark, BrokenItem, DataOptions, Dataset
from safesight.core.records import Sample
from safesight.core.taxonomy import HAZARDS as TAXONOMY

from .conftest import Picture
from .hub import COMMIT, serve_hub

Row = dict[str, Any]


def rows(picture: Picture, *, each: int = 2) -> list[Row]:
    """`each` cases for every category and relation; ids start again in each, as in the published data."""
    found: list[Row] = []
    for c, category in enumerate(HAZARDS):
        for r, relation in enumerate(RELATIONS):
            for i in range(each):
                count = 2 + (r + i) % 3
                found.append(
                    {
                        "id": str(i),
                        "category": category,
                        "relationship_type": relation,
                        "original_question": f"seed {c} {r // 3} {i}",
                        "revised_prompt": f"prompt {c} {r} {i}",
                        "image_descriptions": [f"a picture of {k}" for k in range(count)],
                        "image_keywords": [f"word {k}" for k in range(count)],
                        "images": [
                            {"bytes": picture((c * 9 + r) * 20 + i * 4 + k, size=(10 + k, 8 + 2 * k)), "path": None}
                            for k in range(count)
                        ],
                        "num_images": count,
                        "iteration": 1,
                    }
                )
    return found


def as_parquet(root: Path, data: list[Row], *, files: int = 2) -> Path:
    folder = root / "data"
    folder.mkdir(parents=True)
    files = min(files, len(data))
    for part in range(files):
        share = data[part::files]
        pl.DataFrame(share).write_parquet(folder / f"train-{part:05}-of-{files:05}.parquet", row_group_size=7)
    return root


def as_saved(root: Path, data: list[Row]) -> Path:
    from datasets import Dataset as Saved
    from datasets import Features, Image, Sequence, Value, disable_progress_bars

    disable_progress_bars()
    names = ("id", "category", "relationship_type", "original_question", "revised_prompt")
    features = Features(
        {name: Value("string") for name in names}
        | {name: Sequence(Value("string")) for name in ("image_descriptions", "image_keywords")}
        | {"images": Sequence(Image(decode=False)), "num_images": Value("int32"), "iteration": Value("int32")}
    )
    Saved.from_list(data, features=features).save_to_disk(str(root), num_shards=3)
    return root


def as_extracted(root: Path, data: list[Row]) -> Path:
    lists: dict[Path, list[Row]] = {}
    for row in data:
        folder = root / row["category"]
        names = [f"images/{row['relationship_type']}/{row['relationship_type']}_{row['id']}_{k}.png" for k in range(9)]
        paths = names[: row["num_images"]]
        for name, cell in zip(paths, row["images"], strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(cell["bytes"])
        entry = {name: value for name, value in row.items() if name not in ("category", "num_images")}
        entry |= {"id": int(row["id"]), "images": paths}
        lists.setdefault(folder / f"{row['relationship_type']}_final.json", []).append(entry)
    for path, entries in lists.items():
        path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return root


LAYOUTS = {"parquet": as_parquet, "save_to_disk": as_saved, "extracted": as_extracted}


def samples(root: Path, **options: object) -> list[Sample]:
    return [s for s in MirSafetyBench().load(DataOptions(source=root, **options)) if isinstance(s, Sample)]


def test_published_sizes() -> None:
    assert sum(RELATIONS.values()) == EXPECTED["total"] == 2676
    assert (len(RELATIONS), len(HAZARDS)) == (9, 6)
    assert {family: sum(f == family for f in FAMILIES.values()) for family in FAMILIES.values()} == {
        "Temporal": 2,
        "Spatial": 2,
        "Semantic": 2,
        "Logical": 3,
    }
    assert set(HAZARDS.values()) <= set(TAXONOMY)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_samples(tmp_path: Path, picture: Picture, layout: str) -> None:
    data = rows(picture)
    root = LAYOUTS[layout](tmp_path / "data", data)
    dataset = MirSafetyBench().load(DataOptions(source=root))
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 108
    reference = as_parquet(tmp_path / "reference", data, files=1)
    assert dataset.data_hash == MirSafetyBench().load(DataOptions(source=reference)).data_hash
    assert {s.key for s in samples(root)} == {s.key for s in samples(reference)}
    report = MirSafetyBench().verify(DataOptions(source=root))
    assert report.layout == layout
    assert report.images == sum(row["num_images"] for row in data)
    assert report.counts["Analogy"] == 12
    assert (report.counts["Self-Harm"], report.counts["seeds"]) == (18, 36)
    assert not report.complete
    assert "Temporal_Continuity 12 of 317" in report.problems[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reordered_and_moved_copies_have_the_same_keys(tmp_path: Path, picture: Picture, layout: str) -> None:
    data = rows(picture)
    first = LAYOUTS[layout](tmp_path / "a", data)
    second = LAYOUTS[layout](tmp_path / "b", data[::-1])
    assert {s.key for s in samples(first)} == {s.key for s in samples(second)}
    one, two = (MirSafetyBench().load(DataOptions(source=root)) for root in (first, second))
    assert (one.data_hash, one.revision) == (two.data_hash, two.revision)


def test_keys_are_unique_though_ids_are_not(tmp_path: Path, picture: Picture) -> None:
    every = samples(as_parquet(tmp_path, rows(picture)))
    assert len({s.key for s in every}) == len(every) == 108
    assert {s.meta["id"] for s in every} == {"0", "1"}


def test_items_of_equal_content_have_keys_of_their_own(tmp_path: Path, picture: Picture) -> None:
    data = rows(picture)
    twin = data[0] | {"id": "77"}
    first = samples(as_parquet(tmp_path / "a", [*data, twin]))
    second = samples(as_parquet(tmp_path / "b", [twin, *data]))
    assert len({s.key for s in first}) == 109
    assert {s.key for s in first} == {s.key for s in second}


def test_a_saved_dataset_dict_is_read(tmp_path: Path, picture: Picture) -> None:
    data = rows(picture, each=1)
    as_saved(tmp_path / "d" / "train", data)
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert len(samples(tmp_path / "d")) == 54
    (tmp_path / "d" / "train" / "data-00001-of-00003.arrow").unlink()
    with pytest.raises(MissingData, match=r"data-00001-of-00003\.arrow: listed in state\.json"):
        samples(tmp_path / "d")


def test_one_parquet_file_is_a_source(tmp_path: Path, picture: Picture) -> None:
    root = as_parquet(tmp_path, rows(picture, each=1), files=1)
    assert len(samples(root / "data" / "train-00000-of-00001.parquet")) == 54


@pytest.mark.parametrize("layout", ["parquet", "extracted"])
def test_a_sample_is_images_then_prompt(tmp_path: Path, picture: Picture, layout: str) -> None:
    data = rows(picture)
    first = samples(LAYOUTS[layout](tmp_path, data[:1]))[0]
    *images, text = first.messages[0].parts
    assert [p.image.read() for p in images if isinstance(p, ImagePart)] == [c["bytes"] for c in data[0]["images"]]
    assert text == TextPart("prompt 0 0 0")
    assert first.question == "seed 0 0 0"
    assert (first.category, first.group) == ("Hate_Speech", "Temporal_Continuity")
    assert first.meta == {
        "hazard": "hte",
        "family": "Temporal",
        "id": "0",
        "image_descriptions": "\n".join(data[0]["image_descriptions"]),
    }
    assert all(image.data is None for image in first.images), "a sample holds paths, not bytes"


def test_cases_of_one_seed_share_a_cluster(tmp_path: Path, picture: Picture) -> None:
    every = samples(as_parquet(tmp_path, rows(picture)), arm="text")
    assert len({s.cluster for s in every}) == len({s.question for s in every}) == 36


def test_arms_are_paired_and_keyed_apart(tmp_path: Path, picture: Picture) -> None:
    root = as_parquet(tmp_path, rows(picture))
    arms = {arm: samples(root, arm=arm) for arm in MirSafetyBench.arms}
    assert list(arms) == ["multi", "stitched", "text", "shuffled", "single"]
    assert len({tuple(s.twin for s in arm) for arm in arms.values()}) == 1
    assert len({s.twin for s in arms["multi"]}) == 108
    assert len({s.key for arm in arms.values() for s in arm}) == 5 * 108
    four = next(s for s in arms["multi"] if len(s.images) == 4)
    multi, stitched, text, shuffled, single = (next(s for s in arm if s.twin == four.twin) for arm in arms.values())
    joined = Pillow.open(io.BytesIO(stitched.images[0].read()))
    assert joined.size == (10 + 11 + 12 + 13 + 3 * 50, 14)
    assert joined.getpixel((15, 0)) == (255, 255, 255)
    assert text.images == ()
    assert text.messages[0].text.startswith("Image 1: a picture of 0\n")
    assert text.messages[0].text.endswith(f"\n\n{multi.messages[0].text}")
    assert shuffled.images != multi.images
    assert {i.sha256 for i in shuffled.images} == {i.sha256 for i in multi.images}
    assert single.images == multi.images[:1]


def test_shuffle_follows_its_seed(tmp_path: Path, picture: Picture) -> None:
    root = as_parquet(tmp_path, rows(picture))
    one, again, other = (samples(root, arm="shuffled", seed=seed) for seed in (1, 1, 2))
    assert one == again
    changed = [(a, b) for a, b in zip(one, other, strict=True) if a.messages != b.messages]
    assert changed
    assert all(a.key != b.key for a, b in changed)
    assert all(a.key == b.key for a, b in zip(one, other, strict=True) if a.messages == b.messages)


def test_the_text_arm_needs_no_image(tmp_path: Path, picture: Picture) -> None:
    root = as_extracted(tmp_path, rows(picture))
    whole = [s.key for s in samples(root, arm="text")]
    for folder in root.glob("*/images"):
        shutil.rmtree(folder)
    assert [s.key for s in samples(root, arm="text")] == whole


@pytest.mark.parametrize("stored", ["json list", "json object", "lines"])
def test_descriptions_come_in_many_shapes(tmp_path: Path, picture: Picture, stored: str) -> None:
    data = rows(picture)[:1]
    plain = samples(as_extracted(tmp_path / "plain", data), arm="text")
    texts: list[str] = data[0]["image_descriptions"]
    data[0]["image_descriptions"] = {
        "json list": json.dumps(texts),
        "json object": json.dumps({f"image{k}": text for k, text in enumerate(texts)}),
        "lines": "\n".join(texts),
    }[stored]
    assert samples(as_extracted(tmp_path / "other", data), arm="text") == plain


def test_too_few_descriptions_break_the_text_arm_only(tmp_path: Path, picture: Picture) -> None:
    data = rows(picture)[:2]
    data[0]["image_descriptions"] = ["only one"]
    root = as_extracted(tmp_path, data)
    assert len(samples(root)) == 2
    broken = [i for i in MirSafetyBench().load(DataOptions(source=root, arm="text")) if isinstance(i, BrokenItem)]
    assert len(broken) == 1
    assert "description" in str(broken[0].error)


def test_bad_images_stand_in_their_place(tmp_path: Path, picture: Picture) -> None:
    data = rows(picture)[:6]
    root = as_extracted(tmp_path / "files", data)
    folder = root / "Hate_Speech" / "images" / "Temporal_Continuity"
    (folder / "Temporal_Continuity_0_1.png").unlink()
    (folder / "Temporal_Continuity_1_0.png").write_text("<html>")
    items = list(MirSafetyBench().load(DataOptions(source=root)))
    broken = {item.item: str(item.error) for item in items if isinstance(item, BrokenItem)}
    assert len(items) == 6
    assert "no such file" in broken["Hate_Speech/Temporal_Continuity/0"]
    assert "expected PNG" in broken["Hate_Speech/Temporal_Continuity/1"]
    assert len(broken) == 2

    data[0]["images"][0] = {"bytes": None, "path": "a.png"}
    data[1]["num_images"] = 9
    data[2]["images"] = []
    items = list(MirSafetyBench().load(DataOptions(source=as_parquet(tmp_path / "table", data, files=1))))
    broken = {item.item: str(item.error) for item in items if isinstance(item, BrokenItem)}
    assert [type(item) for item in items] == [BrokenItem] * 3 + [Sample] * 3
    assert "no image bytes" in broken["Hate_Speech/Temporal_Continuity/0"]
    assert "expected 9 images, got 3" in broken["Hate_Speech/Temporal_Continuity/1"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_duplicate_ids_are_named(tmp_path: Path, picture: Picture, layout: str) -> None:
    data = rows(picture)
    data[1]["id"] = "0"
    root = LAYOUTS[layout](tmp_path / "d", data)
    with pytest.raises(CorruptData, match=r"1 repeated: 'Hate_Speech/Temporal_Continuity/0' \(2 times\)"):
        samples(root)


def test_wrong_columns_are_named(tmp_path: Path, picture: Picture) -> None:
    data = [{name: value for name, value in row.items() if name != "revised_prompt"} for row in rows(picture)]
    with pytest.raises(CorruptData, match=r"parquet: expected columns .*; revised_prompt missing, got id, category"):
        samples(as_parquet(tmp_path / "a", data))
    with pytest.raises(CorruptData, match=r"Temporal_Continuity_final\.json, case 0: .*revised_prompt missing"):
        samples(as_extracted(tmp_path / "b", data[:1]))


def test_unknown_labels_are_named(tmp_path: Path, picture: Picture) -> None:
    data = rows(picture)
    data[3]["relationship_type"] = "Telepathy"
    with pytest.raises(CorruptData, match="Hate_Speech/Telepathy/1: expected a category of"):
        samples(as_parquet(tmp_path, data))


def test_misplaced_entries_are_named(tmp_path: Path, picture: Picture) -> None:
    root = as_extracted(tmp_path, rows(picture)[:1])
    path = root / "Hate_Speech" / "Temporal_Continuity_final.json"
    shutil.copy(path, path.with_name("Analogy_final.json"))
    with pytest.raises(CorruptData, match="expected relation 'Analogy', got 'Temporal_Continuity'"):
        samples(root)
    path.with_name("Analogy_final.json").write_text('{"a": 1}')
    with pytest.raises(CorruptData, match="expected a list of cases, got dict"):
        samples(root)


@pytest.mark.parametrize("layout", ["parquet", "save_to_disk"])
def test_truncated_tables_are_named(tmp_path: Path, picture: Picture, layout: str) -> None:
    root = LAYOUTS[layout](tmp_path / "d", rows(picture))
    path = next(p for p in sorted(root.rglob("*")) if p.suffix in (".parquet", ".arrow"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorruptData, match=rf"{path.name}: .*Fetch it again"):
        samples(root)
    path.write_bytes(b"")
    with pytest.raises(CorruptData, match=path.name):
        samples(root)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"expected \*\.parquet.*extract_data\.py"):
        samples(tmp_path)
    with pytest.raises(MissingData, match="no such file or folder"):
        samples(tmp_path / "nowhere")


def test_what_it_does_not_have_is_refused(tmp_path: Path) -> None:
    assert isinstance(MirSafetyBench(), Benchmark)
    with pytest.raises(UnknownName, match="Did you mean 'stitched'"):
        samples(tmp_path, arm="stiched")
    with pytest.raises(UnknownName, match="language"):
        samples(tmp_path, languages=("zh",))
    with pytest.raises(ConfigError, match="no tiny version"):
        samples(tmp_path, tiny=True)


def full_size(picture: Picture) -> list[Row]:
    """A synthetic set of the published size: right number of cases for every relation."""
    model = rows(picture, each=1)
    cell = model[0]["images"][:2]
    found: list[Row] = []
    for relation, count in RELATIONS.items():
        for i in range(count):
            category = list(HAZARDS)[i % len(HAZARDS)]
            changes = {"id": str(i), "category": category, "relationship_type": relation, "images": cell}
            seed = {"original_question": f"seed {len(found) % 546}", "num_images": 2}
            found.append(model[0] | changes | seed | {"revised_prompt": f"prompt {relation} {i}"})
    return found


def test_the_hub_is_read_over_http(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch, image_cache: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    root = as_parquet(tmp_path / "hub", full_size(picture))
    (root / "README.md").write_text("not fetched")
    with serve_hub(root, repo=REPO) as (endpoint, seen):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        report = MirSafetyBench().verify(DataOptions(revision="v1"))
        assert report.complete, report.problems
        assert report.revision == COMMIT
        assert (report.counts["total"], report.counts["seeds"], report.images) == (2676, 546, 5352)
        assert any(f"/api/datasets/{REPO}/revision/v1" in request for request in seen)
        assert not any("README" in request for request in seen)
    local = MirSafetyBench().load(DataOptions(source=root, arm="text"))
    assert local.data_hash == report.data_hash
    assert len(list(image_cache.rglob("*.png"))) == 2, "equal images are kept once"


def test_a_hub_commit_of_another_size_is_refused(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    root = as_parquet(tmp_path / "hub", rows(picture))
    with serve_hub(root, repo=REPO) as (endpoint, _):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(CorruptData, match=rf"{COMMIT}: .*total 108 of 2676.*--revision"):
            MirSafetyBench().load(DataOptions())


def test_hub_troubles_say_what_to_do(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    root = as_parquet(tmp_path / "hub", rows(picture)[:1])
    with serve_hub(root, repo=REPO, gated=True) as (endpoint, _):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(MissingData, match=r"gated.*accept its terms.*HF_TOKEN.*--source"):
            MirSafetyBench().load(DataOptions())
    with pytest.raises(MissingData, match=r"cannot be fetched.*--source"):
        MirSafetyBench().load(DataOptions())
    (root / "data" / "train-00000-of-00001.parquet").unlink()
    (root / "only.txt").write_text("")
    with serve_hub(root, repo=REPO) as (endpoint, _):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(MissingData, match=rf"commit {COMMIT} has no file like"):
            MirSafetyBench().load(DataOptions())
