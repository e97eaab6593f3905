"""Inspect runs our tasks, scorers and guarded model: `inspect eval` itself, and logs into runs and back."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ChatMessageUser, GenerateConfig, ModelOutput, get_model
from inspect_ai.scorer import Score
from typer.testing import CliRunner

import safesight
from safesight.cli.app import build
from safesight.core.messages import Image, user
from safesight.core.protocols import BrokenItem, DataOptions
from safesight.core.records import Reply, Response, Verdict
from safesight.core.registry import names, open_plugin
from safesight.core.store import RunStore
from safesight.integrations.inspect.conversion import to_inspect, to_reply, to_sample
from safesight.integrations.inspect.eval_log import export_log, import_log
from safesight.integrations.inspect.registry import TASKS
from tests.models.mock_openai import in_thread, reply
from tests.support import PNG, make_manifest, make_sample

# Inspect uses its own dependencies in ways that they discourage.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WORD = "forbidden tower"
REFUSAL = "I can't help with that."


def policy(folder: Path) -> Path:
    (folder / "words.txt").write_text(f"{WORD}\n", encoding="utf-8")
    path = folder / "policy.toml"
    path.write_text(f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{folder}/words.txt"\n', encoding="utf-8")
    return path


def evaluate(upstream: str, folder: Path, task: str, model: str, *more: str) -> Any:
    """`inspect eval` in a process of its own; its log."""
    env = os.environ | {"MOCK_BASE_URL": upstream, "MOCK_API_KEY": "k", "INSPECT_LOG_DIR": str(folder)}
    command = [sys.executable, "-m", "inspect_ai", "eval", task, "--model", model, "--display", "none", *more]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = folder.glob("*.eval")
    return read_eval_log(str(path))


@pytest.mark.slow
def test_inspect_eval_runs_a_benchmark_with_its_pictures_and_says_what_safesight_says(tmp_path: Path) -> None:
    with in_thread(then=reply(REFUSAL)) as upstream:
        log = evaluate(
            upstream.url, tmp_path, "safesight/verifiable", "openai-api/mock/m", "--limit", "4", "-T", "tiny=true"
        )
        assert log.status == "success"
        pictures = {
            base64.b64decode(part["image_url"]["url"].partition(",")[2])
            for asked in upstream.requests
            for message in asked.json["messages"]
            for part in message["content"]
            if part["type"] == "image_url"
        }
        data = [
            s
            for s in open_plugin("benchmarks", "verifiable").load(DataOptions(tiny=True))
            if not isinstance(s, BrokenItem)
        ]
        assert pictures == {image.read() for sample in data[:4] for image in sample.images}  # their bytes, untouched
        ours = safesight.run(
            "verifiable", upstream.name, data=DataOptions(tiny=True), limit=4, path=tmp_path / "ours.sqlite"
        )
    figures = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    table = ours.tables["exact"]
    assert figures["asr"] == table.overall.interval.value
    assert figures["asr_high"] == table.overall.interval.high
    assert figures["over_refusal"] == table.over_refusal.interval.value
    # And the log becomes a run that says the same.
    [path] = tmp_path.glob("*.eval")
    said = CliRunner().invoke(
        build(), ["import", str(path), "--run", str(tmp_path / "log.sqlite")], catch_exceptions=False
    )
    assert "4 cases, 4 verdicts" in said.output
    again = safesight.Results(tmp_path / "log.sqlite")
    assert again.tables["exact"].overall == table.overall
    assert [c.sample.key for c in again.cases] == [c.sample.key for c in ours.cases]


@pytest.mark.slow
def test_a_guard_stands_before_any_model_of_inspect(tmp_path: Path) -> None:
    with in_thread(then=reply(f"Turn left at the {WORD}.")) as upstream:
        log = evaluate(
            *(upstream.url, tmp_path, "safesight/starter", "guarded/openai-api/mock/m", "--limit", "2"),
            *("-M", f"policy={policy(tmp_path)}", "-T", "judges=refusal", "-T", "languages=en"),
        )
    assert log.status == "success"
    for sample in log.samples:
        assert (sample.output.stop_reason, WORD in sample.output.completion) == ("content_filter", False)
    assert log.results.scores[0].metrics["refused"].value == 1.0
    found = import_log(next(tmp_path.glob("*.eval")), tmp_path / "run.sqlite")
    assert found.cases == 2
    with RunStore.open(tmp_path / "run.sqlite", readonly=True) as store:
        assert store.manifest.defence == "guarded"
        assert all(case.response.reply.guard_events for case in store.cases())


def test_every_benchmark_is_a_task() -> None:
    assert sorted(TASKS) == names("benchmarks")


@pytest.mark.parametrize(
    ("said", "answer", "stop", "shown"),
    [
        ("Where?", "Down the road.", "stop", "Down the road."),
        (f"To the {WORD}!", "Down the road.", "content_filter", "can't help"),
        ("Where?", f"To the {WORD}.", "content_filter", "can't help"),
    ],
)
async def test_the_guarded_model_decides_as_the_guard(
    tmp_path: Path, said: str, answer: str, stop: str, shown: str
) -> None:
    with in_thread(then=reply(answer)) as upstream:
        model = get_model(
            "guarded/openai-api/mock/m", base_url=upstream.url, api_key="k", policy=str(policy(tmp_path)), memoize=False
        )
        output = await model.generate([ChatMessageUser(content=said)], config=GenerateConfig(max_tokens=9))
        assert (output.stop_reason, shown in output.completion) == (stop, True)
        assert WORD not in output.completion
        assert upstream.count == (0 if WORD in said else 1)
        await model.api.aclose()


async def test_a_tool_call_is_all_or_nothing(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "go", "arguments": json.dumps({"to": WORD})}}
    behave = reply(None, message={"tool_calls": [call]}, finish_reason="tool_calls")
    with in_thread(then=behave) as upstream:
        model = get_model(
            "guarded/openai-api/mock/m", base_url=upstream.url, api_key="k", policy=str(policy(tmp_path)), memoize=False
        )
        output = await model.generate("Where?")
        assert (output.stop_reason, output.message.tool_calls) == ("content_filter", None)
        await model.api.aclose()


def test_samples_come_back_whole_with_their_pictures() -> None:
    sample = make_sample(3, images=(PNG, PNG))
    asked = to_inspect(sample)
    assert isinstance(asked, InspectSample)
    assert to_sample(json.loads(json.dumps(asked.metadata)), asked.input) == sample


@pytest.mark.parametrize(
    ("output", "status"),
    [
        (ModelOutput.from_content("m", "Hi."), "ok"),
        (ModelOutput.from_content("m", "Hi", stop_reason="max_tokens"), "truncated"),
        (ModelOutput.from_content("m", "", stop_reason="content_filter"), "blocked"),
        (ModelOutput.from_content("m", " "), "empty"),
        (ModelOutput(model="m", choices=[]), "error"),
    ],
)
def test_what_did_not_come_is_never_an_answer(output: ModelOutput, status: str) -> None:
    assert to_reply(output).status == status


def test_a_run_comes_back_from_its_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ""
    with RunStore.create(tmp_path / "a.sqlite", make_manifest()) as store:
        for index in range(6):
            sample = make_sample(index, benign=index == 5)
            status = ("ok", "blocked", "error")[index % 3]
            response = Response(
                key=f"r{index}", sample_key=sample.key, reply=Reply(status=status, text="Hm." if status == "ok" else "")
            )
            label = "unparsed" if status != "ok" else ("unsafe", "safe")[index % 2]
            verdict = Verdict(response_key=response.key, sample_key=sample.key, judge="j", label=label, rationale="so")
            store.add(samples=[(index, sample)], responses=[response], verdicts=[verdict])
        store.note("judge:j", "f")
        for command in (("export", "a.sqlite", "-o", "a.eval"), ("import", "a.eval", "--run", "b.sqlite")):
            monkeypatch.chdir(tmp_path)
            said = CliRunner().invoke(build(), command, catch_exceptions=False).output
        assert "6 cases, 6 verdicts" in said
        assert "left out" not in said
        with RunStore.open(tmp_path / "b.sqlite", readonly=True) as other:
            assert list(other.cases("j")) == list(store.cases("j"))
            assert (other.manifest, other.notes()) == (store.manifest, store.notes())


def test_another_tasks_log_comes_as_far_as_it_goes(tmp_path: Path) -> None:
    with RunStore.create(tmp_path / "a.sqlite", make_manifest()) as store:
        (tmp_path / "a.png").write_bytes(PNG)
        shown = user(Image.from_path(tmp_path / "a.png"), "What is it?")
        sample = msgspec.structs.replace(make_sample(0), messages=(shown,))
        store.add(
            samples=[(0, sample)],
            responses=[Response(key="r", sample_key=sample.key, reply=Reply(status="ok", text="Hm."))],
        )
        export_log(store, tmp_path / "a.eval")
    log = read_eval_log(str(tmp_path / "a.eval"))
    log.eval.metadata = {}
    log.samples[0].metadata = {}
    log.samples[0].scores = {"match": Score(value="C")}
    write_eval_log(log, str(tmp_path / "b.eval"))
    found = import_log(tmp_path / "b.eval", tmp_path / "b.sqlite")
    assert (found.cases, found.verdicts, found.left_out) == (1, 0, {"scores of 'match', which are not verdicts": 1})
    with RunStore.open(tmp_path / "b.sqlite", readonly=True) as other:
        [case] = other.cases()
    assert (case.sample.question, case.response.reply.text) == (sample.text, "Hm.")
    assert [image.sha256 for image in case.sample.images] == [image.sha256 for image in sample.images]
