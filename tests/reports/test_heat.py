"""The grid of attack success: what it leaves out, and what has no diagonal."""

from __future__ import annotations

from safesight.core.messages import user
from safesight.core.records import Case, Reply, Response, Sample, Verdict
from safesight.reports.heat import ALL, heat


def _case(group: str, category: str) -> Case:
    key = f"{group}/{category}"
    sample = Sample(
        key=key,
        benchmark="x",
        messages=(user("hi"),),
        question="",
        category=category,
        group=group,
        cluster=key,
        benign=False,
    )
    reply = Reply(status="ok", text="yes")
    verdict = Verdict(response_key=key, sample_key=key, judge="j", label="unsafe")
    return Case(sample=sample, response=Response(key=key, sample_key=key, reply=reply), verdict=verdict)


def test_groups_that_are_categories_of_their_own_have_one_column() -> None:
    found = heat([_case("01", "Illegal"), _case("02", "Hate"), _case("02", "Hate")])
    assert (found.rows, found.columns) == (("01", "02", ALL), (ALL,))
    assert found.cells["02"][ALL]
    assert found.cells["02"][ALL].n == 2


def test_a_full_grid_keeps_its_columns() -> None:
    found = heat([_case(g, c) for g in "ab" for c in "xy"])
    assert (found.rows, found.columns) == (("a", "b", ALL), ("x", "y", ALL))


def test_one_category_is_no_diagonal() -> None:
    found = heat([_case("a", "x"), _case("b", "x")])
    assert (found.rows, found.columns) == (("a", "b", ALL), ("x",))
