"""`safesight explain`: why a model failed, and whether "safe" was deserved; one module for each question."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import typer

from safesight.cli.explain_modes import print_modes
from safesight.cli.group import Group

__all__ = ["explain_app", "print_modes", "register"]

COMMANDS = ("modes", "control", "capability", "entropy")

explain_app = typer.Typer(
    cls=Group,
    name="explain",
    help="Why a model failed, and whether 'safe' was deserved: modes, control, capability, entropy.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add `explain` with its commands; each is the function of its name in `cli/explain_NAME.py`."""
    if not explain_app.registered_commands:
        for name in COMMANDS:
            if find_spec(f"safesight.cli.explain_{name}"):
                explain_app.command(name)(getattr(import_module(f"safesight.cli.explain_{name}"), name))
    app.add_typer(explain_app)
