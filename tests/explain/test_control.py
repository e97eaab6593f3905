from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.records import Case, Label
from safesight.core.store import RunStore
from safesight.explain.control.control import arm_sets, control_table
from tests.analysis.build import case
from tests.explain.build import width, write_run
from tests.support import make_manifest


def _arm(name: str, labels: Sequence[Label | None]) -> list[Case]:
    return [case(f"{name}{i}", label, twin=f"item{i}") for i, label in enumerate(labels)]


def _labels(letters: str) -> list[Label | None]:
    return ["unsafe" if letter == "u" else "safe" for letter in letters]


SINGLE = _labels("ssssssssuu")
MULTI = _labels("uuuuuuusuu")


def test_the_reference_minus_each_arm_is_paired_by_item():
    arms = {"multi": _arm("m", MULTI), "single": _arm("s", SINGLE), "text": _arm("t", MULTI)}
    table = control_table({name: partial(iter, cases) for name, cases in arms.items()}, judge="j")
    assert {arm: rate.asr for arm, rate in table.rates.items()} == {"multi": 0.9, "single": 0.2, "text": 0.9}
    single, text = table.contrasts
    assert (single.arm, single.reference, single.comparison.paired_by) == ("single", "multi", "item")
    assert single.risk is not None
    assert (single.risk.n, single.risk.only_before, single.risk.only_after) == (10, 0, 7)
    assert single.risk.delta.value == pytest.approx(0.7)
    # Seven clusters changed, all one way: 2 / 2^7 by the exact sign-flip test.
    assert single.risk.cluster_test.p == pytest.approx(2 / 128)
    assert single.p_holm == pytest.approx(2 / 128)
    assert text.risk is not None
    assert (text.risk.delta.value, text.p_holm) == (0.0, None)


def test_items_lost_in_one_arm_are_counted_not_guessed():
    arms = {"multi": _arm("m", [*MULTI[:9], None]), "single": _arm("s", SINGLE[:8])}
    table = control_table({name: partial(iter, cases) for name, cases in arms.items()}, judge="j")
    [contrast] = table.contrasts
    assert contrast.risk is not None
    assert (contrast.risk.n, contrast.comparison.unpaired_after) == (8, 2)


@pytest.mark.parametrize("labels", [["safe"] * 4, ["unsafe"] * 4, ["safe"], [], [None, None]])
def test_degenerate_arms_survive(labels: Sequence[Label | None]):
    arms = {"multi": _arm("m", labels), "single": _arm("s", labels)}
    [contrast] = control_table({name: partial(iter, cases) for name, cases in arms.items()}).contrasts
    assert contrast.p_holm is None
    assert contrast.risk is None or contrast.risk.delta.value in (None, 0.0)


def test_a_missing_reference_or_other_arm_leaves_the_rates():
    only = {"single": partial(iter, _arm("s", SINGLE))}
    table = control_table(only)
    assert table.contrasts == ()
    assert table.rates["single"].asr == 0.2


def test_runs_are_put_together_by_all_but_their_arm():
    runs = [
        (Path("a"), make_manifest(arm="single", model="x", model_fingerprint="x")),
        (Path("b"), make_manifest(arm="multi", model="x", model_fingerprint="x")),
        (
            Path("c"),
            make_manifest(arm="text", model="y", model_fingerprint="y", defence="wall", defence_fingerprint="w"),
        ),
    ]
    first, second = arm_sets(runs)
    assert list(first.arms) == ["multi", "single"]
    assert (first.title, first.reference, first.missing) == ("test · x", "multi", ("stitched", "text", "shuffled"))
    assert (second.title, second.reference) == ("test · y + wall", "text")
    assert arm_sets(runs[:2], reference="single")[0].reference == "single"
    with pytest.raises(UnknownName, match="multi"):
        arm_sets(runs[:2], reference="mutli")
    with pytest.raises(ConfigError, match="both arm 'single'"):
        arm_sets([runs[0], runs[0]])


def test_arms_of_another_benchmark_are_not_multi_images():
    [group] = arm_sets([(Path("a"), make_manifest(arm="SD")), (Path("b"), make_manifest(arm="TYPO"))])
    assert (group.reference, group.missing) == ("SD", ())


def test_run_files_give_the_table(tmp_path: Path):
    paths = [
        write_run(tmp_path / "m.sqlite", _arm("m", MULTI), arm="multi"),
        write_run(tmp_path / "s.sqlite", _arm("s", SINGLE), arm="single"),
    ]
    stores = [RunStore.open(path, readonly=True) for path in paths]
    [group] = arm_sets([(store.path, store.manifest) for store in stores])
    assert group.arms == {"multi": paths[0], "single": paths[1]}
    table = control_table({s.manifest.arm: partial(s.cases, "j") for s in stores}, judge="j")
    assert table.contrasts[0].risk is not None
    assert 0 < width(table.contrasts[0].risk.delta) < 1
    for store in stores:
        store.close()


def test_the_headline_is_the_stitched_contrast_and_never_the_single_image():
    from safesight.explain.control.control import headline

    def table(*arms: str):
        rows = {arm: (lambda a=arm: iter([case(f"{a}1", "safe", twin="i")])) for arm in ("multi", *arms)}
        return control_table(rows)

    assert headline(table("single", "shuffled", "stitched")).arm == "stitched"
    assert headline(table("single", "text")).arm == "text"
    assert headline(table("single")) is None
