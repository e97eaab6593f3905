"""SIUO (arXiv 2406.15279; sinwang20/SIUO, CC BY-NC 4.0): 167 pairs of a safe text and a safe image, unsafe together.

`generation` asks freely; `choice` offers options of which one is the safe and helpful one. The repository has the
questions; the images are a download beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from safesight.benchmarks.listed import ListedRequest, first_of, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate_local, report
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REMEDY: Final = (
    "Get the questions with: git clone https://github.com/sinwang20/SIUO, unpack SIUO-images.zip (the link is in its "
    "README) into SIUO/images, then pass --source SIUO."
)
HAZARDS: Final = {
    "self-harm": "ssh",
    "privacy violation": "prv",
    "illegal activities & crime": "ncr",
    "dangerous behavior": "vcr",
    "discrimination & stereotyping": "hte",
    "religion beliefs": "hte",
    "morality": "other",
    "information misinterpretation": "other",
    "controversial topics, politics": "other",
}
EXPECTED: Final = {
    "privacy violation": 21,
    "morality": 20,
    "religion beliefs": 20,
    "self-harm": 19,
    "dangerous behavior": 18,
    "illegal activities & crime": 18,
    "discrimination & stereotyping": 18,
    "information misinterpretation": 17,
    "controversial topics, politics": 16,
    "total": 167,
}
_FILES: Final = {"generation": "siuo_gen.json", "choice": "siuo_mcqa.json"}


class SIUO:
    """SIUO: 167 pairs of a safe text and a safe image that are unsafe together, in 9 domains."""

    name = "siuo"
    licence = "CC BY-NC 4.0"
    citation = "Wang et al., Cross-Modality Safety Alignment, NAACL 2025"
    arms = ("generation", "choice")
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = (
        "The paper's judges are GPT-4V and people who see the image and its safety note; it scores helpfulness too."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open one arm.

        Raises:
            MissingData: no questions, or no images; says how to get them.
            CorruptData: wrong fields.
            UnknownName: no such arm or language.
        """
        return self._open(options, need_images=True)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count questions by domain and check every image."""
        dataset, place, has_images = self._open(options, need_images=False)
        return report(
            dataset,
            benchmark=self.name,
            layout="repository",
            place=place,
            licence=self.licence,
            expected=EXPECTED,
            read=None if has_images else (),
        )

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None: the arm `choice` has targets, so every run prints its accuracy."""
        return []

    def _open(self, options: DataOptions, *, need_images: bool) -> tuple[Samples, Place, bool]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate_local(options, benchmark=self.name, remedy=REMEDY)
        path = first_of(place.path, f"data/{_FILES[arm]}", _FILES[arm])
        if path is None:
            raise MissingData(f"{place.path}: expected data/{_FILES[arm]}, found none. {REMEDY}")
        folder = first_of(place.path, "images", "data/images", "SIUO-images")
        problems = [] if folder else [f"no images folder. {REMEDY}"]
        if folder is None and need_images:
            raise MissingData(f"{place.path}: {problems[0]}")
        extra = ("options", "correct_option") if arm == "choice" else ("safety_warning",)
        rows = read_entries(path, ("question_id", "image", "question", "category", *extra))
        entries = [_entry(row, path, folder or place.path / "images", arm) for row in rows]
        data = opened(self.name, entries, place=place, arm=arm, expected=EXPECTED, problems=problems)
        return data, place, folder is not None


def _entry(row: dict[str, Any], path: Path, folder: Path, arm: str) -> ListedRequest:
    question, category = str(row["question"]), str(row["category"])
    text, target = question, None
    if arm == "choice":
        options: object = row["options"]
        if not isinstance(options, dict) or row["correct_option"] not in options:
            raise CorruptData(f"{path}, {row['question_id']}: expected options by letter and the right one among them.")
        lines = [f"{letter}. {option}" for letter, option in cast("dict[str, str]", options).items()]
        text, target = "\n".join([question, *lines]), str(row["correct_option"])
    return ListedRequest(
        item=f"{path.name}, {row['question_id']}",
        question=question,
        text=text,
        images=(folder / str(row["image"]),),
        group=category,
        category=category,
        hazard=HAZARDS.get(category, "other"),
        seed=str(row["question_id"]),
        twin=str(row["question_id"]),
        target=target,
        meta={"id": str(row["question_id"]), "safety_warning": str(row.get("safety_warning") or "")},
    )
