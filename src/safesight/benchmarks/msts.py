"""MSTS (arXiv 2501.10057; paul-rottger/msts-multimodal-safety, CC BY 4.0): 400 requests that the image makes unsafe.

200 cases, each asked for assistance and told as an intention, in English; assistance alone in ten more languages. The
repository holds the requests, its images as links only, and 4,000 answers of ten models that people labelled: a test
set for judges and guards (`safesight judge --benchmark msts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from safesight.benchmarks.listed import ListedRequest, first_of, opened
from safesight.benchmarks.sources import Place, Samples, check_options, locate_local, report
from safesight.benchmarks.tables import read_csv
from safesight.core.errors import CorruptData, MissingData
from safesight.core.messages import user
from safesight.core.protocols import DataOptions, DataReport, LabelledAnswer, Metric
from safesight.core.records import Case, Sample, content_hash, sample_key

REMEDY: Final = (
    "Get it with: git clone https://github.com/paul-rottger/msts-multimodal-safety, then pass --source FOLDER; its "
    "src/0_download_images.py fetches the images into data/unsafe_images."
)
LANGUAGES: Final = {
    "en": "english",
    "ar": "arabic",
    "zh": "chinese",
    "fa": "farsi",
    "fr": "french",
    "de": "german",
    "hi": "hindi",
    "it": "italian",
    "ko": "korean",
    "ru": "russian",
    "es": "spanish",
}
HAZARDS: Final = {
    "Violent Crimes": "vcr",
    "Non-Violent Crimes": "ncr",
    "Sex-Related Crimes": "src",
    "Suicide & Self-Harm": "ssh",
    "Other": "other",
}
_ENGLISH: Final = {
    "Violent Crimes": 70,
    "Non-Violent Crimes": 140,
    "Sex-Related Crimes": 60,
    "Suicide & Self-Harm": 80,
    "Other": 50,
}
"""Requests by category in English; another language has half of each."""
ANSWERS: Final = 4000
_PROMPT_COLUMNS: Final = ("hazard_category", "case_id", "unsafe_image_description", "prompt_text", "prompt_type")
_ANSWER_COLUMNS: Final = ("case_id", "prompt_type", "prompt_text", "unsafe_image_description", "model", "response")
_LABELS: Final[dict[str, Literal["safe", "unsafe"]]] = {"1": "safe", "2": "unsafe"}


class MSTS:
    """MSTS: 400 English requests, and 200 in each of ten languages, that are unsafe only with their image."""

    name = "msts"
    licence = "CC BY 4.0"
    citation = "Röttger et al., MSTS: A Multimodal Safety Test Suite for Vision-Language Models, 2025"
    arms = ("image", "text")
    """text: the image's content is told in the request; English only."""
    default_judge = "detector:embedded"
    paper_count = ""
    caveat = (
        "The paper's judges are people, who tell unsafe answers from misunderstandings; a request is harmless to a "
        "model that does not read its image."
    )

    def load(self, options: DataOptions) -> Samples:
        """Open one arm in all languages, or those named.

        Raises:
            MissingData: no requests, or none of the arm's images; says how to get them.
            CorruptData: wrong columns.
            UnknownName: no such arm or language.
        """
        return self._open(options, need_images=True)[0]

    def verify(self, options: DataOptions) -> DataReport:
        """Count requests by category and check the images, where they were fetched."""
        dataset, place, expected, has_images = self._open(options, need_images=False)
        absent = "" if has_images else " without its images, which are links: src/0_download_images.py fetches them"
        return report(
            dataset,
            benchmark=self.name,
            layout=f"repository{absent}",
            place=place,
            licence=self.licence,
            expected=expected,
            read=None if has_images else (),
        )

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None beside the rates."""
        return []

    def labelled(self, options: DataOptions) -> Iterator[LabelledAnswer]:
        """The 4,000 answers of ten models to the English requests, with the label that people settled on.

        Raises:
            MissingData: the annotations are not there; says how to get them.
            CorruptData: wrong columns, or a label that is neither safe nor unsafe.
        """
        place = locate_local(options, benchmark=self.name, remedy=REMEDY)
        path = place.path / "data" / "response_annotations" / "english_multimodal.csv"
        if not path.is_file():
            raise MissingData(f"{place.path}: expected {path.relative_to(place.path)}, found none. {REMEDY}")
        for number, row in enumerate(read_csv(path, (*_ANSWER_COLUMNS, "final_label", "final_taxonomy")), 1):
            label = _LABELS.get(row["final_label"].partition(" ")[0])
            if label is None:
                raise CorruptData(f"{path}, answer {number}: expected a final_label, got {row['final_label']!r}.")
            yield LabelledAnswer(
                sample=_told(row), model=row["model"], text=row["response"], label=label, note=row["final_taxonomy"]
            )

    def _open(self, options: DataOptions, *, need_images: bool) -> tuple[Samples, Place, dict[str, int], bool]:
        arm = check_options(options, benchmark=self.name, arms=self.arms, languages=tuple(LANGUAGES))
        place = locate_local(options, benchmark=self.name, remedy=REMEDY)
        chosen = ("en",) if arm == "text" else options.languages or tuple(LANGUAGES)
        files = {code: place.path / "data" / "prompts" / f"{LANGUAGES[code]}_{_KIND[arm]}.csv" for code in chosen}
        absent = [str(path.relative_to(place.path)) for path in files.values() if not path.is_file()]
        if absent:
            raise MissingData(f"{place.path}: expected {', '.join(absent)}, found none. {REMEDY}")
        folder = first_of(place.path / "data", "unsafe_images", "images/unsafe_images")
        has_images = arm == "text" or folder is not None
        problems: list[str] = []
        if not has_images and (options.arm or need_images):
            problems = [f"no image is here, only links (data/images/unsafe_images.csv). {REMEDY} Or use --arm text."]
            if need_images:
                raise MissingData(f"{place.path}: {problems[0]}")
        entries = [
            entry for code, path in files.items() for entry in _entries(path, code, None if arm == "text" else folder)
        ]
        shares = sum(2 if code == "en" else 1 for code in chosen)
        expected = {name: count * shares // 2 for name, count in _ENGLISH.items()}
        expected["total"] = sum(expected.values())
        data = opened(self.name, entries, place=place, arm=arm, expected=expected, problems=problems)
        return data, place, expected, has_images


_KIND: Final = {"image": "multimodal", "text": "textonly"}


def _entries(path: Path, language: str, folder: Path | None) -> Iterator[ListedRequest]:
    for number, row in enumerate(read_csv(path, _PROMPT_COLUMNS), 1):
        category = row["hazard_category"]
        yield ListedRequest(
            item=f"{path.name}, row {number}",
            question=row["prompt_text"] if folder is None else _question(row),
            text=row["prompt_text"],
            images=(_image(folder, row.get("unsafe_image_id", "")),) if folder is not None else (),
            group=category,
            category=category,
            hazard=HAZARDS.get(category, "other"),
            seed=row["case_id"],
            language=language,
            twin=f"{row['case_id']}/{row['prompt_type']}",
            meta={
                "id": row["case_id"],
                "kind": row["prompt_type"],
                "image_descriptions": row["unsafe_image_description"],
            },
        )


def _image(folder: Path, name: str) -> Path:
    """The image by its id; the repository's own script saves JPEG or PNG, by what the link says."""
    found = first_of(folder, *(f"{name}{end}" for end in (".jpg", ".png", ".jpeg", ".webp")))
    return found or folder / f"{name}.jpg"


def _question(row: dict[str, str]) -> str:
    """What a judge that does not see the image is shown."""
    return f"{row['prompt_text']} [the image shows: {row['unsafe_image_description']}]"


def _told(row: dict[str, str]) -> Sample:
    question = _question(row)
    kind = row["prompt_type"].removeprefix("prompt_").removesuffix("_text")
    return Sample(
        key=sample_key(MSTS.name, "", [row["case_id"], kind, row["model"]]),
        benchmark=MSTS.name,
        messages=(user(question),),
        question=question,
        category=kind,
        group=row["model"],
        cluster=content_hash(MSTS.name, row["case_id"]),
        arm="labelled",
        meta={"id": row["case_id"]},
    )
