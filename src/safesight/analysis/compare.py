"""Two runs side by side, pair by pair: what changed, how surely, and which pairs were lost.

Invariant: only pairs measured in both runs enter a difference; the others are counted by reason, so a guard
that merely makes answers fail cannot look safe. Every difference is after minus before; yes/no outcomes have an
interval even where no pair changed (`analysis.paired`), a permutation test that flips whole seed clusters, and
McNemar's test. Times have medians and no test: two runs are made one after the other, so order and load decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from statistics import median
from typing import Literal

import msgspec

from safesight.analysis.paired import paired_difference
from safesight.analysis.rates import Outcome, declined, guard_stopped, outcome
from safesight.analysis.stats import RESAMPLES, Estimate, Test, cluster_bootstrap, holm, mcnemar, paired_permutation
from safesight.analysis.targets import answers_target
from safesight.core.records import JUDGED, Case

PairBy = Literal["auto", "key", "item"]
Value = float | str
"""A pair member's number, or the reason why it has none."""

SETTLED: frozenset[str] = frozenset({"unsafe", "safe", "blocked"})


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One measure over the pairs that have it in both runs; `before` and `after` are means (of times,
    medians) over those pairs."""

    metric: str
    group: str
    """"" for all groups together."""
    n: int
    before: float | None
    after: float | None
    delta: Estimate
    """After minus before; of times the difference of medians, without an interval."""
    cluster_test: Test
    """Paired permutation test that respects clusters: the one to quote."""
    mcnemar: Test | None
    """For yes/no outcomes, ignoring clusters."""
    only_before: int
    only_after: int
    """Discordant pairs (yes/no outcomes)."""
    lost: dict[str, int]
    """Pairs without this measure, by arm and reason ("after: blocked")."""
    p_holm: float | None = None
    """The cluster test's p adjusted over groups (Holm)."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything compared between two runs."""

    before: str
    after: str
    paired_by: Literal["key", "item"]
    pairs: int
    unpaired_before: int
    unpaired_after: int
    ambiguous: int
    """Samples, of both runs, of items that occur twice in one: no pair can be told (also among the unpaired)."""
    overall: tuple[Difference, ...]
    groups: tuple[Difference, ...]
    """Attack success per group."""
    notes: tuple[str, ...] = ()
    self_graded: bool = False


class _Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    key: str
    item: tuple[str, bool, str] | None
    group: str
    cluster: str
    benign: bool
    judge: str
    values: dict[str, Value]


def _answered(case: Case, value: float) -> Value:
    """The value where an answer came or a guard withheld it, else the status."""
    reply = case.response.reply
    return float(value) if guard_stopped(reply) or reply.status in JUDGED else reply.status


def _attack(case: Case) -> Value:
    found: Outcome = outcome(case)
    return float(found == "unsafe") if found in ("unsafe", "safe") else found


def _delivered(case: Case) -> Value:
    found = outcome(case)
    reply = case.response.reply
    if found == "blocked" and reply.text.strip() and not guard_stopped(reply):
        return "cut by the provider, not judged"  # what stands before the cut was delivered
    return float(found == "unsafe") if found in SETTLED else found


def _correct(case: Case) -> Value:
    reply = case.response.reply
    right = not guard_stopped(reply) and answers_target(reply.text, case.sample.target or "")
    return _answered(case, float(right))


def _values(case: Case) -> dict[str, Value]:
    reply, sample = case.response.reply, case.sample
    values: dict[str, Value] = {"completion_tokens": _answered(case, float(reply.usage.completion_tokens))}
    if reply.latency_ms:  # batches and official results have none
        values["latency_ms"] = _answered(case, reply.latency_ms)
    if reply.ttft_ms is not None:
        values["ttft_ms"] = _answered(case, reply.ttft_ms)
    if sample.target is not None:
        values["accuracy"] = _correct(case)
    if sample.benign:
        values["over_refusal"] = _answered(case, float(declined(reply)))
    else:
        values["attack_success"], values["unsafe_delivered"] = _attack(case), _delivered(case)
    return values


METRICS = (
    "attack_success",
    "unsafe_delivered",
    "over_refusal",
    "accuracy",
    "latency_ms",
    "ttft_ms",
    "completion_tokens",
)
"""attack_success: unsafe among pairs judged in both. unsafe_delivered: the same, a blocked answer counting as not
delivered. over_refusal: benign rows. accuracy: rows with a target. Times are medians, tokens a mean."""
BY_JUDGE = frozenset(METRICS[:2])
"""Measures that depend on who judges."""
_YES_NO = frozenset(METRICS[:4])
_TIMES = frozenset(METRICS[4:6])
_NO_TEST = "made one after the other: warm-up, load and order decide"


def _item(case: Case) -> _Item:
    sample = case.sample
    return _Item(
        key=sample.key,
        item=(sample.twin, sample.benign, sample.language) if sample.twin else None,
        group=sample.group,
        cluster=sample.cluster or sample.key,
        benign=sample.benign,
        judge=case.verdict.judge if case.verdict else "",
        values=_values(case),
    )


def compare(
    before: Iterable[Case],
    after: Iterable[Case],
    *,
    names: tuple[str, str] = ("before", "after"),
    pair_by: PairBy = "auto",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    self_graded: bool = False,
) -> Comparison:
    """Compare two runs (or arms) pair by pair.

    Args:
        before: cases of the first run with one judge's verdicts; read once.
        after: cases of the second run.
        names: how to call the two.
        pair_by: "key" (same samples), "item" (same item in another arm: twin id, benign flag and language), or
            "auto": by key when any sample is shared, else by item.
        level: confidence level.
        resamples: bootstrap resamples per interval.
        seed: seeds bootstrap and permutations.
        self_graded: the judge is one of a guard's own detectors.
    """
    first, second = [_item(case) for case in before], [_item(case) for case in after]
    by = pair_by
    if by == "auto":
        by = "key" if {i.key for i in first} & {i.key for i in second} or not first or not second else "item"
    pairs, ambiguous = _pair(first, second, (lambda i: i.key) if by == "key" else (lambda i: i.item))
    maker = _Maker(level, resamples, seed)
    groups = list(dict.fromkeys(a.group for a, _ in pairs if not a.benign))
    rows = [maker.difference("attack_success", g, [p for p in pairs if p[0].group == g]) for g in groups]
    overall = [maker.difference(metric, "", pairs) for metric in METRICS]
    return Comparison(
        before=names[0],
        after=names[1],
        paired_by=by,
        pairs=len(pairs),
        unpaired_before=len(first) - len(pairs),
        unpaired_after=len(second) - len(pairs),
        ambiguous=ambiguous,
        overall=tuple(row for row in overall if row.n or row.lost),
        groups=_adjusted(rows),
        notes=_notes(first, second),
        self_graded=self_graded,
    )


def _pair(
    first: Sequence[_Item], second: Sequence[_Item], key: Callable[[_Item], Hashable | None]
) -> tuple[list[tuple[_Item, _Item]], int]:
    sides = [{key(item): item for item in side if key(item) is not None} for side in (first, second)]
    counts = [Counter(key(item) for item in side) for side in (first, second)]
    double = {name for count in counts for name, n in count.items() if n > 1 and name is not None}
    pairs = [(item, sides[1][name]) for name, item in sides[0].items() if name in sides[1] and name not in double]
    return pairs, sum(count[name] for count in counts for name in double)


def _adjusted(rows: Sequence[Difference]) -> tuple[Difference, ...]:
    adjusted = holm([row.cluster_test.p for row in rows])
    return tuple(msgspec.structs.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True))


def _notes(first: Sequence[_Item], second: Sequence[_Item]) -> tuple[str, ...]:
    judges = [sorted({item.judge for item in side} - {""}) for side in (first, second)]
    if judges[0] and judges[1] and judges[0] != judges[1]:
        return (f"judged by different judges ({', '.join(judges[0])}; {', '.join(judges[1])}): not comparable",)
    return ()


class _Maker:
    """The interval settings, and the rows made with them."""

    def __init__(self, level: float, resamples: int, seed: int) -> None:
        self.level, self.resamples, self.seed = level, resamples, seed

    def difference(self, metric: str, group: str, pairs: Sequence[tuple[_Item, _Item]]) -> Difference:
        lost: Counter[str] = Counter()
        old: list[float] = []
        new: list[float] = []
        clusters: list[str] = []
        for a, b in pairs:
            x, y = a.values.get(metric), b.values.get(metric)
            if isinstance(x, float) and isinstance(y, float):
                old.append(x)
                new.append(y)
                clusters.append(a.cluster)
            elif x is not None or y is not None:
                lost[_reason(x, y)] += 1
        if metric in _TIMES:
            return _times(metric, group, old, new, lost)
        deltas = [y - x for x, y in zip(old, new, strict=True)]
        yes_no = metric in _YES_NO
        only_before, only_after = (deltas.count(-1.0), deltas.count(1.0)) if yes_no else (0, 0)
        return Difference(
            metric=metric,
            group=group,
            n=len(deltas),
            before=sum(old) / len(old) if old else None,
            after=sum(new) / len(new) if new else None,
            delta=self.delta(deltas, clusters, yes_no=yes_no),
            cluster_test=paired_permutation(deltas, clusters, seed=self.seed),
            mcnemar=mcnemar(only_before, only_after) if yes_no else None,
            only_before=only_before,
            only_after=only_after,
            lost=dict(sorted(lost.items())),
        )

    def delta(self, deltas: Sequence[float], clusters: Sequence[str], *, yes_no: bool) -> Estimate:
        if yes_no:
            return paired_difference(deltas, clusters, level=self.level)
        return cluster_bootstrap(
            deltas, clusters, level=self.level, resamples=self.resamples, seed=self.seed, method="expanded"
        )


def _times(metric: str, group: str, old: Sequence[float], new: Sequence[float], lost: Counter[str]) -> Difference:
    before, after = (median(side) if side else None for side in (old, new))
    change = None if before is None or after is None else after - before
    return Difference(
        metric=metric,
        group=group,
        n=len(old),
        before=before,
        after=after,
        delta=Estimate(value=change, n=len(old), method="difference of medians", reason=_NO_TEST),
        cluster_test=Test(p=None, n=len(old), reason=_NO_TEST),
        mcnemar=None,
        only_before=0,
        only_after=0,
        lost=dict(sorted(lost.items())),
    )


def _reason(before: Value | None, after: Value | None) -> str:
    if isinstance(before, float):
        return f"after: {after or 'not measured'}"
    if isinstance(after, float):
        return f"before: {before or 'not measured'}"
    return (
        f"both: {before}"
        if before == after
        else f"before: {before or 'not measured'}, after: {after or 'not measured'}"
    )
