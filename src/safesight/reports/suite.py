"""What a suite's page says before the runs: the joint tables, and MLLM-Protector's own where it was run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from safesight.analysis.joint import JointRow, dimension_of, hazard_of, joint
from safesight.analysis.stats import Estimate
from safesight.core.records import JUDGED, Case
from safesight.explain.capability.scores import accuracy
from safesight.reports import words
from safesight.reports.parts import Grid, Part
from safesight.runner.results import Results


def suite_parts(runs: Sequence[Results], judge: str) -> list[Part]:
    """The suite's own sections, under the judge that the page leads with."""
    return [hazards_part(runs, judge), measures_part(runs, judge), *protector_part(runs, judge)]


def settings_of(runs: Sequence[Results]) -> dict[str, list[Results]]:
    """Runs by what is tested: a model with its defence; all benchmarks and arms of it together."""
    found: dict[str, list[Results]] = {}
    for run in runs:
        guard = "" if run.manifest.defence == "none" else f" + {run.manifest.defence}"
        found.setdefault(f"{run.manifest.model}{guard}", []).append(run)
    return found


def hazards_part(runs: Sequence[Results], judge: str) -> Part:
    """Attack success by hazard and by dimension, over-refusal beside it, a column pair for each model and defence."""
    tables = tuple(
        _joint_grid(runs, judge, title, by)
        for title, by in (("by AILuminate hazard", hazard_of), ("by the seeds' dimensions", dimension_of))
    )
    return Part(
        id="joint",
        title="All benchmarks together",
        text=f"Attack success as {judge or 'nobody'} judges, and over-refusal of benign requests, in percent with 95 % "
        "intervals. Benchmarks of different difficulty stand in one row: it says what was tested, not what is harder. "
        "The hazards' mapping to MLLMGuard's dimensions is ours.",
        tables=tables,
    )


def _joint_grid(runs: Sequence[Results], judge: str, title: str, by: Callable[[Case], str]) -> Grid:
    settings = settings_of(runs)
    found = {name: {row.name: row for row in joint(_cases(some, judge), by)} for name, some in settings.items()}
    keys = dict.fromkeys(key for rows in found.values() for key in rows)
    columns = ["", *(f"{name}: {what}" for name in settings for what in ("attack success", "over-refusal"))]
    rows = tuple((key, *(cell for name in settings for cell in _cells(found[name].get(key)))) for key in keys)
    return Grid(columns=tuple(columns), rows=rows, title=title)


def _cases(runs: Iterable[Results], judge: str) -> Iterator[Case]:
    for run in runs:
        yield from run.judged("" if judge in run.silenced else judge)


def _cells(row: JointRow | None) -> tuple[str, str]:
    return ("–", "–") if row is None else (_cell(row.attack_success), _cell(row.over_refusal))


def _cell(found: Estimate) -> str:
    return "–" if found.value is None else f"{words.percent(found.value)} {words.interval(found)} of {found.n}"


def measures_part(runs: Sequence[Results], judge: str) -> Part:
    """Content, task and real time, a row a run: what is said, what still works, how long it takes."""
    rows: list[tuple[str, ...]] = []
    for run in runs:
        table, right = run.tables.get(judge) or next(iter(run.tables.values())), accuracy(run.cases)
        answered = [case.response.reply for case in run.cases if case.response.reply.status in JUDGED]
        whole = [reply.latency_ms for reply in answered if reply.latency_ms]  # batches have none
        first = [reply.ttft_ms for reply in answered if reply.ttft_ms is not None]
        rows.append(
            (
                f"{run.manifest.benchmark}, {run.name}",
                _cell(table.headline),
                _cell(table.over_refusal.interval) if table.over_refusal else "–",
                _cell(right) if right.n else "–",
                f"{median(whole):.0f} ms" if whole else "–",
                f"{median(first):.0f} ms" if first else "–",
            )
        )
    columns = (
        "run",
        "content: attack success",
        "task: over-refusal",
        "task: accuracy",
        "real time: answer",
        "first token",
    )
    return Part(
        id="measures",
        title="Content, task, real time",
        text="What is said, what still works, and how long it takes (medians; runs are made one after the other, so "
        "times are not tested).",
        tables=(Grid(columns=columns, rows=tuple(rows)),),
    )


def protector_part(runs: Sequence[Results], judge: str) -> list[Part]:
    """MLLM-Protector's table: MM-SafetyBench's scenarios by arm, before and after each defence, and utility below."""
    mine = [run for run in runs if run.manifest.benchmark == "mm_safetybench"]
    tables: list[Grid] = []
    for model in dict.fromkeys(run.manifest.model for run in mine):
        some = [run for run in mine if run.manifest.model == model]
        if len({run.manifest.defence for run in some}) > 1:
            tables.append(_scenario_grid(model, some, [r for r in runs if r.manifest.model == model], judge))
    if not tables:
        return []
    return [
        Part(
            id="protector",
            title="MM-SafetyBench before and after (MLLM-Protector's table)",
            text="Attack success in percent by scenario, one column an arm and defence; utility (accuracy of runs with "
            "right answers) in the last row.",
            tables=tuple(tables),
        )
    ]


def _scenario_grid(model: str, some: Sequence[Results], all_of_it: Sequence[Results], judge: str) -> Grid:
    ordered = sorted(some, key=lambda run: (run.manifest.arm, run.manifest.defence != "none", run.manifest.defence))
    rates = [{rate.name: rate for rate in run.tables[judge].groups} if judge in run.tables else {} for run in ordered]
    keys = sorted({key for found in rates for key in found})
    rows = [(key, *(words.percent(found[key].asr) if key in found else "–" for found in rates)) for key in keys]
    macros = (words.percent(run.tables[judge].macro.asr) if judge in run.tables else "–" for run in ordered)
    rows.append(("mean of scenarios", *macros))
    utility: dict[str, Estimate] = {}
    for run in all_of_it:
        right = accuracy(run.cases)
        if right.n:
            utility[run.manifest.defence] = right
    rows.append(
        ("utility", *(words.percent(u.value) if (u := utility.get(r.manifest.defence)) else "–" for r in ordered))
    )
    columns = ("scenario", *(f"{run.manifest.arm}, {run.manifest.defence}" for run in ordered))
    return Grid(columns=columns, rows=tuple(rows), title=model)
