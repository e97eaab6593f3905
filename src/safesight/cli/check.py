"""`safesight check`: one detector call from the shell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from safesight.core.errors import ConfigError

FLAGGED = 1


def register(app: typer.Typer) -> None:
    """Add `check`."""
    app.command("check")(check)


def check(
    text: Annotated[str, typer.Argument(help="The answer to judge: text, a file, or - for standard input.")],
    question: Annotated[str, typer.Option("--question", "-q", help="The question it answers.")] = "",
    detector: Annotated[str, typer.Option(help="A detector of `safesight list`, with its options.")] = "embedded",
    image: Annotated[list[Path] | None, typer.Option(help="An image of the question; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score one answer with one detector; exits with 1 when it is flagged."""
    import asyncio

    import msgspec

    from safesight.core.messages import Image
    from safesight.core.records import Exchange, Harm
    from safesight.core.registry import open_plugin
    from safesight.core.taxonomy import hazard_name

    images = tuple(Image.from_path(path) for path in image or ())
    exchange = Exchange(question=question, answer=_read(text), images=images)

    async def score() -> tuple[str, float, Harm]:
        opened = open_plugin("detectors", detector)
        try:
            return opened.name, opened.threshold, (await opened.score([exchange]))[0]
        finally:
            await opened.aclose()

    name, threshold, harm = asyncio.run(score())
    flagged = harm.harm >= threshold
    if as_json:
        record = {"detector": name, "harm": harm.harm, "threshold": threshold, "flagged": flagged}
        print(msgspec.json.encode(record | {"categories": harm.categories}).decode())
    else:
        print(f"{'flagged' if flagged else 'not flagged'}: harm {harm.harm:.3f}, threshold {threshold:.3f} ({name})")
        for code, value in sorted(harm.categories.items(), key=lambda item: -item[1]):
            print(f"  {hazard_name(code)}: {value:.3f}")
    if flagged:
        raise typer.Exit(FLAGGED)


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    path = Path(text)
    try:
        named = path.is_file()
    except (OSError, ValueError):
        named = False  # too long for a file's name, or holding a zero byte
    if not named:
        if path.suffix and not any(c.isspace() for c in text):
            typer.echo(f"note: no file {text!r} here; scoring these words themselves.", err=True)
        return text
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a text file in UTF-8: {error}.") from None
