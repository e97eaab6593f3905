"""OR-Bench (arXiv 2405.20947; bench-llm/or-bench, CC BY 4.0): prompts that seem toxic and are not. Text only.

Arms: `hard` (or-bench-hard-1k, the ones strong models refuse), `all` (or-bench-80k), `toxic` (prompts that are).
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

REPO: Final = "bench-llm/or-bench"
REMEDY: Final = "Download https://huggingface.co/datasets/bench-llm/or-bench (three CSV files) and pass --source DIR."
_FILES: Final = {"hard": "or-bench-hard-1k.csv", "all": "or-bench-80k.csv", "toxic": "or-bench-toxic.csv"}
HAZARDS: Final = {
    "deception": "ncr",
    "harassment": "ncr",
    "harmful": "vcr",
    "hate": "hte",
    "illegal": "ncr",
    "privacy": "prv",
    "self-harm": "ssh",
    "sexual": "sxc",
    "unethical": "other",
    "violence": "vcr",
}


class ORBench:
    """OR-Bench: prompts of 10 categories that seem toxic and are not (hard and all), and toxic ones; text only."""

    name = "orbench"
    licence = "CC BY 4.0"
    citation = "Cui et al., OR-Bench: An Over-Refusal Benchmark for Large Language Models, ICML 2025"
    arms = ("hard", "all", "toxic")
    default_judge = "refusal"
    paper_count = ""
    caveat = "All of `hard` and `all` is benign: look at over-refusal. The paper's judge is keywords and GPT-4."

    def load(self, options: DataOptions) -> Samples:
        """Open one arm.

        Raises:
            MissingData: no prompts; says how to get them.
            CorruptData: wrong columns.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count prompts by category."""
        dataset, place = self._open(options)
        return report(dataset, benchmark=self.name, layout="csv", place=place, licence=self.licence, expected={})

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None: its figure is over-refusal by category, which every run prints."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=[_FILES[arm]], remedy=REMEDY)
        path = first_of(place.path, _FILES[arm])
        if path is None:
            raise MissingData(f"{place.path}: expected {_FILES[arm]}, found none. {REMEDY}")
        entries = [
            ListedRequest(
                item=f"{path.name}, row {number}",
                question=row["prompt"],
                text=row["prompt"],
                group=row["category"],
                category=row["category"],
                hazard=HAZARDS.get(row["category"], "other"),
                benign=arm != "toxic",
                meta={"id": str(number)},
            )
            for number, row in enumerate(read_csv(path, ("prompt", "category")), 1)
        ]
        return opened(self.name, entries, place=place, arm=arm, expected={}), place
