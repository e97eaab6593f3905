"""Importing SafeSight and asking for help stay cheap: no torch, no Transformers, no web server."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "granian",
    "prometheus_client",
    "onnxruntime",
    "rapidocr",
    "xllamacpp",
    "altair",
    "jinja2",
    "scipy",
    "polars",
    "ray",
    "opentelemetry",
)

_HELP = """
import contextlib, io, sys
sys.argv = ["safesight", *{arguments!r}]
from safesight.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
"""


def loaded(code: str) -> set[str]:
    """Top-level modules a fresh interpreter has loaded after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys; print(*{m.split('.')[0] for m in sys.modules})"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_import_loads_only_the_standard_library() -> None:
    assert not loaded("import safesight") & {*HEAVY, "aiohttp", "numpy", "typer", "rich"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["guard", "--help"], ["report", "--help"], ["train", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded(_HELP.format(arguments=arguments)) & set(HEAVY)
