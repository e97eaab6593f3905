"""Choices depend on content and seed, spread evenly, and keep twins together."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.errors import ConfigError
from safesight.runner.select import Selection, choose, grows
from tests.support import make_sample

POOL = [make_sample(i, images=(), benign=benign) for i in range(30) for benign in (False, True)]


@given(st.permutations(POOL), st.integers(1, 60), st.integers(0, 3))
def test_order_never_matters(pool: list, count: int, seed: int) -> None:
    selection = Selection(stratified=count)
    assert choose(pool, selection, seed=seed) == choose(POOL, selection, seed=seed)


@pytest.mark.parametrize("count", [6, 12, 18])
def test_strata_get_even_shares_and_twins_stay_together(count: int) -> None:
    keys = choose(POOL, Selection(stratified=count), seed=1)
    chosen = [s for s in POOL if s.key in (keys or ())]
    assert set(Counter((s.group, s.benign) for s in chosen).values()) == {count // 6}
    assert {s.twin for s in chosen if s.benign} == {s.twin for s in chosen if not s.benign}


def test_more_than_there_is_takes_all_and_groups_filter() -> None:
    assert len(choose(POOL, Selection(stratified=1000), seed=0) or ()) == len(POOL)
    keys = choose(POOL, Selection(stratified=4, groups=("Analogy",)), seed=0)
    assert {s.group for s in POOL if s.key in (keys or ())} == {"Analogy"}


@pytest.mark.parametrize(
    ("limit", "sample", "message"),
    [
        (1, "stratified:2", "got both"),
        (0, None, "positive"),
        (None, "stratified:0", "at least 1"),
        (None, "random:3", "expected stratified:N"),
    ],
)
def test_bad_selections_are_refused(limit: int | None, sample: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Selection.parse(limit=limit, sample=sample)


def test_a_selection_names_itself() -> None:
    assert str(Selection.parse()) == "all"
    assert str(Selection.parse(limit=3)) == "limit=3"
    assert (
        str(Selection.parse(sample="stratified:9", groups=["Analogy", "Causality"]))
        == "stratified:9 groups=Analogy+Causality"
    )


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        ("limit=4", "limit=8", True),
        ("limit=4", "all", True),
        ("stratified:6", "stratified:12", True),
        ("stratified:6 groups=Analogy", "stratified:60 groups=Analogy", True),
        ("limit=4 tiny languages=zh", "all tiny languages=zh", True),
        ("groups=A+B", "groups=A+B", True),
        ("limit=8", "limit=4", False),
        ("all", "limit=4", False),
        ("limit=4", "stratified:8", False),
        ("limit=4", "limit=8 groups=Analogy", False),
        ("limit=4 groups=Analogy", "limit=8 groups=Causality", False),
        ("limit=4 tiny", "limit=8", False),
        ("groups=A", "all", False),
    ],
)
def test_a_selection_grows_only_into_one_that_holds_it(old: str, new: str, more: bool) -> None:
    assert grows(old, new) is more


@given(st.integers(1, 59), st.integers(0, 3), st.sampled_from([(), ("Analogy",)]))
def test_a_larger_spread_holds_the_smaller_one(count: int, seed: int, groups: tuple[str, ...]) -> None:
    small, large = (choose(POOL, Selection(stratified=n, groups=groups), seed=seed) for n in (count, count + 1))
    assert small is not None
    assert large is not None
    assert small <= large
