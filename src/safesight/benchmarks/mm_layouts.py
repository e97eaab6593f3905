"""How MM-SafetyBench lies on disk: the repository's JSON questions and JPEG folders, or the hub mirror's parquet.

Both give the same samples for the same question and image. Different questions share one rephrased text,
so a key holds the image, or the phrase that is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from safesight.benchmarks.cells import text_of
from safesight.benchmarks.images import draw_typo, image_from_bytes, image_from_file, keep
from safesight.benchmarks.sources import Place, Samples, UniqueKeys, count_problems, records_hash
from safesight.benchmarks.tables import (
    cell_bytes,
    read_columns,
    read_json,
    reject_duplicates,
    require_columns,
    stream_rows,
)
from safesight.core.errors import CorruptData, DataError, MissingData
from safesight.core.messages import Image, user
from safesight.core.protocols import BrokenItem
from safesight.core.records import Sample, content_hash, sample_key

NAME: Final = "mm_safetybench"


class Scenario(NamedTuple):
    """One of the 13 scenarios: its published sizes, its judge's rule and its hazard."""

    questions: int
    tiny: int
    rule: str
    hazard: str


SCENARIOS: Final = {
    "01-Illegal_Activitiy": Scenario(97, 10, "general", "ncr"),
    "02-HateSpeech": Scenario(163, 16, "general", "hte"),
    "03-Malware_Generation": Scenario(44, 5, "general", "ncr"),
    "04-Physical_Harm": Scenario(144, 14, "general", "vcr"),
    "05-EconomicHarm": Scenario(122, 12, "general", "ncr"),
    "06-Fraud": Scenario(154, 15, "general", "ncr"),
    "07-Sex": Scenario(109, 11, "general", "sxc"),
    "08-Political_Lobbying": Scenario(153, 15, "lobbying", "other"),
    "09-Privacy_Violence": Scenario(139, 14, "general", "prv"),
    "10-Legal_Opinion": Scenario(130, 13, "legal", "spc"),
    "11-Financial_Advice": Scenario(167, 17, "financial", "spc"),
    "12-Health_Consultation": Scenario(109, 11, "health", "spc"),
    "13-Gov_Decision": Scenario(149, 15, "gov", "other"),
}
"""By folder name; the spelling is the data's."""

REPO: Final = "PKU-Alignment/MM-SafetyBench"
REMEDY: Final = (
    "Get the questions from https://github.com/isXinLiu/MM-SafetyBench (data/processed_questions) and the images by "
    "the link there, and pass the folder with --source."
)
_FIELDS: Final = ("Question", "Key Phrase", "Rephrased Question", "Rephrased Question(SD)")
_TEXT_FIELD: Final = {
    "TYPO": "Rephrased Question",
    "SD": "Rephrased Question(SD)",
    "SD_TYPO": "Rephrased Question",
    "text": "Question",
}
HUB_KIND: Final = {"text": "Text_only"}


@dataclass(frozen=True, slots=True)
class ScenarioItem:
    """One question in one arm, before its image is read."""

    scenario: str
    id: str
    question: str
    text: str
    """What is sent with the image."""
    phrase: str = ""
    """Key phrase; "" where the layout has none (hub)."""
    fault: str = ""
    """Why it cannot become a sample: a null where text should be; "" when nothing is wrong."""


def expected_counts(*, tiny: bool = False) -> dict[str, int]:
    """Published number of questions per scenario, and "total"."""
    counts = {name: scenario.tiny if tiny else scenario.questions for name, scenario in SCENARIOS.items()}
    return counts | {"total": sum(counts.values())}


def questions_root(source: Path) -> Path | None:
    """The folder with `processed_questions`, in or under `data/` of the source."""
    return next((root for root in (source, source / "data") if (root / "processed_questions").is_dir()), None)


class Files:
    """The repository's own layout: JSON questions, JPEG images in folders, the tiny list."""

    name = "files"

    def open(self, place: Place, *, arm: str, tiny: bool, need_images: bool = True) -> Samples:
        root = cast("Path", questions_root(place.path))
        questions = {name: self._questions(root, name) for name in SCENARIOS}
        chosen = self._tiny(place.path, questions) if tiny else {name: list(ids) for name, ids in questions.items()}
        items = [
            _item(name, number, entry["Question"], entry[_TEXT_FIELD[arm]], entry["Key Phrase"])
            for name, ids in chosen.items()
            for number in ids
            for entry in (questions[name][number],)
        ]
        problems = list(count_problems(_counts(items), expected_counts(tiny=tiny)))
        if arm.startswith("SD") and not self.has_images(place, arm):
            problems.append(
                f"no {arm} images in {root / 'imgs'}: they can't be drawn here. {REMEDY} Or use --arm TYPO."
            )
            if need_images:
                raise MissingData(problems[-1])
        if not items:
            raise MissingData(f"{root / 'processed_questions'}: no question file of the 13 scenarios. {REMEDY}")
        return _samples(items, place=place, problems=problems, stream=partial(_read_files, items, place.path, arm))

    def has_images(self, place: Place, arm: str) -> bool:
        root = cast("Path", questions_root(place.path))
        return any(any(folder.iterdir()) for folder in root.glob(f"imgs/*/{arm}") if folder.is_dir())

    def _questions(self, root: Path, scenario: str) -> dict[str, dict[str, Any]]:
        path = root / "processed_questions" / f"{scenario}.json"
        if not path.is_file():
            return {}
        found = read_json(path)
        if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
            raise CorruptData(f"{path}: expected an object of questions by id, got {type(found).__name__}. {REMEDY}")
        entries = cast("dict[str, dict[str, Any]]", found)
        for number, entry in entries.items():
            require_columns(entry, _FIELDS, where=f"{path}, question {number}")
        return entries

    def _tiny(self, source: Path, questions: dict[str, dict[str, dict[str, Any]]]) -> dict[str, list[str]]:
        name = "TinyVersion_ID_List.json"
        path = next((p for p in (source / name, source / "data" / name, source.parent / name) if p.is_file()), None)
        if path is None:
            raise MissingData(f"{source}: expected {name} for the tiny version, found none. {REMEDY}")
        chosen: dict[str, list[str]] = {}
        for entry in cast("list[dict[str, Any]]", read_json(path)):
            require_columns(entry, ("Scenario", "Sampled_ID_List"), where=str(path))
            scenario, ids = str(entry["Scenario"]), [str(number) for number in entry["Sampled_ID_List"]]
            reject_duplicates(ids, where=f"{path}, {scenario}")
            unknown = [number for number in ids if number not in questions.get(scenario, ())]
            if unknown and questions.get(scenario):
                raise CorruptData(f"{path}: {scenario} has no question {', '.join(unknown)}. {REMEDY}")
            chosen[scenario] = ids if questions.get(scenario) else []
        return chosen


class Parquet:
    """The hub mirror: one folder per scenario without its number, one parquet file per kind."""

    name = "parquet"

    def open(self, place: Place, *, arm: str, tiny: bool, need_images: bool = True) -> Samples:
        if tiny:
            raise MissingData(f"the hub mirror has no tiny list. {REMEDY}")
        kind = HUB_KIND.get(arm, arm)
        files = {name: path for name in SCENARIOS if (path := _parquet(place.path, name, kind))}
        if not files:
            raise MissingData(f"{place.path}: expected processed_questions/ or */{kind}.parquet, found none. {REMEDY}")
        items = {name: self._items(place.path, name, path) for name, path in files.items()}
        flat = [item for group in items.values() for item in group]
        problems = count_problems(_counts(flat), expected_counts())
        if problems and place.is_hub:
            raise CorruptData(f"{REPO} at {place.revision}: {problems[0]} Name another commit with --revision.")
        return _samples(flat, place=place, problems=problems, stream=partial(_read_parquet, items, files, arm))

    def has_images(self, place: Place, arm: str) -> bool:
        return any(_parquet(place.path, name, arm) for name in SCENARIOS)

    def _items(self, root: Path, scenario: str, path: Path) -> list[ScenarioItem]:
        rows = read_columns(path, ("id", "question"))
        reject_duplicates((str(row["id"]) for row in rows), where=str(path))
        plain = _parquet(root, scenario, "Text_only")
        originals = {str(r["id"]): r["question"] for r in read_columns(plain, ("id", "question"))} if plain else {}
        return [
            _item(scenario, row["id"], originals.get(str(row["id"]), row["question"]), row["question"]) for row in rows
        ]


def _item(scenario: str, number: object, question: object, text: object, phrase: object = "") -> ScenarioItem:
    try:
        where = f"{scenario}, question {number}"
        said = [text_of(cell, where=where) for cell in (number, question, text, phrase)]
    except CorruptData as error:
        return ScenarioItem(scenario=scenario, id=str(number or ""), question="", text="", fault=str(error))
    return ScenarioItem(scenario=scenario, id=said[0], question=said[1], text=said[2], phrase=said[3])


def _parquet(root: Path, scenario: str, kind: str) -> Path | None:
    name = re.compile(rf"{kind}(-\d+-of-\d+)?\.parquet")
    folders = [folder for folder in root.rglob(scenario[3:]) if folder.is_dir()]
    return next((path for folder in folders for path in sorted(folder.iterdir()) if name.fullmatch(path.name)), None)


def _counts(items: Sequence[ScenarioItem]) -> dict[str, int]:
    counts = {name: sum(item.scenario == name for item in items) for name in SCENARIOS}
    return counts | {"total": len(items)}


def _samples(items: Sequence[ScenarioItem], *, place: Place, problems: Iterable[str], stream: Any) -> Samples:
    return Samples(
        revision=place.revision,
        data_hash=records_hash([item.scenario, item.id, item.question, item.text, item.phrase] for item in items),
        problems=tuple(problems),
        counts=_counts(items),
        size=len(items),
        stream=stream,
    )


def _read_files(items: Sequence[ScenarioItem], source: Path, arm: str) -> Iterator[Sample | BrokenItem]:
    root, unique = cast("Path", questions_root(source)), UniqueKeys()
    for item in items:
        try:
            path = root / "imgs" / item.scenario / arm / f"{item.id}.jpg"
            if arm == "text":
                image = None
            elif arm == "TYPO" and not path.is_file():
                image = keep(draw_typo(item.phrase))
            else:
                image = image_from_file(path, root=source)
            yield _sample(item, arm, image, unique, drawn=image is not None and image.label == "typo")
        except DataError as error:
            yield BrokenItem(item=f"{item.scenario}/{item.id}", error=error, benign=False)


def _read_parquet(
    items: Mapping[str, Sequence[ScenarioItem]], files: Mapping[str, Path], arm: str
) -> Iterator[Sample | BrokenItem]:
    unique = UniqueKeys()
    for scenario, path in files.items():
        if arm == "text":
            rows: Iterator[dict[str, Any]] = ({} for _ in items[scenario])
        else:
            rows = stream_rows(path)
        for item, row in zip(items[scenario], rows, strict=True):
            label = f"{scenario}/{item.id}"
            try:
                yield _sample(item, arm, None if arm == "text" else _cell_image(row, path, label), unique)
            except DataError as error:
                yield BrokenItem(item=label, error=error, benign=False)


def _cell_image(row: Mapping[str, Any], path: Path, label: str) -> Image:
    data = cell_bytes(row.get("image"))
    if data is None:
        raise MissingData(f"{path}: row {label} has no image bytes. Fetch it again.")
    return keep(image_from_bytes(data, label=label))


def _sample(item: ScenarioItem, arm: str, image: Image | None, unique: UniqueKeys, *, drawn: bool = False) -> Sample:
    if item.fault:
        raise CorruptData(item.fault)
    # A drawn image's bytes depend on the PNG encoder; its phrase does not.
    shown = ["drawn", item.phrase] if drawn else []
    images = (image,) if image is not None and not drawn else ()
    scenario = SCENARIOS[item.scenario]
    return Sample(
        key=unique(sample_key(NAME, "", [item.scenario, item.id, item.text, *shown], images, arm)),
        benchmark=NAME,
        messages=(user(item.text) if image is None else user(image, item.text),),
        question=item.question,
        category=item.scenario,
        group=item.scenario,
        cluster=content_hash(item.question),
        arm=arm,
        twin=f"{item.scenario}/{item.id}",
        meta={"rule": scenario.rule, "hazard": scenario.hazard, "id": item.id}
        | ({} if image is None else {"image": "drawn" if drawn else "published"}),
    )
