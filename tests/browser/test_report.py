"""The report in a real browser: opens from disk, filters, searches, hides and shows, survives hostile answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from safesight.core.protocols import DataOptions
from safesight.core.records import Verdict
from safesight.core.store import RunStore
from safesight.reports.page import write_report
from safesight.runner.gold import make_gold
from tests.reports.made import HOSTILE, make_run
from tests.support import png

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    picture = folder / "picture.png"
    picture.write_bytes(png(40, 30, "navy"))
    hostile = dict(enumerate(HOSTILE)) | {8: HOSTILE[0]}

    def text(i: int) -> str:
        return hostile.get(i, f"Answer {i}: a plain sentence, long enough to be cut. " + "More words follow. " * 12)

    runs = [
        make_run(folder / "none.sqlite", text=text, image=picture, probes=True),
        make_run(folder / "guarded.sqlite", text=text, defence="protector_rewrite", image=picture),
    ]
    return write_report(runs, folder / "report.html")


@pytest.fixture
def opened(page: Page, report: Path) -> Page:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    return page


def test_filters_and_search_narrow_the_list(opened: Page) -> None:
    count = opened.locator(".count")
    expect(count).to_have_text("24 cases")
    opened.select_option("#filter-kind", "benign")
    expect(count).to_have_text("6 of 24 cases")
    opened.select_option("#filter-group", "Analogy")
    expect(count).to_have_text("2 of 24 cases")
    opened.click("#clear")
    opened.fill("#search", "ANSWER 9:")
    expect(count).to_have_text("1 of 24 cases")
    opened.fill("#search", "中文")
    opened.click("#clear")
    opened.select_option("#filter-special", "judges")
    expect(opened.locator(".row").first).to_be_visible()


def test_keyboard_alone_opens_reads_and_closes_a_case(opened: Page) -> None:
    opened.keyboard.press("/")
    expect(opened.locator("#search")).to_be_focused()
    opened.keyboard.type("answer 1")
    opened.focus("#cases")
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Enter")
    dialog = opened.locator("#case")
    expect(dialog).to_be_visible()
    first = opened.locator("#case .key").inner_text()
    opened.keyboard.press("ArrowRight")
    assert opened.locator("#case .key").inner_text() != first
    opened.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opened.locator("#cases")).to_be_focused()


def test_images_are_blurred_and_harmful_text_cut_until_asked(opened: Page) -> None:
    opened.fill("#search", "answer 10:")
    opened.click("#row-0")
    image = opened.locator("#case .picture img").first
    assert "blur" in image.evaluate("node => getComputedStyle(node).filter")
    opened.locator("#case .picture").first.click()
    assert image.evaluate("node => getComputedStyle(node).filter") == "none"
    opened.keyboard.press("Escape")
    opened.click("#clear")
    opened.fill("#search", "answer 12:")
    opened.click("#row-0")
    answer = opened.locator("#case article pre.text").first
    assert len(answer.inner_text()) <= 121
    opened.locator("#case article .more").first.click()
    assert len(answer.inner_text()) > 200
    opened.keyboard.press("Escape")
    opened.check("#show-text")
    opened.click("#row-0")
    assert opened.locator("#case .more").count() == 0


def test_hostile_answers_show_as_text(opened: Page) -> None:
    opened.check("#show-text")
    opened.locator("#row-0").click()
    answer = opened.locator("#case article pre.text").first
    assert answer.text_content() == HOSTILE[0]
    for text in HOSTILE[1:5]:
        opened.keyboard.press("ArrowRight")
        shown = answer.text_content()
        assert text.startswith(shown)
        assert len(shown) == min(len(text), 40_000)
    assert opened.evaluate("window.hacked") is None
    assert opened.locator("#case article script, #case article img, #case article b").count() == 0
    assert opened.evaluate("document.getElementById('case').scrollWidth <= innerWidth")


def test_dark_mode_follows_the_system_and_the_button(opened: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert opened.evaluate(ground) == "rgb(255, 255, 255)"
    opened.emulate_media(color_scheme="dark")
    dark = opened.evaluate(ground)
    assert dark != "rgb(255, 255, 255)"
    opened.emulate_media(color_scheme="light")
    opened.click("#theme")
    assert opened.evaluate(ground) == dark


def test_paper_is_light_and_has_no_browser_on_it(opened: Page) -> None:
    opened.click("#theme")
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(opened.locator("#cases-section")).to_be_hidden()
    expect(opened.locator("#rates")).to_be_visible()
    assert opened.pdf(format="A4").startswith(b"%PDF")


def test_intervals_come_with_focus_and_narrow_screens_do_not_scroll_sideways(opened: Page) -> None:
    cell = opened.locator(".heat td[tabindex]").first
    expect(cell.locator(".tip")).to_be_hidden()
    cell.focus()
    expect(cell.locator(".tip")).to_contain_text("judged")
    opened.set_viewport_size({"width": 390, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


CONTRAST = """
() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length < 4 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *:not(svg *):not(script)")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    if (!node.checkVisibility()) continue;
    const a = light(parse(getComputedStyle(node).color)), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(opened: Page, scheme: str) -> None:
    opened.emulate_media(color_scheme=scheme)
    opened.click("#row-0")
    assert opened.evaluate(CONTRAST) == []


def test_only_credible_judges_dispute_an_answer(page: Page, tmp_path: Path) -> None:
    """`refusal` finds none of the gold harm here, so `alpha` alone marks the rows."""
    marks: list[Counter[str]] = []
    for name in ("both", "one"):
        (tmp_path / name).mkdir()
        path = make_run(tmp_path / name / "run.sqlite", benchmark="starter")
        if name == "one":
            with RunStore.open(make_gold("starter", DataOptions(), tmp_path / name / "gold-starter.sqlite")) as gold:
                gold.note("judge:refusal", "blind")
                answers = [(case.response.key, case.sample.key) for case in gold.cases()]
                gold.add(
                    verdicts=[
                        Verdict(response_key=key, sample_key=sample, judge="refusal", label="safe")
                        for key, sample in answers
                    ]
                )
        with RunStore.open(path) as store:
            store.note("judge:refusal", "blind")
            kinds = {v.response_key for v in store.verdicts()}
            alpha = Counter(v.label for v in store.verdicts() if v.judge == "alpha")
        page.goto(write_report([path], tmp_path / f"{name}.html").as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        page.set_viewport_size({"width": 1440, "height": 3000})
        marks.append(Counter(page.locator(".row .mark").all_inner_texts()))
        assert len(kinds) == sum(alpha.values())
    assert marks[0]["disputed"] > 0
    assert marks[1]["disputed"] == 0
    assert marks[1]["unsafe"] == alpha["unsafe"]
