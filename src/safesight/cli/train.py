"""`safesight train ...` and `safesight detector ...`: train a detector, and measure any detector on labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli import train_generators
from safesight.cli.group import Format, Group

if TYPE_CHECKING:
    from safesight.core.protocols import Detector
    from safesight.train.data import Row


class DataFormat(StrEnum):
    """Layouts that `train.data` reads."""

    HARM = "harm"
    JSONL = "jsonl"
    SAFERLHF = "saferlhf"
    BEAVERTAILS = "beavertails"
    SAFE_HARM_10K = "safe_harm_10k"
    PREFERENCE = "preference"
    REQUESTS = "requests"


def _train_detector(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/detector-embedded.toml.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the weights; overrides the configuration's.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on where a killed run stopped.")] = True,
) -> None:
    """Train a harm detector: data, calibration, threshold, weights and model card.

    kind = "linear" and "requests" need safesight[fit] (no torch), kind = "backbone" needs safesight[train].
    """
    from safesight.cli.printer import console
    from safesight.train.detector import train_detector

    done = train_detector(config, out=out, resume=resume, say=print)
    for caveat in done.caveats:
        console().print(f"caution: {caveat}.", style="yellow")
    print(f"{done.weights}: trained on {done.rows} rows, threshold {done.threshold:.3f}")
    print(f"model card: {done.card}")


def _eval_detector(
    name: Annotated[str, typer.Argument(help="A detector, such as embedded or embedded:FILE.npz.")],
    data: Annotated[list[Path], typer.Argument(help="Labelled files: JSONL or JSON, plain or gzipped.")],
    layout: Annotated[DataFormat, typer.Option(help="Layout of the files.")] = DataFormat.JSONL,
    column: Annotated[
        list[str] | None, typer.Option(help="Your column: answer=completion, label=is_safe, ...; repeatable.")
    ] = None,
    unsafe: Annotated[list[str] | None, typer.Option(help="A value of the label that means harm; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(help="Bootstrap rounds of the intervals; 0 for none.", min=0)] = 200,
    form: Format = "table",
) -> None:
    """Measure a detector: ranking, calibration, false alarms and streaming, with bootstrap intervals, per set.

    --layout requests measures its judge of requests instead: the share of each set that a guard would stop.
    """
    import asyncio

    from safesight.core.registry import open_plugin
    from safesight.train.columns import read_columns
    from safesight.train.data import DataFile, read_rows

    columns = read_columns(column or (), unsafe or ())
    rows = [row for path in data for row in read_rows(DataFile(path=str(path), format=layout.value, columns=columns))]

    async def measure() -> None:
        detector = open_plugin("detectors", name)
        try:
            if layout is DataFormat.REQUESTS:
                _of_requests(detector, rows)
            else:
                await _of_answers(detector, rows, rounds=rounds)
        finally:
            await detector.aclose()

    asyncio.run(measure())


def _show(title: str, header: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    from safesight.cli.printer import console

    grid = Table(title=title, title_justify="left", title_style="bold")
    for head in header:
        grid.add_column(head, justify="left" if head in ("set", "of", "requests") else "right")
    for row in cells:
        grid.add_row(*row)
    console().print(grid)


async def _of_answers(detector: Detector, rows: Sequence[Row], *, rounds: int) -> None:
    from safesight.cli.printer import console
    from safesight.core.protocols import IncrementalDetector
    from safesight.train import figures, quoted
    from safesight.train.caveats import of_figures
    from safesight.train.evaluate import evaluate, sentence_alarms

    found, out = await evaluate(detector, rows, rounds=rounds), console()
    out.print(f"{detector.name}: threshold {detector.threshold:.3f}, fingerprint {detector.fingerprint}")
    _show("whole answers", figures.HEADER, figures.rows_of(found))
    for caveat in of_figures(found):
        out.print(f"caution: {caveat}.", style="yellow")
    if isinstance(detector, IncrementalDetector):
        out.print(f"false alarms per 1,000 harmless sentences: {sentence_alarms(detector, rows):.2f}")
        of_groups = quoted.rows_of(quoted.quoted_figures(detector, rows))
        _show("as a guard reads it, by set, language, form and length", quoted.HEADER, of_groups)
        own, other = quoted.asked_otherwise(detector, rows)
        out.print(f"AUROC of all sets with their own questions {own:.3f}, with another row's {other:.3f}")


def _of_requests(detector: Detector, rows: Sequence[Row]) -> None:
    from safesight.cli.printer import console
    from safesight.core.errors import ConfigError
    from safesight.core.protocols import SuspiciousDetector
    from safesight.train import asked

    if not isinstance(detector, SuspiciousDetector):
        raise ConfigError(f"{detector.name} estimates no requests. Ask `embedded`, or measure answers.")
    by_set, ranked = asked.asked_figures(detector, rows)
    console().print(f"{detector.name}: threshold for requests {detector.request_threshold:.3f}")
    _show("requests, as a guard's input rail reads them", asked.HEADER, asked.rows_of(by_set))
    console().print(f"AUROC of all sets: {ranked:.3f}")


def _install_weights(
    file: Annotated[Path, typer.Argument(help="A weights file, such as weights/research/embedded.npz.")],
) -> None:
    """Put weights for research only where embedded:research finds them; says their terms."""
    from safesight.detectors.embedded import install

    target, weights = install(file)
    print(f"{target}: {weights.answer.trained.get('rows', '?')} rows, sha256 {weights.digest}")
    print(f"licence: {weights.licence or 'that of the package'}. Open them as embedded:research")


def register(app: typer.Typer) -> None:
    """Add the `train` and `detector` groups."""
    train = typer.Typer(
        cls=Group, help="Train a harm detector, a detoxifier, or a safer chat model.", no_args_is_help=True
    )
    detector = typer.Typer(cls=Group, help="Measure harm detectors, install weights.", no_args_is_help=True)

    # With one command only, Typer would drop the group's level.
    @train.callback()
    @detector.callback()
    def _group() -> None:
        pass

    train.command("detector")(_train_detector)
    train_generators.register(train)
    detector.command("eval")(_eval_detector)
    detector.command("install")(_install_weights)
    app.add_typer(train, name="train")
    app.add_typer(detector, name="detector")
