"""`safesight demo`: the whole loop on this machine, offline: measure, protect, prove, report.

Answers are generated once: a guard that only reads answers replays them, so before and after differ by the guard alone.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli.group import Format
from safesight.core.protocols import DataOptions
from safesight.core.records import Decoding

if TYPE_CHECKING:
    from safesight.analysis.outcomes import Outcomes
    from safesight.runner.results import Results

HONEST = (
    "The model is a model organism: SmolLM2-135M with a small vision tower, made for questions over several pictures. "
    "It is tiny, and errs. The numbers show the loop at work and say nothing about multimodal models at large."
)
WRITER = "embedded?vision=0"
"""SmolLM2 without the organism's adapters, which know questions only."""
GUARD = "protector_block"
_TINY = DataOptions(tiny=True, languages=("en",))
_ENGLISH = DataOptions(languages=("en",))


def register(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where the run files and the report go.")] = Path(
        "runs/demo"
    ),
    sample: Annotated[
        int, typer.Option(help="Requests of each benchmark: half harmful, half their twins.", min=2)
    ] = 24,
    form: Format = "table",
    model: Annotated[
        str, typer.Option(help="Measure and guard this model in place of the one that ships: any name of `run`.")
    ] = "",
) -> None:
    """The whole loop on this machine: no network, GPU or key; ends with report.html."""
    from safesight.reports.page import write_report

    if model:
        _named(folder, sample, model)
        return
    typer.echo(HONEST)
    typer.echo("\n1. measure: verifiable, decided by rule: can it answer, and does it where that harms somebody?")
    runs = _verifiable(folder, sample)
    _print_table(runs)
    typer.echo(
        f"{GUARD} reads answers, and cannot see harm that a picture makes one; stakes reads the request with the text "
        "of its pictures."
    )
    typer.echo("\n2. starter: writing tasks, where harm has to be judged: what a judge is worth comes first")
    _starter(folder, min(sample, 12))
    report = write_report([run.path for run in runs.values()], folder / "report.html")
    typer.echo(f"\nreport: {report}\nlook closer: safesight view {folder}")


def _verifiable(folder: Path, limit: int) -> dict[str, Results]:
    plain, notes = folder / "embedded.sqlite", Path(str(files("safesight.cli") / "demo_guard.toml"))
    arms = (
        ("unguarded", "embedded", "none", plain),
        (f"guarded: {GUARD}", f"replay:{plain}", GUARD, folder / "guarded.sqlite"),
        ("guarded: stakes", f"replay:{plain}", f"{GUARD}:{notes}", folder / "stakes.sqlite"),
        ("aligned", "embedded?adapter=aligned", "none", folder / "aligned.sqlite"),
    )
    return {
        name: _run("verifiable", _TINY, model, defence, path, judges=("exact",), limit=limit)
        for name, model, defence, path in arms
    }


def _starter(folder: Path, sample: int) -> None:
    from safesight.cli.printer import console

    judges, path = ("detector:embedded", "refusal"), folder / "starter.sqlite"
    run = _run("starter", _ENGLISH, WRITER, "none", path, judges=judges, sample=f"stratified:{sample}")
    for judge, table in run.tables.items():
        console().print(f"  {run.qualities[judge].told(judge)}")
        if not table.silenced:
            found = table.headline
            low, high = found.low or 0.0, 1.0 if found.high is None else found.high
            console().print(
                f"  {judge}: {100 * (found.value or 0):.0f} % of harmful requests not refused "
                f"[{100 * low:.0f}, {100 * high:.0f}]; a misunderstanding counts as that too",
            )


def _run(
    benchmark: str,
    data: DataOptions,
    model: str,
    defence: str,
    path: Path,
    *,
    judges: tuple[str, ...],
    limit: int | None = None,
    sample: str | None = None,
) -> Results:
    from safesight.cli.session import watched
    from safesight.runner.run import RunRequest

    request = RunRequest(
        benchmark=benchmark,
        data=data,
        model=model,
        defence=defence,
        judges=judges,
        limit=limit,
        sample=sample,
        path=path,
        concurrency=2,
        decoding=Decoding(temperature=0.0, max_tokens=48, seed=0),
    )
    results, finished = watched(request)
    if not finished:
        raise typer.Exit(130)
    return results


def _print_table(runs: Mapping[str, Results]) -> None:
    """One row a run, then the picture."""
    from rich.table import Table

    from safesight.analysis.outcomes import summarise
    from safesight.cli.exact import outcomes_of, share
    from safesight.cli.printer import console
    from safesight.judges.exact import rule_error

    found = {name: summarise(outcomes_of(run)) for name, run in runs.items()}
    pairs = max(one.pairs for one in found.values())
    grid = Table(title=f"{pairs} pairs; %, 95 % intervals", title_justify="left", header_style="bold")
    for head in ("", "", "risk", "understood risk", "capability", "over-refusal", "ms an answer"):
        grid.add_column(head, justify="right" if head else "left")
    for letter, (name, one) in zip("ABCDEFGH", found.items(), strict=False):
        figures = (one.risk, one.understood_risk, one.capability, one.over_refusal)
        times = [case.response.reply.latency_ms for case in runs[name].cases]
        grid.add_row(letter, name, *(share(f) for f in figures), f"{statistics.median(times):.0f}" if times else "–")
    console().print(grid)
    console().print(picture(found))
    guess = next(iter(found.values())).chance or 0.0
    first, *others = runs
    for name in others:
        console().print(f"{name}: {_change(runs[first], runs[name])}")
    console().print(f"A blind guess at the keys shown is right in {100 * guess:.0f} %. {rule_error().told()}.")


def _change(before: Results, after: Results) -> str:
    """How a defence moves risk and capability, pair by pair."""
    from safesight.analysis.outcomes import RIGHT
    from safesight.analysis.paired import paired_difference
    from safesight.cli.exact import outcomes_of

    said: list[str] = []
    for label, benign, hits in (("risk", False, {"complied"}), ("capability", True, set(RIGHT))):
        old, new = (
            {a.pair: float(a.outcome in hits) for a in outcomes_of(run) if a.benign == benign and a.outcome}
            for run in (before, after)
        )
        pairs = sorted(old.keys() & new.keys())
        change = paired_difference([new[p] - old[p] for p in pairs], pairs)
        value, low, high = (100 * (v or 0.0) for v in (change.value, change.low, change.high))
        said.append(f"{label} {value:+.0f} points [{low:+.0f}, {high:+.0f}]")
    return ", ".join(said)


def picture(found: Mapping[str, Outcomes], *, wide: int = 51, tall: int = 11) -> str:
    """Risk up, capability across, a letter a run; letters at one place stand side by side."""
    cells: dict[tuple[int, int], str] = {}
    for letter, one in zip("ABCDEFGH", found.values(), strict=False):
        if one.risk.value is not None and one.capability.value is not None:
            at = (round((1 - one.risk.value) * (tall - 1)), round(one.capability.value * (wide - 1)))
            cells[at] = cells.get(at, "") + letter
    lines = ["risk %"]
    for row in range(tall):
        line = [" "] * (wide + 8)
        for (at, column), letters in cells.items():
            if at == row:
                line[column : column + len(letters)] = letters
        label = {0: "100", tall // 2: "50", tall - 1: "0"}.get(row, "")
        lines.append(f"{label:>4} |{''.join(line).rstrip()}")
    return "\n".join([*lines, f"     +{'-' * wide}", f"      0{'50':>{wide // 2}}{'100':>{wide // 2}}  capability %"])


def _named(folder: Path, sample: int, model: str) -> None:
    """Measure, protect and prove with a model of the user's own; each has its own run files."""
    from safesight.reports.page import write_report

    own = folder / (re.sub(r"\W+", "-", model).strip("-") or "model")
    plain = own / "plain.sqlite"
    arms = (
        (model, model, "none", plain),
        (f"{model} + {GUARD}, replayed", f"replay:{plain}", GUARD, own / "guarded.sqlite"),
        (f"{model} + safety_prompt", model, "safety_prompt", own / "prompted.sqlite"),
    )
    runs = {
        name: _run("verifiable", _TINY, asked, defence, path, judges=("exact",), limit=sample)
        for name, asked, defence, path in arms
    }
    _print_table(runs)
    report = write_report([run.path for run in runs.values()], own / "report.html")
    typer.echo(f"\nreport: {report}\nlook closer: safesight view {own}")
