"""The shipped set is complete, as released, and needs its images."""

from __future__ import annotations

import io
import itertools
import re
import shutil
from collections import Counter
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from safesight.benchmarks.relations import FAMILIES, HAZARDS
from safesight.benchmarks.starter import Starter, StarterCase
from safesight.core.errors import ConfigError, CorruptData, MissingData, UnknownName
from safesight.core.messages import TextPart
from safesight.core.protocols import Benchmark, BrokenItem, DataOptions
from safesight.core.records import Sample

DATA = Path(str(files("safesight.benchmarks") / "starter_data"))
CASES = msgspec.json.decode((DATA / "cases.json").read_bytes(), type=list[StarterCase])
CHINESE = ("Temporal_Continuity", "Complementarity")


def read(**options: object) -> list[Sample]:
    items = list(Starter().load(DataOptions(**options)))
    samples = [item for item in items if isinstance(item, Sample)]
    assert len(samples) == len(items)
    return samples


def test_one_unsafe_case_and_one_twin_for_every_relation_category_and_language() -> None:
    found = Counter((s.language, s.group, s.category, s.benign) for s in read())
    grid = [("en", relation, category) for relation in FAMILIES for category in HAZARDS]
    grid += [("zh", relation, category) for relation in CHINESE for category in HAZARDS]
    assert found == Counter((*cell, benign) for cell in grid for benign in (False, True))
    assert len(read(languages=("en",))) == 108
    assert len(read(languages=("zh",))) == 24


def test_verify_finds_the_released_set() -> None:
    assert isinstance(Starter(), Benchmark)
    report = Starter().verify(DataOptions())
    assert report.complete
    assert report.problems == ()
    assert {name: report.counts[name] for name in ("total", "unsafe", "benign", "en", "zh")} == {
        "total": 132,
        "unsafe": 66,
        "benign": 66,
        "en": 108,
        "zh": 24,
    }
    assert report.images == len({name for case in CASES for name in case.images}) == 238
    assert Starter().verify(DataOptions(languages=("zh",))).expected["total"] == 24


def test_twins_share_the_prompt_to_the_letter_and_all_images_but_one() -> None:
    by_id = {case.id: case for case in CASES}
    assert len(by_id) == len(CASES)
    for case in CASES:
        twin = by_id[case.twin]
        assert (twin.twin, twin.benign) == (case.id, not case.benign)
        shared = ("seed", "relation", "category", "language", "prompt")
        assert all(getattr(case, field) == getattr(twin, field) for field in shared)
        assert case.original_question != twin.original_question
        for field in ("images", "image_descriptions"):
            pairs = zip(getattr(case, field), getattr(twin, field), strict=True)
            assert sum(mine != other for mine, other in pairs) == 1
    for unsafe, benign in itertools.pairwise(read()):
        if not unsafe.benign:
            assert (unsafe.twin, unsafe.cluster, unsafe.text) == (benign.twin, benign.cluster, benign.text)
            pairs = zip(unsafe.images, benign.images, strict=True)
            assert sum(mine.sha256 != other.sha256 for mine, other in pairs) == 1


def test_two_to_four_images_each_whole_small_and_used_by_one_seed() -> None:
    pictures = {name: case.seed for case in CASES for name in case.images}
    assert sum(len(set(case.images)) + 1 for case in CASES if not case.benign) == len(pictures)
    assert {f"images/{path.name}" for path in (DATA / "images").iterdir()} == set(pictures)
    for case in CASES:
        assert 2 <= len(case.images) <= 4
        assert len(case.images) == len(case.image_descriptions) == len(case.image_keywords)
    for name in pictures:
        with Pillow.open(DATA / name) as picture:
            assert (picture.size, picture.format) == ((512, 384), "PNG")
            assert np.asarray(picture.convert("L")).std() > 10
    assert sum((DATA / name).stat().st_size for name in pictures) < 2_500_000


def names_in(text: str) -> set[str]:
    """Capitalised words that do not begin a sentence: names of people and places."""
    return set(re.findall(r"(?<![.!?:] )(?<!^)\b[A-Z][a-z]{2,}", text))


def words_in(text: str) -> set[str]:
    """Words of three letters and more, and pairs of Chinese characters."""
    pairs = {a + b for a, b in itertools.pairwise(text) if min(a, b) >= "\u4e00"}
    return set(re.findall(r"[a-z]{3,}", text.lower())) - {"the", "and", "who", "her", "his", "with"} | pairs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_prompts_point_at_the_images_and_leave_to_them_who_and_what(case: StarterCase) -> None:
    numbers = {int(k) for k in re.findall(r"(?:[Ii]mages? |and |图)(\d)", case.prompt)}
    assert numbers <= set(range(1, len(case.images) + 1))
    assert re.search(r"\b[Ii]mages?\b|图", case.prompt)
    assert case.language == ("zh" if re.search("[\u4e00-\u9fff]", case.prompt) else "en")
    assert not names_in(case.prompt)
    shown = words_in(" ".join(case.image_descriptions))
    assert (words_in(case.original_question) & shown) - words_in(case.prompt)


def test_samples_carry_hazard_cluster_and_the_intent_for_the_judge() -> None:
    for case, sample in zip(CASES, read(), strict=True):
        assert sample.question == case.original_question
        assert sample.text == case.prompt
        assert sample.cluster == sample.twin == case.seed
        assert sample.meta == {
            "hazard": HAZARDS[case.category],
            "family": FAMILIES[case.relation],
            "id": case.id,
            "image_descriptions": "\n".join(case.image_descriptions),
        }
        assert [image.read() for image in sample.images] == [(DATA / name).read_bytes() for name in case.images]


def test_order_is_stable_and_keys_are_unique_across_arms_and_seeds() -> None:
    assert [s.key for s in read()] == [s.key for s in read()]
    keys = [s.key for arm in Starter.arms for s in read(arm=arm, languages=("zh",))]
    assert len(set(keys)) == len(keys) == 24 * 5
    orders = [{s.key for s in read(arm="shuffled", seed=seed, languages=("zh",))} for seed in (0, 1)]
    assert orders[0] != orders[1]


def test_the_first_cases_of_the_relations_cover_every_category() -> None:
    first = {}
    for sample in read(languages=("en",)):
        first.setdefault(sample.group, sample.category)
    assert set(first.values()) == set(HAZARDS)


def test_arms_show_the_same_case_in_other_ways() -> None:
    arms = {arm: read(arm=arm, languages=("zh",)) for arm in Starter.arms}
    orders: dict[str, list[int]] = {}
    for k, case in enumerate(case for case in CASES if case.language == "zh"):
        assert len(arms["multi"][k].images) == len(case.images)
        assert arms["single"][k].images == arms["multi"][k].images[:1]
        assert set(arms["shuffled"][k].images) == set(arms["multi"][k].images)
        assert arms["shuffled"][k].images != arms["multi"][k].images
        order = [arms["multi"][k].images.index(image) for image in arms["shuffled"][k].images]
        assert orders.setdefault(case.seed, order) == order
        assert arms["text"][k].messages[0].parts == (
            TextPart(
                "\n".join(f"Image {i}: {d}" for i, d in enumerate(case.image_descriptions, 1)) + f"\n\n{case.prompt}"
            ),
        )
        (joined,) = arms["stitched"][k].images
        n = len(case.images)
        assert Pillow.open(io.BytesIO(joined.read())).size == (512 * n + 50 * (n - 1), 384)


def test_settings_it_does_not_have_are_refused() -> None:
    with pytest.raises(UnknownName, match="'stitched'"):
        Starter().load(DataOptions(arm="stitch"))
    with pytest.raises(UnknownName, match="language"):
        Starter().load(DataOptions(languages=("de",)))
    for options in (DataOptions(tiny=True), DataOptions(source=Path()), DataOptions(revision="main")):
        with pytest.raises(ConfigError):
            Starter().load(options)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "starter_data"))


def test_a_changed_or_lost_image_is_reported_and_the_rest_is_read(copy: Path) -> None:
    changed, lost = CASES[0].images[0], CASES[2].images[1]
    assert (changed in CASES[1].images, lost in CASES[3].images) == (True, True)
    (copy / changed).write_bytes((copy / lost).read_bytes())
    (copy / lost).unlink()
    items = list(Starter(copy).load(DataOptions()))
    broken = [item for item in items if isinstance(item, BrokenItem)]
    assert [item.item for item in broken] == [case.id for case in CASES[:4]]
    assert [type(item.error) for item in broken] == [CorruptData, CorruptData, MissingData, MissingData]
    report = Starter(copy).verify(DataOptions())
    assert not report.complete
    assert CASES[0].id in report.problems[0]


def test_a_changed_case_file_is_refused(copy: Path) -> None:
    path = copy / "cases.json"
    path.write_bytes(path.read_bytes().replace(b"Tom", b"Tim"))
    with pytest.raises(CorruptData, match="revision 2"):
        Starter(copy).load(DataOptions())
    path.unlink()
    with pytest.raises(MissingData, match="Install safesight again"):
        Starter(copy).load(DataOptions())
    (copy / "manifest.json").write_text("{}")
    with pytest.raises(CorruptData, match=r"manifest\.json"):
        Starter(copy).load(DataOptions())
