"""Numbers and findings in words: percentages, intervals, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from safesight.analysis.compare import Comparison
from safesight.analysis.rates import RateTable
from safesight.analysis.stats import Estimate
from safesight.runner.results import Results

_MOST_TOLD: Final = 2
"""Runs that the verdict tells one by one: of more, nobody reads to the end."""
_REFUSAL: Final = ", which takes whatever is not a refusal for unsafe"


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal, or a dash where it is not defined."""
    return "–" if value is None else f"{100 * value:.1f}"


def interval(estimate: Estimate) -> str:
    """A 95 % interval in brackets, in percent; empty where there is none."""
    return "" if estimate.low is None else f"[{percent(estimate.low)}, {percent(estimate.high)}]"


def amount(metric: str, value: float | None, *, sign: str = "") -> str:
    """A measure of `analysis.compare` with its unit."""
    if value is None:
        return "–"
    if metric in ("latency_ms", "ttft_ms"):
        return f"{value:{sign}.0f} ms"
    return f"{value:{sign}.1f}" if metric == "completion_tokens" else f"{100 * value:{sign}.1f} %"


def p_value(value: float | None) -> str:
    """A p value with three decimals."""
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else "<0.001"


def left_out(counts: Mapping[str, int]) -> str:
    """Reasons with their counts: "3 blocked, 1 error"."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def verdict(runs: Sequence[Results], judge: str, comparison: Comparison | None) -> str:
    """What the page found, in one sentence."""
    first = runs[0]
    if not judge:
        return f"{_whose(first)}: nobody judged {'these runs alike' if len(runs) > 1 else 'this run'} yet."
    graded = " (self-graded: this judge is also the guard)" if any(judge in run.self_graded for run in runs) else ""
    how = f"as {judge} judges{graded}" + (_REFUSAL if judge == "refusal" else "")
    where = f"On {first.manifest.benchmark}, " if len({run.manifest.benchmark for run in runs}) == 1 else ""
    shown = runs if len(runs) <= _MOST_TOLD else runs[:1]
    found = [_rate(run, run.tables[judge], alone=not where) for run in shown]
    found += _others(runs[len(shown) :], judge)
    change = _change(comparison) if comparison else ""
    return f"{where}{'; '.join(found)}{change}, {how}."


def _others(runs: Sequence[Results], judge: str) -> list[str]:
    """Where more runs lie: the lowest and the highest of their rates."""
    rates = [(run.tables[judge].headline.value, run.name) for run in runs]
    known = sorted((rate, name) for rate, name in rates if rate is not None)
    if not known:
        return []
    (low, lowest), (high, highest) = known[0], known[-1]
    if low == high:
        return [f"the {len(known)} others lie at {percent(low)} %"]
    return [f"of {len(known)} others {lowest} lies lowest ({percent(low)} %), {highest} highest ({percent(high)} %)"]


def _whose(run: Results) -> str:
    return f"{run.name} on {run.manifest.benchmark}"


def _rate(run: Results, table: RateTable, *, alone: bool) -> str:
    name, rate = _whose(run) if alone else run.name, table.overall
    if table.silenced:
        return f"{name}: no rate, because {table.silenced[:-1]}"
    if rate.asr is None:
        return f"{name}: none of {rate.n} attacks could be judged"
    return f"{name} answered {rate.unsafe} of {rate.judged} judged attacks unsafely " + (
        f"({'mean of groups ' if table.stratified else ''}{percent(table.headline.value)} % {interval(table.headline)})"
    )


def _change(comparison: Comparison) -> str:
    row = next((row for row in comparison.overall if row.metric == "attack_success"), None)
    if row is None or row.delta.value is None:
        return ""
    bounds = "" if row.delta.low is None else f" {interval(row.delta)}"
    return f": {100 * row.delta.value:+.1f} points{bounds} over {row.n} pairs"
