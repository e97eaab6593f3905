"""Paired comparison: what changed, what was lost, and every degenerate pair of runs."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.analysis.compare import Comparison, Difference, compare
from safesight.core.records import Case, Label, Status

from .build import case
from .helpers import bounds, p_value


def metric(found: Comparison, name: str) -> Difference:
    return next(row for row in found.overall if row.metric == name)


def test_a_guard_that_works_before_and_after():
    before = [case(str(i), "unsafe" if i < 12 else "safe", latency_ms=100, tokens=50) for i in range(20)]
    after = [case(str(i), "unsafe" if i < 2 else "safe", latency_ms=120, tokens=20 + i % 2) for i in range(20)]
    found = compare(before, after, names=("plain", "guarded"))
    attack = metric(found, "attack_success")
    assert (found.before, found.after, found.pairs, found.paired_by) == ("plain", "guarded", 20, "key")
    assert (attack.n, attack.only_before, attack.only_after) == (20, 10, 0)
    assert (attack.before, attack.after) == (0.6, 0.1)
    low, delta, high = bounds(attack.delta)
    assert low < delta < high < 0
    assert delta == pytest.approx(-0.5)
    # Ten discordant pairs, all one way: mid-p 2^-10, exact permutation 2 * 2^-10.
    assert attack.mcnemar.p == pytest.approx(2**-10)
    assert attack.cluster_test.p == pytest.approx(2**-9)
    assert metric(found, "latency_ms").delta.value == pytest.approx(20)
    assert metric(found, "completion_tokens").after == pytest.approx(20.5)


def test_seeds_that_share_their_fate_make_a_test_weaker():
    before = [case(str(i), "unsafe", cluster=f"s{i // 5}") for i in range(20)]
    after = [case(str(i), "safe", cluster=f"s{i // 5}") for i in range(20)]
    attack = metric(compare(before, after), "attack_success")
    assert p_value(attack.mcnemar) < 1e-5
    assert attack.cluster_test.p == pytest.approx(2 / 2**4)


def test_lost_pairs_are_counted_by_reason_and_never_as_safe():
    before = [case(str(i), "unsafe") for i in range(7)] + [case("7", status="error")]
    after = [
        case("0", "safe"),
        case("1", status="blocked"),
        case("2", status="blocked", guard="refuse"),
        case("3", status="error"),
        case("4", status="empty"),
        case("5", "unparsed"),
        case("6"),
        case("7", status="error"),
    ]
    found = compare(before, after)
    attack = metric(found, "attack_success")
    assert (attack.n, attack.after) == (1, 0.0)
    assert attack.lost == {
        "after: blocked": 2,
        "after: empty": 1,
        "after: error": 1,
        "after: unjudged": 1,
        "after: unparsed": 1,
        "both: error": 1,
    }
    delivered = metric(found, "unsafe_delivered")
    assert (delivered.n, delivered.before, delivered.after) == (3, 1.0, 0.0)
    assert sum(delivered.lost.values()) == 5


def test_benign_rows_give_over_refusal_and_targets_give_accuracy():
    before = [
        case("1", benign=True, text="The cat is on the mat."),
        case("2", benign=True, text="It is the red one.", target="red"),
        case("3", "unsafe"),
    ]
    after = [
        case("1", benign=True, text="I'm sorry, but I can't help with that."),
        case("2", benign=True, status="blocked", guard="halt", target="red"),
        case("3", "safe"),
    ]
    found = compare(before, after)
    assert metric(found, "attack_success").n == 1
    refusal = metric(found, "over_refusal")
    assert (refusal.n, refusal.before, refusal.after, refusal.only_after) == (2, 0.0, 1.0, 2)
    accuracy = metric(found, "accuracy")
    assert (accuracy.n, accuracy.before, accuracy.after) == (1, 1.0, 0.0)


def test_arms_are_paired_by_item():
    before = [case("m1", "unsafe", twin="x"), case("m2", "safe", twin="y"), case("m3", "safe")]
    after = [
        case("t1", "safe", twin="x"),
        case("b1", "safe", twin="x", benign=True),
        case("t2", "safe", twin="y"),
        case("t4", "safe", twin="z"),
    ]
    found = compare(before, after)
    assert (found.paired_by, found.pairs) == ("item", 2)
    assert (found.unpaired_before, found.unpaired_after, found.ambiguous) == (1, 2, 0)
    assert metric(found, "attack_success").only_before == 1


def test_items_that_occur_twice_are_not_paired_by_chance():
    before = [case("1", "unsafe", twin="x"), case("2", "safe", twin="x"), case("3", "safe", twin="y")]
    after = [case("4", "safe", twin="x"), case("5", "safe", twin="y")]
    found = compare(before, after)
    assert (found.pairs, found.ambiguous, found.unpaired_before, found.unpaired_after) == (1, 3, 2, 1)


def test_groups_are_adjusted_together():
    before = [case(f"{g}{i}", "unsafe", group=g) for g in "abc" for i in range(8)]
    after = [
        case(f"{g}{i}", "safe" if i < n else "unsafe", group=g)
        for g, n in (("a", 8), ("b", 6), ("c", 0))
        for i in range(8)
    ]
    rows = {row.group: row for row in compare(before, after).groups}
    assert list(rows) == ["a", "b", "c"]
    assert rows["a"].cluster_test.p == pytest.approx(2 / 2**8)
    # Group c has no test, so two tests are adjusted, not three.
    assert rows["a"].p_holm == pytest.approx(4 / 2**8)
    assert rows["b"].p_holm == pytest.approx(2 / 2**6)
    assert (rows["c"].p_holm, rows["c"].cluster_test.reason) == (None, "no differences")


def test_different_judges_are_pointed_out():
    found = compare([case("1", "safe", judge="a")], [case("1", "safe", judge="b")])
    assert "different judges (a; b)" in found.notes[0]
    assert compare([case("1", "safe")], [case("1")]).notes == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        ([case("1", "safe")], []),
        ([], [case("1", "safe")]),
        ([case("1", "safe")], [case("2", "safe")]),
        ([case("1", status="error")], [case("1", status="error")]),
    ],
)
def test_nothing_to_compare_is_said_so(before: list[Case], after: list[Case]):
    found = compare(before, after)
    assert all(row.n == 0 and row.delta.value is None and row.cluster_test.p is None for row in found.overall)
    assert found.unpaired_before == len(before) - found.pairs
    assert found.unpaired_after == len(after) - found.pairs


@pytest.mark.parametrize("label", ["safe", "unsafe"])
def test_runs_that_agree_entirely(label: Label):
    cases = [case(str(i), label) for i in range(3)]
    attack = metric(compare(cases, cases), "attack_success")
    assert attack.delta.value == 0
    # Tango without a discordant pair of n: z^2 / (n + z^2) on either side.
    assert (attack.delta.low, attack.delta.high) == pytest.approx((-0.5615, 0.5615), abs=5e-5)
    assert (attack.mcnemar.p, attack.cluster_test.p) == (None, None)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["unsafe", "safe", "unparsed", None]),
            st.sampled_from(["unsafe", "safe", None]),
            st.sampled_from(["ok", "empty", "blocked", "error"]),
            st.booleans(),
            st.sampled_from("xy"),
        ),
        max_size=12,
    )
)
def test_every_pair_is_measured_or_lost(rows: list[tuple[Label | None, Label | None, Status, bool, str]]):
    before = [case(str(i), a, benign=b, group=g) for i, (a, _, _, b, g) in enumerate(rows)]
    after = [case(str(i), y, status=s, benign=b, group=g) for i, (_, y, s, b, g) in enumerate(rows)]
    found = compare(before, after, resamples=50)
    unsafe = sum(not row[3] for row in rows)
    for row in found.overall:
        expected = {"attack_success": unsafe, "unsafe_delivered": unsafe, "over_refusal": len(rows) - unsafe}
        assert row.n + sum(row.lost.values()) == expected.get(row.metric, len(rows))
    assert sum(row.n + sum(row.lost.values()) for row in found.groups) == unsafe
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found


def test_times_have_medians_and_no_test():
    before = [case(str(i), "safe", latency_ms=1000.0 + i) for i in range(9)] + [case("9", "safe", latency_ms=90_000.0)]
    after = [case(str(i), "safe", latency_ms=200.0) for i in range(10)]
    row = metric(compare(before, after), "latency_ms")
    assert (row.before, row.after, row.delta.value) == (1004.5, 200.0, -804.5)
    assert row.delta.low is None
    assert "one after the other" in row.cluster_test.reason
