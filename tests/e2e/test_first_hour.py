"""The five hours of docs/first-hour.md, walked through in fresh environments: what is typed there works, and prints so.

`python -m tests.e2e.test_first_hour SECTION` walks through one and prints the page's commands with what they print now.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.pages import ROOT, Step, blocks, steps
from tests.e2e.shell import Shell, agrees

PAGE = ROOT / "docs" / "first-hour.md"
SECTIONS = ("Measure a model", "Guard a server", "Train a detector", "Look at attention", "Change the code")
SILENT = ("python3 -m venv", "pip install -q", "python serve.py", "python rows.py", "until ", "kill ")
"""Commands that print nothing when all is well."""
SLOWEST_S = 1800.0
NEEDS_INDEX = (
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure in name resolution",
)


class Played(NamedTuple):
    """A command that was run, its exit status and all it printed."""

    step: Step
    status: int
    printed: str


def checkout(folder: Path) -> Path:
    """What a clone would hold: the files that git tracks or would, as they are now."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def play(section: str, folder: Path) -> Iterator[Played]:
    """Write the section's files and run its commands in order; the guard's port is whichever is free."""
    here, home, port = checkout(folder / "safesight"), folder / "home", str(free_port())
    home.mkdir()
    with Shell(here, home=home) as shell:
        for block in (block for block in blocks(PAGE) if block.section == section):
            if block.title:
                (here / block.title).write_text(block.text.replace("8900", port), encoding="utf-8")
            for step in steps(block) if block.language == "console" else ():
                shown = step.prints.replace("8900", port)
                status, printed = shell.say(step.command.replace("8900", port), timeout_s=SLOWEST_S, until=shown)
                yield Played(step, status, printed.replace(port, "8900").replace(f"{here}/", ""))


def commands() -> list[Step]:
    return [step for block in blocks(PAGE) if block.language == "console" for step in steps(block)]


def test_the_page_opens_five_doors() -> None:
    assert tuple(dict.fromkeys(block.section for block in blocks(PAGE))) == SECTIONS


@pytest.mark.parametrize("step", commands(), ids=lambda step: f"line {step.line}")
def test_what_prints_shows_what_it_prints(step: Step) -> None:
    assert bool(step.prints.strip()) != step.command.startswith(SILENT)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.xdist_group("first-hour")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_hour(section: str, tmp_path: Path) -> None:
    for step, status, printed in play(section, tmp_path):
        if any(words in printed for words in NEEDS_INDEX):
            pytest.skip("no package index can be reached")
        assert status == 0, f"{PAGE.name}:{step.line}: $ {step.command}\n{printed}"
        assert agrees(step.prints, printed), (
            f"{PAGE.name}:{step.line}: $ {step.command}\nthe page shows:\n{step.prints}\nit prints:\n{printed}"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for played in play(sys.argv[1], Path(scratch)):
            print(f"$ {played.step.command}\n{played.printed}", end="", flush=True)
            if played.status:
                print(f"[exit status {played.status}]", flush=True)
