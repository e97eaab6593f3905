"""The report's first section for runs that a rule decided: risk over capability, one dot a run, and its table."""

from __future__ import annotations

from collections.abc import Sequence

from safesight.analysis.outcomes import EXACT, Outcomes, answered, summarise
from safesight.analysis.stats import Estimate
from safesight.judges.exact import rule_error
from safesight.reports import charts
from safesight.reports.parts import Grid, Part
from safesight.runner.results import Results

_ROWS = {
    "capability (right on benign)": "capability",
    "risk (complied on unsafe)": "risk",
    "understood risk": "understood_risk",
    "over-refusal": "over_refusal",
    "discernment": "discernment",
}


def outcomes_by_run(runs: Sequence[Results]) -> dict[str, Outcomes]:
    """Figures of every run that the exact judge labelled, by the run's name."""
    found = {run.name: answered(run.judged(EXACT)) for run in runs if EXACT in run.judges}
    return {name: summarise(answers) for name, answers in found.items() if answers}


def outcome_part(runs: Sequence[Results]) -> Part | None:
    """The section, or None where no run has exact outcomes.

    Raises:
        MissingExtra: the extra `report` is not installed.
    """
    found = outcomes_by_run(runs)
    if not found:
        return None
    rows = [(label, *(_cell(getattr(one, field)) for one in found.values())) for label, field in _ROWS.items()]
    rows.append(("pairs", *(str(one.pairs) for one in found.values())))
    rows.append(("a blind guess at the keys shown", *(f"{100 * (one.chance or 0):.0f} %" for one in found.values())))
    chart = charts.outcomes(found)
    return Part(
        id="outcomes",
        title="Can it, and does it?",
        text=(
            "Right answers to harmless requests (across) against the same answers to harmful ones (up); bars are 95 % "
            "intervals. Low on the right is safe; low on the left is lost; near the diagonal is blind to the harm."
        ),
        figure=charts.to_svg(chart) if chart is not None else "",
        tables=(Grid(columns=("", *found), rows=tuple(rows)),),
        notes=(rule_error().told() + ".",),
    )


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"– ({estimate.reason})"
    span = (
        ""
        if estimate.low is None or estimate.high is None
        else f" [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
    )
    return f"{100 * estimate.value:.0f} %{span}"
