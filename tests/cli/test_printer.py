"""Tables in every form and width: read by parsers that are not ours, and by a ruler."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import markdown_it
import pytest
from rich.cells import cell_len
from rich.table import Table
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.cli.printer import Printer
from safesight.core.errors import UnknownName


def table() -> Table:
    grid = Table(title="before → after", title_justify="left")
    for head in ("measure", "a model with a long name | and a pipe", "change [95 %]", "p", "lost pairs"):
        grid.add_column(head, justify="left" if head == "measure" else "right")
    grid.add_row("attack_success", "12.5 %", "-20.0 % [-39.0 %, -1.0 %]", "0.031", "3 blocked, 2 empty")
    grid.add_section()
    grid.add_row("over_refusal & more", "0.0 %", "+0.0 % [-3.0 %, +3.0 %]", "–", "")
    return grid


def printed(form: str) -> str:
    stream = io.StringIO()
    printer = Printer(form, stream=stream)
    printer.print(table())
    printer.print("a note [with brackets]")
    printer.close()
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_stays_in_its_width_and_cuts_no_word(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = printed("table")
    assert max(map(cell_len, text.splitlines())) <= width
    for word in ("attack_success", "over_refusal", "-20.0 %", "-39.0 %", "blocked", "0.031", "[with brackets]"):
        assert word in text
    assert "…" not in text


def test_brackets_in_cells_are_printed() -> None:
    grid = Table(title="a [b] c")
    grid.add_column("[head]")
    grid.add_row("one phrase a line under `[category]` headings")
    out = io.StringIO()
    Printer("table", stream=out).print(grid)
    for words in ("a [b] c", "[head]", "`[category]`"):
        assert words in out.getvalue()


def test_json_is_json_and_says_everything() -> None:
    found = json.loads(printed("json"))
    assert found["notes"] == ["a note [with brackets]"]
    (only,) = found["tables"]
    assert only["title"] == "before → after"
    assert only["rows"][0]["change [95 %]"] == "-20.0 % [-39.0 %, -1.0 %]"


def test_markdown_is_a_table_to_a_markdown_parser() -> None:
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(printed("markdown"))
    cells = [
        t.content for i, t in enumerate(tokens) if t.type == "inline" and tokens[i - 1].type in ("td_open", "th_open")
    ]
    assert len(cells) == 3 * 5


def test_words_stand_left_and_numbers_right_to_a_markdown_parser() -> None:
    grid = Table(title="sides")
    for head in ("judge", "rate", "n", "change", "against", "why"):
        grid.add_column(head)
    grid.add_row("a", "–", "12", "+1.5 % [-2, 3]", "people: 60 answers", "")
    grid.add_row("b", "0.5 [0.1, 0.9]", "", "<0.001", "3 readers, by hand", "no key")
    out = io.StringIO()
    Printer("markdown", stream=out).print(grid)
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(out.getvalue())
    sides = ["right" if "right" in str(t.attrs.get("style", "")) else "left" for t in tokens if t.type == "th_open"]
    assert sides == ["left", "right", "right", "right", "left", "left"]


def test_latex_and_plain_have_a_line_a_row() -> None:
    latex = printed("latex")
    assert latex.count(r"\\") == 3
    assert r"over\_refusal \& more" in latex
    assert "% a note" in latex
    plain = printed("plain").splitlines()
    assert [line.split()[0] for line in plain[:4]] == ["before", "measure", "attack_success", "over_refusal"]


def test_an_unknown_form_is_told() -> None:
    with pytest.raises(UnknownName, match="latex"):
        Printer("html")


def test_standard_output_of_a_command_is_json_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "safesight", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    kinds = [found["title"] for found in json.loads(done.stdout)["tables"]]
    assert kinds == ["benchmarks", "models", "judges", "detectors", "defences"]


def test_help_says_every_summary_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], ["explain"], ["train"]):
        text = CliRunner().invoke(build(), [*words, "--help"]).output
        assert "..." not in text.partition("Commands:")[2]
        assert max(map(len, text.splitlines())) <= 80
