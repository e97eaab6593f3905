"""A run followed while it grows, and notes in their own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import MissingData, UnknownName
from safesight.core.records import Verdict
from safesight.core.store import RunStore
from safesight.runner.notes import Notes, Remark
from safesight.view.folder import RunFolder
from safesight.view.live import entries
from tests.reports.made import add_cases, make_run


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    path = make_run(tmp_path / "a.sqlite", cases=4)
    with RunFolder(tmp_path) as folder, RunStore.open(path) as store:
        run = folder.run("a.sqlite")
        assert len(run.log) == 4
        folder.run("a.sqlite")
        assert len(run.log) == 4
        add_cases(store, range(4, 6), store.manifest, text=str)
        assert len(folder.run("a.sqlite").log) == 6
        first = next(run.rows[key] for key in run.log)
        late = Verdict(response_key=first.response.key, sample_key=first.sample.key, judge="late", label="safe")
        store.add(verdicts=[late])
        folder.run("a.sqlite")
        assert run.log[6:] == [first.sample.key]
        assert [v.judge for v in entries([run], iter(run.log[6:]))[0].answers[0].verdicts] == [
            "alpha",
            "late",
            "refusal",
        ]


def test_a_name_the_scan_did_not_find_opens_nothing(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "a.sqlite", cases=2)
    make_run(tmp_path / "secret.sqlite", cases=2)
    with RunFolder(tmp_path / "runs") as folder:
        assert list(folder.files()) == ["a.sqlite"]
        with pytest.raises(UnknownName):
            folder.run("../secret.sqlite")
    with pytest.raises(MissingData):
        RunFolder(tmp_path / "absent")


def test_notes_are_kept_replaced_removed_and_exported(tmp_path: Path) -> None:
    path = tmp_path / "safesight-notes.sqlite"
    with Notes(path) as notes:
        assert notes.all() == []
        assert not path.exists()
        notes.put(Remark(response="r1", sample="s1", label="unsafe", note="=1+1"))
        notes.put(Remark(response="r1", sample="s1", label="safe", note="=1+1"))
        notes.put(Remark(response="r2", sample="s2", note="look"))
    with Notes(path) as notes:
        assert [(n.response, n.label) for n in notes.all()] == [("r1", "safe"), ("r2", "")]
        assert [(v.judge, v.label) for v in notes.verdicts()] == [("human", "safe")]
        assert "'=1+1" in notes.to_csv()
        assert notes.to_jsonl().count("\n") == 2
        notes.put(Remark(response="r2", sample="s2"))
        assert [n.response for n in notes.all()] == ["r1"]
