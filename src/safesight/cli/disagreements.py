"""Judges that differ on most answers: said in one line, with the one to believe and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from safesight.core.protocols import Labelled
from safesight.runner.results import Results

_LEAST: Final = 5
"""Answers both labelled, below which nothing is said."""


def disagreements(results: Results, judges: Sequence[str]) -> list[str]:
    """A line for each two of `judges` that label fewer than half of their answers alike; judges known to miss most
    of what is unsafe take no part."""
    credible = [judge for judge in judges if judge in results.credible]
    worth = _worth(results)
    labels = [{v.judge: v.label for v in said if v.label != "unparsed"} for said in results.verdicts.values()]
    lines: list[str] = []
    for first, second in combinations(credible, 2):
        pairs = [(said[first], said[second]) for said in labels if first in said and second in said]
        differ = sum(one != other for one, other in pairs)
        if len(pairs) >= _LEAST and 2 * differ > len(pairs):
            advice = _believe(first, second, worth, results)
            lines.append(f"{first} and {second} differ on {differ} of {len(pairs)} answers. {advice}")
    return lines


def _worth(results: Results) -> dict[str, float]:
    """Sensitivity plus specificity, less 1, of the judges that were measured: 0 is guessing."""
    known = {judge: quality.errors for judge, quality in results.qualities.items()}
    return {judge: held.sensitivity + held.specificity - 1 for judge, held in known.items() if held is not None}


def _believe(first: str, second: str, worth: dict[str, float], results: Results) -> str:
    graded = [judge for judge in (first, second) if judge in results.self_graded]
    if len(graded) == 1:
        other = second if graded == [first] else first
        return f"Believe {other}: {graded[0]} is also the guard."
    known = [judge for judge in (first, second) if judge in worth]
    if len(known) == 2:
        best, other = sorted(known, key=worth.__getitem__, reverse=True)
        figures = f"{worth[best]:.2f} against {worth[other]:.2f}"
        return f"Believe {best}: on answers people labelled, sensitivity + specificity - 1 is {figures}."
    measured = f"{known[0]} alone was measured" if known else "neither was measured"
    labelled = results.manifest.benchmark if isinstance(results.benchmark, Labelled) else "msts --source DIR"
    how = f"safesight judge {results.path} --judge NAME --benchmark {labelled}, or label some in safesight view"
    return f"Believe neither yet ({measured}): {how}."
