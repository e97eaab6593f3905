"""What the page says: the verdict, self-graded judges, what was not recorded, and nothing unescaped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safesight.analysis.outcomes import summarise
from safesight.core.errors import ConfigError, StoreError
from safesight.core.store import RunStore
from safesight.reports.build import gather
from safesight.reports.export import as_text
from safesight.reports.page import render, write_report
from safesight.reports.words import verdict
from safesight.runner.paired import compare_runs
from safesight.runner.results import Results, main_judge, read_results, run_name
from tests.analysis.test_outcomes import respondents
from tests.reports.made import make_run
from tests.support import make_manifest


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        make_run(folder / "none.sqlite", model="<b>odd</b> & model", probes=True),
        make_run(folder / "guarded.sqlite", model="<b>odd</b> & model", defence="protector_rewrite"),
    ]


@pytest.fixture(scope="module")
def html(pair: list[Path]) -> str:
    return render(gather(pair))


def test_the_verdict_gives_both_rates_and_the_paired_change(html: str) -> None:
    said = re.search(r'id="verdict">(.*?)</p>', html, re.DOTALL)[1]
    assert "judged attacks unsafely" in said
    assert "points" in said
    assert "as alpha judges." in said


def test_nothing_of_a_run_is_markup(html: str) -> None:
    assert "<b>odd</b>" not in html
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; model" in html


def test_the_page_asks_nothing_of_the_network(html: str) -> None:
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", html) == []
    assert "default-src 'none'" in html.replace("&#39;", "'")


def test_self_graded_judges_are_marked_and_do_not_lead(html: str, pair: list[Path]) -> None:
    assert "Self-graded: refusal in" in html
    assert main_judge(read_results(pair)) == "alpha"


def test_each_section_says_what_records_it_where_nothing_is(tmp_path: Path) -> None:
    path = tmp_path / "bare.sqlite"
    RunStore.create(path, make_manifest()).close()
    page = render(gather([path]))
    for command in ("safesight explain modes", "safesight explain entropy", "safesight judge", "--scores", "--defence"):
        assert command in page
    assert "nobody judged this run yet" in page


def test_figures_and_tables_are_exported(pair: list[Path], tmp_path: Path) -> None:
    from safesight.reports.charts import save

    scores = tmp_path / "scores.csv"
    scores.write_text("model,score\nplain-7b,42\n")
    plain = gather([make_run(tmp_path / "plain.sqlite", model="plain-7b")], scores=scores)
    assert set(plain.figures) == {"modes", "capability"}
    content = gather(pair)
    assert set(content.figures) == {"modes", "before-after", "entropy"}
    save({name: content.figures[name] for name in ("entropy", "before-after")}, tmp_path / "figures")
    assert (tmp_path / "figures/entropy.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figures/before-after.svg").read_text().startswith("<svg")
    latex, markdown = as_text(content, "latex"), as_text(content, "markdown")
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") > 5
    assert r"<b>odd</b> \& model" in latex
    assert r"\<b\>odd\</b\> & model" in markdown


def test_the_capability_risk_picture_has_one_legend_in_the_order_of_the_runs() -> None:
    """As Vega draws it: colour and shape of the same runs were two legends side by side."""
    import vl_convert

    from safesight.reports import charts

    told = respondents(4, capable=1.0, careful=0.0, timid=0.0, seed=0)
    drawn = charts.outcomes({name: summarise(told) for name in ("zero", "alpha")})
    assert drawn is not None
    drawing = vl_convert.vegalite_to_vega(drawn.to_dict())
    assert len(drawing["legends"]) == 1
    assert [s["domain"] for s in drawing["scales"] if s["name"] in ("color", "shape")] == [["zero", "alpha"]] * 2


def test_what_cannot_be_done_says_what_to_do(pair: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no verdict of judge 'nobody'"):
        gather(pair, judge="nobody")
    with pytest.raises(StoreError, match="no such run file"):
        write_report([tmp_path / "absent.sqlite"], tmp_path / "r.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Choose another --output"):
        write_report(pair[:1], tmp_path / "file" / "r.html")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("model", "called"),
    [
        ("replay:/data/runs/a.sqlite", "replay:a.sqlite"),
        ("replay:runs/demo/a.sqlite", "replay:a.sqlite"),
        ("gguf:/models/m.gguf+/models/proj.gguf", "gguf:m.gguf+proj.gguf"),
        ("embedded:../mine/out", "embedded:out"),
        ("http://127.0.0.1:8000/v1#qwen2.5-vl", "http://127.0.0.1:8000/v1#qwen2.5-vl"),
        ("gguf:hf:ORG/REPO:Q4", "gguf:hf:ORG/REPO:Q4"),
        ("hf/ORG/NAME@main", "hf/ORG/NAME@main"),
    ],
)
def test_runs_are_called_without_the_folders_of_files(model: str, called: str) -> None:
    assert run_name(make_manifest(model=model)) == called


def test_of_many_runs_the_verdict_tells_the_first_and_where_the_others_lie(tmp_path: Path) -> None:
    names = ("first", "second", "third", "fourth")
    paths = [
        make_run(tmp_path / f"{name}.sqlite", model=name, defence="d" if name == "third" else "none") for name in names
    ]
    runs = [Results(path) for path in paths]
    said = verdict(runs, "alpha", None)
    assert said.startswith("On test, first answered ")
    assert "of 3 others third + d lies lowest" in said
    assert len(said) < 250


def test_a_comparison_calls_a_policy_without_its_folders(tmp_path: Path) -> None:
    plain, guarded = make_run(tmp_path / "a.sqlite"), make_run(tmp_path / "b.sqlite", defence="block:/home/me/p.toml")
    found = compare_runs(Results(plain), Results(guarded))["alpha"]
    assert (found.before, found.after) == ("none", "block:p.toml")
