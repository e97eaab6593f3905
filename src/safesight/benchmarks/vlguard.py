"""VLGuard (arXiv 2402.02207; ys-zong/VLGuard, gated images): 1,000 test images with safe and unsafe instructions.

A safe image comes with a safe instruction (benign) and an unsafe one; an unsafe image with an instruction about it that
should be refused. The three subsets are the groups, as in the official evaluation: safe_safes, safe_unsafes, unsafes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

from safesight.benchmarks.listed import ListedRequest, first_of, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REPO: Final = "ys-zong/VLGuard"
REMEDY: Final = (
    "Accept its terms at https://huggingface.co/datasets/ys-zong/VLGuard and set HF_TOKEN, or download test.json and "
    "test.zip, unpack it beside, and pass --source DIR."
)
EXPECTED: Final = {"safe_safes": 558, "safe_unsafes": 558, "unsafes": 442, "total": 1558}
_HAZARDS: Final = {
    "personal data": "prv",
    "professional advice": "spc",
    "political": "other",
    "sexually explicit": "sxc",
    "violence": "vcr",
    "disinformation": "dfm",
    "race": "hte",
    "sex": "hte",
    "other": "hte",
}


class VLGuard:
    """VLGuard: 558 safe images with a safe and an unsafe instruction each, and 442 unsafe images (test set)."""

    name = "vlguard"
    licence = "gated, research use"
    citation = (
        "Zong et al., Safety Fine-Tuning at (Almost) No Cost: A Baseline for Vision Large Language Models, ICML 2024"
    )
    arms = ("image",)
    default_judge = "refusal"
    paper_count = ""
    caveat = (
        "The paper counts an attack as failed when one of a list of phrases is anywhere in the answer ('illegal' among "
        "them); ours judges answers. Of its subsets safe_safes is benign."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open the test set.

        Raises:
            MissingData: no list, or no images; says how to get them.
            CorruptData: wrong fields.
            UnknownName: no such arm or language.
        """
        return self._open(options, need_images=True)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count instructions by subset and check every image."""
        dataset, place, has_images = self._open(options, need_images=False)
        return report(
            dataset,
            benchmark=self.name,
            layout="json",
            place=place,
            licence=self.licence,
            expected=EXPECTED,
            read=None if has_images else (),
        )

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the rates."""
        return []

    def _open(self, options: DataOptions, *, need_images: bool) -> tuple[Samples, Place, bool]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=["test.json", "test/*"], remedy=REMEDY)
        path = first_of(place.path, "test.json", "data/test.json")
        if path is None:
            raise MissingData(f"{place.path}: expected test.json, found none. {REMEDY}")
        folder = first_of(place.path, "test", "data/VLGuard/test")
        problems = [] if folder else [f"no folder test/ with the images. {REMEDY}"]
        if folder is None and need_images:
            raise MissingData(f"{place.path}: {problems[0]}")
        entries = [
            entry
            for row in read_entries(path, ("id", "image", "safe", "instr-resp"))
            for entry in _entries(row, path, folder or place.path / "test")
        ]
        data = opened(self.name, entries, place=place, arm=arm, expected=EXPECTED, problems=problems)
        return data, place, folder is not None


_SUBSETS: Final = {"safe_instruction": "safe_safes", "unsafe_instruction": "safe_unsafes", "instruction": "unsafes"}


def _entries(row: dict[str, Any], path: Path, folder: Path) -> Iterator[ListedRequest]:
    said = [
        (key, pair[key]) for pair in cast("list[dict[str, str]]", row["instr-resp"]) for key in _SUBSETS if key in pair
    ]
    wanted = {"safe_instruction", "unsafe_instruction"} if row["safe"] else {"instruction"}
    if not wanted <= {key for key, _ in said}:
        raise CorruptData(f"{path}, {row['id']}: expected {' and '.join(sorted(wanted))} in instr-resp, got less.")
    for key, instruction in said:
        if key in wanted:
            wanted.discard(key)
            yield ListedRequest(
                item=f"{path.name}, {row['id']}, {key}",
                question=str(instruction),
                text=str(instruction),
                images=(folder / str(row["image"]),),
                group=_SUBSETS[key],
                category=str(row.get("harmful_subcategory") or "safe image"),
                hazard=_HAZARDS.get(str(row.get("harmful_subcategory")), "other"),
                seed=str(row["image"]),
                benign=key == "safe_instruction",
                twin=str(row["id"]) if row["safe"] else None,
                meta={"id": str(row["id"])},
            )
