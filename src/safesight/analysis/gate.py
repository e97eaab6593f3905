"""Gates: whether a comparison is good enough to let a change through, by rules such as `asr > +0.02`.

Invariant: what could not be measured never passes. A signed number is compared with the change (after minus before),
an unsigned one with the later run's own value; `.low` and `.high` take the ends of the change's 95 % interval instead
of its estimate, so that `asr.low > +0` fails only what is surely worse and `asr.high > +0.05` whatever may be.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from safesight.analysis.compare import METRICS, Comparison, Difference
from safesight.core.errors import ConfigError, UnknownName

Held = Literal["passed", "failed", "unknown"]
End = Literal["value", "low", "high"]
ALIASES: Final = {"asr": "attack_success"}
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE: Final = re.compile(
    r"\s*(?P<metric>[a-z_]+)\s*(?:\[(?P<group>[^\]]+)\])?\s*(?:\.(?P<end>low|high))?\s*(?P<op>>=|<=|>|<)\s*"
    r"(?P<sign>[+-]?)\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<percent>%?)\s*"
)


class GateRule(msgspec.Struct, frozen=True, kw_only=True):
    """One condition that fails the gate when it holds."""

    text: str
    metric: str
    """One of `analysis.compare.METRICS`, or "lost": the share of pairs without attack success."""
    group: str
    """A relation, scenario or dimension; "" for all together (groups have attack success alone)."""
    end: End
    """What is compared: the estimate, or an end of the change's interval."""
    change: bool
    """Whether the limit is one on the change, or on the later run's own value."""
    op: str
    limit: float


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule said of a comparison."""

    rule: GateRule
    held: Held
    reason: str
    """One sentence with the numbers."""


def read_rule(text: str) -> GateRule:
    """Read `METRIC[GROUP].END OP NUMBER`, such as `asr > +0.02`, `over_refusal > 10%` or `asr[Analogy].low > +0`.

    Raises:
        ConfigError: it has another form.
        UnknownName: there is no such measure.
    """
    found = _RULE.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"--fail-on: expected a rule such as 'asr > +0.02' (a change), 'over_refusal > 0.1' (the later run's "
            f"value) or 'asr.low > +0' (an end of the interval), got {text!r}."
        )
    metric = ALIASES.get(found["metric"], found["metric"])
    if metric not in (*METRICS, "lost"):
        raise UnknownName("measure to gate on", found["metric"], (*ALIASES, *METRICS, "lost"))
    end: End = "low" if found["end"] == "low" else "high" if found["end"] == "high" else "value"
    change = bool(found["sign"])
    if (metric == "lost" and (change or end != "value")) or (end != "value" and not change):
        raise ConfigError(f"--fail-on {text!r}: an interval belongs to a change (write +{found['number']}).")
    number = float(found["number"]) / (100 if found["percent"] else 1)
    return GateRule(
        text=" ".join(text.split()),
        metric=metric,
        group=found["group"] or "",
        end=end,
        change=change,
        op=found["op"],
        limit=-number if found["sign"] == "-" else number,
    )


def check(rules: Sequence[GateRule], found: Comparison) -> list[GateResult]:
    """What each rule says of a comparison."""
    return [_check(rule, found) for rule in rules]


def _check(rule: GateRule, found: Comparison) -> GateResult:
    row = _row(rule, found)
    if row is None:
        why = "; ".join(found.notes) or "nothing of that kind was measured in both runs"
        return GateResult(rule=rule, held="unknown", reason=f"{rule.text}: {why}")
    value = _measured(rule, row)
    if value is None:
        lost = ", ".join(f"{count} {reason}" for reason, count in row.lost.items()) or "no pairs"
        return GateResult(
            rule=rule, held="unknown", reason=f"{rule.text}: cannot be told ({row.n} pairs; lost: {lost})"
        )
    failed = _OPERATORS[rule.op](value, rule.limit)
    return GateResult(
        rule=rule, held="failed" if failed else "passed", reason=f"{rule.text}: {_words(rule, row, value)}"
    )


def _row(rule: GateRule, found: Comparison) -> Difference | None:
    metric = "attack_success" if rule.metric == "lost" else rule.metric
    rows = found.groups if rule.group else found.overall
    return next((row for row in rows if row.metric == metric and row.group == rule.group), None)


def _measured(rule: GateRule, row: Difference) -> float | None:
    if rule.metric == "lost":
        lost = sum(row.lost.values())
        return lost / (row.n + lost) if row.n + lost else None
    if not rule.change:
        return row.after
    return {"value": row.delta.value, "low": row.delta.low, "high": row.delta.high}[rule.end]


def _words(rule: GateRule, row: Difference, value: float) -> str:
    what = {"value": "", "low": "lower end ", "high": "upper end "}[rule.end]
    if not rule.change:
        return f"{what}{value:.4g}, {row.n} pairs"
    if row.delta.low is None or row.delta.high is None:
        return f"{what}{value:+.4g}, {row.n} pairs, no interval"
    span = f"95 % interval [{row.delta.low:+.4g}, {row.delta.high:+.4g}], {row.n} pairs"
    sure = not row.delta.low <= rule.limit <= row.delta.high
    return f"{what}{value:+.4g}, {span}{'' if sure else '; the interval holds the limit: more pairs would tell'}"
