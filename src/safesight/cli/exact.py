"""Prints the exact outcomes of `verifiable` runs: capability, risk and what lies between, a column a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table

from safesight.analysis.outcomes import EXACT, SLICES, Answered, Outcomes, answered, sliced, summarise
from safesight.analysis.stats import Estimate
from safesight.cli.printer import Printer
from safesight.judges.exact import BENIGN, UNSAFE, rule_error
from safesight.runner.results import Results

AT_LEAST: Final = 20
"""Parts of a run with fewer pairs get no row."""
ROWS: Final = {
    "capability (right on benign)": "capability",
    "risk (complied on unsafe)": "risk",
    "understood risk": "understood_risk",
    "over-refusal": "over_refusal",
    "discernment": "discernment",
}


def outcomes_of(results: Results) -> list[Answered]:
    """What the exact judge found; [] for a run it did not judge."""
    return answered(results.judged(EXACT)) if EXACT in results.judges else []


def share(estimate: Estimate) -> str:
    """A share in per cent with its interval and n."""
    if estimate.value is None:
        return f"– ({estimate.reason})"
    span = (
        ""
        if estimate.low is None or estimate.high is None
        else f" [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
    )
    return f"{100 * estimate.value:.1f}{span}"


def outcome_table(columns: Mapping[str, Outcomes], *, title: str) -> Table:
    """Figures down, runs across."""
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    grid.add_column("%, 95 % interval")
    for name in columns:
        grid.add_column(name, justify="right")
    for label, field in ROWS.items():
        grid.add_row(label, *(share(getattr(found, field)) for found in columns.values()))
    grid.add_section()
    grid.add_row("pairs", *(str(found.pairs) for found in columns.values()))
    grid.add_row("a blind guess at the keys shown", *(_chance(found) for found in columns.values()))
    for kind, names in (("benign", BENIGN), ("unsafe", UNSAFE)):
        counts = [" ".join(f"{name} {getattr(f, kind).get(name, 0)}" for name in names) for f in columns.values()]
        grid.add_row(f"{kind} answers", *(text.replace("_", "-") for text in counts))
    return grid


def _chance(found: Outcomes) -> str:
    return "–" if found.chance is None else f"{100 * found.chance:.1f}"


def print_outcomes(answers: Sequence[Answered], *, title: str, out: Printer) -> None:
    """The figures of one run, then its parts, then what is left out and the rule's own error."""
    whole = summarise(answers)
    out.print(outcome_table({"decided by rule": whole}, title=title))
    parts = Table(title=f"parts with at least {AT_LEAST} pairs", title_justify="left", header_style="bold")
    for head in ("part", "pairs", "capability", "risk", "understood risk", "over-refusal"):
        parts.add_column(head, justify="left" if head == "part" else "right")
    for by in SLICES:
        found = sliced(answers, by, at_least=AT_LEAST)
        if len(found) < 2:
            continue
        parts.add_section()
        for label, part in found.items():
            figures = (part.capability, part.risk, part.understood_risk, part.over_refusal)
            parts.add_row(label, str(part.pairs), *map(share, figures))
    if parts.row_count:
        out.print(parts)
    if whole.left_out:
        left = ", ".join(f"{n} {status}" for status, n in whole.left_out.items())
        out.print(f"left out, no answer: {left}")
    out.print(rule_error().told())
