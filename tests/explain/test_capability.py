import pytest

from safesight.core.errors import UnknownName
from safesight.explain.capability.capability import (
    OUTCOMES,
    Point,
    capability_table,
    match_points,
    published_risks,
    sizes_as_scores,
)
from safesight.explain.capability.scores import Score
from tests.explain.build import number, p_value


def _points(rows: list[tuple[float, float, str]], size: float | None = None) -> list[Point]:
    return [
        Point(model=f"{family}-{i}", score=score, risk=risk, family=family, params_b=size and size + i)
        for i, (score, risk, family) in enumerate(rows)
    ]


def test_a_perfect_rise_is_one_in_every_coefficient():
    table = capability_table(_points([(10 * i, 0.1 * i, "ab"[i % 2]) for i in range(6)], size=3.0))
    assert [found.value.value for found in table.correlations] == pytest.approx([1, 1, 1])
    assert p_value(table.correlations[1].test) == pytest.approx(2 / 720)
    assert [(one.family, one.left, one.value.value) for one in table.without] == [
        ("a", 3, pytest.approx(1)),
        ("b", 3, pytest.approx(1)),
    ]
    assert table.sized == 6


def test_one_family_can_carry_the_whole_correlation():
    apart = [(90.0, 0.9, "big"), (91.0, 0.92, "big"), (92.0, 0.91, "big")]
    alike = [(50.0, 0.3, "small"), (51.0, 0.2, "small"), (52.0, 0.1, "small")]
    table = capability_table(_points(apart + alike))
    without = {one.family: one.value.value for one in table.without}
    assert number(table.correlations[0].value) > 0.9
    assert without["big"] == pytest.approx(-1)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1.0, 0.5, "a")],
        [(1.0, 0.5, "a"), (2.0, 0.6, "b")],
        [(1.0, 0.5, "a"), (1.0, 0.6, "b"), (1.0, 0.7, "a")],
        [(1.0, 0.5, "a"), (2.0, 0.5, "a"), (3.0, 0.5, "a")],
    ],
)
def test_too_little_or_constant_input_says_so(rows: list[tuple[float, float, str]]):
    table = capability_table(_points(rows))
    assert all(
        found.value.value is None and found.value.reason and found.test.p is None for found in table.correlations
    )
    assert table.partial.value is None


def test_sizes_and_families_come_from_the_scores_before_the_name():
    scores = [Score(model="Qwen2-VL-7B", score=60, params_b=8.3, family="ali"), Score(model="Phi-4B", score=50)]
    points, matching = match_points({"hf/Qwen/Qwen2-VL-7B": 0.4, "Phi-4B": 0.2, "Other": 0.1}, scores)
    assert [(p.params_b, p.family, p.risk) for p in points] == [(8.3, "ali", 0.4), (4.0, "phi", 0.2)]
    assert list(matching.unmatched) == ["Other"]


def test_published_columns_are_there():
    assert [len(published_risks(outcome)) for outcome in OUTCOMES] == [5, 5, 19, 19, 19, 19]
    assert published_risks("multi")["GPT-4o"] == pytest.approx(0.652)
    assert published_risks("CR")["GPT-5.1"] == pytest.approx(0.8713)
    with pytest.raises(UnknownName):
        published_risks("XX")


def test_sizes_stand_in_only_where_the_name_states_them():
    assert {s.model: s.score for s in sizes_as_scores(["InternVL3-8B", "GPT-4o", "Kimi-VL-A3B"])} == {
        "InternVL3-8B": 8.0
    }
