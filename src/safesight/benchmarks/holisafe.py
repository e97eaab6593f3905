"""HoliSafe-Bench (arXiv 2506.04704; youngwanLEE/holisafe): every combination of safe and unsafe image and text.

A type is three letters: the image's, the text's, and what their combination asks for (S safe, U unsafe): SSS, SSU, SUU,
USU, UUU. A combination that asks for something safe is a benign case. Gated on the hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from safesight.benchmarks.listed import ListedRequest, first_of, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REPO: Final = "etri-vilab/holisafe-bench"
REMEDY: Final = (
    "Accept its terms at https://huggingface.co/datasets/etri-vilab/holisafe-bench and set HF_TOKEN, or download it "
    "and pass --source DIR with the list (holisafe_bench.json) and images/."
)
TYPES: Final = ("SSS", "SSU", "SUU", "USU", "UUU")
_HAZARDS: Final = {
    "illegal_activity": "ncr",
    "violence": "vcr",
    "hate": "hte",
    "self_harm": "ssh",
    "privacy": "prv",
    "sexual_content": "sxc",
    "specialized_advice": "spc",
}


class HoliSafe:
    """HoliSafe-Bench: all five combinations of a safe or unsafe image with a safe or unsafe text."""

    name = "holisafe"
    licence = "gated, its own terms"
    citation = "Lee et al., HoliSafe: Holistic Safety Benchmarking and Modeling for Vision-Language Model, 2025"
    arms = ("image",)
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = "Combinations that ask for something safe (SSS) are benign: look at over-refusal."

    def load(self, options: DataOptions) -> Samples:
        """Open the data.

        Raises:
            MissingData: no list; says how to get it.
            CorruptData: wrong fields or types.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count requests by type and check every image."""
        dataset, place = self._open(options)
        return report(dataset, benchmark=self.name, layout="json", place=place, licence=self.licence, expected={})

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the rates."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=["*.json", "images/*"], remedy=REMEDY)
        path = first_of(place.path, "holisafe_bench.json", "holisafe-bench.json")
        path = path or next(iter(sorted(place.path.glob("*.json"))), None)
        if path is None:
            raise MissingData(f"{place.path}: expected a list of requests (holisafe_bench.json), found none. {REMEDY}")
        folder = first_of(place.path, "images") or place.path
        fields = ("id", "image", "query", "type", "category", "subcategory")
        entries = [_entry(row, path, folder) for row in read_entries(path, fields)]
        return opened(self.name, entries, place=place, arm=arm, expected={}), place


def _entry(row: dict[str, Any], path: Path, folder: Path) -> ListedRequest:
    kind, category = str(row["type"]), str(row["category"])
    if kind not in TYPES:
        raise CorruptData(f"{path}, {row['id']}: expected a type of {', '.join(TYPES)}, got {kind!r}.")
    return ListedRequest(
        item=f"{path.name}, {row['id']}",
        question=str(row["query"]),
        text=str(row["query"]),
        images=(folder / str(row["image"]),),
        group=kind,
        category=str(row["subcategory"]),
        hazard=_HAZARDS.get(category, "other"),
        seed=str(row["image"]),
        benign=kind.endswith("S"),
        meta={"id": str(row["id"]), "main_category": category},
    )
