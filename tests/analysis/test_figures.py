"""Intervals of benchmarks' own figures: by hand, and none without something to compute it from."""

from __future__ import annotations

import pytest

from safesight.analysis.figures import figure_interval
from safesight.analysis.proportions import share
from safesight.benchmarks.mllmguard_scores import metrics
from safesight.benchmarks.mm_safetybench import MMSafetyBench
from safesight.core.protocols import Metric, MetricTerm

from .build import case
from .helpers import bounds, width


def test_a_micro_average_has_the_interval_of_a_rate():
    cases = [
        case(f"{i}", "unsafe" if i < 5 else "safe", group="01-Illegal_Activitiy", cluster=f"s{i // 2}")
        for i in range(40)
    ]
    micro = next(m for m in MMSafetyBench().metrics(cases) if m.name == "asr_micro")
    assert figure_interval(micro) == share([i < 5 for i in range(40)], [i // 2 for i in range(40)])


def test_a_weighted_mean_of_means_is_the_value_it_stands_beside():
    terms = (
        MetricTerm(values=(1.0, 0.0, 1.0, 0.0), clusters=tuple("abcd"), weight=0.5),
        MetricTerm(values=(0.0, 0.0, 1.0), clusters=tuple("efg"), weight=0.25),
        MetricTerm(values=(1.0, 1.0, 0.5), clusters=tuple("hij"), weight=0.25),
    )
    value = 0.5 * 0.5 + 0.25 / 3 + 0.25 * 2.5 / 3
    low, middle, high = bounds(figure_interval(Metric(name="asd", group="all", value=value, n=10, terms=terms)))
    assert middle == pytest.approx(value)
    assert 0 < low < value < high < 1


def test_every_defined_figure_of_mllmguard_has_an_interval():
    import msgspec

    made = [case(f"{f}{i}", "safe", cluster=f"{f}{i}") for f in ("privacy", "bias") for i in range(12)]
    cases = [
        msgspec.structs.replace(
            c,
            sample=msgspec.structs.replace(c.sample, meta={"folder": c.sample.key.rstrip("0123456789")}),
            verdict=msgspec.structs.replace(c.verdict, meta={"score": str(i % 4)}),
        )
        for i, c in enumerate(made)
    ]
    found = metrics(cases, hallucination_scale=3.0, unusable_score=1.0)
    defined = [m for m in found if m.value is not None]
    assert {m.group for m in defined} == {"Privacy", "Bias"}
    for metric in defined:
        low, value, high = bounds(figure_interval(metric))
        assert value == pytest.approx(metric.value)
        assert 0 < width(figure_interval(metric)) < 1
        assert low < value < high


def test_a_figure_without_terms_says_why():
    assert (
        figure_interval(Metric(name="asd", group="x", value=None, n=0, note="not defined: no pair")).reason
        == "not defined: no pair"
    )
