"""`safesight list` and `safesight data`: what there is, and whether a data set is all there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from safesight.cli.group import Format
from safesight.core import registry, threats
from safesight.core.errors import UnknownName
from safesight.core.protocols import DataOptions, DataReport
from safesight.core.registry import open_plugin
from safesight.core.threats import having


def register(app: typer.Typer) -> None:
    """Add `list` and `data`."""
    app.command("list")(list_plugins)
    app.command("data")(data)


def list_plugins(
    what: Annotated[str, typer.Argument(help="categories: hazard codes, and which detectors name them.")] = "",
    by: Annotated[str, typer.Option(help="attack: benchmarks and defences by what is attacked, and by stage.")] = "",
    form: Format = "table",
) -> None:
    """Benchmarks, models, judges, detectors, defences: one line each."""
    from rich.table import Table

    from safesight.cli.printer import console

    if what and what != "categories":
        raise UnknownName("thing to list", what, ("categories",))
    if what:
        _print_categories()
        return
    if by and by != "attack":
        raise UnknownName("way of listing", by, ("attack",))
    if by:
        _print_by_attack()
        return
    for kind in registry.KINDS:
        grid = Table(title=kind, title_justify="left", title_style="bold", show_header=False, box=None)
        grid.add_column("name", no_wrap=True)
        grid.add_column("what")
        for name in registry.names(kind):
            grid.add_row(name, registry.summary(kind, name))
        console().print(grid)


def _print_categories() -> None:
    """Hazard codes as policies and block lists write them."""
    from rich.table import Table

    from safesight.cli.printer import console
    from safesight.core.taxonomy import EXAMPLES, HAZARDS, OTHER
    from safesight.detectors.guard_formats import FORMATS
    from safesight.detectors.moderation import CATEGORIES

    naming: dict[str, frozenset[str]] = {"patterns": frozenset((*HAZARDS, OTHER))}
    for name, form in FORMATS.items():
        family = name.removesuffix("-raw").removesuffix("-vision").removesuffix("-1b")
        naming[family] = naming.get(family, frozenset()) | form.codes
    naming["moderation"] = frozenset((*CATEGORIES.values(), OTHER))
    grid = Table(title="categories", title_justify="left", title_style="bold")
    for head in ("code", "what", "for example", "named by"):
        grid.add_column(head, no_wrap=head == "code")
    for code, name in (HAZARDS | {OTHER: "everything else"}).items():
        named = ", ".join(sorted(n for n, codes in naming.items() if code in codes))
        grid.add_row(code, name, EXAMPLES.get(code, "politics, profanity, jailbreaks"), named)
    console().print(grid)
    console().print("embedded, mean and hf name none: the policy's own action and threshold rule.")


def _print_by_attack() -> None:
    from rich.table import Table

    from safesight.cli.printer import console

    def listed(names: Iterable[str]) -> str:
        return ", ".join(names) or "none here"

    attacks = Table(title="attacks", title_justify="left", title_style="bold")
    for head in ("attack", "what", "benchmarks", "defences meant against it"):
        attacks.add_column(head)
    for attack, what in threats.ATTACKS.items():
        attacks.add_row(
            attack, what, listed(having("benchmarks", attack=attack)), listed(having("defences", attack=attack))
        )
    stages = Table(title="stages", title_justify="left", title_style="bold")
    for head in ("stage", "what", "defences", "detectors"):
        stages.add_column(head)
    for stage, what in threats.STAGES.items():
        there = having("defences", stage=stage)
        reading = having("detectors", stage=stage)
        stages.add_row(stage, what, listed(there), listed(reading))
    console().print(attacks)
    console().print(stages)
    console().print("Out of scope: image generation, optimised perturbations, video and audio (docs/threat-model.md).")


def data(
    benchmark: Annotated[str, typer.Argument(help="A benchmark of `safesight list`.", show_default=False)],
    source: Annotated[
        Path | None, typer.Option(help="Verify this local folder; without it, fetch from the hub.")
    ] = None,
    arm: Annotated[str, typer.Option(help="Input arm.")] = "",
    tiny: Annotated[bool, typer.Option("--tiny", help="The benchmark's own small subset.")] = False,
    revision: Annotated[str, typer.Option(help="Hub commit or branch; default: the benchmark's.")] = "",
    make: Annotated[int | None, typer.Option(help="Draw this many fresh pairs (verifiable).", min=1)] = None,
    seed: Annotated[int, typer.Option(help="With --make: seeds everything.")] = 0,
    out: Annotated[Path | None, typer.Option(help="With --make: an empty folder.")] = None,
    images: Annotated[int | None, typer.Option(help="With --make: images an item, 2 to 6.")] = None,
    options: Annotated[int | None, typer.Option(help="With --make: keys on the board, 3 to 6.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="With --make: en, zh; repeat for both.")] = None,
) -> None:
    """Fetch (hub) or verify (local) a data set: counts, hashes, licence; says what is missing. Or draw a fresh one."""
    if make is not None:
        _make(benchmark, make, seed=seed, out=out, images=images, options=options, languages=tuple(language or ()))
        return
    report = open_plugin("benchmarks", benchmark).verify(
        DataOptions(source=source, arm=arm, tiny=tiny, revision=revision)
    )
    _print(report)
    raise typer.Exit(0 if report.complete else 1)


def _make(
    benchmark: str,
    pairs: int,
    *,
    seed: int,
    out: Path | None,
    images: int | None,
    options: int | None,
    languages: tuple[str, ...],
) -> None:
    from safesight.benchmarks.pairs.items import LANGUAGES, Dials
    from safesight.benchmarks.pairs.rows import write_set
    from safesight.core.config import convert
    from safesight.core.errors import ConfigError

    if benchmark != "verifiable" or out is None:
        raise ConfigError(
            f"expected 'safesight data verifiable --make N --seed S --out DIR', got {benchmark!r}, {out}."
        )
    set_to = {"images": images, "options": options, "languages": languages or LANGUAGES}
    made = write_set(out, pairs=pairs, seed=seed, dials=convert(set_to, Dials, where="--make"))
    typer.echo(f"{out}: {made.pairs} pairs of seed {made.seed}, rows {made.rows_sha256[:12]}")
    typer.echo(f"run it: safesight run verifiable --source {out} --model MODEL")


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
