"""What commands share: summaries that are not cut, and `--format` where tables are printed."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from safesight.cli.printer import FORMATS, choose


class Group(TyperGroup):
    """A group of commands whose help says every summary whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One entry a command, wrapped to the terminal."""
        found = [(name, command) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=400)) for name, command in found])


def _choose(ctx: typer.Context, form: str) -> str:
    if not ctx.resilient_parsing:
        ctx.call_on_close(choose(form))
    return form


Format = Annotated[
    str, typer.Option("--format", help=f"How tables are printed: {', '.join(FORMATS)}.", callback=_choose)
]
"""Option of a command that prints tables by `console()`; its callback does it all."""
