"""`safesight report` and `safesight view`: the page people read, and the same live."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.core.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from safesight.view.folder import RunFolder
    from safesight.view.notes import Notes


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
    from safesight.report.build import gather
    from safesight.report.charts import save
    from safesight.report.export import FORMATS, as_text

    if layout not in ("html", *FORMATS):
        raise UnknownName("format", layout, ("html", *FORMATS))
    content = gather(runs, judge=judge, scores=scores)
    if figures is not None:
        for path in save(content.figures, figures):
            typer.echo(path, err=True)
    if layout == "html":
        from safesight.report.page import render

        typer.echo(_write(output, render(content, pictures=not no_images)))
    else:
        typer.echo(as_text(content, layout))


def write_report(runs: Sequence[Path], output: Path, *, judge: str = "") -> Path:
    """Write the report over these run files and return where it is.

    Raises:
        ConfigError: no run, no such judge, or the page cannot be written there.
        MissingExtra: the extra `report` is not installed.
        StoreError: one of them is no run file.
    """
    from safesight.report.build import gather
    from safesight.report.page import render

    return _write(output, render(gather(runs, judge=judge)))


def view(
    folder: Annotated[Path, typer.Argument(help="A folder of run files, or one run file.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback a token is required.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0 takes a free one.")] = 8901,
    token: Annotated[str, typer.Option(envvar="SAFESIGHT_VIEW_TOKEN", help="The token; default: a random one.")] = "",
) -> None:
    """Browse run files live in the web browser: progress, answers side by side, images, verdicts, your notes."""
    import secrets

    from safesight.view.folder import RunFolder
    from safesight.view.notes import Notes
    from safesight.view.server import LOOPBACK

    if host not in LOOPBACK:
        token = token or secrets.token_urlsafe(24)
    with RunFolder(folder) as runs, Notes(runs.notes_path) as notes:
        asyncio.run(_serve(runs, notes, host=host, port=port, token=token))


async def _serve(runs: RunFolder, notes: Notes, *, host: str, port: int, token: str) -> None:
    from safesight.view.server import serve

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def ready(address: str) -> None:
        typer.echo(f"view: {address}\nruns are only read; notes go to {runs.notes_path}. Stop with Ctrl-C.")
        sys.stdout.flush()

    await serve(runs, notes, host=host, port=port, token=token, ready=ready, stop=stop)


def _write(output: Path, text: str) -> Path:
    """All of it or nothing: a page half written is never left under its name."""
    partial = output.with_name(f".{output.name}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot write the report there: {error}. Choose another --output.") from None
    return output
