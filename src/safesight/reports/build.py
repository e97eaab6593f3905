"""Gathers what a report says: the runs, their comparisons, the charts and the sections around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safesight.core.errors import ConfigError
from safesight.explain.capability.capability import Point, match_points
from safesight.explain.capability.scores import read_scores
from safesight.reports import charts
from safesight.reports.layers import Layers, layers
from safesight.reports.outcome_part import outcome_part
from safesight.reports.parts import (
    Part,
    agreement_part,
    capability_part,
    entropy_part,
    failures_part,
    judges_part,
    mode_tables,
    modes_part,
    published_part,
)
from safesight.runner.paired import Pairing, comparisons
from safesight.runner.results import Results, main_judge, read_results

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything but the cases. `judge` is "" where the runs share none; `figures` are named as their files are."""

    runs: Sequence[Results]
    judge: str
    pairs: Sequence[Pairing]
    first: Part | None
    """What stands before everything: capability against risk, where a rule decided them."""
    parts: Sequence[Part]
    figures: Mapping[str, alt.TopLevelMixin]

    @property
    def lead(self) -> Pairing | None:
        """The comparison that the verdict speaks of: of two runs, under the leading judge."""
        return next((p for p in self.pairs if p.judge == self.judge), None) if len(self.runs) == 2 else None


def gather(paths: Sequence[Path], *, judge: str = "", scores: Path | None = None) -> Content:
    """Read the run files and work out what to say about them.

    Args:
        paths: run files; later ones are compared with the first.
        judge: the judge to lead with; by default one that all runs share.
        scores: a CSV of capability scores, for the scatter.

    Raises:
        ConfigError: no run was named, or one of them has no verdict of `judge`.
        MissingExtra: the extra `report` is not installed.
        StoreError: one of the paths is no run file.
    """
    if not paths:
        raise ConfigError("expected at least one run file to report on, got none.")
    runs = read_results(paths)
    leading = _leading(runs, judge)
    pairs, ours = comparisons(runs), mode_tables(runs)
    maps = [one for run in runs for one in layers(run.probes)]
    points, unmatched = _points(runs, leading, scores)
    figures: dict[str, alt.TopLevelMixin] = {
        "modes": charts.modes([one for one in ours if one.table.labeller != "rules"])
    }
    dots = charts.paired(pairs, leading)
    if dots is not None:
        figures["before-after"] = dots
    if points:
        figures["capability"] = charts.scatter(points, risk=f"attack success, %, {leading}")
    if maps:
        figures["entropy"] = charts.entropy(maps[0])
    drawn = {name: charts.to_svg(chart) for name, chart in figures.items() if name != "before-after"}
    return Content(
        runs=runs,
        judge=leading,
        pairs=pairs,
        first=outcome_part(runs),
        parts=[
            modes_part(runs, ours, figure=drawn["modes"]),
            capability_part(points, unmatched, figure=drawn.get("capability", "")),
            _entropy(runs, maps, drawn),
            agreement_part(runs),
            judges_part(runs),
            published_part(runs, leading),
            failures_part(runs),
        ],
        figures=figures,
    )


def _entropy(runs: Sequence[Results], maps: Sequence[Layers], drawn: Mapping[str, str]) -> Part:
    return entropy_part(runs, maps[:1], figure=drawn.get("entropy", ""))


def _leading(runs: Sequence[Results], judge: str) -> str:
    lacking = next((run for run in runs if judge and judge not in run.judges), None)
    if lacking is not None:
        known = ", ".join(lacking.judges) or "none"
        raise ConfigError(f"{lacking.path}: no verdict of judge {judge!r} (it has: {known}). Add it: safesight judge.")
    return judge or main_judge(runs)


def _points(runs: Sequence[Results], judge: str, scores: Path | None) -> tuple[list[Point], list[str]]:
    """Scored models among the unguarded runs, and what did not match."""
    if scores is None:
        return [], []
    given = read_scores(scores)
    risks = {
        run.manifest.model: rate
        for run in runs
        if run.manifest.defence == "none" and judge and (rate := run.tables[judge].headline.value) is not None
    }
    points, matching = match_points(risks, given)
    return points, [f"No score for {model}." for model in matching.unmatched]
