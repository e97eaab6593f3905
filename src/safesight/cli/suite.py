"""`safesight suite`: several benchmarks, arms, models and defences in one resumable call, and one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli.group import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safesight.runner.results import Results


def register(app: typer.Typer) -> None:
    """Add `suite`."""
    app.command("suite")(suite)


def suite(
    file: Annotated[str, typer.Argument(help="quick (offline, minutes), papers, or a TOML file.", show_default=False)],
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Run these instead of the suite's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of run files and report; default runs/NAME.")] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Embed no thumbnails in the report.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs; ask nothing.")] = False,
    form: Format = "table",
) -> None:
    """Several benchmarks, arms, models and defences in one resumable call, with one report over all."""
    from safesight.cli.printer import console
    from safesight.cli.session import carry_out
    from safesight.core.errors import SafeSightError
    from safesight.runner.run import RUNS
    from safesight.runner.suite import read_suite, requests

    wanted, folder = read_suite(file)
    target = out or RUNS / wanted.name
    listed = requests(wanted, folder=folder, out=target, models=tuple(model or ()))
    failed: list[str] = []
    for number, request in enumerate(listed, 1):
        what = f"{request.benchmark} {request.data.arm}".strip() + f", {request.model}, defence {request.defence}"
        console().print(f"\n[{number}/{len(listed)}] {what}", style="bold")
        if dry_run:
            continue
        try:
            status = carry_out(request)
        except SafeSightError as error:
            failed.append(f"{what}: {error}")
            console().print(str(error), style="yellow")
            continue
        if status == 130:
            raise typer.Exit(130)
    if dry_run:
        return
    made = [request.path for request in listed if request.path is not None and request.path.is_file()]
    for line in failed:
        console().print(f"not run: {line}", style="yellow")
    if not made:
        raise typer.Exit(3)
    _report(made, target / "report.html", pictures=not no_images)
    raise typer.Exit(1 if failed else 0)


def _report(paths: Sequence[Path], output: Path, *, pictures: bool) -> None:
    from dataclasses import replace

    from safesight.cli.printer import console
    from safesight.reports.build import gather
    from safesight.reports.page import render, write_page
    from safesight.reports.suite import suite_parts

    content = gather(paths)
    parts = suite_parts(content.runs, content.judge)
    _print_joint(content.runs, content.judge)
    page = write_page(output, render(replace(content, parts=[*parts, *content.parts]), pictures=pictures))
    console().print(f"report: {page}", soft_wrap=True)


def _print_joint(runs: Sequence[Results], judge: str) -> None:
    from rich.table import Table

    from safesight.cli.printer import console
    from safesight.reports.suite import hazards_part

    for found in hazards_part(runs, judge).tables:
        grid = Table(title=f"{found.title}, %, judged by {judge or 'nobody'}", title_justify="left", title_style="bold")
        for column in found.columns:
            grid.add_column(column, justify="left" if column == "" else "right")
        for row in found.rows:
            grid.add_row(*row)
        console().print(grid)
