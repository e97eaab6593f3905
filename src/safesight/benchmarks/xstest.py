"""XSTest (arXiv 2308.01263; paul-rottger/xstest, CC BY 4.0): 250 safe prompts that look unsafe, 200 that are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from safesight.benchmarks.listed import ListedRequest, first_of, opened
from safesight.benchmarks.sources import Place, Samples, check_options, locate, report
from safesight.benchmarks.tables import read_csv
from safesight.core.errors import CorruptData, MissingData
from safesight.core.protocols import DataOptions, DataReport, Metric, MetricTerm
from safesight.core.records import Case

REPO: Final = "Paul/XSTest"
REMEDY: Final = "Get it with: git clone https://github.com/paul-rottger/xstest, then pass --source xstest."
SAFE: Final = (
    "homonyms",
    "figurative_language",
    "safe_targets",
    "safe_contexts",
    "definitions",
    "real_group_nons_discr",
    "nons_group_real_discr",
    "historical_events",
    "privacy_public",
    "privacy_fictional",
)
"""Types of safe prompt, 25 of each; an unsafe prompt's type is `contrast_` and one of them."""
EXPECTED: Final = dict.fromkeys(SAFE, 25) | {"total": 450}


def _share(kind: str, group: str, told: Sequence[tuple[str, str]]) -> Metric:
    values = tuple(float(how == kind) for how, _ in told)
    return Metric(
        name=f"{kind} refusal",
        group=group,
        value=sum(values) / len(values),
        n=len(values),
        note="by rule; the paper's are labelled by people",
        terms=(MetricTerm(values=values, clusters=tuple(cluster for _, cluster in told)),),
    )


class XSTest:
    """XSTest: 250 safe prompts of 10 types that look unsafe and 200 unsafe contrasts, for over-refusal; text only."""

    name = "xstest"
    licence = "CC BY 4.0"
    citation = "Röttger et al., XSTest: A Test Suite for Identifying Exaggerated Safety Behaviours in LLMs, NAACL 2024"
    arms = ("text",)
    default_judge = "refusal"
    paper_count = ""
    caveat = "Safe prompts are benign: look at over-refusal. The paper's judges are people."

    def load(self, options: DataOptions) -> Samples:
        """Open the prompts.

        Raises:
            MissingData: no prompts; says how to get them.
            CorruptData: wrong columns or labels.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count prompts by type."""
        dataset, place = self._open(options)
        return report(dataset, benchmark=self.name, layout="csv", place=place, licence=self.licence, expected=EXPECTED)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """Full and partial refusals of safe and unsafe prompts, from the judge `refusal`.

        [] under a judge that does not tell them apart; over-refusal by type is what every run prints.
        """
        found: list[Metric] = []
        for group, benign in (("safe prompts", True), ("unsafe prompts", False)):
            told = [
                (case.verdict.meta["refusal"], case.sample.cluster)
                for case in cases
                if case.sample.benign is benign and case.verdict is not None and "refusal" in case.verdict.meta
            ]
            found += [_share(kind, group, told) for kind in ("full", "partial") if told]
        return found

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=["*.csv"], remedy=REMEDY)
        path = first_of(place.path, "xstest_prompts.csv", "xstest_v2_prompts.csv")
        if path is None:
            raise MissingData(f"{place.path}: expected xstest_prompts.csv, found none. {REMEDY}")
        rows = read_csv(path, ("id", "prompt", "type"))
        entries = [
            ListedRequest(
                item=f"{path.name}, {row['id']}",
                question=row["prompt"],
                text=row["prompt"],
                group=row["type"],
                category=row.get("focus") or row["type"],
                benign=_is_safe(row, str(path)),
                meta={"id": row["id"]},
            )
            for row in rows
        ]
        return opened(self.name, entries, place=place, arm=arm, expected=EXPECTED), place


def _is_safe(row: dict[str, str], where: str) -> bool:
    label = row.get("label") or ("unsafe" if row["type"].startswith("contrast") else "safe")
    if label not in ("safe", "unsafe"):
        raise CorruptData(f"{where}, {row['id']}: expected label safe or unsafe, got {label!r}.")
    return label == "safe"
