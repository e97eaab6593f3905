"""Names in a data set stay in its folder: every loader, every way out; and what `safesight data` checks and hashes.

What may not be read is a picture that lies outside; the test looks for its bytes among all that was loaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from safesight.benchmarks.choice import ChoiceBenchmark
from safesight.benchmarks.figstep import FigStep
from safesight.benchmarks.mir_safetybench import MirSafetyBench
from safesight.benchmarks.mllmguard import MLLMGuard
from safesight.benchmarks.mm_safetybench import MMSafetyBench
from safesight.benchmarks.sources import stay_inside
from safesight.core.errors import CorruptData, DataError
from safesight.core.protocols import BrokenItem, DataOptions
from safesight.core.records import Sample
from tests.benchmarks import test_figstep, test_mllmguard, test_mm_safetybench

from .conftest import Picture

Name = Callable[[Path, Path], str]
"""A name for the picture outside, given the folder it is looked up in and the picture's path."""

WAYS: dict[str, Name] = {
    "absolute": lambda folder, outside: str(outside),
    "climbing": lambda folder, outside: os.path.relpath(outside, folder),
    "climbing late": lambda folder, outside: f"a/b/../../{os.path.relpath(outside, folder)}",
    "a link": lambda folder, outside: _link(folder / "link.png", outside),
    "a link's folder": lambda folder, outside: f"{_link(folder / 'linked', outside.parent)}/{outside.name}",
}


def _link(link: Path, target: Path) -> str:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    return link.name


def mir(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    folder = root / "Violence"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "in.png").write_bytes(picture(1))
    case = {
        "id": "1",
        "relationship_type": "Analogy",
        "original_question": "q?",
        "revised_prompt": "p",
        "image_descriptions": ["d", "e"],
        "images": ["images/in.png", way(folder, outside)],
    }
    (folder / "Analogy_final.json").write_text(json.dumps([case]))
    return root


def mm(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    test_mm_safetybench.make(root)
    folder = root / "imgs" / "01-Illegal_Activitiy" / "SD"
    folder.mkdir(parents=True)
    name = way(folder, outside).removesuffix(".png")
    (outside.parent / "p.jpg").write_bytes(picture(7, kind="JPEG"))
    if (folder / "link.png").is_symlink():
        (folder / "link.jpg").symlink_to(outside.parent / "p.jpg")
    path = root / "processed_questions" / "01-Illegal_Activitiy.json"
    path.write_text(json.dumps({name: test_mm_safetybench.entry("x")}))
    (folder / "other.jpg").write_bytes(picture(3, kind="JPEG"))
    return root


def mllmguard(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    data = test_mllmguard.rows("position-swapping", each=1)[:1]
    folder = root / "position-swapping" / "imgs"
    folder.mkdir(parents=True)
    (folder / "0.png").write_bytes(picture(1))
    data[0]["Reverse Image"] = way(folder, outside)
    test_mllmguard.write(root, "position-swapping", data)
    return root


def figstep(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    test_figstep.make(root, picture, each=1)
    folder = root / "data" / "images" / "SafeBench-Tiny"
    # The name is query_<dataset>_1_1_6.png: the data choose its middle.
    ending = outside.parent / "x_1_1_6.png"
    ending.write_bytes(outside.read_bytes())
    (folder / "query_").mkdir()
    path = root / "data" / "question" / "SafeBench-Tiny.csv"
    middle = way(folder / "query_", ending).removesuffix("_1_1_6.png").removesuffix(".png")
    if (folder / "query_" / "link.png").is_symlink():
        (folder / "query_" / "link_1_1_6.png").symlink_to(ending)
    path.write_text(path.read_text().replace("ForbidQI,1,1", f"/{middle},1,1", 1))
    return root


def choices(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    root.mkdir(exist_ok=True)
    (root / "in.png").write_bytes(picture(1))
    item = {"question": "q?", "options": ["a", "b"], "answer": "A", "images": ["in.png", way(root, outside)]}
    (root / "set.json").write_text(json.dumps([item]))
    return root


def choices_spelt(root: Path, way: Name, outside: Path, picture: Picture) -> Path:
    choices(root, way, outside, picture)
    (item,) = json.loads((root / "set.json").read_text())
    (root / "set.json").write_text(json.dumps([item | {"images": str(item["images"])}]))
    return root


LOADERS = {
    "mir_safetybench": (MirSafetyBench, mir, {}),
    "mm_safetybench": (MMSafetyBench, mm, {"arm": "SD"}),
    "mllmguard": (MLLMGuard, mllmguard, {}),
    "figstep": (FigStep, figstep, {}),
    "choice": (ChoiceBenchmark, choices, {}),
    "choice, list as text": (ChoiceBenchmark, choices_spelt, {}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("benchmark", "make", "options"), LOADERS.values(), ids=LOADERS)
def test_names_stay_in_their_folder(
    tmp_path: Path, picture: Picture, benchmark: type, make: Callable[..., Path], options: dict[str, str], way: Name
) -> None:
    outside = tmp_path / "private" / "p.png"
    outside.parent.mkdir()
    outside.write_bytes(picture(7))
    source = make(tmp_path / "source", way, outside, picture)
    items = list(benchmark().load(DataOptions(source=source, **options)))
    broken = [str(item.error) for item in items if isinstance(item, BrokenItem)]
    # FigStep's names have a fixed beginning, so none is absolute: there is no such file.
    assert any("lies outside" in error or "no such file" in error for error in broken)
    private = {path.read_bytes() for path in outside.parent.iterdir()}
    assert not [i for item in items if isinstance(item, Sample) for i in item.images if i.read() in private]


def test_the_hub_cache_is_a_folder_of_its_own(tmp_path: Path, picture: Picture) -> None:
    blob = tmp_path / "datasets--a--b" / "blobs" / "abc"
    snapshot = tmp_path / "datasets--a--b" / "snapshots" / "c0ffee"
    for folder in (blob.parent, snapshot):
        folder.mkdir(parents=True)
    blob.write_bytes(picture(1))
    (snapshot / "a.png").symlink_to(Path("../../blobs/abc"))
    stay_inside(snapshot / "a.png", root=snapshot)
    (snapshot / "b.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(CorruptData, match="lies outside"):
        stay_inside(snapshot / "b.png", root=snapshot)


def test_odd_names_are_problems_not_crashes(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("loop", "a\0b", "pipe", "/dev/zero"):
        with pytest.raises(DataError):
            stay_inside(tmp_path / name, root=tmp_path)


def test_the_data_report_hashes_and_decodes_images(tmp_path: Path, picture: Picture) -> None:
    sources = [test_figstep.make(tmp_path / name, picture, each=5) for name in "abc"]
    images = [sorted((source / "data" / "images" / "SafeBench-Tiny").iterdir()) for source in sources]
    images[1][3].write_bytes(picture(9_999))
    whole = picture(5, size=(200, 200))
    at = whole.index(b"IDAT") + 4
    images[2][3].write_bytes(whole[:at] + bytes(20) + whole[at + 20 :])
    one, changed, spoilt = [FigStep().verify(DataOptions(source=source, tiny=True)) for source in sources]
    assert one.data_hash == changed.data_hash == spoilt.data_hash
    assert len({one.images_hash, changed.images_hash, spoilt.images_hash}) == 3
    assert (one.problems, changed.problems) == ((), ())
    assert "cannot be decoded" in spoilt.problems[0]
