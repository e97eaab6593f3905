from collections.abc import Sequence
from pathlib import Path

import pytest

from safesight.core.records import Case, Mode, ModeLabel
from safesight.core.store import RunStore
from safesight.explain.modes.labellers import ModelLabeller, RulesLabeller, open_labeller
from safesight.explain.modes.modes import label_run, mode_agreement, mode_table, safe_cases
from safesight.models.scripted import Scripted, ScriptedModel
from tests.explain.build import TEXTS, asked, width, write_run


def _label(case: Case, mode: Mode, *, labeller: str = "rules", error: str = "") -> ModeLabel:
    return ModeLabel(
        response_key=case.response.key, sample_key=case.sample.key, labeller=labeller, mode=mode, error=error
    )


def _cases(unsafe: int, safe: Sequence[Mode | None]) -> tuple[list[Case], list[ModeLabel]]:
    bad = [asked(f"u{i}", "unsafe", "Here it is.") for i in range(unsafe)]
    good = [asked(f"s{i}", "safe", "Fine.") for i in range(len(safe))]
    return [*bad, *good], [_label(c, mode) for c, mode in zip(good, safe, strict=True) if mode]


def test_shares_and_understanding_are_counted_by_hand():
    cases, labels = _cases(4, ["CR", "CR", "HM", "IR", "CE", "unparsed", None])
    table = mode_table(cases, labels, judge="j", labeller="rules")
    assert (table.judged, table.unsafe, table.safe) == (11, 4, 7)
    assert table.counts == {"CR": 2, "HM": 1, "IR": 1, "CE": 1}
    assert table.left_out == {"unparsed": 1, "unlabelled": 1}
    assert table.genuine_safe.value == 2 / 5
    assert table.attack_success.value == pytest.approx(4 / 11)
    # 4 unsafe of 4 unsafe + 4 that understood (2 CR, 1 IR, 1 CE).
    # 7 safe answers, 5 sorted, 4 of them understood: 4 / (4 + 7 * 4/5).
    assert table.understood_attack_success.value == pytest.approx(4 / 9.6)
    assert 0 < width(table.understood_attack_success) < 1


def test_benign_unjudged_and_failed_answers_have_no_mode():
    benign = asked("b", "safe", TEXTS["CR"], benign=True)
    blank = asked("n", None, TEXTS["CR"])
    safe = asked("s", "safe", TEXTS["CR"])
    labels = [_label(benign, "CR"), _label(blank, "CR"), _label(safe, "CR", error="the model failed")]
    table = mode_table([benign, blank, safe], labels, judge="j", labeller="rules")
    assert (table.judged, table.left_out) == (1, {"failed": 1})
    assert table.genuine_safe.value is None


@pytest.mark.parametrize(("unsafe", "safe"), [(0, []), (3, []), (0, ["CR"]), (0, ["HM", "HM"]), (1, ["HM"])])
def test_degenerate_runs_give_a_table_with_reasons(unsafe: int, safe: list[Mode]):
    cases, labels = _cases(unsafe, safe)
    table = mode_table(cases, labels, judge="j", labeller="rules")
    for rate in (table.attack_success, table.understood_attack_success, *table.shares.values()):
        assert rate.value is None or 0 <= rate.value <= 1
        assert (rate.value is None) == (rate.n == 0)
        assert rate.value is not None or rate.reason


def test_intervals_respect_seed_clusters():
    one = [asked(f"a{i}", "safe", "x", cluster=f"c{i // 5}") for i in range(40)]
    labels = [_label(c, "CR" if i // 5 % 2 else "HM") for i, c in enumerate(one)]
    apart = [asked(f"a{i}", "safe", "x") for i in range(40)]
    clustered = mode_table(one, labels, judge="j", labeller="rules").genuine_safe
    single = mode_table(apart, labels, judge="j", labeller="rules").genuine_safe
    assert width(clustered) > 1.5 * width(single)


async def test_labelling_keeps_labels_and_resumes(tmp_path: Path):
    cases = [asked(mode, "safe", text) for mode, text in TEXTS.items()]
    cases += [asked("u", "unsafe", "Here it is."), asked("b", "safe", "No.", benign=True)]
    path = write_run(tmp_path / "r.sqlite", cases)
    with RunStore.open(path) as store:
        assert [c.sample.key for c in safe_cases(store, "j")] == list(TEXTS)
        assert await label_run(store, RulesLabeller(), judges=["j"]) == 3
        assert {m.sample_key: m.mode for m in store.modes("rules")} == {mode: mode for mode in TEXTS}
        assert await label_run(store, RulesLabeller(), judges=["j"]) == 0


async def test_failed_labels_are_made_again_and_a_new_prompt_relabels(tmp_path: Path):
    path = write_run(tmp_path / "r.sqlite", [asked("1", "safe", "x"), asked("2", "safe", "y")])
    script = [Scripted(text="MODE: CR"), Scripted(status="error"), Scripted(text="MODE: CE")]
    labeller = ModelLabeller(ScriptedModel(script, max_concurrency=1))
    with RunStore.open(path) as store:
        assert await label_run(store, labeller, judges=["j"]) == 2
        assert await label_run(store, labeller, judges=["j"]) == 1
        assert sorted(m.mode for m in store.modes()) == ["CE", "CR"]
        other = ModelLabeller(ScriptedModel(lambda _: "MODE: HM", fingerprint="2"))
        assert await label_run(store, other, judges=["j"]) == 2
        assert [m.mode for m in store.modes()] == ["HM", "HM"]
    await labeller.aclose()


async def test_labels_are_committed_in_batches(tmp_path: Path):
    path = write_run(tmp_path / "r.sqlite", [asked(str(i), "safe", TEXTS["IR"]) for i in range(70)])
    seen: list[tuple[int, int]] = []
    with RunStore.open(path) as store:
        await label_run(store, open_labeller("rules"), judges=["j"], on_progress=lambda *p: seen.append(p))
        assert mode_table(store.cases("j"), store.modes(), judge="j", labeller="rules").counts["IR"] == 70
    assert seen == [(32, 70), (64, 70), (70, 70)]


def test_agreement_counts_only_what_both_could_sort():
    cases = [asked(str(i), "safe", "x") for i in range(6)]
    first: list[Mode] = ["CR", "CR", "HM", "HM", "IR", "unparsed"]
    second: list[Mode] = ["CR", "HM", "HM", "HM", "IR", "CR"]
    labels = [_label(c, m) for c, m in zip(cases, first, strict=True)]
    labels += [_label(c, m, labeller="model") for c, m in zip(cases, second, strict=True)]
    [pair] = mode_agreement(labels)
    assert (pair.first, pair.second, pair.n, pair.left_out) == ("rules", "model", 5, 1)
    assert pair.agree.value == 4 / 5
    # Observed .8; by chance (2*1 + 2*3 + 1*1) / 25 = .36; kappa = (.8 - .36) / (1 - .36).
    assert pair.kappa.value == pytest.approx(0.44 / 0.64)
    assert mode_agreement(labels[:6]) == []
