"""A command line typed and read in this process."""

from __future__ import annotations

from typer.testing import CliRunner

from safesight.cli.app import build


def typed(*words: str) -> str:
    """What a command prints, on one line; it must end well."""
    done = CliRunner().invoke(build(), list(words), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (done.output, done.exception)
    return " ".join(done.output.split())
