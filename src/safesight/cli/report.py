"""`safesight report` and `safesight view`: the page people read, and the same live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.core.errors import UnknownName

if TYPE_CHECKING:
    from safesight.runner.notes import Notes
    from safesight.view.folder import RunFolder


def register(app: typer.Typer) -> None:
    """Add `report` and `view`."""
    app.command("report")(report)
    app.command("view")(view)


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run files; later ones are set against the first.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    judge: Annotated[str, typer.Option(help="The judge to lead with; default: one that all runs share.")] = "",
    scores: Annotated[Path | None, typer.Option(help="CSV of capability scores: draws capability and risk.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Also write every chart there as SVG and PNG.")] = None,
    layout: Annotated[str, typer.Option("--format", help="html, or only the tables: latex or markdown.")] = "html",
    no_images: Annotated[bool, typer.Option("--no-images", help="Embed no thumbnails.")] = False,
) -> None:
    """One self-contained page: rates, before and after, modes, agreement, every case."""
    from safesight.reports.build import gather
    from safesight.reports.charts import save
    from safesight.reports.export import FORMATS, as_text

    if layout not in ("html", *FORMATS):
        raise UnknownName("format", layout, ("html", *FORMATS))
    content = gather(runs, judge=judge, scores=scores)
    if figures is not None:
        for path in save(content.figures, figures):
            typer.echo(path, err=True)
    if layout == "html":
        from safesight.reports.page import render, write_page

        typer.echo(write_page(output, render(content, pictures=not no_images)))
    else:
        typer.echo(as_text(content, layout))


def view(
    folder: Annotated[Path, typer.Argument(help="A folder of run files, or one run file.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback a token is required.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0 takes a free one.")] = 8901,
    token: Annotated[str, typer.Option(envvar="SAFESIGHT_VIEW_TOKEN", help="The token; default: a random one.")] = "",
) -> None:
    """Browse run files live in the web browser: progress, answers side by side, images, verdicts, your notes."""
    import secrets

    from safesight.runner.notes import Notes
    from safesight.view.folder import RunFolder
    from safesight.view.server import LOOPBACK

    if host not in LOOPBACK:
        token = token or secrets.token_urlsafe(24)
    with RunFolder(folder) as runs, Notes(runs.notes_path) as notes:
        asyncio.run(_serve(runs, notes, host=host, port=port, token=token))


async def _serve(runs: RunFolder, notes: Notes, *, host: str, port: int, token: str) -> None:
    from safesight.cli.interrupts import on_signals
    from safesight.view.server import serve

    stop = asyncio.Event()

    def ready(address: str) -> None:
        typer.echo(f"view: {address}\nruns are only read; notes go to {runs.notes_path}. Stop with Ctrl-C.")
        sys.stdout.flush()

    with on_signals(stop.set):
        await serve(runs, notes, host=host, port=port, token=token, ready=ready, stop=stop)
