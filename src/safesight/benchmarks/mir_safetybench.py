"""MIR-SafetyBench (arXiv 2601.14127; thu-coai/MIR-SafetyBench, MIT): 2,676 multi-image cases in 9 relations.

One turn: the images, then `revised_prompt`; a judge sees `original_question`. About five cases share a seed
question, which is their cluster. `id` is unique only within category and relation, so keys hash content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from safesight.benchmarks.arms import ARMS, apply_arm, shuffled_order, told
from safesight.benchmarks.images import keep
from safesight.benchmarks.mir_layouts import REMEDY, Extracted, MirItem, Tables, count_images, read_images, read_layout
from safesight.benchmarks.relations import FAMILIES, HAZARDS
from safesight.benchmarks.sources import (
    Place,
    Samples,
    UniqueKeys,
    check_options,
    count_problems,
    locate,
    records_hash,
    report,
)
from safesight.benchmarks.tables import Row, reject_duplicates
from safesight.core.errors import CorruptData, DataError
from safesight.core.messages import Image, ImagePart, Message, Part, TextPart
from safesight.core.protocols import BrokenItem, DataOptions, DataReport, Metric
from safesight.core.records import Case, Sample, content_hash, sample_key

REPO: Final = "thu-coai/MIR-SafetyBench"
NAME: Final = "mir_safetybench"

RELATIONS: Final = {
    "Temporal_Continuity": 317,
    "Temporal_Jump": 303,
    "Spatial_Juxtaposition": 292,
    "Spatial_Embedding": 293,
    "Relevance": 152,
    "Complementarity": 280,
    "Analogy": 318,
    "Causality": 280,
    "Decomposition": 441,
}
"""Relation to its published number of cases."""

EXPECTED: Final = RELATIONS | {"total": 2676}


class MirSafetyBench:
    """MIR-SafetyBench: 2,676 unsafe requests told over 2-4 images, in 9 relations and 6 categories."""

    name = NAME
    licence = "MIT"
    citation = "The Side Effects of Being Smart: Safety Risks in MLLMs' Multi-Image Reasoning, ACL 2026"
    arms = ARMS
    """multi is the paper's; stitched is its rule for single-image models; text, shuffled and single are ours."""
    default_judge = "harmbench"
    paper_count = "micro"
    caveat = (
        "The set is attack-conditioned: every case succeeded against Qwen2.5-VL-7B under the HarmBench judge while it "
        "was built. Intervals resample seed questions."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open the data in any of its layouts.

        A local folder may hold a part of the set: `problems` says what differs from the published counts.

        Raises:
            MissingData: no data; says how to get it.
            CorruptData: wrong columns, unknown labels, an id repeated within category and relation, or a hub
                commit whose counts are not the published ones.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count cases by relation and check every image."""
        dataset, place, layout = self._open(options)
        return report(dataset, benchmark=self.name, layout=layout, place=place, licence=self.licence, expected=EXPECTED)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the attack success rate."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place, str]:
        arm = check_options(options, benchmark=self.name, arms=self.arms)
        place = locate(options, repo=REPO, patterns=["data/*.parquet", "*.parquet"], remedy=REMEDY)
        layout = read_layout(place.path)
        _check(layout.items, where=str(place.path))
        counts = dict(Counter(item.relation for item in layout.items)) | {"total": len(layout.items)}
        problems = count_problems(counts, EXPECTED)
        if problems and place.is_hub:
            raise CorruptData(f"{REPO} at {place.revision}: {problems[0]} Name another commit with --revision.")
        counts |= Counter(item.category for item in layout.items)
        counts["seeds"] = len({item.question for item in layout.items})
        dataset = Samples(
            revision=place.revision,
            data_hash=records_hash(_content(item, item.id) for item in layout.items),
            problems=problems,
            counts=counts,
            size=len(layout.items),
            stream=partial(_read, layout, arm=arm, seed=options.seed),
        )
        return dataset, place, layout.name


def _check(items: Sequence[MirItem], *, where: str) -> None:
    reject_duplicates((item.where for item in items), where=where)
    for item in items:
        if item.relation not in RELATIONS or item.category not in HAZARDS:
            raise CorruptData(
                f"{where}: {item.where}: expected a category of {', '.join(HAZARDS)} and a relation of "
                f"{', '.join(RELATIONS)}. Is this MIR-SafetyBench?"
            )


def _read(layout: Extracted | Tables, *, arm: str, seed: int) -> Iterator[Sample | BrokenItem]:
    unique = UniqueKeys()
    if arm == "text" and all(item.count for item in layout.items):
        rows: Iterator[tuple[MirItem, Row | None]] = ((item, None) for item in layout.items)
    else:
        rows = iter(layout)
    for item, row in rows:
        try:
            yield _sample(item, row, root=layout.root, arm=arm, seed=seed, unique=unique)
        except DataError as error:
            yield BrokenItem(item=item.where, error=error, benign=False)


def _sample(item: MirItem, row: Row | None, *, root: Path, arm: str, seed: int, unique: UniqueKeys) -> Sample:
    if item.fault:
        raise CorruptData(item.fault)
    content: list[object] = _content(item)
    images: tuple[Image, ...] = ()
    if arm == "text":
        told_of = told(item.descriptions, count=count_images(item, row), prompt=item.prompt)
        parts: tuple[Part, ...] = (TextPart(told_of),)
    else:
        images = read_images(item, row, root=root, first_only=arm == "single")
        parts = apply_arm(arm, images=images, descriptions=item.descriptions, prompt=item.prompt, seed=seed)
    if arm == "stitched":
        parts = tuple(ImagePart(keep(part.image)) if isinstance(part, ImagePart) else part for part in parts)
    if arm == "shuffled":
        content.append(shuffled_order(images, seed=seed))
    return Sample(
        key=unique(sample_key(NAME, "", content, images, arm)),
        benchmark=NAME,
        messages=(Message("user", parts),),
        question=item.question,
        category=item.category,
        group=item.relation,
        cluster=content_hash(item.question),
        arm=arm,
        twin=content_hash(*_content(item)),
        meta={
            "hazard": HAZARDS[item.category],
            "family": FAMILIES[item.relation],
            "id": item.id,
            "image_descriptions": "\n".join(item.descriptions),
        },
    )


def _content(item: MirItem, *more: object) -> list[object]:
    return [item.category, item.relation, item.question, item.prompt, list(item.descriptions), *more]
