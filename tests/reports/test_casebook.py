"""The cases as packed for the page: joined by key, cut to a budget, whole where they fit."""

from __future__ import annotations

import base64
import gzip
import random
from pathlib import Path

import msgspec

from safesight.reports.casebook import Book, make_book, pack
from safesight.reports.page import write_report
from safesight.reports.pictures import thumbnails
from safesight.runner.results import Results, read_results
from tests.reports.made import make_run, prose
from tests.support import png


def unpack(text: str) -> Book:
    return msgspec.json.decode(gzip.decompress(base64.b64decode(text)), type=Book)


def test_runs_are_joined_by_sample_and_a_missing_answer_is_null(tmp_path: Path) -> None:
    runs = read_results(
        [make_run(tmp_path / "a.sqlite", cases=8), make_run(tmp_path / "b.sqlite", cases=5, model="other")]
    )
    book = make_book(runs, cap=1000)
    assert len(book.cases) == 8
    assert [entry.answers[1] is None for entry in book.cases] == [False] * 5 + [True] * 3
    assert book.cap == 0
    first = book.cases[0].answers[0]
    assert [(v.judge, v.label) for v in first.verdicts] == [("alpha", "unsafe"), ("refusal", "safe")]


def test_the_book_round_trips_and_is_cut_only_as_far_as_it_must(tmp_path: Path) -> None:
    noise = base64.b64encode(random.Random(0).randbytes(60_000)).decode()
    runs = read_results([make_run(tmp_path / "a.sqlite", cases=8, text=lambda i: f"{i} {noise[i:]}")])
    whole, cap = pack(runs, budget=10_000_000)
    assert cap == 40_000
    assert unpack(whole).cases[0].answers[0].length > 70_000
    small, cut = pack(runs, budget=20_000)
    assert len(small) <= 20_000
    assert 0 < cut < cap


def test_thumbnails_stop_at_their_budget_and_skip_changed_files(tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(png(400, 300, "navy"))
    cases = Results(make_run(tmp_path / "a.sqlite", cases=3, image=picture)).cases
    found = thumbnails(cases, budget=100_000)
    assert len(found) == 1
    assert all(url.startswith("data:image/jpeg;base64,") for url in found.values())
    assert thumbnails(cases, budget=0) == {}
    picture.write_bytes(png(400, 300, "red"))
    assert thumbnails(cases, budget=100_000) == {}


def test_a_report_of_2676_cases_stays_under_three_megabytes(tmp_path: Path) -> None:
    page = write_report([make_run(tmp_path / "a.sqlite", cases=2676, text=prose)], tmp_path / "r.html")
    assert page.stat().st_size < 3_000_000
