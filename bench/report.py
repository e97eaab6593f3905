"""The report and the live view in a browser, at 2,676 cases.

The report of one run and of three models: size, CPU time to write it, and time until the cases are listed and how they
scroll. The live view of a run that grows by 100 answers a second: frames, how far the page is behind the file, how long
a case takes to open, and the server's CPU.

Bars: one run under 3 MB; three runs listed in under 2 s; the list scrolls without a frame over 100 ms; the live view
stays responsive.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import ROOT, table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CASES = 2676
RATE = 100
"""Answers a second that the live run grows by."""
LIVE_S = 20
FRAMES = """
(seconds) => new Promise((done) => {
  const gaps = [], end = performance.now() + 1000 * seconds;
  let last = performance.now();
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(step); else done(gaps);
  };
  requestAnimationFrame(step);
})
"""
OPENED = """
() => new Promise((done) => {
  const started = performance.now();
  document.getElementById("row-0").click();
  const there = () => document.querySelector("#case article pre.text");
  const look = () => there() ? done(performance.now() - started) : setTimeout(look, 5);
  look();
})
"""
SCROLL = """
() => new Promise((done) => {
  const list = document.getElementById("cases");
  let last = performance.now(), worst = 0, frames = 0;
  const step = (now) => {
    worst = Math.max(worst, now - last);
    last = now;
    list.scrollTop += 400;
    if (++frames < 120) requestAnimationFrame(step); else done(worst);
  };
  requestAnimationFrame(step);
})
"""


def write_live(path: Path) -> None:
    """Add answers to a run at `RATE` a second, ten to a commit, until all cases are there."""
    from tests.reports.made import add_cases, prose

    from safesight.core.store import RunStore

    with RunStore.open(path) as store:
        started, first = time.monotonic(), sum(1 for _ in store.responses())
        for done in range(first, CASES, 10):
            add_cases(store, range(done, min(done + 10, CASES)), store.manifest, text=prose)
            time.sleep(max(0.0, started + (done + 10 - first) / RATE - time.monotonic()))


def reports(browser: Browser, folder: Path) -> None:
    """Size, time to write, time to open and worst frame of reports of one and of three runs."""
    from tests.reports.made import make_run, prose

    from safesight.cli.report import write_report

    runs = [
        make_run(folder / f"{i}.sqlite", cases=CASES, model=f"model{i}", text=lambda n, i=i: prose(3 * n + i))
        for i in range(3)
    ]
    rows: list[list[object]] = []
    for count in (1, 3):
        started = time.process_time()
        page = write_report(runs[:count], folder / "report.html")
        written = time.process_time() - started
        tab = browser.new_page()
        started = time.monotonic()
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready=yes]")
        opened = time.monotonic() - started
        rows.append([f"{CASES} x {count}", page.stat().st_size / 1e6, written, opened, tab.evaluate(SCROLL)])
        tab.close()
    table(["cases x models", "size MB", "CPU s to write", "open s", "worst frame ms while scrolling"], rows)


def live(browser: Browser, folder: Path) -> None:
    """The view of a run while it is written."""
    from tests.reports.made import make_run, prose

    folder.mkdir()
    run = make_run(folder / "live.sqlite", cases=CASES - RATE * LIVE_S * 5 // 4, model="live", text=prose)
    command = [sys.executable, "-m", "safesight", "view", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            found = re.search(r"http://\S+", server.stdout.readline() if server.stdout else "")
            if found is None:
                raise SystemExit("the live view did not start")
            tab = browser.new_page()
            tab.goto(f"{found[0]}#run=live.sqlite")
            tab.wait_for_selector("html[data-ready=yes]")
            before = _cpu_s(server.pid)
            with subprocess.Popen([sys.executable, "-m", "bench.report", str(run)], cwd=ROOT) as writer:
                gaps = tab.evaluate(FRAMES, LIVE_S)
                behind = [_behind(tab, run) for _ in range(9)]
                opened = tab.evaluate(OPENED)
                writer.wait()
            cpu = (_cpu_s(server.pid) - before) / (LIVE_S * 5 / 4)
        finally:
            server.terminate()
    ordered = sorted(gaps)
    table(
        [
            "live view at 100 answers/s",
            "median frame ms",
            "p99",
            "worst",
            "behind the file s",
            "open a case ms",
            "server CPU %",
        ],
        [
            [
                f"{CASES} cases",
                statistics.median(gaps),
                ordered[int(0.99 * len(gaps))],
                ordered[-1],
                statistics.median(behind),
                opened,
                100 * cpu,
            ]
        ],
    )


def _behind(tab: Page, run: Path) -> float:
    """By how many seconds of answers the page is behind the file."""
    import sqlite3

    time.sleep(0.35)
    shown = int(re.sub(r"\D.*|,", "", tab.inner_text(".count").replace(",", "")))
    with sqlite3.connect(f"file:{run}?mode=ro", uri=True) as store:
        return (store.execute("SELECT count(*) FROM responses").fetchone()[0] - shown) / RATE


def _cpu_s(pid: int) -> float:
    import psutil

    return sum(psutil.Process(pid).cpu_times()[:2])


def main() -> None:
    """Print both tables."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        reports(browser, Path(temporary))
        print()
        live(browser, Path(temporary) / "live")
        browser.close()


if __name__ == "__main__":
    write_live(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
