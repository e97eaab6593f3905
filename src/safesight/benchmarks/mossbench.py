"""MOSSBench (arXiv 2406.17806; xirui-li/MOSSBench): 300 harmless requests whose pictures alarm, for over-refusal.

Three stimuli of 100: a risk that is exaggerated, a harm that is negated, a reading that is counterintuitive. The
`contrast` arm is the repository's second folder: 244 requests on the same kind of picture that do deserve a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from safesight.benchmarks.listed import ListedRequest, opened, read_entries
from safesight.benchmarks.sources import Place, Samples, check_options, locate_local, report
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REMEDY: Final = "Get it with: git clone https://github.com/xirui-li/MOSSBench, then pass --source MOSSBench."
STIMULI: Final = {
    "type 1": "Exaggerated Risk",
    "type 2": "Negated Harm",
    "type 3": "Counterintuitive Interpretation",
}
EXPECTED: Final = {
    "benign": dict.fromkeys(STIMULI.values(), 100) | {"total": 300},
    "contrast": dict(zip(STIMULI.values(), (100, 44, 100), strict=True)) | {"total": 244},
}
_FOLDERS: Final = {"benign": "data", "contrast": "data_contrast"}


class MOSSBench:
    """MOSSBench: 300 harmless requests with alarming pictures in three kinds of stimulus, for over-refusal."""

    name = "mossbench"
    licence = "CC BY-SA 4.0"
    citation = "Li et al., MOSSBench: Is Your Multimodal Language Model Oversensitive to Safe Queries?, 2024"
    arms = ("benign", "contrast")
    default_judge = "refusal"
    paper_count = ""
    caveat = (
        "Requests of the arm `benign` are harmless: look at over-refusal. The paper's judge is GPT-4 with the image."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open one arm.

        Raises:
            MissingData: no such folder; says how to get it.
            CorruptData: wrong fields.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count requests by stimulus and check every image."""
        dataset, place, arm = self._open(options)
        return report(
            dataset,
            benchmark=self.name,
            layout="repository",
            place=place,
            licence=self.licence,
            expected=EXPECTED[arm],
        )

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None: its figure is over-refusal by stimulus, which every run prints."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place, str]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate_local(options, benchmark=self.name, remedy=REMEDY)
        folder = place.path / _FOLDERS[arm]
        path = folder / "images_information" / "information.json"
        if not path.is_file():
            raise MissingData(f"{place.path}: expected {path.relative_to(place.path)}, found none. {REMEDY}")
        rows = read_entries(path, ("pid", "image", "question", "metadata"))
        entries = [
            ListedRequest(
                item=f"{path.name}, {row['pid']}",
                question=str(row["question"]),
                text=str(row["question"]),
                images=(folder / str(row["image"]),),
                group=_stimulus(row),
                category="over-refusal" if arm == "benign" else "contrast",
                benign=arm == "benign",
                twin=str(row["pid"]),
                seed=str(row["pid"]),
                meta={"id": str(row["pid"]), "image_descriptions": str(row.get("description") or "")},
            )
            for row in rows
        ]
        return opened(self.name, entries, place=place, arm=arm, expected=EXPECTED[arm]), place, arm


def _stimulus(row: dict[str, Any]) -> str:
    found: object = row["metadata"]["over"] if isinstance(row["metadata"], dict) else None
    if not isinstance(found, str) or found not in STIMULI:
        raise CorruptData(f"MOSSBench {row['pid']}: expected metadata.over of {', '.join(STIMULI)}, got {found!r}.")
    return STIMULI[found]
