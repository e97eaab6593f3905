"""Puts the commands together; each topic is one module with `register(app)`."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from safesight.cli.group import Group
from safesight.core.version import __version__

TOPICS = (
    "demo",
    "catalogue",
    "run",
    "suite",
    "compare",
    "transfer",
    "explain",
    "report",
    "check",
    "guard",
    "train",
    "pull",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command line as one Typer application."""
    app = typer.Typer(
        name="safesight",
        cls=Group,
        help="Measure, explain and fix the safety failures of multimodal LLMs.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def _root(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
        ] = False,
    ) -> None:
        pass

    for topic in TOPICS:
        import_module(f"safesight.cli.{topic}").register(app)
    return app
