"""`safesight check`: one detector call from the shell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from safesight.core.abilities import LanguageDetector, LicensedPlugin, PointedDetector
from safesight.core.errors import ConfigError
from safesight.core.protocols import Detector, SuspiciousDetector
from safesight.core.records import Harm

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
    from safesight.core.records import Exchange
    from safesight.core.registry import open_plugin
    from safesight.core.taxonomy import hazard_name

    images = tuple(Image.from_path(path) for path in image or ())
    exchange = Exchange(question=question, answer=_read(text), images=images)

    async def score() -> tuple[Detector, Harm]:
        opened = open_plugin("detectors", detector)
        try:
            return opened, (await opened.score([exchange]))[0]
        finally:
            await opened.aclose()

    opened, harm = asyncio.run(score())
    threshold = opened.threshold
    flagged = harm.harm >= threshold
    request = _asked(opened, question)
    point = opened.point if isinstance(opened, PointedDetector) else ""
    language = _language(opened, harm)
    licence = opened.licence if isinstance(opened, LicensedPlugin) else ""
    if as_json:
        record = {"detector": opened.name, "harm": harm.harm, "threshold": threshold, "flagged": flagged}
        record |= {"categories": harm.categories}
        record |= {"point": point} if point else {}
        record |= {"unjudged": harm.unjudged} if harm.unjudged else {}
        record |= {"language": language} if language else {}
        record |= {"licence": licence} if licence else {}
        record |= {"request": {"harm": request[0], "threshold": request[1]}} if request else {}
        print(msgspec.json.encode(record).decode())
    else:
        said = "flagged" if flagged else f"not judged, language {harm.unjudged!r}" if harm.unjudged else "not flagged"
        at = f", operating point {point!r}" if point else ""
        print(f"{said}: harm {harm.harm:.3f}, threshold {threshold:.3f}{at} ({opened.name})")
        read = f"the answer, {len(exchange.answer)} characters" + (f", read as {language!r}" if language else "")
        print(f"  judged: {read}{', with its question' if question.strip() else ', without a question'}")
        if licence:
            print(f"  licence of the weights: {licence}")
        if request:
            print(f"  the question asks for harm: {request[0]:.3f}, threshold {request[1]:.3f}")
        for code, value in sorted(harm.categories.items(), key=lambda item: -item[1]):
            print(f"  {hazard_name(code)}: {value:.3f}")
    if flagged:
        raise typer.Exit(FLAGGED)


def _language(detector: Detector, harm: Harm) -> str:
    """The language that an answer was read as; "" where the detector does not say which it judges."""
    languages = detector.languages if isinstance(detector, LanguageDetector) else ()
    return harm.unjudged or (languages[0] if len(languages) == 1 else "")


def _asked(detector: object, question: str) -> tuple[float, float] | None:
    """How much the question asks for harm, and the threshold; None where there is none or the detector has no say."""
    if not question.strip() or not isinstance(detector, SuspiciousDetector):
        return None
    return detector.suspicion(question), detector.request_threshold


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
