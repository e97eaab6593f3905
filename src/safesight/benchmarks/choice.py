"""Utility: multiple-choice questions over several images (MUIRBench, MMIU, BLINK, or your own), from local files.

Every item is benign and has a right answer, scored by `analysis.targets.answers_target`, so a run gives accuracy and
over-refusal, and `explain capability` takes it as a capability score. Images stand where the question and
its options mark them (`image_marks`), else before the question; the wording below is ours, not a set's own, so
compare accuracies measured here with each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from safesight.benchmarks.choice_layouts import ChoiceItem, find_files, read_images, read_items, stream_images
from safesight.benchmarks.image_marks import is_numbered, place_images
from safesight.benchmarks.sources import Place, Samples, UniqueKeys, check_options, locate_local, records_hash, report
from safesight.benchmarks.tables import Row
from safesight.core.errors import DataError
from safesight.core.messages import Image, Message, Part
from safesight.core.protocols import BrokenItem, DataOptions, DataReport, Metric
from safesight.core.records import Case, Sample, content_hash, sample_key

NAME: Final = "choice"
INSTRUCTION: Final = "Answer with the letter of the right option."
REMEDY: Final = (
    "Get a set with: hf download MUIRBENCH/MUIRBENCH --repo-type dataset --local-dir DIR (or BLINK-Benchmark/BLINK, or "
    "FanqingM/MMIU-Benchmark with its archives unpacked), then pass --source DIR."
)


class ChoiceBenchmark:
    """Choice: utility questions over several images in MUIRBench, MMIU, BLINK or your own format, from local files."""

    name = NAME
    licence = "that of the set you bring"
    citation = "Your set's own, e.g. MUIRBench arXiv 2406.09411, MMIU arXiv 2408.02718, BLINK arXiv 2404.12390"
    arms = ("multi",)
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = "Every item is benign: look at accuracy and over-refusal, not at attack success."

    def load(self, options: DataOptions) -> Samples:
        """Open the files of `options.source`.

        Raises:
            MissingData: no source, or nothing in it.
            CorruptData: columns, options or answers are not as in any known format.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count items by task and check every image."""
        dataset, place = self._open(options)
        return report(dataset, benchmark=NAME, layout="choice", place=place, licence=self.licence, expected={})

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None here: accuracy is computed wherever samples have a target."""
        return []

    def _open(self, options: DataOptions) -> tuple[Samples, Place]:
        check_options(options, benchmark=NAME, arms=self.arms)
        place = locate_local(options, benchmark=NAME, remedy=REMEDY)
        files = {path: read_items(path) for path in find_files(place.path)}
        items = [item for listed in files.values() for item in listed]
        scored = [item for item in items if item.answer]
        hidden = len(items) - len(scored)
        dataset = Samples(
            revision=place.revision,
            data_hash=records_hash(_content(item) for item in scored),
            problems=(f"{hidden} items have no answer (a hidden test split) and are left out.",) if hidden else (),
            counts=dict(Counter(item.task for item in scored)) | {"total": len(scored)},
            size=len(scored),
            stream=partial(_read, files, root=place.path if place.path.is_dir() else place.path.parent),
        )
        return dataset, place


def _content(item: ChoiceItem) -> list[object]:
    return [item.task, item.question, list(item.options), item.answer]


def _read(files: dict[Path, list[ChoiceItem]], *, root: Path) -> Iterator[Sample | BrokenItem]:
    unique = UniqueKeys()
    for path, items in files.items():
        for item, (row, layout) in zip(items, stream_images(path), strict=True):
            if not item.answer:
                continue
            try:
                images = read_images(row, layout, folder=path.parent, root=root, where=item.where)
                yield _sample(item, row, images, unique)
            except DataError as error:
                yield BrokenItem(item=item.where, error=error, benign=True)


def _sample(item: ChoiceItem, row: Row, images: Sequence[Image], unique: UniqueKeys) -> Sample:
    pair = content_hash(item.task, item.pair)
    # Numbered marks were once shown in another order: what was answered then is no answer to this.
    placed = ["numbered"] if is_numbered("\n".join([item.question, *item.options])) else []
    return Sample(
        key=unique(sample_key(NAME, "", [*_content(item), *placed], images)),
        benchmark=NAME,
        messages=(Message("user", prompt_parts(item, images, context=str(row.get("context") or ""))),),
        question=item.question,
        category="utility",
        group=item.task,
        cluster=pair,
        benign=True,
        arm="multi",
        twin=content_hash(item.task, item.item),
        target=item.answer,
        meta={"id": item.item},
    )


def prompt_parts(item: ChoiceItem, images: Sequence[Image], *, context: str = "") -> tuple[Part, ...]:
    """The user turn: context, question, lettered options and the instruction, with the images at their marks.

    MMIU's `context` repeats the options; it is left out where it does.
    """
    lettered = [f"{chr(65 + i)}. {option}" for i, option in enumerate(item.options)]
    lead = "" if not context or any(option in context for option in item.options) else f"{context.strip()}\n"
    text = "\n".join([f"{lead}{item.question.strip()}", *lettered, INSTRUCTION])
    return place_images(text, images)
