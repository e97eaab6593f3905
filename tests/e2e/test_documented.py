"""What README and docs tell people to type is what the command line takes; what they link to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from bench.__main__ import main as bench
from typer.core import TyperGroup

from safesight.cli.app import build

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(?: {4}|\$ )?(safesight .+)$", re.MULTILINE)
USAGE = typer.BadParameter.__base__
"""What every mistake on a command line derives from; Typer does not export it."""
FIGURE = re.compile(r"python -m bench[. ](\w+)((?: --?[\w-]+(?: [\w:/.]+)?)*)")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def text(page: Path) -> str:
    """A page with its continued lines joined."""
    return re.sub(r"\s*\\\n\s*", " ", page.read_text(encoding="utf-8"))


def commands() -> list[tuple[str, str]]:
    found = [(page.name, line) for page in PAGES for line in COMMAND.findall(text(page))]
    # `a|b` and `...` stand for choices, in the prose of a synopsis.
    return [(page, line) for page, line in found if "|" not in line]


def parse(line: str) -> None:
    # Three spaces set off what a line says about itself; "..." stands for more of the same.
    typed = re.sub(r"(?<=\s)\.\.\.(?=\s|$)", "", re.split(r"\s{3,}|\s&$", line)[0])
    arguments = shlex.split(typed, comments=True)[1:]
    command, name = typer.main.get_command(build()), "safesight"
    while isinstance(command, TyperGroup):
        found, command, arguments = command.resolve_command(typer.Context(command), arguments)
        name = found or name
    assert command is not None
    command.make_context(name, arguments)


@pytest.mark.parametrize(("page", "line"), commands())
def test_documented_commands_parse(page: str, line: str) -> None:
    parse(line)


def test_a_wrong_option_would_be_seen() -> None:
    assert len(commands()) >= 30
    with pytest.raises(USAGE, match="--modle"):
        parse("safesight run starter --modle embedded")
    with pytest.raises(USAGE, match="mods"):
        parse("safesight explain mods RUN")


def figures() -> list[tuple[str, ...]]:
    """What the pages say to run of `bench`: a figure's name, and the options it is to take."""
    told = [found for page in PAGES for found in FIGURE.findall(text(page))]
    return sorted({(name, *(word for word in rest.split() if word.startswith("-"))) for name, rest in told})


@pytest.mark.parametrize("told", figures(), ids=" ".join)
def test_documented_figures_take_their_options(told: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    name, *options = told
    assert (ROOT / "bench" / f"{name}.py").is_file()
    if not options:
        return
    with pytest.raises(SystemExit) as left:
        bench([name, "--help"])
    assert left.value.code == 0
    helped = capsys.readouterr().out
    assert [option for option in options if not re.search(rf"(?<!\S){option}\b", helped)] == []


def test_options_of_a_figure_are_never_dropped() -> None:
    assert len(figures()) >= 8
    for wrong in (["report", "--own"], ["report", "scale", "--own"], ["--own"], ["repotr"]):
        with pytest.raises(SystemExit, match=r"takes no options|expected one figure|unknown figure"):
            bench(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    gone = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()]
    assert gone == []
