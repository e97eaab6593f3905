"""`safesight export` and `safesight import`: official result layouts, JSONL, CSV, Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.store import RunStore

FORMATS = ("jsonl", "csv", "parquet", "mir")


def register(app: typer.Typer) -> None:
    """Add `export` and `import`."""
    app.command("export")(export)
    app.command("import")(import_)


def export(
    run: Annotated[Path, typer.Argument(help="A run file.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File, or folder for mir.")],
    form: Annotated[str, typer.Option("--format", help="jsonl, csv, parquet or mir; default: by the suffix.")] = "",
    judge: Annotated[str, typer.Option(help="Whose verdicts mir results carry; default: the only judge.")] = "",
) -> None:
    """Write a run as JSONL (everything), CSV, Parquet, or MIR-SafetyBench's official result folders."""
    from safesight.runner.mir_results import export as export_official
    from safesight.runner.transfer import export_jsonl, export_table

    form = form or output.suffix.lstrip(".")
    if form not in FORMATS:
        raise UnknownName("export format", form, FORMATS)
    with RunStore.open(run, readonly=True) as store:
        if form == "mir":
            for folder in export_official(store, output, judge=_only_judge(store, judge)):
                typer.echo(str(folder))
            return
        if form == "jsonl":
            export_jsonl(store, output)
        else:
            export_table(store, output, form=form)
    typer.echo(str(output))


def _only_judge(store: RunStore, judge: str) -> str:
    judges = store.judges()
    if judge:
        if judge not in judges:
            raise UnknownName("judge of this run", judge, judges)
        return judge
    if len(judges) != 1:
        raise ConfigError(f"{store.path}: has {len(judges)} judges ({', '.join(judges)}). Name one with --judge.")
    return judges[0]


def import_(
    source: Annotated[Path, typer.Argument(help="A JSONL export, or a folder with infer/ and harmbench/.")],
    run: Annotated[Path, typer.Option("--run", help="The run file to make.")],
    model: Annotated[str, typer.Option(help="mir: which model's folder to read.")] = "",
    data: Annotated[Path | None, typer.Option("--source", help="mir: local data, to attach answers to images.")] = None,
) -> None:
    """Make a run file from a JSONL export or from MIR-SafetyBench's official results."""
    from safesight.core.protocols import BrokenItem, DataOptions
    from safesight.core.registry import open_plugin
    from safesight.runner.mir_results import import_run
    from safesight.runner.transfer import import_jsonl

    if source.is_file():
        typer.echo(f"{import_jsonl(source, run)} cases -> {run}")
        return
    if not source.is_dir():
        raise ConfigError(f"{source}: expected a JSONL file or a results folder, found neither.")
    samples = None
    if data is not None:
        dataset = open_plugin("benchmarks", "mir_safetybench").load(DataOptions(source=data))
        samples = (item for item in dataset if not isinstance(item, BrokenItem))
    found = import_run(source, model, run, samples=samples)
    typer.echo(f"{found.cases} cases, {found.verdicts} verdicts -> {run}; {found.unmatched} entries match no sample")
