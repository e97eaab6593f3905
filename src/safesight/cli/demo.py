"""`safesight demo`: the whole loop on this machine, offline: measure, explain, protect, prove, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safesight.core.protocols import DataOptions
from safesight.core.records import Decoding

HONEST = (
    "The model is SmolLM2-135M reading the pictures through OCR: tiny, offline, and often confused. Its numbers "
    "show the loop at work and say nothing about multimodal models at large."
)
DEFENCE = "protector_rewrite"
JUDGES = ("detector:embedded", "detector:encoder", "refusal")
"""The second is here to keep the score: the first is also the guard."""


def register(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where the run files and the report go.")] = Path(
        "runs/demo"
    ),
    sample: Annotated[int, typer.Option(help="How many cases: 18 is one and its twin for each relation.", min=2)] = 18,
) -> None:
    """The whole loop on this machine: no network, GPU or key; ends with report.html."""
    from safesight.cli.compare import print_comparison
    from safesight.cli.explain import print_modes
    from safesight.cli.session import carry_out
    from safesight.reports.page import write_report
    from safesight.runner.run import RunRequest

    typer.echo(HONEST)
    runs = {"none": folder / "unguarded.sqlite", DEFENCE: folder / "guarded.sqlite"}
    for step, (defence, path) in enumerate(runs.items(), start=1):
        typer.echo(f"\n{step}. {'measure' if defence == 'none' else 'protect'}: starter, defence {defence}")
        status = carry_out(
            RunRequest(
                benchmark="starter",
                data=DataOptions(languages=("en",)),
                model="embedded",
                defence=defence,
                judges=JUDGES,
                sample=f"stratified:{sample}",
                path=path,
                concurrency=2,
                decoding=Decoding(temperature=0.0, max_tokens=64, seed=0),
            )
        )
        if status:
            raise typer.Exit(status)
    typer.echo("\n3. explain: were the safe answers deserved?")
    print_modes([runs["none"]])
    typer.echo("\n4. prove: the same cases, before and after")
    print_comparison(runs["none"], runs[DEFENCE])
    report = write_report(list(runs.values()), folder / "report.html")
    typer.echo(f"\nreport: {report}\nlook closer: safesight view {folder}")
