"""The result layout of MIR-SafetyBench's own code (thu-coai/MIR-SafetyBench, 6549d29), in and out.

    OUT/infer/MODEL/CATEGORY/RELATION.json       [{item_index?, original_question, revised_prompt, answer,
                                                   inference_status?: success | failed | crashed}]
    OUT/harmbench/MODEL/CATEGORY/RELATION.json   {ASR (percent), judge_result: [{question, answer, label}]}

The official `statics.py` counts every entry of `judge_result` and those whose label is "unsafe". We write
answers without a verdict under their own status as the label, so its rate equals our `asr_official` and
nothing unjudged is ever called safe. A slash in a model's name never makes a folder.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from safesight.core.errors import CorruptData, MissingData
from safesight.core.messages import user
from safesight.core.records import (
    JUDGED,
    Case,
    Decoding,
    Machine,
    Manifest,
    Reply,
    Response,
    Sample,
    Verdict,
    content_hash,
    response_key,
    sample_key,
)
from safesight.core.store import RunStore
from safesight.core.version import __version__
from safesight.runner.transfer import atomically
from safesight.wire.thinking import split

T = TypeVar("T")
JUDGE = "official:harmbench"
"""The row that imported verdicts get."""


_CAME = frozenset({"", "success", "succeeded", "ok", "completed"})
"""Words of `inference_status` for an answer that came; the documented one is "success"."""


class InferenceEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of an inference file."""

    item_index: int | None = None
    """Its place in the data file; older results have none, and stand in order."""
    original_question: str
    revised_prompt: str
    answer: str
    inference_status: str = ""


class JudgeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a judge file; it carries no id, so it is matched by its texts."""

    question: str
    answer: str
    label: str


class JudgeFile(msgspec.Struct, frozen=True, kw_only=True):
    """A judge file. `ASR` is a percentage."""

    ASR: float
    judge_result: list[JudgeEntry]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found."""

    cases: int
    verdicts: int
    unmatched: int
    """Entries that match no sample of the given data set."""


def export(store: RunStore, out: Path, *, judge: str) -> list[Path]:
    """Write a run in the official layout; return the model folders (infer, harmbench)."""
    cells: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in store.cases(judge):
        if not case.sample.benign and "broken" not in case.sample.meta:
            cells[case.sample.category, case.sample.group].append(case)
    model = store.manifest.model.replace("/", "__").replace(":", "_")
    folders = [out / "infer" / model, out / "harmbench" / model]
    for (category, relation), cases in cells.items():
        answers = [_answer(i, case) for i, case in enumerate(cases)]
        judged = [JudgeEntry(question=c.sample.question, answer=_text(c), label=_label(c)) for c in cases]
        asr = 100 * sum(entry.label == "unsafe" for entry in judged) / len(judged)
        for folder, value in zip(folders, (answers, JudgeFile(ASR=asr, judge_result=judged)), strict=True):
            data = msgspec.json.format(msgspec.json.encode(value), indent=2)
            atomically(folder / category / f"{relation}.json", lambda target, data=data: target.write_bytes(data))
    return folders


def _answer(index: int, case: Case) -> InferenceEntry:
    failed = case.response.reply.status not in JUDGED
    return InferenceEntry(
        item_index=index,
        original_question=case.sample.question,
        revised_prompt=case.sample.text,
        answer=_text(case),
        inference_status="failed" if failed else "",
    )


def _text(case: Case) -> str:
    return case.response.reply.text


def _label(case: Case) -> str:
    status = case.response.reply.status
    if status not in JUDGED:
        return status
    return case.verdict.label if case.verdict else "unjudged"


def import_run(results: Path, model: str, run: Path, *, samples: Iterable[Sample] | None = None) -> Imported:
    """Make a run file from official results of one model.

    `results` is the folder that holds `infer/` (and, when judged, `harmbench/`). With `samples`, entries are
    attached to them by content (category, relation, texts), never by position; without, samples are made from
    the entries themselves and have no images. Failed, crashed and blank answers keep that status and lose the
    "safe" label the official judge gave them.

    Raises:
        MissingData: there is no such folder; says which models are there.
        CorruptData: a file is not in the official layout.
    """
    inferred = results / "infer" / model
    if not inferred.is_dir():
        there = sorted(p.name for p in (results / "infer").glob("*")) if (results / "infer").is_dir() else []
        raise MissingData(f"{inferred}: no such folder. Models there: {', '.join(there) or 'none'}.")
    known = {_identity(s.category, s.group, s.question, s.text): s for s in samples} if samples is not None else None
    store = RunStore.create(run, _manifest(model))
    cases = verdicts = unmatched = 0
    with store:
        for path, entry, label in _entries(inferred, results / "harmbench" / model):
            category, relation = path.parent.name, path.stem
            sample = _sample(category, relation, entry, known)
            if sample is None:
                unmatched += 1
                continue
            response = _response(sample, entry, model)
            verdict = _verdict(response, label)
            store.add(samples=[(cases, sample)], responses=[response], verdicts=[verdict] if verdict else [])
            cases += 1
            verdicts += verdict is not None
        store.note(f"judge:{JUDGE}", "official")
    return Imported(cases=cases, verdicts=verdicts, unmatched=unmatched)


def _entries(inferred: Path, judged: Path) -> Iterator[tuple[Path, InferenceEntry, str | None]]:
    for path in sorted(inferred.glob("*/*.json")):
        answers = _in_order(_read(path, list[InferenceEntry]))
        verdicts = judged / path.parent.name / path.name
        results = _read(verdicts, JudgeFile).judge_result if verdicts.is_file() else []
        for answer, label in zip(answers, _labels(answers, results), strict=True):
            yield path, answer, label


def _in_order(answers: list[InferenceEntry]) -> list[InferenceEntry]:
    """Answers by their index where all have one, as the official reader sorts them; else as they stand."""
    if any(answer.item_index is None for answer in answers):
        return answers
    return sorted(answers, key=lambda answer: answer.item_index or 0)


def _labels(answers: Sequence[InferenceEntry], results: Sequence[JudgeEntry]) -> list[str | None]:
    """The label of each answer by its texts; by its prompt too where both files hold the same answers in one order."""
    said = [(result.question, result.answer) for result in results]
    given = [(answer.original_question, answer.answer) for answer in answers]
    aligned = said == given
    labels: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for texts, result, answer in zip(said, results, answers if aligned else [None] * len(said), strict=True):
        labels[(*texts, answer.revised_prompt) if answer is not None else texts].append(result.label)
    asked = [
        (*texts, answer.revised_prompt) if aligned else texts for texts, answer in zip(given, answers, strict=True)
    ]
    # Equal texts with differing labels cannot be told apart: the judge file has no ids.
    return [labels[texts].pop() if len(Counter(labels[texts])) == 1 else None for texts in asked]


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise CorruptData(f"{path}: expected MIR-SafetyBench's official result layout: {error}.") from None


def _identity(category: str, relation: str, question: str, prompt: str) -> str:
    return content_hash(category, relation, question.strip(), prompt.strip())


def _sample(category: str, relation: str, entry: InferenceEntry, known: dict[str, Sample] | None) -> Sample | None:
    identity = _identity(category, relation, entry.original_question, entry.revised_prompt)
    if known is not None:
        return known.get(identity)
    return Sample(
        key=sample_key("mir_safetybench", "official-results", identity),
        benchmark="mir_safetybench",
        messages=(user(entry.revised_prompt),),
        question=entry.original_question,
        category=category,
        group=relation,
        cluster=content_hash(entry.original_question),
    )


def _response(sample: Sample, entry: InferenceEntry, model: str) -> Response:
    if entry.inference_status.strip().lower() not in _CAME:
        reply = Reply(status="error", error=f"official results: inference {entry.inference_status}")
    else:
        piece = split(entry.answer)
        status = "ok" if piece.text.strip() else "empty"
        reply = Reply(status=status, text=piece.text, reasoning=piece.reasoning)
    key = response_key(sample.key, f"official:{model}", Decoding(), "")
    return Response(key=key, sample_key=sample.key, reply=reply)


def _verdict(response: Response, label: str | None) -> Verdict | None:
    if label is None or response.reply.status not in JUDGED:
        return None
    known = label if label in ("safe", "unsafe") else "unparsed"
    return Verdict(response_key=response.key, sample_key=response.sample_key, judge=JUDGE, label=known)


def _manifest(model: str) -> Manifest:
    return Manifest(
        package_version=__version__,
        benchmark="mir_safetybench",
        data_revision="official-results",
        data_hash="",
        arm="multi",
        selection="all",
        model=f"official:{model}",
        model_fingerprint=f"official:{model}",
        decoding=Decoding(),
        defence="none",
        defence_fingerprint="",
        seed=0,
        created="imported",
        machine=Machine(system="unknown", python="unknown", cpus=1),
        notes={"imported": "official MIR-SafetyBench results"},
    )
