"""The door names the extra, and what the base install can do without the extras it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safesight.core.doors import require
from safesight.core.errors import MissingExtra

_WITHOUT = """
import sys
for absent in {absent!r}:
    sys.modules[absent] = None  # what `import` and `find_spec` meet where nothing is installed
sys.argv = ["safesight", *{arguments!r}]
from safesight.cli import main
main()
"""


def without_extras(folder: Path, *arguments: object, also: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command in a process that has neither SciPy nor polars, nor what is named."""
    absent = ("scipy", "polars", "pyarrow", "pandas", *also)
    code = _WITHOUT.format(absent=absent, arguments=[str(argument) for argument in arguments])
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_what_is_missing_is_named_with_its_extra() -> None:
    require("msgspec", "base")
    with pytest.raises(MissingExtra, match=r"'no_such_package'.*pip install 'safesight\[some\]'"):
        require("no_such_package", "some")


def test_the_loop_needs_neither_scipy_nor_polars(tmp_path: Path) -> None:
    run = ("run", "starter", "--model", "scripted:echo", "--limit", "8", "--judge", "refusal")
    for arguments in (
        (*run, "--run", "a.sqlite"),
        (*run, "--run", "b.sqlite", "--defence", "safety_prompt"),
        ("compare", "a.sqlite", "b.sqlite"),
        ("export", "a.sqlite", "-o", "a.csv"),
    ):
        done = without_extras(tmp_path, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()) > 8
    done = without_extras(tmp_path, "export", "a.sqlite", "-o", "a.parquet")
    assert done.returncode != 0
    assert "safesight[tables]" in done.stdout + done.stderr
