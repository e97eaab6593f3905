"""`safesight explain entropy`: does it look where it should? Attention entropy of safe and unsafe answers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli.group import Format
from safesight.core.doors import require
from safesight.core.errors import ConfigError
from safesight.core.store import RunStore

if TYPE_CHECKING:
    from rich.table import Table

    from safesight.explain.entropy.gap import Scalar
    from safesight.explain.entropy.readings import EntropyTable
    from safesight.explain.entropy.recorded import Replayed


_READING = (
    "gap = safe minus unsafe; like length: within bins of answer length. p: labels permuted by whole seeds. "
    "AUROC: of low values for unsafe. These are correlations."
)
_COLUMNS = ("gap", "p", "p_adjusted", "gap_like_length", "p_like_length")


def entropy(
    run: Annotated[Path, typer.Argument(help="Run file whose answers to replay.")],
    model: Annotated[
        str | None,
        typer.Option(help="Local model to replay through: hf/ORG/NAME, hf/./FOLDER or embedded. None: print only."),
    ] = None,
    judge: Annotated[list[str] | None, typer.Option(help="Whose verdicts; repeat. Default: every judge's.")] = None,
    probe: Annotated[str | None, typer.Option(help="Whose records; default: this model's, or the only ones.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many answers.")] = None,
    source: Annotated[Path | None, typer.Option(help="The benchmark's data, where the run has no images.")] = None,
    means_only: Annotated[bool, typer.Option("--means-only", help="Keep no entropy by token.")] = False,
    with_benign: Annotated[bool, typer.Option("--with-benign", help="Count answers to benign cases too.")] = False,
    heatmap: Annotated[Path | None, typer.Option(help="Write the gap by layer and head to this CSV file.")] = None,
    form: Format = "table",
    engine: Annotated[str, typer.Option(help="local, or ray to replay on a cluster: ray?replicas=8&gpus=1.")] = "local",
) -> None:
    """Attention entropy: does it look where it should?"""
    from safesight.cli.explain_modes import judges_of
    from safesight.cli.printer import console
    from safesight.explain.entropy.readings import DEFINITION, entropy_table
    from safesight.runner.gold import silenced

    with RunStore.open(run, readonly=model is None) as store:
        if judge:
            # A mistyped name is told before the long work, not after it.
            judges_of(store, judge)
        if model is not None:
            probe, replayed = _replay(store, model, engine, limit=limit, source=source, per_token=not means_only)
            _print_replayed(replayed, model, store.manifest.model)
        chosen, mute = judges_of(store, judge), silenced(run)
        tables = [
            entropy_table(store, probe=probe, judge=name, with_benign=with_benign)
            for name in chosen
            if name not in mute
        ]
    for sentence in (mute[name] for name in chosen if name in mute):
        console().print(sentence, style="yellow")
    for table in tables:
        print_entropy(table)
    for line in (DEFINITION, _READING):
        console().print(line, style="dim")
    if heatmap is not None:
        write_heatmap(tables, heatmap)
        console().print(f"gap by layer and head: {heatmap}")


def _replay(
    store: RunStore, model: str, engine: str, *, limit: int | None, source: Path | None, per_token: bool
) -> tuple[str, Replayed]:
    from rich.console import Console
    from rich.progress import Progress

    from safesight.integrations.ray.engine import read_engine

    options = read_engine(engine)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"replaying through {model}", total=None)

        def follow(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if options is not None:
            from safesight.integrations.ray.cluster import RayCluster

            with RayCluster(options) as cluster:
                return cluster.replay(store, model, limit=limit, source=source, per_token=per_token, progress=follow)
        for package in ("torch", "transformers"):
            require(package, "hf")
        from safesight.explain.entropy.replay import probe_name, replay_run
        from safesight.explain.entropy.whitebox import open_white_box

        box = open_white_box(model)
        return probe_name(box), replay_run(store, box, limit=limit, source=source, per_token=per_token, progress=follow)


def _print_replayed(replayed: Replayed, model: str, answered_by: str) -> None:
    from safesight.cli.printer import console

    left = "".join(f", {count} left out ({reason})" for reason, count in replayed.left_out.items())
    console().print(f"replayed {replayed.done}, kept {replayed.kept} from before{left}")
    if model != answered_by:
        console().print(f"note: the answers are {answered_by}'s, the attention is {model}'s.", style="yellow")


def print_entropy(table: EntropyTable) -> None:
    """Print the gap of each scalar, then of each layer, with tests and the length-matched control."""
    from safesight.cli.printer import console

    out = console()
    out.print(_scalars(table))
    for name in ("layers", "layers_matched"):
        reason = getattr(table, name).reason
        if reason:
            out.print(f"{'at like length: ' if name.endswith('matched') else ''}{reason}", style="yellow")
    if any(value is not None for value in table.layers.gap):
        out.print(_layers(table))
    left = ", ".join(f"{count} {reason}" for reason, count in table.left_out.items())
    if left:
        out.print(f"left out: {left}")


def _scalars(table: EntropyTable) -> Table:
    from rich.table import Table

    grid = Table(
        title=f"attention of {table.safe} safe and {table.unsafe} unsafe answers · {table.probe} · judge {table.judge}",
        title_justify="left",
        title_style="bold",
    )
    grid.add_column("per answer")
    for name in ("safe", "unsafe", "gap [95 %]", "p", "like length", "p", "n", "AUROC [95 %]"):
        grid.add_column(name, justify="right")
    for row in table.scalars:
        grid.add_row(*_cells(row))
    grid.add_section()
    grid.add_row(*_cells(table.length))
    return grid


def _cells(row: Scalar) -> list[str]:
    return [
        row.name,
        _number(row.safe_mean),
        _number(row.unsafe_mean),
        _number(row.gap.value) + _span(row.gap.low, row.gap.high),
        _p(row.p),
        _number(row.matched_gap),
        _p(row.matched_p),
        str(row.matched_n),
        _number(row.auroc.value, 2) + _span(row.auroc.low, row.auroc.high, 2),
    ]


def _layers(table: EntropyTable) -> Table:
    from rich.table import Table

    heads = table.heatmaps[0]
    grid = Table(title="normalised entropy by layer", title_justify="left", title_style="bold")
    for name in (
        "layer",
        "gap",
        "p",
        "p, all layers",
        "gap, like length",
        "p",
        "widest head",
        "its gap",
        "p, all heads",
    ):
        grid.add_column(name, justify="right")
    for layer, gap in enumerate(table.layers.gap):
        row = slice(layer * heads.heads, (layer + 1) * heads.heads)
        mine = [abs(value or 0.0) for value in heads.plain.gap[row]]
        widest = mine.index(max(mine))
        grid.add_row(
            str(layer),
            _number(gap),
            _p(table.layers.p[layer]),
            _p(table.layers.p_adjusted[layer]),
            _number(table.layers_matched.gap[layer]),
            _p(table.layers_matched.p[layer]),
            str(widest),
            _number(heads.plain.gap[row][widest]),
            _p(heads.plain.p_adjusted[row][widest]),
        )
    return grid


def _number(value: float | None, digits: int = 3) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def _span(low: float | None, high: float | None, digits: int = 3) -> str:
    return "" if low is None or high is None else f" [{low:.{digits}f}, {high:.{digits}f}]"


def _p(value: float | None) -> str:
    return "–" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def write_heatmap(tables: Sequence[EntropyTable], path: Path) -> None:
    """Write one row for each judge, measure, layer and head.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["judge", "measure", "layer", "head", *_COLUMNS])
            for table in tables:
                for grid in table.heatmaps:
                    for index in range(grid.layers * grid.heads):
                        plain, matched = grid.plain, grid.matched
                        found = [plain.gap, plain.p, plain.p_adjusted, matched.gap, matched.p]
                        place = divmod(index, grid.heads)
                        writer.writerow([table.judge, grid.measure, *place, *(column[index] for column in found)])
    except OSError as error:
        raise ConfigError(f"--heatmap {path}: cannot be written: {error.strerror or error}.") from None
