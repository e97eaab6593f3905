"""docs/reliability.md: every test it names exists, and every number of the README has its row there."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

from safesight.cli.guard import guard

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", PAGE)))
QUOTED = re.findall(r'"([^"]+)"', PAGE.partition("## The README's numbers")[2])
A_NUMBER = re.compile(r"\d[\d,.]*\d|\d|\b(?:half|third|twelfth|fortieth|under a second)\b")
NO_CLAIM = re.compile(r"Python 3\.11|Apache-2\.0|100 providers")
"""What is needed, the licence, and what others have."""


def plain(text: str) -> str:
    """Without code in ticks and link targets."""
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "``", text))


def said() -> list[str]:
    """The README's lines that say something: prose, tables and the comments of its code; commands and output do not."""
    lines: list[str] = []
    fenced = False
    for line in README.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            lines += re.findall(r"\s#\s(.*)", line)
        else:
            lines.append(NO_CLAIM.sub("", plain(line)))
    return lines


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part or "whole")
def test_every_named_test_exists(path: str, name: str) -> None:
    at = ROOT / path
    assert at.exists(), path
    if at.is_file():
        tests = re.findall(
            r"^ *(?:async )?def (test_\w+)|^class (\w+)\(RuleBasedStateMachine\)", at.read_text("utf-8"), re.M
        )
        assert tests
        assert not name or name in {found for found, _ in tests}
    else:
        assert list(at.rglob("test_*.py"))


def test_every_number_of_the_readme_has_its_row() -> None:
    assert len(QUOTED) > 15
    lacking = [
        (line, number)
        for line in said()
        for number in A_NUMBER.findall(line)
        if not any(number in A_NUMBER.findall(plain(quote)) and plain(quote) in line for quote in QUOTED)
    ]
    assert lacking == []


@pytest.mark.parametrize("quote", QUOTED)
def test_the_readme_still_says_what_is_quoted(quote: str) -> None:
    assert quote in re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", README)


def test_benchmarks_are_counted() -> None:
    count = len(entry_points(group="safesight.benchmarks"))
    assert f"{count} benchmarks of safety, over-refusal and utility" in README


def test_costs_are_those_of_the_proxys_page() -> None:
    text = (ROOT / "docs" / "proxy.md").read_text(encoding="utf-8")
    rows = {
        row[0]: row for row in ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()) if row
    }
    ours, theirs = (rows[name] for name in ("embedded detector", "LiteLLM, trivial guardrail"))
    request, chunk = (float(theirs[i].replace(",", "")) / float(ours[i]) for i in (1, 3))
    assert "a twelfth of the cost a request, a fortieth a chunk" in README
    assert 12 <= request < 13
    assert 40 <= chunk < 45


def test_the_detectors_weights_are_as_large_as_said() -> None:
    folder = files("safesight.detectors") / "weights"
    size = sum(len((folder / name).read_bytes()) for name in ("embedded.npz", "requests.npz"))
    assert round(size / 1e6, 1) == 1.5


def test_the_proxy_listens_where_the_readme_says() -> None:
    assert inspect.signature(guard).parameters["port"].default == 8900
