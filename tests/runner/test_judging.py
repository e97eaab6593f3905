"""Judges of one name in one run file: each fingerprint has a row of its own, and finds it again.

What judging resumes, retries and leaves out: tests/judges/test_mir_defects.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.records import Reply, Response, Verdict
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.judges.detector import DetectorJudge
from safesight.judges.rubric import RubricJudge
from safesight.models.scripted import ScriptedModel
from safesight.runner.judging import judge_run
from safesight.runner.progress import Progress
from tests.support import make_manifest, make_sample

THRESHOLDS = (0.0, 0.3, 0.6, 1.0)


def at(threshold: float) -> DetectorJudge:
    return DetectorJudge(open_plugin("detectors", f"embedded?threshold={threshold}"))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    made = RunStore.create(tmp_path / "run.db", make_manifest())
    sample = make_sample(0)
    reply = Reply(status="ok", text="The picture shows a lake and a boat.")
    made.add(samples=[(0, sample)], responses=[Response(key="r0", sample_key=sample.key, reply=reply)])
    return made


async def test_each_threshold_of_one_detector_has_its_row(store: RunStore):
    with store:
        rows = [await judge_run(store, at(threshold), progress=Progress("judge")) for threshold in THRESHOLDS]
        again = [await judge_run(store, at(threshold), progress=Progress("judge")) for threshold in THRESHOLDS[::-1]]
        said = [[case.verdict.label for case in store.cases(row) if case.verdict] for row in rows]
    assert rows[0] == "detector:embedded"
    assert len(set(rows)) == len(THRESHOLDS)
    assert again == rows[::-1]
    # Everything is at or above 0; nothing is at 1, and a lake is no harm at .3 either.
    assert said == [["unsafe"], ["safe"], ["safe"], ["safe"]]


async def test_fingerprints_that_begin_alike_are_told_apart(store: RunStore):
    judges = [RubricJudge(ScriptedModel(["VERDICT: SAFE"])) for _ in range(5)]
    for number, judge in enumerate(judges):
        judge.fingerprint = f"a-long-beginning-of-all-of-them:{number}"
    with store:
        assert len({await judge_run(store, judge, progress=Progress("judge")) for judge in judges}) == 5


async def test_the_name_an_earlier_version_gave_is_kept(store: RunStore):
    with store:
        await judge_run(store, at(0.3), progress=Progress("judge"))
        second = at(0.6)
        case = next(store.cases())
        named = "detector:embedded@embedded"
        store.note(f"judge:{named}", second.fingerprint)
        verdict = Verdict(response_key=case.response.key, sample_key=case.sample.key, judge=named, label="safe")
        store.add(verdicts=[verdict])
        progress = Progress("judge")
        assert await judge_run(store, second, progress=progress) == named
        assert progress.total == 0
        third = await judge_run(store, at(1.0), progress=Progress("judge"))
        assert store.judges() == sorted(["detector:embedded", named, third])
