"""`safesight export` and `safesight import`: official result layouts, JSONL, CSV, Parquet, Inspect's logs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from safesight.core.errors import ConfigError, MissingExtra, UnknownName
from safesight.core.store import RunStore

FORMATS = ("jsonl", "csv", "parquet", "mir", "eval")


def register(app: typer.Typer) -> None:
    """Add `export` and `import`."""
    app.command("export")(export)
    app.command("import")(import_)


def export(
    run: Annotated[Path, typer.Argument(help="A run file.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File, or folder for mir.")],
    form: Annotated[
        str, typer.Option("--format", help="jsonl, csv, parquet, eval or mir; default: by the suffix.")
    ] = "",
    judge: Annotated[str, typer.Option(help="Whose verdicts mir results carry; default: the only judge.")] = "",
) -> None:
    """Write a run as JSONL or Inspect's .eval (everything), CSV, Parquet, or MIR-SafetyBench's result folders."""
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
        if form == "eval":
            _eval_logs().export_log(store, output)
        elif form == "jsonl":
            export_jsonl(store, output)
        else:
            export_table(store, output, form=form)
    typer.echo(str(output))


def _eval_logs() -> ModuleType:
    try:
        return import_module("safesight.integrations.inspect.eval_log")
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "inspect_ai", "inspect") from None


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
    source: Annotated[Path, typer.Argument(help="A JSONL export, an Inspect log, or a folder with infer/.")],
    run: Annotated[Path, typer.Option("--run", help="The run file to make.")],
    model: Annotated[str, typer.Option(help="mir: which model's folder to read.")] = "",
    data: Annotated[Path | None, typer.Option("--source", help="mir: local data, to attach answers to images.")] = None,
) -> None:
    """Make a run file from a JSONL export, an Inspect log (.eval), or MIR-SafetyBench's official results."""
    from safesight.core.protocols import BrokenItem, DataOptions
    from safesight.core.registry import open_plugin
    from safesight.runner.mir_results import import_run
    from safesight.runner.transfer import import_jsonl

    if source.is_file() and source.suffix == ".eval":
        log = _eval_logs().import_log(source, run)
        typer.echo(f"{log.cases} cases, {log.verdicts} verdicts -> {run}")
        for what, count in log.left_out.items():
            typer.echo(f"left out: {count} {what}")
        return
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
