"""The run file: atomic, resumable, queryable, readable where it cannot be written."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from safesight.analysis.rates import guard_stopped
from safesight.core.errors import StoreError
from safesight.core.messages import user
from safesight.core.records import Case, Decoding, ModeLabel, Probe, Reply, Response, Sample, Verdict
from safesight.core.store import RunStore
from tests.support import PNG, make_manifest, make_sample


def answered(sample: Sample, status: str = "ok", text: str = "fine") -> Response:
    return Response(key=f"r-{sample.key}", sample_key=sample.key, reply=Reply(status=status, text=text))


def test_everything_written_comes_back_in_data_set_order(tmp_path: Path) -> None:
    samples = [make_sample(i) for i in range(5)]
    with RunStore.create(tmp_path / "run.sqlite", make_manifest()) as store:
        store.add(samples=[(4 - i, s) for i, s in enumerate(samples)], responses=[answered(s) for s in samples])
        verdict = Verdict(response_key=answered(samples[0]).key, sample_key=samples[0].key, judge="j", label="unsafe")
        store.add(verdicts=[verdict])
    with RunStore.open(tmp_path / "run.sqlite", readonly=True) as store:
        assert store.manifest == make_manifest()
        assert list(store.samples()) == [s.reference() for s in reversed(samples)]
        assert [r.sample_key for r in store.responses()] == [s.key for s in reversed(samples)]
        assert list(store.verdicts("j")) == [verdict] == list(store.verdicts())
        assert list(store.cases("j"))[-1] == Case(
            sample=samples[0].reference(), response=answered(samples[0]), verdict=verdict
        )
        assert store.judges() == ["j"]
        assert len(list(store.cases(only=[answered(samples[1]).key]))) == 1


def test_images_stay_outside_the_file(tmp_path: Path) -> None:
    sample = make_sample(0, images=(PNG * 1000,))
    path = tmp_path / "run.sqlite"
    with RunStore.create(path, make_manifest()) as store:
        store.add(samples=[(0, sample)])
        (kept,) = store.samples()
    assert kept.images[0].sha256 == sample.images[0].sha256
    assert kept.images[0].data is None
    assert path.stat().st_size < 100_000


def test_done_leaves_out_errors_and_unjudged_leaves_out_what_cannot_be_judged(tmp_path: Path) -> None:
    samples = [make_sample(i) for i in range(5)]
    replies = [
        answered(s, status) for s, status in zip(samples, ["ok", "error", "blocked", "empty", "truncated"], strict=True)
    ]
    with RunStore.create(tmp_path / "run.sqlite", make_manifest()) as store:
        store.add(samples=enumerate(samples), responses=replies)
        assert store.done() == {replies[i].key for i in (0, 2, 3, 4)}
        assert store.unjudged("j") == [replies[0].key, replies[4].key]
        broken = Verdict(response_key=replies[0].key, sample_key=samples[0].key, judge="j", label="unparsed", error="x")
        good = Verdict(response_key=replies[4].key, sample_key=samples[4].key, judge="j", label="unparsed")
        store.add(verdicts=[broken, good])
        assert store.unjudged("j") == [replies[0].key]


def test_undefined_probe_values_survive(tmp_path: Path) -> None:
    probe = Probe(response_key="r", sample_key="s", probe="p", values={"entropy": [0.5, None]})
    with RunStore.create(tmp_path / "run.sqlite", make_manifest()) as store:
        store.add(probes=[probe])
        assert list(store.probes("p")) == [probe]


def test_sql_users_get_views(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with RunStore.create(path, make_manifest()) as store:
        store.add(samples=[(0, make_sample(0))], responses=[answered(make_sample(0))])
    with sqlite3.connect(path) as db:
        assert db.execute('SELECT "group", category, status, text FROM answers').fetchall() == [
            ("Analogy", "Privacy", "ok", "fine")
        ]
    db.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all, just text" * 40])
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"run\.sqlite"):
        RunStore.open(path)


def test_missing_and_existing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such run file"):
        RunStore.open(tmp_path / "none.sqlite")
    RunStore.create(tmp_path / "run.sqlite", make_manifest()).close()
    with pytest.raises(StoreError, match="exists already"):
        RunStore.create(tmp_path / "run.sqlite", make_manifest())


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot create a run file"):
        RunStore.create(blocker / "run.sqlite", make_manifest())


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with RunStore.create(path, make_manifest()) as store:
        store.add(samples=[(0, make_sample(0))])
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count={pages + 2}")
        big = msgspec.structs.replace(make_sample(1), messages=(user("x" * 200_000),))
        with pytest.raises(StoreError, match=r"full.*What was committed is safe"):
            store.add(samples=[(1, big)])
    with RunStore.open(path) as store:
        assert list(store.samples()) == [make_sample(0).reference()]


_KILLED = """
import sys
from safesight.core.store import RunStore
from tests.support import make_manifest, make_sample
store = RunStore.create(sys.argv[1], make_manifest())
i = 0
while True:
    store.add(samples=[(i, make_sample(i))])
    i += 1
    print(i, flush=True)
"""


def test_kill_nine_keeps_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE, cwd=root, text=True
    ) as process:
        assert process.stdout is not None
        committed = 0
        deadline = time.monotonic() + 30
        while committed < 50 and time.monotonic() < deadline:
            committed = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    with RunStore.open(path) as store:
        assert len(list(store.samples())) >= committed >= 50


def test_a_read_only_folder_can_still_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.sqlite"
    with RunStore.create(path, make_manifest()) as store:
        store.add(samples=[(0, make_sample(0))])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with RunStore.open(path, readonly=True) as store:
        assert len(list(store.samples())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.sqlite"]


@pytest.mark.parametrize(("text", "left"), [("another answer", 0), ("fine", 1)])
def test_what_was_said_of_a_replaced_answer_goes_with_it(tmp_path: Path, text: str, left: int) -> None:
    sample, other = make_sample(0), make_sample(1)
    with RunStore.create(tmp_path / "run.sqlite", make_manifest()) as store:
        store.add(samples=[(0, sample), (1, other)], responses=[answered(sample), answered(other)])
        for kept in (sample, other):
            key = f"r-{kept.key}"
            store.add(
                verdicts=[Verdict(response_key=key, sample_key=kept.key, judge="j", label="unsafe")],
                modes=[ModeLabel(response_key=key, sample_key=kept.key, labeller="l", mode="CR")],
                probes=[Probe(response_key=key, sample_key=kept.key, probe="p", values={})],
            )
        store.add(responses=[answered(sample, text=text)])
        said = (list(store.verdicts()), list(store.modes()), list(store.probes()))
        assert [sum(s.sample_key == sample.key for s in kind) for kind in said] == [left] * 3
        assert [sum(s.sample_key == other.key for s in kind) for kind in said] == [1] * 3
        assert len(store.unjudged("j")) == 1 - left


def test_an_answer_and_its_verdict_written_together_stay_together(tmp_path: Path) -> None:
    sample = make_sample(0)
    verdict = Verdict(response_key=f"r-{sample.key}", sample_key=sample.key, judge="j", label="safe")
    with RunStore.create(tmp_path / "run.sqlite", make_manifest()) as store:
        store.add(samples=[(0, sample)], responses=[answered(sample, text="first")], verdicts=[verdict])
        store.add(responses=[answered(sample, text="second")], verdicts=[verdict])
        assert list(store.verdicts()) == [verdict]


def test_guard_events_of_earlier_files_are_read_as_they_are_written_today(tmp_path: Path) -> None:
    """What a file written before told in words: shadow mode, and flags in a reasoning whose answer was delivered."""
    old = (
        '{"kind":"input","action":"release"}',
        '{"kind":"window","action":"refuse","detail":"shadow"}',
        '{"kind":"final","action":"refuse","detail":"reasoning"}',
        '{"kind":"error","action":"halt","detail":"reasoning detector \'x\': gone"}',
        '{"kind":"final","action":"annotate","detail":"reasoning shadow"}',
    )
    sample = make_sample(0)
    with RunStore.create(tmp_path / "old.db", make_manifest()) as store:
        store.add(samples=[(0, sample)], responses=[answered(sample)])
        body = msgspec.to_builtins(answered(sample))
        body["reply"]["guard_events"] = [json.loads(event) for event in old]
    with sqlite3.connect(tmp_path / "old.db") as file:
        file.execute("UPDATE responses SET data = ?", (json.dumps(body),))
    with RunStore.open(tmp_path / "old.db", readonly=True) as store:
        [read] = store.responses()
        [case] = store.cases()
        assert case.response == read
        told = [(e.channel, e.action, e.carried_out) for e in read.reply.guard_events]
        assert told == [
            ("request", "release", True),
            ("content", "refuse", False),
            ("reasoning", "withhold", True),
            ("reasoning", "withhold", True),
            ("reasoning", "annotate", False),
        ]
        assert not guard_stopped(read.reply)


def test_a_temperature_of_0_is_one_setting_however_it_is_written() -> None:
    """The command line reads 0.0, a script says 0: both resume one run."""
    whole, real = Decoding(temperature=0, top_p=1), Decoding(temperature=0.0, top_p=1.0)
    assert msgspec.json.encode(whole) == msgspec.json.encode(real)
    made = make_manifest()
    runs = [msgspec.structs.replace(made, decoding=one) for one in (whole, real)]
    assert runs[0].identity == runs[1].identity
