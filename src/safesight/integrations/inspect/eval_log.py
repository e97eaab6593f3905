"""Runs as Inspect's `.eval` logs, and logs as runs.

What SafeSight exports, and what its own tasks logged, comes back whole: it stands in the log's metadata, under
`safesight`. Other tasks' logs come back as far as they go: inputs, images, answers and errors; their scores are not
verdicts and are left out, so that a judge can be added (`safesight judge`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, GenerateConfig, ModelOutput, StopReason

from safesight.analysis.rates import rate_table
from safesight.core.errors import DataError
from safesight.core.records import (
    Decoding,
    GuardEvent,
    Machine,
    Manifest,
    ModeLabel,
    Reply,
    Response,
    Verdict,
    content_hash,
    response_key,
)
from safesight.core.store import RunStore
from safesight.core.version import __version__
from safesight.integrations.inspect.conversion import KEY, to_inspect, to_reply, to_sample
from safesight.integrations.inspect.scorers import to_score, to_verdict
from safesight.runner.transfer import Line, atomically, lines

_STOPS: dict[str, StopReason] = {"length": "max_tokens", "content_filter": "content_filter", "tool_calls": "tool_calls"}
_UNKNOWN = Machine(system="unknown", python="unknown", cpus=1)


class ReadLog(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found."""

    cases: int
    verdicts: int
    left_out: dict[str, int]
    """How much of what could not become part of a run."""


def export_log(store: RunStore, path: Path) -> None:
    """Write a run as an Inspect log: one sample a case, one score a judge, and SafeSight's rates as its results."""
    manifest = store.manifest
    samples = [_exported(line) for line in lines(store)]
    log = EvalLog(
        status="success",
        eval=EvalSpec(
            created=manifest.created,
            task=f"safesight/{manifest.benchmark}",
            task_version=manifest.data_hash or 0,
            dataset=EvalDataset(name=manifest.benchmark, samples=len(samples), sample_ids=[s.id for s in samples]),
            model=manifest.model,
            model_generate_config=GenerateConfig(
                temperature=manifest.decoding.temperature,
                top_p=manifest.decoding.top_p,
                max_tokens=manifest.decoding.max_tokens,
                seed=manifest.decoding.seed,
            ),
            config=EvalConfig(),
            packages={"safesight": manifest.package_version},
            metadata={KEY: {"manifest": msgspec.to_builtins(manifest), "notes": store.notes()}},
        ),
        results=EvalResults(
            total_samples=len(samples), completed_samples=len(samples), scores=[*_results(store, store.judges())]
        ),
        samples=samples,
    )
    atomically(path, lambda target: write_eval_log(log, str(target), format="eval"))


def _exported(line: Line) -> EvalSample:
    reply = line.response.reply
    asked = to_inspect(line.sample)
    said = ChatMessageAssistant(content=reply.text, model=reply.provider_model, source="generate")
    choice = ChatCompletionChoice(message=said, stop_reason=_STOPS.get(reply.finish_reason, "stop"))
    whole = {"response": msgspec.to_builtins(line.response), "modes": msgspec.to_builtins(line.modes)}
    return EvalSample(
        id=line.sample.key,
        epoch=1,
        input=asked.input,
        target=asked.target,
        messages=[*(asked.input if isinstance(asked.input, list) else []), said],
        output=ModelOutput(model=reply.provider_model, choices=[choice], error=reply.error or None),
        scores={verdict.judge: to_score(verdict, reply) for verdict in line.verdicts},
        metadata={**(asked.metadata or {}), f"{KEY}_case": whole},
    )


def _results(store: RunStore, judges: Iterable[str]) -> Iterable[EvalScore]:
    for judge in judges:
        found = rate_table(store.cases(judge), judge=judge).overall.interval
        figures = {"asr": found.value, "asr_low": found.low, "asr_high": found.high}
        metrics = {n: EvalMetric(name=n, value=float("nan") if v is None else v) for n, v in figures.items()}
        yield EvalScore(name=judge, scorer="safesight/judged", metrics=metrics)


def import_log(source: Path, run: Path) -> ReadLog:
    """Make a run file from an Inspect log (`.eval` or `.json`).

    Raises:
        DataError: it is no log, or has no samples.
        StoreError: the run file exists already or cannot be written.
    """
    try:
        log = read_eval_log(str(source))
    except Exception as error:  # noqa: BLE001 - whatever Inspect's reader raises of a file that is none
        raise DataError(f"{source}: expected an Inspect log: {str(error)[:200]}.") from None
    if not log.samples:
        raise DataError(f"{source}: expected a log with samples, got none (status {log.status}).")
    kept = (log.eval.metadata or {}).get(KEY, {})
    manifest = msgspec.convert(kept["manifest"], Manifest) if "manifest" in kept else _manifest(log)
    left: Counter[str] = Counter()
    cases = verdicts = 0
    with RunStore.create(run, manifest) as store:
        for name, value in kept.get("notes", {}).items():
            store.note(name, value)
        # Inspect's reader sorts samples by id; the data set's own order is kept beside them.
        order = {str(name): place for place, name in enumerate(log.eval.dataset.sample_ids or ())}
        for sample in sorted(log.samples, key=lambda one: order.get(str(one.id), len(order))):
            if sample.epoch > 1:
                left["answers of later epochs"] += 1
                continue
            line = _imported(sample, manifest, left)
            store.add(
                samples=[(cases, line.sample)],
                responses=[line.response],
                verdicts=line.verdicts,
                modes=line.modes,
            )
            cases, verdicts = cases + 1, verdicts + len(line.verdicts)
    return ReadLog(cases=cases, verdicts=verdicts, left_out=dict(left))


def _imported(sample: EvalSample, manifest: Manifest, left: Counter[str]) -> Line:
    ours = to_sample(sample.metadata, sample.input).reference()
    whole: dict[str, Any] = sample.metadata.get(f"{KEY}_case", {})
    if "response" in whole:
        response = msgspec.convert(whole["response"], Response)
    else:
        key = response_key(ours.key, manifest.model_fingerprint, manifest.decoding, manifest.defence_fingerprint)
        reply = to_reply(sample.output, error=sample.error.message if sample.error else "")
        response = Response(key=key, sample_key=ours.key, reply=_with_events(reply, sample.output))
    found: list[Verdict] = []
    for name, score in (sample.scores or {}).items():
        verdict = to_verdict(score)
        if verdict is None:
            left[f"scores of {name!r}, which are not verdicts"] += 1
        else:
            found.append(msgspec.structs.replace(verdict, response_key=response.key, sample_key=ours.key))
    modes = msgspec.convert(whole.get("modes", ()), tuple[ModeLabel, ...])
    return Line(sample=ours, response=response, verdicts=tuple(found), modes=modes)


def _with_events(reply: Reply, output: ModelOutput) -> Reply:
    events = (output.metadata or {}).get(KEY, {}).get("guard_events", ())
    return msgspec.structs.replace(reply, guard_events=msgspec.convert(events, tuple[GuardEvent, ...]))


def _manifest(log: EvalLog) -> Manifest:
    spec, config, about = log.eval, log.eval.model_generate_config, log.eval.metadata or {}
    return Manifest(
        package_version=spec.packages.get("safesight", __version__),
        benchmark=spec.task.removeprefix("safesight/"),
        data_revision=str(about.get("data_revision", "unknown")),
        data_hash=str(spec.task_version),
        arm=str(spec.task_args.get("arm", "")),
        selection=f"inspect log {spec.eval_id or spec.task_id}",
        model=spec.model,
        model_fingerprint=content_hash("inspect", spec.model, spec.model_base_url or ""),
        decoding=Decoding(
            temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed
        ),
        defence="guarded" if spec.model.startswith("guarded/") else "none",
        defence_fingerprint=content_hash("inspect", spec.model_args) if spec.model.startswith("guarded/") else "",
        seed=0,
        created=spec.created or datetime.now(UTC).isoformat(),
        machine=_UNKNOWN,
        notes={"imported": "inspect"},
    )
