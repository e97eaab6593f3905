"""Starter: SafeSight's own mild multi-image cases, each unsafe one with a benign twin; it ships in the wheel.

Relations and categories are those of MIR-SafetyBench (arXiv 2601.14127). The images carry who, what and what for, the
prompt only points at them: a case and its twin share it to the letter, and all images but one, which says whether what
is asked for should be declined.
Every file is held to the committed `manifest.json`, so what is measured is what was released. How it was
made, and what it cannot show: docs/starter.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from safesight.benchmarks.arms import ARMS, apply_arm, shuffled_order
from safesight.benchmarks.images import image_from_bytes, keep
from safesight.benchmarks.relations import FAMILIES, HAZARDS
from safesight.benchmarks.sources import Place, Samples, check_options, count_problems, records_hash, report
from safesight.benchmarks.starter_gold import gold_answers
from safesight.core.errors import ConfigError, CorruptData, DataError, MissingData
from safesight.core.messages import Image, ImagePart, Message
from safesight.core.protocols import BrokenItem, DataOptions, DataReport, LabelledAnswer, Metric
from safesight.core.records import Case, Sample, sample_key

NAME: Final = "starter"
LANGUAGES: Final = ("en", "zh")
_REMEDY: Final = "Install safesight again."

T = TypeVar("T")


class StarterCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `cases.json`."""

    id: str
    seed: str
    """Shared with the twin, like the prompt and all images but one."""
    twin: str
    """`id` of the other case of this seed."""
    relation: str
    category: str
    language: str
    benign: bool
    original_question: str
    """The intent spelled out, for judges."""
    prompt: str
    images: tuple[str, ...]
    image_descriptions: tuple[str, ...]
    image_keywords: tuple[str, ...]


class _Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    revision: str
    files: dict[str, str]
    """SHA-256 by path below the data folder."""


class Starter:
    """Starter: 66 mild unsafe multi-image cases (12 in Chinese), each with a benign twin; ships with SafeSight."""

    name = NAME
    licence = "Apache-2.0"
    citation = "SafeSight starter set, revision 2; relations and categories after MIR-SafetyBench (arXiv 2601.14127)"
    arms = ARMS
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = "Starter is small, drawn and mild: its rates show that a set-up works and do not rank models."

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder or files("safesight.benchmarks") / "starter_data"

    def load(self, options: DataOptions) -> Samples:
        """Open the cases of `options.languages` (none named: English, then Chinese).

        Raises:
            MissingData: the installed files are gone.
            CorruptData: the case file is not the released one.
            UnknownName: no such arm or language.
            ConfigError: a source, revision or tiny version is asked for.
        """
        arm = check_options(options, benchmark=NAME, arms=self.arms, languages=LANGUAGES)
        if options.source is not None or options.revision:
            raise ConfigError(f"{NAME} ships with SafeSight and has no other source or revision: leave them out.")
        manifest = _decode(_read(self._folder, "manifest.json"), _Manifest, name="manifest.json")
        data = _released(self._folder, "cases.json", manifest)
        every = _decode(data, tuple[StarterCase, ...], name="cases.json")
        languages = options.languages or LANGUAGES
        cases = [case for case in every if case.language in languages]
        counts = _counts(cases)
        return Samples(
            revision=manifest.revision,
            data_hash=records_hash(cases),
            problems=count_problems(counts, expected(languages)),
            counts=counts,
            size=len(cases),
            stream=partial(_samples, cases, folder=self._folder, manifest=manifest, arm=arm, seed=options.seed),
        )

    def verify(self, options: DataOptions) -> DataReport:
        """Count the cases and hold every file to its released hash; images that twins share count once."""
        dataset = self.load(options)
        place = Place(Path(str(self._folder)), dataset.revision)
        wanted = expected(options.languages or LANGUAGES)
        found = report(dataset, benchmark=NAME, layout="shipped", place=place, licence=self.licence, expected=wanted)
        shown = {image.sha256 for item in dataset if isinstance(item, Sample) for image in item.images}
        return msgspec.structs.replace(found, images=len(shown))

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside attack success and over-refusal."""
        return []

    def labelled(self, options: DataOptions) -> Iterator[LabelledAnswer]:
        """The gold answers to the unsafe cases, three a case, in the set's order."""
        answers = gold_answers()
        for item in self.load(options):
            if isinstance(item, Sample) and not item.benign:
                yield from answers[item.cluster].labelled(item)


def expected(languages: Sequence[str]) -> dict[str, int]:
    """Cases of the released set in the given languages: by relation, by category, unsafe, benign and in all."""
    chinese = ("Temporal_Continuity", "Complementarity")
    seeds: Counter[str] = Counter()
    for language in languages:
        for relation in FAMILIES if language == "en" else chinese:
            seeds.update({relation: len(HAZARDS), language: 2 * len(HAZARDS), "total": len(HAZARDS)})
            seeds.update(HAZARDS.keys())
    by_name = {name: 2 * n for name, n in seeds.items() if name not in LANGUAGES}
    return by_name | {"unsafe": seeds["total"], "benign": seeds["total"]} | {k: seeds[k] for k in LANGUAGES if seeds[k]}


def _counts(cases: Sequence[StarterCase]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for case in cases:
        counts.update([case.relation, case.category, case.language, "benign" if case.benign else "unsafe", "total"])
    return dict(counts)


def _samples(
    cases: Sequence[StarterCase], *, folder: Traversable, manifest: _Manifest, arm: str, seed: int
) -> Iterator[Sample | BrokenItem]:
    for case in cases:
        try:
            images = [_image(folder, name, manifest) for name in case.images]
            yield _sample(case, images, arm=arm, seed=seed)
        except DataError as error:
            yield BrokenItem(item=case.id, error=error, benign=case.benign)


def _sample(case: StarterCase, images: Sequence[Image], *, arm: str, seed: int) -> Sample:
    told = case.image_descriptions
    parts = apply_arm(arm, images=images, descriptions=told, prompt=case.prompt, seed=seed, pair=case.seed)
    if arm == "stitched":
        parts = tuple(ImagePart(keep(part.image)) if isinstance(part, ImagePart) else part for part in parts)
    content: list[object] = [case]
    if arm == "shuffled":
        content.append(shuffled_order(images, seed=seed, pair=case.seed))
    return Sample(
        key=sample_key(NAME, "", content, images, arm),
        benchmark=NAME,
        messages=(Message("user", parts),),
        question=case.original_question,
        category=case.category,
        group=case.relation,
        cluster=case.seed,
        benign=case.benign,
        language=case.language,
        arm=arm,
        twin=case.seed,
        meta={
            "hazard": HAZARDS[case.category],
            "family": FAMILIES[case.relation],
            "id": case.id,
            "image_descriptions": "\n".join(case.image_descriptions),
        },
    )


def _image(folder: Traversable, name: str, manifest: _Manifest) -> Image:
    image = image_from_bytes(_released(folder, name, manifest), label=name.rpartition("/")[2])
    path = folder / name
    # A path keeps memory flat and lets a report show the image; inside a zip file there is none.
    return msgspec.structs.replace(image, path=str(path), data=None) if isinstance(path, Path) else image


def _released(folder: Traversable, name: str, manifest: _Manifest) -> bytes:
    data = _read(folder, name)
    if hashlib.sha256(data).hexdigest() != manifest.files.get(name):
        raise CorruptData(f"{folder / name}: not the file of {NAME} revision {manifest.revision}. {_REMEDY}")
    return data


def _read(folder: Traversable, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise MissingData(f"{folder / name}: {error.strerror or error}. {_REMEDY}") from None


def _decode(data: bytes, kind: type[T], *, name: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise CorruptData(f"{NAME}: {name} is not as released: {error}. {_REMEDY}") from None
