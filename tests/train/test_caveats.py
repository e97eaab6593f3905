"""What is warned of, on scores drawn so that the truth is known."""

import numpy as np

from safesight.train import caveats
from safesight.train.data import Row
from safesight.train.evaluate import figures


def rows(harmful: int, harmless: int) -> list[Row]:
    return [Row(question="q", answer=str(n), label=int(n < harmful), source="s") for n in range(harmful + harmless)]


def measured(distance: float, *, n: int = 200):
    """Figures of normal scores whose means lie `distance` apart: their AUROC is Phi(distance / sqrt 2)."""
    draw = np.random.default_rng(0)
    labels = np.repeat([0.0, 1.0], n)
    scores = 1 / (1 + np.exp(-(draw.normal(size=2 * n) + distance * labels)))
    return figures("s", labels, scores, [scores] * 3, threshold=0.5, rounds=50)


def test_sets_without_an_error_are_told_from_sets_that_are_merely_good():
    (said,) = caveats.of_figures([measured(20.0)])
    assert "1.000 [1.000, 1.000]" in said
    assert caveats.of_figures([measured(3.0)]) == []  # AUROC .98


def test_small_data_are_told():
    few = caveats.of_data(rows(40, 500), rows(10, 10))
    assert [line.split(":")[0] for line in few] == [
        "only 40 harmful rows of yours",
        "only 10 held-out rows of one label",
    ]
    assert caveats.of_data(rows(400, 400), rows(60, 60)) == []
    assert caveats.of_data(rows(400, 400), []) == ["no [[held_out]] file: nothing says how good it is"]
    ours = [Row(question="q", answer=str(n), label=0, source="written: refusal") for n in range(900)]
    assert "only 0 harmless rows of yours" in caveats.of_data([*rows(400, 0), *ours], rows(60, 60))[0]


def test_thresholds_out_of_line_are_told():
    assert caveats.of_threshold(0.5, read_off=100, shipped=0.6) == []
    assert "1 % of them is less than one" in caveats.of_threshold(0.5, read_off=99, shipped=0.6)[0]
    assert "far from the shipped" in caveats.of_threshold(0.02, read_off=500, shipped=0.6)[0]
    assert caveats.of_threshold(0.02, read_off=500, shipped=None) == []
