"""The table of categories: what the command prints is what the documentation shows, and it fits a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from safesight.core.taxonomy import EXAMPLES, HAZARDS

PAGE = Path(__file__).parents[2] / "docs" / "categories.md"


def listed(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "safesight", "list", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_page_shows_what_the_command_prints() -> None:
    code, out = listed("categories", "--format", "markdown")
    assert code == 0
    assert out.strip() in PAGE.read_text(encoding="utf-8")
    assert EXAMPLES.keys() == HAZARDS.keys()
    assert all(f"| {hazard} |" in out for hazard in HAZARDS)


def test_other_lists_are_errors() -> None:
    code, out = listed("categorys")
    assert code != 0
    assert "Did you mean 'categories'" in out
