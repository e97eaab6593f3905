"""`safesight explain control`: does showing a case over several images raise the risk? Paired arms, with tests."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.cli.group import Format
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.store import RunStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safesight.explain.control.control import ArmSet, Contrast, ControlTable


def control(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run files of the same cases under several arms.")] = None,
    judge: Annotated[list[str] | None, typer.Option(help="Compare under these judges; default: all shared.")] = None,
    reference: Annotated[str, typer.Option(help="Arm to set others against; default: multi.")] = "",
    published: Annotated[bool, typer.Option("--published", help="The paper's control table, from its rates.")] = False,
    form: Format = "table",
) -> None:
    """Paired arms: do several images raise the risk?"""
    if not runs and not published:
        raise ConfigError("expected run files of several arms, or --published for the published table.")
    if runs:
        print_control(runs, judges=judge, reference=reference)
    if published:
        print_published()


def print_control(runs: Sequence[Path], *, judges: Sequence[str] | None = None, reference: str = "") -> None:
    """Print each arm's rate and its paired difference from the reference arm.

    Raises:
        ConfigError: two runs are the same arm, or runs share no judge.
        UnknownName: no such judge or arm among the runs.
    """
    from safesight.cli.printer import console
    from safesight.explain.control.control import arm_sets

    with ExitStack() as stack:
        stores = {path: stack.enter_context(RunStore.open(path, readonly=True)) for path in runs}
        for group in arm_sets([(path, store.manifest) for path, store in stores.items()], reference=reference):
            mine = {arm: stores[path] for arm, path in group.arms.items()}
            mute = _silenced(mine)
            for judge in _judges(mine, judges):
                if judge in mute:
                    console().print(f"{group.title}: {mute[judge]}", style="yellow")
                else:
                    _print_table(group, _table(group, mine, judge))
            if len(group.arms) < 2:
                console().print(f"{group.title}: one arm alone has nothing to be compared with.", style="yellow")
            if group.missing:
                console().print(f"arms not run: {', '.join(group.missing)} (safesight run ... --arm NAME)", style="dim")


def _judges(stores: dict[str, RunStore], judges: Sequence[str] | None) -> list[str]:
    shared = sorted(set[str].intersection(*(set(store.judges()) for store in stores.values())))
    for name in judges or ():
        if name not in shared:
            raise UnknownName("judge of all these arms", name, shared)
    if not shared:
        raise ConfigError("these arms share no judge. Add one to each: safesight judge RUN --judge NAME.")
    return list(judges or shared)


def _silenced(stores: dict[str, RunStore]) -> dict[str, str]:
    """Judges whose rates are not given in one of the arms, each with its sentence."""
    from safesight.runner.gold import silenced

    found: dict[str, str] = {}
    for store in stores.values():
        found |= silenced(store.path)
    return found


def _table(group: ArmSet, stores: dict[str, RunStore], judge: str) -> ControlTable:
    from safesight.analysis.provenance import self_graded_judges
    from safesight.explain.control.control import control_table

    return control_table(
        {arm: partial(store.cases, judge) for arm, store in stores.items()},
        reference=group.reference,
        judge=judge,
        self_graded=any(judge in self_graded_judges(store.notes()) for store in stores.values()),
    )


def _print_table(group: ArmSet, table: ControlTable) -> None:
    from rich.table import Table

    from safesight.cli.printer import console
    from safesight.cli.tables import interval, percent
    from safesight.explain.control.control import headline

    found = {contrast.arm: contrast for contrast in table.contrasts}
    grid = Table(title=f"{group.title}, judged by {table.judge}", title_justify="left", title_style="bold")
    grid.add_column("arm")
    for name in ("n", "attack success, %", "pairs", f"{group.reference} minus arm", "p", "p (Holm)", "lost pairs"):
        grid.add_column(name, justify="right")
    for arm, rate in table.rates.items():
        own = f"{percent(rate.asr)}{interval(rate.interval)}"
        grid.add_row(arm, str(rate.n), own, *(_contrast(found[arm]) if arm in found else [""] * 5))
    console().print(grid)
    lead = headline(table)
    if lead is not None and lead.risk is not None:
        change = _signed(lead.risk.delta.value) + _between(lead.risk.delta.low, lead.risk.delta.high)
        console().print(
            f"Headline: {lead.reference} minus {lead.arm} {change} points over {lead.risk.n} pairs. `single` shows one "
            "image of several: what is missing there can be the request itself.",
        )
    if any(contrast.comparison.self_graded for contrast in table.contrasts):
        console().print("self-graded: this judge is also the guard; weigh the other judges.", style="yellow")


def _contrast(contrast: Contrast) -> tuple[str, ...]:
    risk = contrast.risk
    if risk is None:
        return ("0", "–", "–", "–", "no unsafe case is in both arms")
    return (
        str(risk.n),
        _signed(risk.delta.value) + _between(risk.delta.low, risk.delta.high),
        _p(risk.cluster_test.p),
        _p(contrast.p_holm),
        ", ".join(f"{count} {reason}" for reason, count in risk.lost.items()),
    )


def print_published() -> None:
    """Print the paper's control table with the differences it implies, and how certain they could be at worst."""
    from rich.table import Table

    from safesight.cli.printer import console
    from safesight.cli.tables import percent
    from safesight.explain.control.published import published_contrasts
    from safesight.explain.reference import published

    rows, reference = published_contrasts(), published()
    title = f"published: one image and several, the same {reference.control_seeds} seeds, attack success in %"
    grid = Table(title=title, title_justify="left", title_style="bold")
    grid.add_column("model")
    for name in ("single", "multi", "difference", "if fewest changed", "if most changed", "largest p"):
        grid.add_column(name, justify="right")
    for row in rows:
        grid.add_row(
            row.model,
            percent(row.single.value),
            percent(row.multi.value),
            _signed(row.delta),
            _between(row.fewest.delta.low, row.fewest.delta.high).strip(),
            _between(row.most.delta.low, row.most.delta.high).strip(),
            _p(row.most.test.p),
        )
    console().print(grid)
    whole = sum(row.whole for row in rows)
    console().print(
        f"From rates alone: the difference is exact; its interval and McNemar's p depend on how many seeds changed in "
        f"each direction, which is not published, so both ends are given. {whole} of {len(rows)} models' rates are "
        f"whole counts of {reference.control_seeds}. Not computable: per relation, per item.",
    )
    console().print(f"Source: {reference.source}; judge {reference.judge}.", style="dim")


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f}"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"


def _p(p: float | None) -> str:
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "<0.001"
