"""What a gate leaves behind: JUnit XML for the machine that runs it, Markdown for whoever reviews the change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import msgspec

from safesight.analysis.compare import Comparison, Difference
from safesight.analysis.gate import GateResult
from safesight.runner.transfer import atomically

FAILED: Final = 1
"""Exit status when a rule of `--fail-on` held."""
UNKNOWN: Final = 3
"""Exit status when none held but one could not be told."""


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison under one judge, with what its rules said."""

    judge: str
    found: Comparison
    results: tuple[GateResult, ...]

    @property
    def title(self) -> str:
        """What was compared with what, by whom."""
        return f"{self.found.before} → {self.found.after}, judged by {self.judge}"


def status(gated: Sequence[Gated]) -> int:
    """The exit status of a gate: what could not be measured does not pass."""
    held = {result.held for one in gated for result in one.results}
    return FAILED if "failed" in held else UNKNOWN if "unknown" in held else 0


def write_junit(gated: Sequence[Gated], path: Path) -> None:
    """Write one test case a comparison, judge and rule.

    Raises:
        DataError: the file cannot be written.
    """
    suites = "".join(_suite(one) for one in gated)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="safesight compare">\n{suites}</testsuites>\n'
    atomically(path, lambda target: target.write_text(text, encoding="utf-8"))


def _suite(one: Gated) -> str:
    held = [result.held for result in one.results]
    counts = f'tests="{len(held)}" failures="{held.count("failed")}" errors="{held.count("unknown")}" skipped="0"'
    cases = "".join(_case(one, result) for result in one.results)
    return f"  <testsuite name={_attribute(one.title)} {counts}>\n{cases}  </testsuite>\n"


def _case(one: Gated, result: GateResult) -> str:
    start = f"    <testcase classname={_attribute(one.title)} name={_attribute(result.rule.text)}"
    if result.held == "passed":
        return f"{start}/>\n"
    kind = "failure" if result.held == "failed" else "error"
    return f"{start}><{kind} message={_attribute(result.reason)}/></testcase>\n"


def _attribute(text: str) -> str:
    """Quoted for XML, without the control characters that XML cannot hold."""
    return quoteattr("".join(char if char >= " " else " " for char in text))


def write_summary(gated: Sequence[Gated], path: Path, *, shown: Callable[[Difference], tuple[str, ...]]) -> None:
    """Write a Markdown summary: what the rules said, then the paired table; `shown` makes a row's cells.

    Raises:
        DataError: the file cannot be written.
    """
    text = "\n".join(_section(one, shown) for one in gated)
    atomically(path, lambda target: target.write_text(text, encoding="utf-8"))


_SIGNS: Final = {"passed": "✅", "failed": "❌", "unknown": "❔"}


def _section(one: Gated, shown: Callable[[Difference], tuple[str, ...]]) -> str:
    lines = [f"### {_cell(one.title)}", ""]
    lines += [
        f"- {_SIGNS[result.held]} **{result.held}** `{result.rule.text}`: {_cell(_after(result))}"
        for result in one.results
    ]
    heads = ("paired measure", "pairs", "before", "after", "change [95 %]", "p", "p (Holm)", "lost pairs")
    lines += ["", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(map(_cell, shown(row)))} |" for row in one.found.overall]
    if one.found.self_graded:
        lines += ["", "Self-graded: this judge is also the guard; weigh the other judges."]
    return "\n".join([*lines, ""])


def _after(result: GateResult) -> str:
    return result.reason.removeprefix(f"{result.rule.text}: ")


def _cell(text: str) -> str:
    """A text that breaks neither a table nor the page: no bars, no tags, one line."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
