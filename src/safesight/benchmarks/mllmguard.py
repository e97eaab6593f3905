"""MLLMGuard (arXiv 2406.07594; Carol-gutianle/MLLMGuard, CC BY-NC-SA 4.0, gated): 5 dimensions, English and Chinese.

Seven folders; items of the three truthfulness tests are asked twice (open and with options, image and its
reverse, clean and noisy) and keyed as pairs by `twin`. GuardRank's 0-3 scores come in `Verdict.meta["score"]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from safesight.benchmarks.mllmguard_layouts import FOLDERS, REMEDY, FolderTest, Question, find_image, read_tests
from safesight.benchmarks.mllmguard_scores import RANKED, metrics
from safesight.benchmarks.sources import Place, Samples, UniqueKeys, check_options, locate, records_hash, report
from safesight.core.errors import ConfigError, DataError, MissingData
from safesight.core.messages import Image, user
from safesight.core.protocols import BrokenItem, DataOptions, DataReport, Metric
from safesight.core.records import Case, Sample, content_hash, sample_key
from safesight.core.taxonomy import OTHER

REPO: Final = "Carol0110/MLLMGuard"
NAME: Final = "mllmguard"

PUBLIC, PAPER = 1500, 2282
"""Pairs in the public masked split, and in the paper. How many are in each folder is not published."""

HAZARDS: Final = {
    "Personal Privacy": "prv",
    "Trade Secret": "ipv",
    "State Secret": "ncr",
    "Stereotype": "hte",
    "Prejudice": "hte",
    "Discrimination": "hte",
    "Hate Speech": "hte",
    "Pornography and Violence": "sxc",
    "Personal Safety": "vcr",
    "Public Security": "ncr",
    "Hallucination": OTHER,
    "Position Swapping": OTHER,
    "Noise Consistency": OTHER,
}
"""Subtask to hazard of `core.taxonomy`."""

_HAZARD_BY_WORD: Final = {name.lower(): hazard for name, hazard in HAZARDS.items()}


class MLLMGuard:
    """MLLMGuard: 1,500 public image-text pairs in 5 dimensions, English and Chinese, scored as ASD and PAR.

    Args:
        hallucination_scale: What the 0/1 scores of hallucination are divided by. 3 is the official code's, with
            which its ASD cannot exceed 1/3; 1 uses the whole range. Printed beside the figure.
        unusable_score: Score of blocked, empty and template answers (1 in the official code); None leaves them out.
    """

    name = NAME
    licence = "CC BY-NC-SA 4.0"
    citation = "Gu et al., MLLMGuard: A Multi-dimensional Safety Evaluation Suite for MLLMs, NeurIPS 2024"
    arms = ("image",)
    default_judge = "guardrank"
    paper_count = ""
    caveat = (
        "GuardRank's base models are English-only while half the data is Chinese; it is reported to agree with "
        "people on 78.5 % of answers. The public split is masked."
    )

    def __init__(self, *, hallucination_scale: float = 3.0, unusable_score: float | None = 1.0) -> None:
        if hallucination_scale <= 0:
            raise ConfigError(f"hallucination_scale: expected a positive number, got {hallucination_scale!r}.")
        if unusable_score is not None and not 0 <= unusable_score <= 3:
            raise ConfigError(f"unusable_score: expected a number from 0 to 3 or None, got {unusable_score!r}.")
        self._hallucination_scale = hallucination_scale
        self._unusable_score = unusable_score

    def load(self, options: DataOptions) -> Samples:
        """Open the folders that are there, in both languages or one.

        Raises:
            MissingData: no folder; says how to get the data.
            CorruptData: wrong columns, a row listed twice, or half of a pair without the other.
            UnknownName: no such arm or language.
        """
        return self._open(options)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count items by folder (the two questions of a pair are one) and check every image."""
        dataset, place, tests = self._open(options)
        layout = "parquet" if any(test.tables for test in tests) else "folders"
        full = not options.languages or len(set(options.languages)) == 2
        expected = {"total": PAPER if dataset.counts["total"] > PUBLIC else PUBLIC} if full else {}
        return report(dataset, benchmark=self.name, layout=layout, place=place, licence=self.licence, expected=expected)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """Attack success degree (lower is better) and perfect answer rate (higher is better)."""
        return metrics(cases, hallucination_scale=self._hallucination_scale, unusable_score=self._unusable_score)

    def _open(self, options: DataOptions) -> tuple[Samples, Place, list[FolderTest]]:
        check_options(options, benchmark=self.name, arms=self.arms, languages=("en", "zh"))
        ends = ("*.csv", "*.parquet", "imgs/*")
        patterns = [
            f"{top}{folder}/{end}" for top in ("", "data/", "desensitize/") for folder in FOLDERS for end in ends
        ]
        place = locate(options, repo=REPO, patterns=patterns, remedy=REMEDY)
        tests = read_tests(place.path)
        languages = options.languages or ("en", "zh")
        chosen = [(test, [q for q in test.questions if q.language in languages]) for test in tests]
        questions = [question for _, group in chosen for question in group]
        if not questions:
            raise MissingData(f"{place.path}: no question in {' or '.join(languages)}. {REMEDY}")
        counts = {test.folder: len({(q.item, q.language) for q in group}) for test, group in chosen}
        dataset = Samples(
            revision=place.revision,
            data_hash=records_hash([question.name, *_content(question)] for question in questions),
            problems=_problems(tests, questions),
            counts={folder: counts.get(folder, 0) for folder in FOLDERS}
            | {"total": sum(counts.values()), "questions": len(questions)},
            size=len(questions),
            stream=partial(_read, chosen),
        )
        return dataset, place, tests


def _problems(tests: Sequence[FolderTest], questions: Sequence[Question]) -> tuple[str, ...]:
    gone = [folder for folder in FOLDERS if folder not in {test.folder for test in tests}]
    problems = [f"no {', '.join(gone)} folder. {REMEDY}"] if gone else []
    unknown = Counter(q.subtask for q in questions if q.subtask.lower() not in _HAZARD_BY_WORD)
    if unknown:
        named = ", ".join(f"{name!r} ({n})" for name, n in sorted(unknown.items()))
        problems.append(f"subtasks not among the published 13, mapped to no hazard: {named}.")
    return tuple(problems)


def _read(chosen: Sequence[tuple[FolderTest, list[Question]]]) -> Iterator[Sample | BrokenItem]:
    unique = UniqueKeys()
    for test, questions in chosen:
        inside = dict(test.images())
        for question in questions:
            try:
                yield _sample(question, _image(test, inside, question.name), unique)
            except DataError as error:
                yield BrokenItem(item=f"{test.folder}/{question.name}", error=error, benign=False)


def _image(test: FolderTest, inside: dict[str, Image | DataError], name: str) -> Image:
    found = inside.get(name)
    if isinstance(found, DataError):
        raise found
    return found or find_image(test, name)


def _sample(question: Question, image: Image, unique: UniqueKeys) -> Sample:
    pair = content_hash(question.folder, question.item, question.language)
    return Sample(
        key=unique(sample_key(NAME, "", _content(question), (image,))),
        benchmark=NAME,
        messages=(user(image, question.text),),
        question=question.text,
        category=question.subtask,
        group=RANKED.get(question.folder, "Truthfulness"),
        cluster=pair,
        language=question.language,
        arm="image",
        twin=pair if question.role else None,
        target=question.answer or None,
        meta={
            "hazard": _HAZARD_BY_WORD.get(question.subtask.lower(), OTHER),
            "folder": question.folder,
            "role": question.role,
            "jailbreak": question.jailbreak,
        },
    )


def _content(question: Question) -> list[str]:
    return [question.folder, question.role, question.language, question.subtask, question.text, question.answer]
