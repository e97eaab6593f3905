"""Takes docs/screenshots anew: README, report, view, console at 1440, 1280 and 390 px; commands at 80 and 120 columns.

    python tools/screenshots.py runs/demo [NAME ...]

The folder is what `safesight demo` left. Names pick pictures (`report`, `view`, `console`, `readme`, `commands`). Needs
the development set (playwright, markdown-it) and Debian's chromium.
"""

# ruff: noqa: T201 - a script speaks by printing

from __future__ import annotations

import html
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "screenshots"
WIDTHS = (1440, 1280, 390)
HEIGHTS = {1440: 900, 1280: 800, 390: 844}
COMMANDS = {
    "list": "safesight list",
    "compare": "safesight compare embedded.sqlite stakes.sqlite",
    "modes": "safesight explain modes starter.sqlite",
    "dry-run": "safesight run starter --model openai/gpt-4o --limit 12 --max-tokens 256 --dry-run",
    "help": "safesight --help",
}
README_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 900px; margin: 24px auto; padding: 0 16px; color: #1f2328 }
pre { background: #f6f8fa; padding: 12px; overflow: auto; font-size: 13px } code { background: #f6f8fa; font-size: 85% }
table { border-collapse: collapse; display: block; overflow: auto }
td, th { border: 1px solid #d0d7de; padding: 4px 10px }
img { max-width: 100% } h1, h2 { border-bottom: 1px solid #d0d7de; padding-bottom: 6px }
"""
TERMINAL_STYLE = "body{margin:0} pre{font:14px/1.25 'DejaVu Sans Mono',monospace;padding:12px;margin:0}"


@contextmanager
def page(browser: Browser, width: int, *, dark: bool = False) -> Generator[Page]:
    """A page of this width."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=scheme)
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


def keep(shown: Page, name: str, *, full: bool = False) -> None:
    """Write a picture, with few colours: it is for a repository."""
    from PIL import Image

    picture = Image.open(io.BytesIO(shown.screenshot(full_page=full)))
    picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        OUT / f"{name}.png", optimize=True
    )
    print(OUT / f"{name}.png")


def report(browser: Browser, runs: Path) -> None:
    """The demo's report, and a case of it."""
    for width in WIDTHS:
        with page(browser, width) as shown:
            shown.goto((runs / "report.html").as_uri())
            shown.wait_for_selector("html[data-ready=yes]")
            keep(shown, f"report-{width}")
            shown.click("#row-0")
            shown.wait_for_selector("#case[open]")
            keep(shown, f"report-case-{width}")
    with page(browser, 1440, dark=True) as shown:
        shown.goto((runs / "report.html").as_uri())
        shown.wait_for_selector("html[data-ready=yes]")
        keep(shown, "report-dark-1440")


@contextmanager
def serving(*command: str, cwd: Path) -> Generator[str]:
    """Start a command of ours, and give the first address it prints."""
    program = [sys.executable, "-m", "safesight", *command]
    with subprocess.Popen(program, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                words = [word for word in line.split() if word.startswith("http://")]
                if words:
                    yield words[-1].rstrip(",.")
                    break
        finally:
            server.terminate()


def view(browser: Browser, runs: Path) -> None:
    """The live view of the demo's folder, two runs side by side."""
    with serving("view", ".", "--port", "0", cwd=runs) as address:
        for width in WIDTHS:
            with page(browser, width) as shown:
                shown.goto(f"{address}#run=embedded.sqlite&run=stakes.sqlite")
                shown.wait_for_selector("#row-0")
                keep(shown, f"view-{width}")
                shown.click("#row-0")
                shown.wait_for_selector("#case article")
                time.sleep(1)
                keep(shown, f"view-case-{width}")


def console(browser: Browser, runs: Path) -> None:
    """The guard's console before the embedded model, with a block list."""
    from safesight.models.embedded import weights
    from safesight.models.llama.model import serve

    (runs / "words.txt").write_text("[other]\nthe weather\n", encoding="utf-8")
    (runs / "words.toml").write_text('[[detectors]]\nname = "embedded"\n[[detectors]]\nname = "patterns:words.txt"\n')
    options = ("--policy", "words.toml", "--port", "8917", "--ui")
    with serve(weights(), n_ctx=1024) as upstream, serving("guard", "--upstream", upstream, *options, cwd=runs) as url:
        for width in WIDTHS:
            with page(browser, width) as shown:
                shown.goto(f"{url.removesuffix('/v1')}/ui")
                # The page's policy lets nothing evaluate JavaScript in it: locators wait, functions cannot.
                expect(shown.locator("#model")).not_to_have_value("", timeout=120_000)
                shown.fill("#prompt", "Talk about the weather. Begin with: The weather")
                shown.click("#send")
                expect(shown.locator("#fate")).to_have_text(re.compile("cut by|released whole"), timeout=120_000)
                time.sleep(3)  # the counters above are asked for now and then
                keep(shown, f"console-{width}")


def readme(browser: Browser, runs: Path) -> None:
    """README as a renderer of Markdown shows it."""
    body = MarkdownIt("commonmark").enable("table").render((ROOT / "README.md").read_text(encoding="utf-8"))
    place = ROOT / "README.shown.html"
    place.write_text(f"<meta charset=utf-8><style>{README_STYLE}</style>{body}", encoding="utf-8")
    for width in WIDTHS:
        with page(browser, width) as shown:
            shown.goto(place.as_uri())
            keep(shown, f"readme-{width}")
    place.unlink()


def commands(browser: Browser, runs: Path) -> None:
    """What the main commands print at 80 and 120 columns."""
    for columns in (80, 120):
        for name, command in COMMANDS.items():
            environment = os.environ | {"COLUMNS": str(columns), "OPENAI_API_KEY": ""}
            said = subprocess.run(
                [sys.executable, "-m", *command.split()],
                cwd=runs,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            text = f"$ {command}\n{said.stdout}{said.stderr}"
            with page(browser, 1280) as shown:
                shown.set_content(f"<style>{TERMINAL_STYLE}</style><pre>{html.escape(text)}</pre>")
                keep(shown, f"{name}-{columns}", full=True)


PICTURES: dict[str, Callable[[Browser, Path], None]] = {
    "report": report,
    "view": view,
    "console": console,
    "readme": readme,
    "commands": commands,
}


def main() -> None:
    """Take those that are named, or all."""
    runs, *names = sys.argv[1:]
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in names or PICTURES:
            PICTURES[name](browser, Path(runs).resolve())
        browser.close()


if __name__ == "__main__":
    main()
