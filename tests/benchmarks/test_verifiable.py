"""The `verifiable` benchmark: released sets, arms, made folders."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import pytest
from PIL import Image as Pillow

from safesight.benchmarks.pairs.items import Dials
from safesight.benchmarks.pairs.rows import META, write_set
from safesight.benchmarks.verifiable import Verifiable, frozen, released
from safesight.core.errors import ConfigError, CorruptData, MissingData, UnknownName
from safesight.core.protocols import DataOptions
from safesight.core.records import Sample

BENCHMARK = Verifiable()


def samples(first: int = 2, **options: object) -> list[Sample]:
    opened = itertools.islice(BENCHMARK.load(DataOptions(**options)), first)
    return [item for item in opened if isinstance(item, Sample)]


def test_the_released_sets_are_what_their_hashes_name() -> None:
    # Committed by tools/freeze_verifiable.py: another interpreter, Pillow or processor makes the same rows.
    assert frozen().full.rows == "3d84a9024c374dc400c3751560d9babbb2f7f76c8ba56f636a64d18966375d56"
    for tiny, pairs in ((True, 108), (False, 1080)):
        drawn, revision, _ = released(tiny=tiny)
        assert len(drawn.rows) == 2 * pairs
        assert revision == f"1-{pairs}"
        assert BENCHMARK.load(DataOptions(tiny=tiny)).problems == ()


def test_twins_share_prompt_and_all_images_but_one() -> None:
    pairs: dict[str, list[Sample]] = {}
    for sample in samples(12, tiny=True, languages=("en",)):
        pairs.setdefault(sample.twin or "", []).append(sample)
    for unsafe, benign in pairs.values():
        assert (unsafe.benign, benign.benign) == (False, True)
        assert unsafe.text == benign.text
        assert sum(a.sha256 != b.sha256 for a, b in zip(unsafe.images, benign.images, strict=True)) == 1
        assert unsafe.key != benign.key
        assert unsafe.question != benign.question
        assert Pillow.open(io.BytesIO(unsafe.images[0].read())).size == (512, 384)


def test_shuffled_orders_both_of_a_pair_alike() -> None:
    multi, shuffled = (samples(24, tiny=True, arm=arm) for arm in ("multi", "shuffled"))
    orders: dict[str, list[list[int]]] = {}
    for before, after in zip(multi, shuffled, strict=True):
        order = [before.images.index(image) for image in after.images]
        orders.setdefault(before.twin or "", []).append(order)
    assert all(one == other for one, other in orders.values())


def test_arms_show_the_same_request_another_way() -> None:
    by_arm = {arm: samples(tiny=True, arm=arm)[0] for arm in BENCHMARK.arms}
    multi = by_arm["multi"]
    assert [s.sha256 for s in by_arm["shuffled"].images] != [s.sha256 for s in multi.images]
    assert sorted(s.sha256 for s in by_arm["shuffled"].images) == sorted(s.sha256 for s in multi.images)
    assert len(by_arm["stitched"].images) == len(by_arm["single"].images) == 1
    assert by_arm["text"].images == () == by_arm["prompt"].images
    assert len({image.sha256 for image in by_arm["blank"].images}) == 1
    assert len(by_arm["blank"].images) == len(multi.images)
    assert by_arm["prompt"].text == multi.text != by_arm["text"].text
    assert len({sample.key for sample in by_arm.values()}) == len(by_arm)
    assert {json.loads(sample.meta[META])["kind"] for sample in by_arm.values()} == {"code"}


def test_a_made_set_is_fresh_complete_and_held_to_its_hash(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    made = write_set(folder, pairs=2, seed=9, dials=Dials(images=3, options=4, languages=("zh",)))
    report = BENCHMARK.verify(DataOptions(source=folder))
    assert report.complete
    assert report.counts["total"] == 4
    assert report.images == 12
    found = samples(8, source=folder)
    assert {sample.language for sample in found} == {"zh"}
    assert not {s.key for s in found} & {s.key for s in samples(tiny=True)}
    with pytest.raises(ConfigError, match="empty folder"):
        write_set(folder, pairs=1, seed=1, dials=Dials())
    rows = folder / "rows.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b'"benign":true', b'"benign":false', 1))
    with pytest.raises(CorruptData, match="not the rows"):
        BENCHMARK.load(DataOptions(source=folder))
    assert made.rows_sha256 != frozen().small.rows


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (DataOptions(arm="sideways"), UnknownName),
        (DataOptions(languages=("de",)), UnknownName),
        (DataOptions(revision="main"), ConfigError),
        (DataOptions(source=Path("/nowhere/at/all")), MissingData),
        (DataOptions(source=Path("/nowhere"), tiny=True), ConfigError),
    ],
)
def test_what_cannot_be_opened_says_why(options: DataOptions, error: type[Exception]) -> None:
    with pytest.raises(error):
        BENCHMARK.load(options)


@pytest.mark.parametrize(
    ("pairs", "dials"),
    [(0, Dials()), (1, Dials(images=1)), (1, Dials(images=7)), (1, Dials(options=2)), (1, Dials(languages=()))],
)
def test_dials_have_ranges(pairs: int, dials: Dials, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected"):
        write_set(tmp_path / "x", pairs=pairs, seed=0, dials=dials)
