"""`safesight list` and `safesight data`: what there is, and whether a data set is all there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safesight.core import registry
from safesight.core.protocols import DataOptions, DataReport
from safesight.core.registry import open_plugin


def register(app: typer.Typer) -> None:
    """Add `list` and `data`."""
    app.command("list")(list_plugins)
    app.command("data")(data)


def list_plugins() -> None:
    """Benchmarks, models, judges, detectors, defences: one line each."""
    for kind in registry.KINDS:
        typer.echo(f"{kind}:")
        for name in registry.names(kind):
            typer.echo(f"  {name:<18}{registry.summary(kind, name)}")


def data(
    benchmark: Annotated[str, typer.Argument(help="A benchmark of `safesight list`.", show_default=False)],
    source: Annotated[
        Path | None, typer.Option(help="Verify this local folder; without it, fetch from the hub.")
    ] = None,
    arm: Annotated[str, typer.Option(help="Input arm.")] = "",
    tiny: Annotated[bool, typer.Option("--tiny", help="The benchmark's own small subset.")] = False,
    revision: Annotated[str, typer.Option(help="Hub commit or branch; default: the benchmark's.")] = "",
) -> None:
    """Fetch (hub) or verify (local) a data set: counts, hashes, licence; says what is missing."""
    report = open_plugin("benchmarks", benchmark).verify(
        DataOptions(source=source, arm=arm, tiny=tiny, revision=revision)
    )
    _print(report)
    raise typer.Exit(0 if report.complete else 1)


def _print(report: DataReport) -> None:
    typer.echo(f"{report.benchmark} ({report.layout}, revision {report.revision or 'local'}) at {report.location}")
    typer.echo(f"licence: {report.licence}")
    for name in sorted({*report.counts, *report.expected}):
        count, wanted = report.counts.get(name, 0), report.expected.get(name)
        mark = "" if wanted is None else " ok" if count == wanted else f" EXPECTED {wanted}"
        typer.echo(f"  {name:<24}{count:>6}{mark}")
    typer.echo(f"images: {report.images}; data hash: {report.data_hash}; image hash: {report.images_hash}")
    for problem in report.problems:
        typer.echo(f"problem: {problem}", err=True)
    typer.echo("complete" if report.complete else "NOT complete", err=not report.complete)
