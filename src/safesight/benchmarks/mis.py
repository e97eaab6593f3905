"""MIS (arXiv 2501.18533; DripNowhy/MIS, Apache-2.0): requests over two images whose danger shows only in both together.

Three splits: easy (1,675), hard (510) and 100 with real photographs. Both images come before the question, as in the
official inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from safesight.benchmarks.listed import ListedRequest, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.core.errors import MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REPO: Final = "Tuwhy/MIS_Test"
REMEDY: Final = (
    "Download https://huggingface.co/datasets/Tuwhy/MIS_Test, unpack its images beside mis_easy.json, mis_hard.json "
    "and mis_real.json, and pass --source DIR."
)
EXPECTED: Final = {"easy": 1675, "hard": 510, "real": 100, "total": 2285}
_HAZARDS: Final = (
    ("self", "ssh"),
    ("privacy", "prv"),
    ("hate", "hte"),
    ("erotic", "sxc"),
    ("violen", "vcr"),
    ("illegal", "ncr"),
)
"""What a category's name holds, in lower case, and its hazard: the names are not published in the paper's text."""


class MIS:
    """MIS: 2,285 requests over two images (easy, hard and real) whose danger shows only in both together."""

    name = "mis"
    licence = "Apache-2.0"
    citation = "Ding et al., Rethinking Bottlenecks in Safety Fine-Tuning of Vision Language Models, 2025"
    arms = ("multi",)
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = (
        "The paper's judge is GPT-4o with both images; it also scores whether the danger was seen and reasoned about."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open the splits that are there.

        Raises:
            MissingData: no split; says how to get them.
            CorruptData: wrong fields.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count requests by split and check every image."""
        dataset, place = self._open(options)
        return report(dataset, benchmark=self.name, layout="json", place=place, licence=self.licence, expected=EXPECTED)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the rates."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=["mis_*.json", "*_image/*"], remedy=REMEDY)
        files = {split: place.path / f"mis_{split}.json" for split in ("easy", "hard", "real")}
        entries = [
            ListedRequest(
                item=f"{path.name}, {row.get('id', number)}",
                question=str(row["question"]),
                text=str(row["question"]),
                images=(place.path / str(row["image_path1"]), place.path / str(row["image_path2"])),
                group=split,
                category=str(row["category"]),
                hazard=_hazard(str(row["category"])),
                meta={"id": f"{split}/{row.get('id', number)}", "sub_category": str(row.get("sub_category") or "")},
            )
            for split, path in files.items()
            if path.is_file()
            for number, row in enumerate(read_entries(path, ("question", "category", "image_path1", "image_path2")), 1)
        ]
        if not entries:
            raise MissingData(f"{place.path}: expected mis_easy.json, mis_hard.json or mis_real.json. {REMEDY}")
        return opened(self.name, entries, place=place, arm=arm, expected=EXPECTED), place


def _hazard(category: str) -> str:
    lowered = category.lower()
    return next((hazard for word, hazard in _HAZARDS if word in lowered), "other")
