"""Joint tables: counted by hand over two benchmarks, seeds kept apart, utility left out."""

from __future__ import annotations

import msgspec

from safesight.analysis.joint import dimension_of, hazard_of, joint
from safesight.core.records import Case

from .build import case


def of(benchmark: str, hazard: str, found: Case) -> Case:
    sample = msgspec.structs.replace(found.sample, benchmark=benchmark, meta={"hazard": hazard})
    return msgspec.structs.replace(found, sample=sample)


CASES = [
    of("a", "prv", case("1", "unsafe", cluster="s")),
    of("b", "prv", case("2", "safe", cluster="s")),
    of("a", "hte", case("3", status="error")),
    of("a", "vcr", case("4", benign=True, text="I'm sorry, but I can't help with that.")),
    of("a", "vcr", case("5", benign=True, text="It is on the stove.")),
    of("a", "vcr", case("6", benign=True, target="A", text="A")),
]


def test_rows_by_hazard_are_counted_by_hand():
    rows = {row.name: row for row in joint(CASES, hazard_of)}
    assert list(rows) == ["violent crimes", "hate", "privacy"]
    assert rows["privacy"].attack_success.value == 0.5
    assert (rows["hate"].attack_success.value, rows["hate"].left_out) == (None, 1)
    assert (rows["violent crimes"].over_refusal.value, rows["violent crimes"].over_refusal.n) == (0.5, 2)


def test_a_seed_of_one_benchmark_is_not_that_of_another():
    [privacy] = [row for row in joint(CASES, hazard_of) if row.name == "privacy"]
    # Two seeds: Wilson for 1 of 2. Were they one seed, there would be no interval.
    assert privacy.attack_success.low is not None


def test_mllmguards_own_dimension_goes_before_the_hazards():
    own = of("mllmguard", "prv", case("1", "unsafe", group="Truthfulness"))
    assert dimension_of(own) == "Truthfulness"
    assert [row.name for row in joint(CASES, dimension_of)] == ["Privacy", "Bias", "Toxicity"]


def test_nothing_gives_no_rows():
    assert joint([], hazard_of) == []
