"""Importing SafeSight and asking for help stay cheap: no torch, no Transformers, no web server."""

from __future__ import annotations

import resource
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


def test_import_takes_less_than_a_second() -> None:
    """In processor time, so that other work on the machine does not count."""
    spent: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "import safesight; safesight.run"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 1
