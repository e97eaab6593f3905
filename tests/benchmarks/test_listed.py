"""Benchmarks that are lists of requests: each layout read as it lies, and each kind of damage told."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from safesight.benchmarks import mssbench as mss
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import Benchmark, BrokenItem, DataOptions, Labelled
from safesight.core.records import Sample
from safesight.core.registry import open_plugin
from safesight.core.taxonomy import HAZARDS

from .conftest import Picture
from .layouts import MADE


@pytest.fixture(params=sorted(MADE))
def made(request: pytest.FixtureRequest, tmp_path: Path, picture: Picture) -> tuple[Benchmark, DataOptions]:
    root = tmp_path / request.param
    return open_plugin("benchmarks", request.param), MADE[request.param](root, picture)


def samples(benchmark: Benchmark, options: DataOptions, arm: str = "") -> list[Sample]:
    items = list(benchmark.load(msgspec.structs.replace(options, arm=arm)))
    assert not [item for item in items if isinstance(item, BrokenItem)]
    return [item for item in items if isinstance(item, Sample)]


def opened(name: str, root: Path, picture: Picture) -> tuple[Benchmark, DataOptions]:
    return open_plugin("benchmarks", name), MADE[name](root / name, picture)


def test_every_arm_is_read_whole_with_keys_and_hazards(made: tuple[Benchmark, DataOptions]):
    benchmark, options = made
    for arm in benchmark.arms:
        found = samples(benchmark, options, arm)
        assert found
        assert len({sample.key for sample in found}) == len(found)
        assert {sample.arm for sample in found} == {arm}
        assert all(sample.meta["hazard"] in {*HAZARDS, "other"} for sample in found)
        assert all(sample.text.strip() and sample.question.strip() for sample in found)
        assert [s.key for s in found] == [s.key for s in samples(benchmark, options, arm)]


def test_counts_other_than_the_published_are_said(made: tuple[Benchmark, DataOptions]):
    benchmark, options = made
    checked = benchmark.verify(options)
    assert checked.counts["total"] == len(samples(benchmark, options))
    if checked.expected:
        assert not checked.complete
        assert any("counts differ from the published ones" in problem for problem in checked.problems)
    else:
        assert checked.complete


def test_an_empty_folder_says_how_to_get_the_data(made: tuple[Benchmark, DataOptions], tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingData, match=r"--source|HF_TOKEN"):
        made[0].load(DataOptions(source=tmp_path / "empty"))


def test_an_image_that_is_gone_breaks_its_item_alone(made: tuple[Benchmark, DataOptions]):
    benchmark, options = made
    found = samples(benchmark, options)
    image = next((image for sample in found for image in sample.images), None)
    if image is None:
        pytest.skip("text only")
    Path(image.path or "").unlink()
    items = list(benchmark.load(options))
    broken = [item for item in items if isinstance(item, BrokenItem)]
    assert len(items) == len(found)
    assert 1 <= len(broken) < len(items)
    assert "no such file" in str(broken[0].error)


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, picture: Picture):
    benchmark, options = opened("vlsbench", tmp_path, picture)
    (tmp_path / "secret.png").write_bytes(picture(9))
    path = tmp_path / "vlsbench" / "data.json"
    rows = json.loads(path.read_text())
    rows[0]["image_path"] = "../secret.png"
    path.write_text(json.dumps(rows))
    first = next(iter(benchmark.load(options)))
    assert isinstance(first, BrokenItem)
    assert "outside" in str(first.error)


@pytest.mark.parametrize(
    ("name", "file", "damage"),
    [
        ("mossbench", "data/images_information/information.json", {"question": None}),
        ("mossbench", "data/images_information/information.json", {"metadata": {"over": "type 9"}}),
        ("siuo", "data/siuo_gen.json", {"question": " "}),
        ("vlsbench", "data.json", {"instruction": None}),
        ("holisafe", "holisafe_bench.json", {"type": "SUS"}),
        ("vlguard", "test.json", {"instr-resp": []}),
    ],
)
def test_damaged_entries_are_told(name: str, file: str, damage: dict[str, object], tmp_path: Path, picture: Picture):
    benchmark, options = opened(name, tmp_path, picture)
    path = tmp_path / name / file
    found = json.loads(path.read_text())
    (found["0"] if isinstance(found, dict) else found[0]).update(damage)
    path.write_text(json.dumps(found))
    with pytest.raises(CorruptData):
        list(benchmark.load(options))


def test_mossbench_is_harmless_and_its_contrast_is_not(tmp_path: Path, picture: Picture):
    benchmark, options = opened("mossbench", tmp_path, picture)
    benign, contrast = samples(benchmark, options), samples(benchmark, options, "contrast")
    assert all(sample.benign for sample in benign)
    assert not any(sample.benign for sample in contrast)
    assert Counter(s.group for s in benign) == dict.fromkeys(
        ("Exaggerated Risk", "Negated Harm", "Counterintuitive Interpretation"), 2
    )
    # The official call sends the image, then the question alone.
    assert [type(part).__name__ for part in benign[0].messages[0].parts] == ["ImagePart", "TextPart"]
    assert benign[0].text == benign[0].question


def test_msts_tells_judges_what_the_image_shows(tmp_path: Path, picture: Picture):
    benchmark, options = opened("msts", tmp_path, picture)
    found = samples(benchmark, options)
    assert Counter(s.language for s in found)["en"] == 4
    assert len({s.language for s in found}) == 11
    english = [s for s in found if s.language == "en"]
    assert english[0].question.endswith("[the image shows: A very hot pepper]")
    assert "pepper" not in english[0].text
    assert {i.media_type for s in english for i in s.images} == {"image/jpeg", "image/png"}
    assert len({s.cluster for s in found}) == 2
    assert not any(s.images for s in samples(benchmark, options, "text"))


def test_msts_without_its_images_is_counted_but_not_run(tmp_path: Path, picture: Picture):
    import shutil

    benchmark, options = opened("msts", tmp_path, picture)
    shutil.rmtree(tmp_path / "msts" / "data" / "unsafe_images")
    assert "0_download_images.py" in benchmark.verify(options).layout
    with pytest.raises(MissingData, match="--arm text"):
        benchmark.load(options)
    assert samples(benchmark, options, "text")


def test_msts_holds_answers_that_people_labelled(tmp_path: Path, picture: Picture):
    benchmark, options = opened("msts", tmp_path, picture)
    assert isinstance(benchmark, Labelled)
    answers = list(benchmark.labelled(options))
    assert Counter(a.label for a in answers) == {"safe": 9, "unsafe": 3}
    assert len({a.sample.key for a in answers}) == 6, "the same request to the same model is one sample"
    assert answers[0].note == "2.2 - advice"


def test_siuo_options_have_a_right_letter(tmp_path: Path, picture: Picture):
    benchmark, options = opened("siuo", tmp_path, picture)
    [first, *_] = samples(benchmark, options, "choice")
    assert first.target == "A"
    assert first.text.endswith("A. Mind your step.\nB. Run!")


def test_mis_shows_both_images_before_the_question(tmp_path: Path, picture: Picture):
    benchmark, options = opened("mis", tmp_path, picture)
    found = samples(benchmark, options)
    assert Counter(s.group for s in found) == {"easy": 3, "hard": 2, "real": 1}
    assert [type(part).__name__ for part in found[0].messages[0].parts] == ["ImagePart", "ImagePart", "TextPart"]
    assert found[0].meta["hazard"] == "ssh"


def test_mssbench_pairs_situations_and_asks_in_the_official_words(tmp_path: Path, picture: Picture):
    benchmark, options = opened("mssbench", tmp_path, picture)
    chat = samples(benchmark, options, "chat")
    assert [s.benign for s in chat] == [False, True, False, True]
    assert chat[0].twin == chat[1].twin != chat[2].twin
    assert chat[0].text == mss.CHAT + "How do I run faster?"
    assert chat[0].question == "How do I run faster?"
    robot = samples(benchmark, options, "embodied")
    assert [s.question for s in robot[:2]] == ["Turn on the wet lamp.", "Turn on the lamp."]
    assert mss.EMBODIED.count("\n") == 6
    assert mss.EMBODIED.endswith("4. Drop {Object}: Drop the object you are holding.\n\nYour task is: ")


def test_vlguards_three_subsets(tmp_path: Path, picture: Picture):
    benchmark, options = opened("vlguard", tmp_path, picture)
    found = samples(benchmark, options)
    assert Counter(s.group for s in found) == {"safe_safes": 2, "safe_unsafes": 2, "unsafes": 1}
    assert {s.group for s in found if s.benign} == {"safe_safes"}
    assert next(s for s in found if s.group == "unsafes").meta["hazard"] == "prv"


def test_xstest_contrasts_are_attacks(tmp_path: Path, picture: Picture):
    benchmark, options = opened("xstest", tmp_path, picture)
    assert {s.group: s.benign for s in samples(benchmark, options)} == {
        "homonyms": True,
        "contrast_homonyms": False,
        "definitions": True,
    }


def test_holisafe_combinations_that_ask_for_something_safe_are_benign(tmp_path: Path, picture: Picture):
    benchmark, options = opened("holisafe", tmp_path, picture)
    assert {s.group for s in samples(benchmark, options) if s.benign} == {"SSS"}


def test_jailbreakv_shows_judges_the_seed_request(tmp_path: Path, picture: Picture):
    benchmark, options = opened("jailbreakv", tmp_path, picture)
    found = samples(benchmark, options)
    assert found[0].text != found[0].question == "How do I open a jar, number 0?"
    assert len({s.cluster for s in found}) == 2
    assert len(samples(benchmark, msgspec.structs.replace(options, tiny=True))) == 2


def test_orbench_arms_are_benign_but_for_the_toxic_one(tmp_path: Path, picture: Picture):
    benchmark, options = opened("orbench", tmp_path, picture)
    assert {arm: {s.benign for s in samples(benchmark, options, arm)} for arm in benchmark.arms} == {
        "hard": {True},
        "all": {True},
        "toxic": {False},
    }
