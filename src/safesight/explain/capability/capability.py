"""Do more capable models fail more? Capability against attack success (or any share), across models.

MIR-SafetyBench (arXiv 2601.14127) reports that they do; its score and coefficient are not published, so ours are
computed from what the user brings: a leaderboard's scores, or our own utility runs. Invariant: a handful of models is a
handful, whatever p says: n is always there, the interval resamples models, and each family is left out in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from safesight.analysis.stats import Estimate, Test
from safesight.core.errors import UnknownName
from safesight.explain.capability.correlations import (
    STATISTICS,
    correlate,
    correlation_test,
    partial_correlation,
)
from safesight.explain.capability.scores import Matching, Score, family_of, match, size_in_name
from safesight.explain.reference import published

OUTCOMES: Final = ("multi", "single", "CR", "HM", "IR", "CE")
"""Published columns: attack success with several images and with one (5 models), modes of safe answers (19)."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One model: how capable, how risky (a share in [0, 1]), how large."""

    model: str
    score: float
    risk: float
    family: str
    params_b: float | None = None


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """One coefficient with its interval and test."""

    method: str
    value: Estimate
    test: Test


class WithoutFamily(msgspec.Struct, frozen=True, kw_only=True):
    """The rank correlation without one family's models."""

    family: str
    left: int
    value: Estimate


class CapabilityTable(msgspec.Struct, frozen=True, kw_only=True):
    """Everything said about capability and risk over these models."""

    points: tuple[Point, ...]
    correlations: tuple[Correlation, ...]
    without: tuple[WithoutFamily, ...]
    """One for each family, where there are two or more."""
    partial: Estimate
    """Spearman with log size held fixed, over models of known size."""
    sized: int
    """Models of known size."""


def match_points(risks: Mapping[str, float], scores: Sequence[Score]) -> tuple[list[Point], Matching]:
    """Join risks with scores by model name, and say what did not match.

    Size and family come from the scores, else from the model's own name.
    """
    matching = match(risks, scores)
    joined = [
        Point(
            model=model,
            score=score.score,
            risk=risks[model],
            family=score.family or family_of(model),
            params_b=score.params_b or size_in_name(model),
        )
        for model, score in matching.found.items()
    ]
    return joined, matching


def capability_table(models: Sequence[Point], *, level: float = 0.95, seed: int = 0) -> CapabilityTable:
    """Correlate score with risk in every way that is asked for.

    Fewer than three models, ties, and constant columns give coefficients of None with their reasons.
    """
    scores, risks = [m.score for m in models], [m.risk for m in models]
    families = list(dict.fromkeys(m.family for m in models))
    sized = [m for m in models if m.params_b]
    return CapabilityTable(
        points=tuple(models),
        correlations=tuple(
            Correlation(
                method=method,
                value=correlate(scores, risks, method=method, level=level, seed=seed),
                test=correlation_test(scores, risks, method=method, seed=seed),
            )
            for method in STATISTICS
        ),
        without=tuple(_without(models, family, level, seed) for family in families) if len(families) > 1 else (),
        partial=partial_correlation(
            [m.score for m in sized],
            [m.risk for m in sized],
            [float(np.log10(m.params_b or 1.0)) for m in sized],
            level=level,
            seed=seed,
        ),
        sized=len(sized),
    )


def _without(models: Sequence[Point], family: str, level: float, seed: int) -> WithoutFamily:
    rest = [m for m in models if m.family != family]
    value = correlate([m.score for m in rest], [m.risk for m in rest], level=level, seed=seed)
    return WithoutFamily(family=family, left=len(rest), value=value)


def published_risks(outcome: str) -> dict[str, float]:
    """A published column by model, as shares in [0, 1].

    Raises:
        UnknownName: it is not one of `OUTCOMES`.
    """
    tables = published()
    if outcome in ("multi", "single"):
        return {row.model: (row.multi if outcome == "multi" else row.single) / 100 for row in tables.control}
    if outcome not in OUTCOMES:
        raise UnknownName("published column", outcome, OUTCOMES)
    return {row.model: row.shares[outcome] for row in tables.modes}


def sizes_as_scores(models: Sequence[str]) -> list[Score]:
    """Billions of parameters as a stand-in for capability, for the models whose names state them."""
    return [Score(model=model, score=size, params_b=size) for model in models if (size := size_in_name(model))]
