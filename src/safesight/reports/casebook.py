"""The cases of one or several runs, joined by sample key, as the case browser reads them.

Invariant: text is carried as text (the browser sets it by `textContent`); what is cut to keep a page small says how
long it was. A case keeps its place in the data set; a run without an answer to it has `null` there.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from safesight.core.records import GuardEvent, ModeLabel, Response, Sample, Verdict
from safesight.runner.results import Results

CAPS = (40_000, 8_000, 4_000, 2_000, 1_000, 500, 200)
"""Longest text kept of an answer, tried in turn until the book fits."""


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verdict as shown."""

    judge: str
    label: str
    harm: float | None = None
    categories: tuple[str, ...] = ()
    rationale: str = ""
    error: str = ""


class ShownAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run's answer to a case. `length` is the whole text's, in characters, where it was cut."""

    response: str
    status: str
    text: str = ""
    length: int = 0
    reasoning: str = ""
    error: str = ""
    latency_ms: float = 0.0
    ttft_ms: float | None = None
    events: tuple[GuardEvent, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    modes: dict[str, str] = {}


class Picture(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An image by hash."""

    sha256: str
    label: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case with every run's answer, in the runs' order."""

    key: str
    group: str
    category: str
    question: str
    prompt: str
    answers: list[ShownAnswer | None]
    benign: bool = False
    language: str = "en"
    pictures: tuple[Picture, ...] = ()
    position: int = 0
    """Place in the data set, where the reader must sort (the live view)."""


class BookRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run's column."""

    name: str
    judges: tuple[str, ...]
    self_graded: tuple[str, ...] = ()
    credible: tuple[str, ...] = ()
    """Judges that can dispute an answer (`runner.results.Results.credible`)."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the case browser shows. `thumbnails` maps an image's hash to a data URL."""

    runs: tuple[BookRun, ...]
    cases: tuple[Entry, ...]
    thumbnails: dict[str, str] = {}
    cap: int = 0
    """Longest answer kept, in characters; 0 when none was cut."""


def answer(response: Response, verdicts: Sequence[Verdict], modes: Mapping[str, str], *, cap: int) -> ShownAnswer:
    """One answer with its texts cut to `cap` characters."""
    reply = response.reply
    return ShownAnswer(
        response=response.key,
        status=reply.status,
        text=reply.text[:cap],
        length=len(reply.text) if len(reply.text) > cap else 0,
        reasoning=reply.reasoning[:cap],
        error=reply.error[:500],
        latency_ms=round(reply.latency_ms, 1),
        ttft_ms=None if reply.ttft_ms is None else round(reply.ttft_ms, 1),
        events=reply.guard_events,
        verdicts=tuple(
            Judged(
                judge=v.judge,
                label=v.label,
                harm=None if v.harm is None else round(v.harm, 3),
                categories=v.categories,
                rationale=v.rationale[: min(cap, 1_000)],
                error=v.error[:500],
            )
            for v in verdicts
        ),
        modes=dict(modes),
    )


def entry(sample: Sample, answers: list[ShownAnswer | None], *, cap: int, position: int = 0) -> Entry:
    """A case with its answers."""
    return Entry(
        key=sample.key,
        group=sample.group,
        category=sample.category,
        question=sample.question[:cap],
        prompt=sample.text[:cap],
        answers=answers,
        benign=sample.benign,
        language=sample.language,
        pictures=tuple(Picture(sha256=image.sha256, label=image.label) for image in sample.images),
        position=position,
    )


def make_book(runs: Sequence[Results], *, cap: int, thumbnails: Mapping[str, str] | None = None) -> Book:
    """Join the runs' cases; samples of the first run come first, in its order."""
    found: dict[str, tuple[Sample, list[ShownAnswer | None]]] = {}
    longest = 0
    for column, run in enumerate(runs):
        labels = modes_by_response(run.modes)
        for case in run.cases:
            key = case.response.key
            _, answers = found.setdefault(case.sample.key, (case.sample, [None] * len(runs)))
            answers[column] = answer(case.response, run.verdicts.get(key, ()), labels.get(key, {}), cap=cap)
            longest = max(longest, len(case.response.reply.text))
    return Book(
        runs=tuple(
            BookRun(name=run.name, judges=run.judges, self_graded=tuple(sorted(run.self_graded)), credible=run.credible)
            for run in runs
        ),
        cases=tuple(entry(sample, answers, cap=cap) for sample, answers in found.values()),
        thumbnails=dict(thumbnails or {}),
        cap=cap if longest > cap else 0,
    )


def modes_by_response(labels: Iterable[ModeLabel]) -> dict[str, dict[str, str]]:
    """Response key to labeller to mode."""
    found: dict[str, dict[str, str]] = {}
    for label in labels:
        found.setdefault(label.response_key, {})[label.labeller] = "failed" if label.error else label.mode
    return found


def pack(runs: Sequence[Results], *, budget: int, thumbnails: Mapping[str, str] | None = None) -> tuple[str, int]:
    """The book as base64 of gzipped JSON, its texts cut until it takes at most `budget` characters.

    Returns:
        The packed book and the longest text kept of an answer (0: nothing was cut).
    """
    packed, cap = "", 0
    for limit in CAPS:
        book = make_book(runs, cap=limit, thumbnails=thumbnails)
        packed = base64.b64encode(gzip.compress(msgspec.json.encode(book), 6, mtime=0)).decode()
        cap = book.cap
        if len(packed) <= budget:
            break
    return packed, cap
