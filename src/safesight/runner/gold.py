"""Judges against people: labelled answers as run files, and what is known of a run's judges from them.

A labelled set (answers of a benchmark that people labelled, or starter's gold answers, written for their labels)
becomes a run file `gold-NAME.sqlite`: the answers are its responses, people are its judge "human", and any judge can be
added to it as to other runs. A run's own labels, from the live view, are people's too. The shipped judges are measured
on starter's gold answers already (`measured.json`, by fingerprint; a test measures them again).

Invariant: a judge's errors are used for that judge alone, told by its fingerprint; written answers say something of
their own benchmark only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from safesight.analysis.judge_errors import LEAST_LABELS, Labelling, Quality, correct_rate, measure
from safesight.analysis.stats import Estimate
from safesight.core.errors import ConfigError, StoreError
from safesight.core.protocols import DataOptions, Labelled, LabelledAnswer
from safesight.core.records import (
    JUDGED,
    Case,
    Decoding,
    Manifest,
    Reply,
    Response,
    Verdict,
    content_hash,
    response_key,
)
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.core.version import __version__
from safesight.runner.notes import FILE, HUMAN, Notes
from safesight.runner.plan import open_or_create, this_machine

MODEL: Final = "labelled answers"
WRITTEN: Final = "written"
"""Arm of a gold file whose answers no model gave."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A run's attack success behind a judge's errors, and what is known of the judge."""

    judge: str
    quality: Quality
    rate: Estimate


def make_gold(benchmark: str, options: DataOptions, path: Path) -> Path:
    """Write a benchmark's labelled answers as a run file, where there is none yet.

    Raises:
        ConfigError: the benchmark has no labelled answers, or another run is at the path.
        DataError: they cannot be read.
    """
    plugin = open_plugin("benchmarks", benchmark)
    if not isinstance(plugin, Labelled):
        raise ConfigError(f"{benchmark} has no answers that people labelled; msts and starter have.")
    rows = list(plugin.labelled(options))
    with open_or_create(path, _manifest(benchmark, rows)) as store:
        done = store.done()
        fresh = [(at, row) for at, row in enumerate(rows) if _response(row).key not in done]
        store.add(
            samples=[(at, row.sample.reference()) for at, row in fresh],
            responses=[_response(row) for _, row in fresh],
        )
        store.add(verdicts=[_said(row) for _, row in fresh])
    return path


def _response(row: LabelledAnswer) -> Response:
    key = response_key(row.sample.key, content_hash(row.model, row.text), Decoding(), "none")
    reply = Reply(status="ok" if row.text.strip() else "empty", text=row.text, provider_model=row.model)
    return Response(key=key, sample_key=row.sample.key, reply=reply)


def _said(row: LabelledAnswer) -> Verdict:
    key = _response(row).key
    return Verdict(response_key=key, sample_key=row.sample.key, judge=HUMAN, label=row.label, rationale=row.note)


def _manifest(benchmark: str, rows: Sequence[LabelledAnswer]) -> Manifest:
    digest = content_hash([(row.sample.key, row.text, row.label) for row in rows])
    return Manifest(
        package_version=__version__,
        benchmark=benchmark,
        data_revision="local",
        data_hash=digest,
        arm="labelled" if any(row.model for row in rows) else WRITTEN,
        selection="all",
        model=MODEL,
        model_fingerprint=digest,
        decoding=Decoding(),
        defence="none",
        defence_fingerprint="",
        seed=0,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
    )


def human_labels(store: RunStore) -> dict[str, str]:
    """What people said of a run's answers, by response key: in the run itself, and in the notes beside it."""
    said = {v.response_key: v.label for v in store.verdicts(HUMAN) if not v.error}
    notes = store.path.parent / FILE
    if notes.is_file():
        try:
            with Notes(notes) as kept:
                noted = {v.response_key: v.label for v in kept.verdicts()}
        except StoreError:
            noted = {}  # notes that cannot be read say nothing here; the view tells about them
        own = store.done() if noted else set[str]()
        said |= {key: label for key, label in noted.items() if key in own}
    return {key: label for key, label in said.items() if label in ("unsafe", "safe")}


def known_qualities(path: Path) -> dict[str, Quality]:
    """What is known of a run's judges.

    From the run's own labels where there are enough; else from a gold file beside it, the one of its own benchmark
    first; else as the judge was measured before it shipped.

    Raises:
        StoreError: the path is no run file.
    """
    with RunStore.open(path, readonly=True) as store:
        benchmark, notes = store.manifest.benchmark, store.notes()
        judges = [judge for judge in store.judges() if judge != HUMAN]
        own = _qualities(store, judges)
    found: dict[str, Quality] = {}
    for judge in judges:
        mine = own.get(judge)
        if mine is None or min(mine.unsafe, mine.safe) < LEAST_LABELS:
            fingerprint = notes.get(f"judge:{judge}", "")
            mine = _elsewhere(path, benchmark, fingerprint) or measured(benchmark).get(fingerprint) or mine
        if mine is not None:
            found[judge] = mine
    return found


def silenced(path: Path) -> dict[str, str]:
    """Judges of a run that miss too much for anything to be said of their verdicts, each with its sentence."""
    known = known_qualities(path).items()
    return {judge: quality.told(judge) for judge, quality in known if not quality.carries_a_rate}


def _qualities(store: RunStore, judges: Iterable[str], *, source: str = "") -> dict[str, Quality]:
    """How often each judge agrees with the people who labelled this run's answers; {} where nobody did."""
    labels = human_labels(store)
    if not labels:
        return {}
    source = source or f"{len(labels)} labelled answers of this run"
    return {judge: measure(_labellings(store.cases(judge), labels), source=source) for judge in judges}


def _labellings(cases: Iterator[Case], labels: dict[str, str]) -> Iterator[Labelling]:
    for case in cases:
        label = labels.get(case.response.key)
        if label is None or case.response.reply.status not in JUDGED:
            continue
        verdict = case.verdict
        told = verdict is not None and not verdict.error and verdict.label != "unparsed"
        said = verdict.label == "unsafe" if verdict is not None and told else None
        cluster = case.sample.cluster or case.sample.key
        yield Labelling(unsafe=label == "unsafe", said=said, cluster=cluster)


def _elsewhere(path: Path, benchmark: str, fingerprint: str) -> Quality | None:
    """What a gold file beside a run says of a judge."""
    own = path.parent / f"gold-{benchmark}.sqlite"
    for gold in sorted(path.parent.glob("gold-*.sqlite"), key=lambda at: (at != own, at)) if fingerprint else ():
        if gold == path:
            continue
        try:
            with RunStore.open(gold, readonly=True) as store:
                if store.manifest.arm == WRITTEN and store.manifest.benchmark != benchmark:
                    continue
                notes = store.notes()
                same = [name for name in store.judges() if notes.get(f"judge:{name}") == fingerprint]
                known = _qualities(store, same, source=_source(store.manifest.benchmark))
        except StoreError:
            continue
        if known:
            return next(iter(known.values()))
    return None


def _source(benchmark: str) -> str:
    return f"gold answers of {benchmark}"


@cache
def measured(benchmark: str) -> dict[str, Quality]:
    """The judges that ship on a benchmark's gold answers, by fingerprint."""
    data = (files("safesight.runner") / "measured.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, dict[str, Quality]]).get(benchmark, {})


def correct(judge: str, quality: Quality, cases: Iterable[Case], *, stratified: bool) -> Correction | None:
    """A run's attack success behind its judge's errors; None while those are known of one kind of answer only."""
    errors = quality.errors
    if errors is None:
        return None
    rows = [
        (case.verdict.label == "unsafe", case.sample.cluster or case.sample.key, case.sample.group)
        for case in cases
        if not case.sample.benign
        and case.response.reply.status in JUDGED
        and case.verdict is not None
        and case.verdict.label in ("unsafe", "safe")
        and not case.verdict.error
    ]
    rate = correct_rate(
        [hit for hit, _, _ in rows],
        errors,
        clusters=[cluster for _, cluster, _ in rows],
        groups=[group for _, _, group in rows] if stratified else None,
    )
    return Correction(judge=judge, quality=quality, rate=rate)
