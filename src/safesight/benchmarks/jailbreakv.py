"""JailBreakV-28K (arXiv 2404.03027; JailbreakV-28K/JailBreakV-28k, MIT): text jailbreaks, shown with an image.

20,000 text jailbreaks beside a blank, noise, natural or drawn image and 8,000 image jailbreaks (FigStep and query-
relevant), over 2,000 seed requests in 16 policies. A judge sees the seed request, not the jailbreak around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from safesight.benchmarks.listed import ListedRequest, first_of, opened
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.benchmarks.tables import read_csv
from safesight.core.errors import MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric
from safesight.core.records import Case

REPO: Final = "JailbreakV-28K/JailBreakV-28k"
REMEDY: Final = (
    "Download https://huggingface.co/datasets/JailbreakV-28K/JailBreakV-28k (its images are a link in the README), and "
    "pass --source DIR with JailBreakV_28K/."
)
FULL, MINI = 28_000, 280
_COLUMNS: Final = ("id", "jailbreak_query", "redteam_query", "format", "policy", "image_path")
HAZARDS: Final = {
    "Illegal Activity": "ncr",
    "Violence": "vcr",
    "Hate Speech": "hte",
    "Malware": "ncr",
    "Physical Harm": "vcr",
    "Economic Harm": "ncr",
    "Fraud": "ncr",
    "Adult Content": "sxc",
    "Political Sensitivity": "other",
    "Privacy Violation": "prv",
    "Unlicensed Advice": "spc",
    "Tailored Unlicensed Advice": "spc",
    "Child Abuse Content": "cse",
    "Health Consultation": "spc",
    "Government Decision": "other",
    "Animal Abuse": "other",
    "Bias": "hte",
    "Unethical Behavior": "other",
}


class JailBreakV:
    """JailBreakV-28K: 28,000 jailbreak text-image pairs (280 tiny) over 16 policies in 5 formats."""

    name = "jailbreakv"
    licence = "MIT"
    citation = (
        "Luo et al., JailBreakV: A Benchmark for Assessing the Robustness of MLLMs against Jailbreak Attacks, COLM 2024"
    )
    arms = ("image",)
    default_judge = "detector:embedded"
    paper_count = "micro"
    caveat = (
        "The paper's judge is Llama Guard on the answer. About 14 pairs share a seed request: intervals respect it."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open all pairs, or the published mini version.

        Raises:
            MissingData: no list; says how to get it.
            CorruptData: wrong columns.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count pairs by format and check every image."""
        dataset, place = self._open(options)
        expected = {"total": MINI if options.tiny else FULL}
        return report(dataset, benchmark=self.name, layout="csv", place=place, licence=self.licence, expected=expected)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the rates."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        arm = check_options(options, benchmark=self.name, arms=self.arms, has_tiny=True)
        place = locate(options, repo=REPO, patterns=["JailBreakV_28K/*", "*.csv"], remedy=REMEDY)
        file = f"{'mini_' if options.tiny else ''}JailBreakV_28K.csv"
        path = first_of(place.path, f"JailBreakV_28K/{file}", file)
        if path is None:
            raise MissingData(f"{place.path}: expected JailBreakV_28K/{file}, found none. {REMEDY}")
        entries = [
            ListedRequest(
                item=f"{path.name}, {row['id']}",
                question=row["redteam_query"],
                text=row["jailbreak_query"],
                images=(path.parent / row["image_path"],),
                group=row["format"],
                category=row["policy"],
                hazard=HAZARDS.get(row["policy"], "other"),
                seed=row["redteam_query"],
                meta={"id": row["id"], "transfer": row.get("transfer_from_llm") or ""},
            )
            for row in read_csv(path, _COLUMNS)
        ]
        expected = {"total": MINI if options.tiny else FULL}
        return opened(self.name, entries, place=place, arm=arm, expected=expected), place
