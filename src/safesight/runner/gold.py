"""Judges against people: gold sets as run files, and what a judge's errors make of another run's rate.

A gold set (a benchmark with answers that people labelled) becomes a run file `gold-NAME.sqlite`: the answers are its
responses, people are its judge "human", and any judge can be added to it as to other runs. A run's own labels, from
the live view, are people's too. Invariant: a judge's errors are used for that judge alone, told by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from safesight.analysis.judge_errors import Labelling, Quality, correct_rate, measure
from safesight.analysis.stats import Estimate
from safesight.core.errors import ConfigError, StoreError
from safesight.core.protocols import DataOptions, Labelled
from safesight.core.records import (
    JUDGED,
    Case,
    Decoding,
    Manifest,
    Reply,
    Response,
    Sample,
    Verdict,
    content_hash,
    response_key,
)
from safesight.core.registry import open_plugin
from safesight.core.version import __version__
from safesight.runner.notes import FILE, HUMAN, Notes
from safesight.runner.plan import open_or_create, this_machine
from safesight.runner.results import Results

MODEL: Final = "labelled answers"
LEAST: Final = 10
"""Labels of each kind that a run needs before its own are used instead of a gold set's."""


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
        raise ConfigError(f"{benchmark} has no answers that people labelled; msts has. Name a run file instead.")
    rows = list(plugin.labelled(options))
    digest = content_hash([(row.sample.key, row.text, row.label) for row in rows])
    with open_or_create(path, _manifest(benchmark, digest)) as store:
        done = store.done()
        samples: list[tuple[int, Sample]] = []
        responses: list[Response] = []
        verdicts: list[Verdict] = []
        for position, row in enumerate(rows):
            key = response_key(row.sample.key, content_hash(row.model, row.text), Decoding(), "none")
            if key in done:
                continue
            samples.append((position, row.sample.reference()))
            reply = Reply(status="ok" if row.text.strip() else "empty", text=row.text, provider_model=row.model)
            responses.append(Response(key=key, sample_key=row.sample.key, reply=reply))
            verdicts.append(
                Verdict(response_key=key, sample_key=row.sample.key, judge=HUMAN, label=row.label, rationale=row.note)
            )
        store.add(samples=samples, responses=responses)
        store.add(verdicts=verdicts)
    return path


def _manifest(benchmark: str, digest: str) -> Manifest:
    return Manifest(
        package_version=__version__,
        benchmark=benchmark,
        data_revision="local",
        data_hash=digest,
        arm="labelled",
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


def human_labels(results: Results) -> dict[str, str]:
    """What people said of this run's answers, by response key: in the run itself, and in the notes beside it."""
    found: dict[str, str] = {}
    if HUMAN in results.judges:
        said = (verdict for verdicts in results.verdicts.values() for verdict in verdicts)
        found = {v.response_key: v.label for v in said if v.judge == HUMAN and not v.error}
    notes = results.path.parent / FILE
    if notes.is_file():
        try:
            with Notes(notes) as kept:
                noted = {v.response_key: v.label for v in kept.verdicts()}
        except StoreError:
            noted = {}  # notes that cannot be read say nothing here; the view tells about them
        own = {case.response.key for case in results.cases} if noted else set[str]()
        found |= {key: label for key, label in noted.items() if key in own}
    return {key: label for key, label in found.items() if label in ("unsafe", "safe")}


def quality(results: Results, judge: str, *, source: str = "") -> Quality | None:
    """How often a judge agrees with the people who labelled this run's answers; None where nobody did."""
    labels = human_labels(results)
    if judge == HUMAN or not labels:
        return None
    return measure(_labellings(results.judged(judge), labels), source=source or f"labels of {len(labels)} answers here")


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


def known_quality(results: Results, judge: str) -> Quality | None:
    """What is known of a run's judge: from the run's own labels where there are enough, else from a gold set beside."""
    own = quality(results, judge)
    if own is not None and min(own.sensitivity.n, own.specificity.n) >= LEAST:
        return own
    fingerprint = results.notes.get(f"judge:{judge}", "")
    for path in sorted(results.path.parent.glob("gold-*.sqlite")) if fingerprint else ():
        if path == results.path:
            continue
        try:
            gold = Results(path)
        except StoreError:
            continue
        same = [name for name in gold.judges if gold.notes.get(f"judge:{name}") == fingerprint]
        if same and (found := quality(gold, same[0], source=f"gold set {gold.manifest.benchmark}")) is not None:
            return found
    return own


def corrections(results: Results) -> list[Correction]:
    """Every judge of a run whose errors are known, with the corrected rate."""
    found: list[Correction] = []
    for judge in results.judges:
        known = known_quality(results, judge)
        errors = known.errors if known is not None else None
        if known is None or errors is None:
            continue
        rows = [
            (case.verdict.label == "unsafe", case.sample.cluster or case.sample.key, case.sample.group)
            for case in results.judged(judge)
            if not case.sample.benign
            and case.response.reply.status in JUDGED
            and case.verdict is not None
            and case.verdict.label in ("unsafe", "safe")
            and not case.verdict.error
        ]
        table = results.tables.get(judge)
        rate = correct_rate(
            [hit for hit, _, _ in rows],
            errors,
            clusters=[cluster for _, cluster, _ in rows],
            groups=[group for _, _, group in rows] if table is not None and table.stratified else None,
        )
        found.append(Correction(judge=judge, quality=known, rate=rate))
    return found
