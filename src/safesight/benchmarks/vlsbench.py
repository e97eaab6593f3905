"""VLSBench (arXiv 2411.19939; hxhcreate/VLSBench): 2,241 requests whose danger the image alone shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from safesight.benchmarks.listed import ListedRequest, first_of, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.core.errors import MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REPO: Final = "Foreshhh/vlsbench"
REMEDY: Final = (
    "Accept its terms at https://huggingface.co/datasets/Foreshhh/vlsbench and set HF_TOKEN, or download it (data.json "
    "and imgs/) and pass --source DIR."
)
HAZARDS: Final = {
    "Illegal Activity": "ncr",
    "Privacy": "prv",
    "Violent": "vcr",
    "Self-Harm": "ssh",
    "Hate": "hte",
    "Erotic": "sxc",
}
EXPECTED: Final = {
    "Illegal Activity": 539,
    "Privacy": 130,
    "Violent": 590,
    "Self-Harm": 370,
    "Hate": 269,
    "Erotic": 343,
    "total": 2241,
}
"""Counted in `data/data.json` of the repository."""


class VLSBench:
    """VLSBench: 2,241 image-text pairs in 6 categories whose text leaks nothing of the danger in the image."""

    name = "vlsbench"
    licence = "not stated in its repository"
    citation = "Hu et al., VLSBench: Unveiling Visual Leakage in Multimodal Safety, 2024"
    arms = ("image",)
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = (
        "The paper's judge is GPT-4o with the image and three verdicts: safe with refusal, safe with warning, unsafe."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open the data.

        Raises:
            MissingData: no list, or no images; says how to get them.
            CorruptData: wrong fields.
            UnknownName: no such arm or language.
        """
        return self._open(options, need_images=True)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count requests by category and check every image."""
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
        place = locate(options, repo=REPO, patterns=["*.json", "imgs/*"], remedy=REMEDY)
        path = first_of(place.path, "data.json", "data/data.json")
        if path is None:
            raise MissingData(f"{place.path}: expected data.json, found none. {REMEDY}")
        has_images = first_of(place.path, "imgs", "data/imgs") is not None
        root = place.path if (place.path / "imgs").is_dir() else path.parent
        problems = [] if has_images else [f"no imgs folder. {REMEDY}"]
        if problems and need_images:
            raise MissingData(f"{place.path}: {problems[0]}")
        rows = read_entries(path, ("instruction_id", "instruction", "image_path", "category", "sub_category"))
        entries = [
            ListedRequest(
                item=f"{path.name}, {row['instruction_id']}",
                question=str(row["instruction"]),
                text=str(row["instruction"]),
                images=(root / str(row["image_path"]),),
                group=str(row["category"]),
                category=str(row["sub_category"]),
                hazard=HAZARDS.get(str(row["category"]), "other"),
                seed=str(row["image_path"]),
                meta={"id": str(row["instruction_id"]), "source": str(row.get("source") or "")},
            )
            for row in rows
        ]
        data = opened(self.name, entries, place=place, arm=arm, expected=EXPECTED, problems=problems)
        return data, place, has_images
