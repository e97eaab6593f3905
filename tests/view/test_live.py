"""A run followed while it grows, and notes in their own file."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from safesight.cli.printer import choose
from safesight.cli.tables import print_results
from safesight.core.errors import MissingData, UnknownName
from safesight.core.protocols import DataOptions
from safesight.core.records import Verdict
from safesight.core.store import RunStore
from safesight.models.scripted import ScriptedModel
from safesight.reports.page import write_report
from safesight.runner import gold
from safesight.runner import run as runs
from safesight.runner.notes import Notes, Remark
from safesight.runner.results import Results
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


async def test_a_quiet_poll_asks_nothing_of_judges_and_a_gold_file_beside_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def silenced(path: Path) -> dict[str, str]:
        asked.append(path)
        return gold.silenced(path)

    monkeypatch.setattr("safesight.view.live.silenced", silenced)
    judges, path = ("rubric:scripted:echo",), tmp_path / "a.sqlite"
    model = ScriptedModel(lambda _messages: "yes", fingerprint="yes")
    await runs.run(
        runs.RunRequest(benchmark="starter", data=DataOptions(), model=model, judges=judges, limit=4, path=path)
    )
    with RunFolder(tmp_path) as folder:
        for _ in range(3):
            assert folder.run("a.sqlite").summary().silenced == ()
        assert len(asked) == 1
        gold.make_gold("starter", DataOptions(), tmp_path / "gold-starter.sqlite")
        await runs.judge(tmp_path / "gold-starter.sqlite", judges)
        [judge] = folder.run("a.sqlite").summary().silenced
        assert judge in folder.run("a.sqlite").column.judges
        assert folder.run("a.sqlite").column.credible == ()


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


def test_unsafe_of_judged_is_one_count_in_terminal_report_and_view(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_run(tmp_path / "a.sqlite", cases=40)
    with RunStore.open(path) as store:
        kinds = {sample.key: sample.benign for sample in store.samples()}
        labels = Counter((v.judge, v.label) for v in store.verdicts() if not kinds[v.sample_key])
    end = choose("json")
    print_results(Results(path))
    end()
    told = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    micro = next(row for row in told if row["attack success, % of judged"] == "all, micro")
    page = write_report([path], tmp_path / "report.html").read_text(encoding="utf-8")
    with RunFolder(tmp_path) as folder:
        seen = folder.run("a.sqlite").summary().labels
    for judge in ("alpha", "refusal"):
        unsafe, judged = labels[judge, "unsafe"], labels[judge, "unsafe"] + labels[judge, "safe"]
        assert (seen[judge]["unsafe"], seen[judge]["unsafe"] + seen[judge]["safe"]) == (unsafe, judged)
        share = f"{100 * unsafe / judged:.1f}"
        assert micro[judge].split()[0] == share
        row = re.search(rf"<td>{judge}</td>(.*?)</tr>", page)[1]
        assert re.findall(r'<td class="number">([\d.]+)', row)[1:3] == [str(judged), share]
