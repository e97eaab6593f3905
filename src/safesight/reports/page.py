"""Renders the report: one HTML file that opens offline and asks for nothing.

Invariant: autoescape is on, and a Content-Security-Policy in the page allows only its own scripts (by hash) and
embedded pictures; so no answer of a model can be interpreted, and no request can leave.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from safesight.core.errors import ConfigError, MissingExtra
from safesight.core.files import replacing
from safesight.core.version import __version__
from safesight.reports import words
from safesight.reports.build import Content, gather
from safesight.reports.casebook import pack
from safesight.reports.charts import to_svg
from safesight.reports.heat import heat
from safesight.reports.pictures import thumbnails
from safesight.runner.results import Results

if TYPE_CHECKING:
    import jinja2

BUDGET = 2_300_000
"""Characters for cases and thumbnails together: with the rest, a page stays under 3 MB."""
PICTURES = 600_000
SCRIPTS = ("theme.js", "cases.js", "report.js")
ASSETS = files("safesight.reports") / "assets"


def render(content: Content, *, pictures: bool = True) -> str:
    """The whole page.

    Args:
        content: what `build.gather` found.
        pictures: embed small copies of the images, blurred until asked for, while their budget lasts.

    Raises:
        MissingExtra: Jinja2 is not installed.
    """
    runs, scripts = content.runs, [asset(name) for name in SCRIPTS]
    small = thumbnails((case for run in runs for case in run.cases), budget=PICTURES if pictures else 0)
    book, cap = pack(runs, budget=BUDGET, thumbnails=small)
    lead, dots = content.lead, content.figures.get("before-after")
    return _template("report.html.j2").render(
        version=__version__,
        runs=runs,
        judge=content.judge,
        verdict=words.verdict(runs, content.judge, lead.found if lead else None),
        pairs=content.pairs,
        heats=[(run, name, heat(run.judged(name))) for run in runs for name in run.tables if name not in run.silenced],
        book=book,
        cap=cap,
        words=words,
        about=[describe(run) for run in runs],
        caveats=[text for text in dict.fromkeys(run.notes.get("caveat", "") for run in runs) if text],
        first=content.first,
        contents=[
            *([(content.first.id, content.first.title)] if content.first else []),
            ("what", "What was run"),
            ("rates", "Attack success"),
            ("guard", "Before and after"),
            *((part.id, part.title) for part in content.parts),
            ("cases-section", "Cases"),
        ],
        graded=[f"{judge} in {run.name}" for run in runs for judge in sorted(run.self_graded)],
        parts=content.parts,
        paired=to_svg(dots) if dots is not None else "",
        style=asset("base.css"),
        scripts=scripts,
        csp=_policy(scripts),
    )


def asset(name: str) -> str:
    """The text of a file of the package."""
    return (ASSETS / name).read_text(encoding="utf-8")


def _template(name: str) -> jinja2.Template:
    try:
        import jinja2
    except ImportError:
        raise MissingExtra("jinja2", "report") from None
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["ours"] = _ours
    return environment.from_string(asset(name))


def _ours(text: str) -> str:
    """Our own style, script or drawing, not escaped; a run's text never comes this way but through Vega."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - package files, and drawings whose texts Vega escaped


def _policy(scripts: Sequence[str]) -> str:
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def describe(run: Results) -> Mapping[str, str]:
    """What was run, by field name, for the table of runs."""
    manifest = run.manifest
    decoding = {name: getattr(manifest.decoding, name) for name in manifest.decoding.__struct_fields__}
    settings = ", ".join(f"{name} {value}" for name, value in decoding.items() if value is not None)
    return {
        "benchmark": f"{manifest.benchmark} {manifest.arm}".strip(),
        "selection": manifest.selection,
        "data revision": manifest.data_revision or "not versioned",
        "data hash": manifest.data_hash[:16],
        "model": manifest.model,
        "decoding": settings or "the provider's defaults",
        "defence": manifest.defence,
        "judges": ", ".join(f"{j} (self-graded)" if j in run.self_graded else j for j in run.judges) or "none yet",
        "answers": str(len(run.cases)),
        "seed": str(manifest.seed),
        "made": f"{manifest.created[:19].replace('T', ' ')} UTC, safesight {manifest.package_version}",
        "machine": f"{manifest.machine.system}, Python {manifest.machine.python}, {manifest.machine.cpus} CPUs",
        "file": run.path.name,
    }


def write_report(runs: Sequence[Path], output: Path, *, judge: str = "") -> Path:
    """Write the report over these run files and return where it is.

    Raises:
        ConfigError: no run, no such judge, or the page cannot be written there.
        MissingExtra: the extra `report` is not installed.
        StoreError: one of them is no run file.
    """
    return write_page(output, render(gather(runs, judge=judge)))


def write_page(output: Path, text: str) -> Path:
    """Write a page whole or not at all.

    Raises:
        ConfigError: it cannot be written there.
    """
    try:
        with replacing(output) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: cannot write the report there: {error}. Choose another --output.") from None
    return output
