"""The main job as a newcomer meets it: the demo on the embedded model, its report, and the live view of its folder."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from safesight.runner.results import Results

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "safesight", "demo", "--folder", str(folder)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As wide as the README shows it, whatever terminal runs the tests.
    wide = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False, env=wide)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (folder / "processor_seconds").write_text(str(spent))
    return folder, done.stdout


@pytest.fixture(scope="module")
def address(demo: tuple[Path, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "safesight", "view", str(demo[0]), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield re.search(r"http://\S+", server.stdout.readline())[0]
        server.terminate()
        assert server.wait(timeout=120) == 0


def test_it_goes_round_the_loop_and_says_where_everything_is(demo: tuple[Path, str]) -> None:
    folder, said = demo
    for step in ("1. measure", "2. starter", "capability %", f"report: {folder / 'report.html'}"):
        assert step in said
    for row in ("unguarded", "guarded: protector_block", "guarded: stakes", "aligned"):
        assert row in said
    assert "finds 0 of 66 unsafe ones" in " ".join(said.split())


def test_the_readme_shows_what_it_prints(demo: tuple[Path, str]) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)```", readme, re.DOTALL)
    assert shown
    printed = {" ".join(re.sub("[│┃]", " ", line).split()) for line in demo[1].splitlines()}
    rows = [" ".join(line.split()) for line in shown[1].splitlines()]
    assert len(rows) == 7
    for row in rows:
        assert any(line.startswith(row) for line in printed), row


def test_it_takes_the_minutes_that_the_readme_says(demo: tuple[Path, str]) -> None:
    """Eight minutes of a core at most; the wall shows up to seven, as one thread generates while another reads."""
    assert float((demo[0] / "processor_seconds").read_text()) < 2 * 4 * 60


def test_a_guard_that_only_reads_answers_replays_them(demo: tuple[Path, str]) -> None:
    first, second = (Results(demo[0] / name) for name in ("embedded.sqlite", "guarded.sqlite"))
    assert [c.response.reply.text for c in first.cases] == [c.response.reply.text for c in second.cases]


def test_its_report_opens_with_capability_and_risk(page: Page, demo: tuple[Path, str]) -> None:
    page.goto((demo[0] / "report.html").as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    expect(page.locator("#verdict")).to_contain_text("as exact judges")
    expect(page.locator("main > section").first).to_have_attribute("id", "outcomes")
    expect(page.locator("#outcomes svg")).to_be_visible()
    expect(page.locator(".count")).to_have_text("24 cases")


def test_the_live_view_shows_both_runs_of_its_folder_side_by_side(page: Page, address: str) -> None:
    page.goto(f"{address}#run=embedded.sqlite&run=aligned.sqlite")
    page.wait_for_selector("html[data-ready=yes]")
    expect(page.locator("#runs tbody tr")).to_have_count(5)
    page.click("#row-0")
    expect(page.locator("#case article")).to_have_count(2)
    expect(page.locator("#case .picture img").first).to_be_visible()
