"""The guard console in a real browser: metrics move, a safe answer is released, a flagged one is cut, all as text."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from safesight.guard.guard import Guard, open_guard
from safesight.guard.policy import InputRule, Policy
from safesight.models.embedded import weights
from safesight.models.llama.model import serve
from safesight.proxy.settings import ProxySettings
from tests.guard.detectors import BAD, RunningWordDetector
from tests.models.mock_openai import MockOpenAI, in_thread, reply
from tests.proxy.serving import serving
from tests.proxy.test_embedded_guarded import PHRASE, QUESTION, guarding
from tests.support import png

pytestmark = pytest.mark.browser
SAFE = "Two people talk <b>calmly</b> <script>window.hacked = 1</script>."
CUT = f"A calm start of the answer, long enough to be let out. Then something {BAD} follows, and a tail."


def pieces(text: str) -> list[str]:
    return [text[i : i + 5] for i in range(0, len(text), 5)]


@pytest.fixture(scope="module")
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


@pytest.fixture(scope="module")
def console(upstream: MockOpenAI) -> Generator[str]:
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[RunningWordDetector()])
    with serving(ProxySettings(upstream=upstream.url, ui=True), guard=guard) as (url, _):
        yield url.removesuffix("/v1") + "/ui"


def test_the_playground_shows_what_is_released_and_what_is_cut(page: Page, console: str, upstream: MockOpenAI) -> None:
    page.goto(console)
    expect(page.locator("#state")).to_have_text("live")
    page.fill("#model", "mock")
    page.fill("#prompt", "What is shown?")
    page.set_input_files("#images", {"name": "p.png", "mimeType": "image/png", "buffer": png()})
    upstream.then = reply(SAFE, chunks=pieces(SAFE))
    page.click("#send")
    expect(page.locator("#fate")).to_contain_text("released whole")
    assert page.text_content("#answer") == SAFE
    assert page.evaluate("window.hacked") is None
    assert upstream.requests[-1].json["messages"][0]["content"][0]["type"] == "image_url"
    upstream.then = reply(CUT, chunks=pieces(CUT))
    page.press("#prompt", "Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#fate")).to_contain_text("cut by the guard")
    assert BAD not in page.text_content("#answer")
    expect(page.locator("#events")).to_contain_text("content_filter")
    expect(page.locator("#events")).to_contain_text("guard: {")
    expect(page.locator("#verdicts")).to_contain_text("refuse")
    expect(page.locator("#tiles")).to_contain_text("2chat requests")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_console_is_off_by_default_and_sends_its_policy(console: str, upstream: MockOpenAI) -> None:
    with urllib.request.urlopen(console) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[RunningWordDetector()])
    with serving(ProxySettings(upstream=upstream.url), guard=guard) as (url, _):
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(url.removesuffix("/v1") + "/ui")
        refused.value.close()


@pytest.mark.slow
def test_the_embedded_model_is_guarded_in_the_playground(page: Page, tmp_path: Path) -> None:
    with serve(weights(), n_ctx=1024) as upstream:
        guard = open_guard(guarding(tmp_path))
        with serving(ProxySettings(upstream=upstream, ui=True), guard=guard) as (url, _):
            page.goto(url.removesuffix("/v1") + "/ui")
            expect(page.locator("#model")).not_to_have_value("")
            page.fill("#prompt", QUESTION)
            page.click("#send")
            expect(page.locator("#fate")).to_contain_text(
                re.compile("released whole|cut by the guard"), timeout=120_000
            )
            assert len(page.text_content("#answer")) > 20
            assert PHRASE not in page.text_content("#answer").casefold()
            # The model samples: now and then it answers without the blocked phrase.
            cut = "cut" in page.text_content("#fate")
            expect(page.locator("#verdicts")).to_contain_text("window" if cut else "input")
            if shots := os.environ.get("SAFESIGHT_SCREENSHOTS"):
                page.screenshot(path=f"{shots}/console-1440.png")
