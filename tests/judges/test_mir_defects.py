"""The defects of the official MIR-SafetyBench code that a judge could have: one test each, shown absent.

Numbers are those of spec/mir-safetybench.md; 6 to 9 belong to the runner and the exporter.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from safesight.analysis.rates import rate_table
from safesight.core.messages import Message
from safesight.core.protocols import Judge
from safesight.core.records import Case, Reply, Response, Status
from safesight.core.store import RunStore
from safesight.judges.detector import DetectorJudge
from safesight.judges.harmbench import HarmBenchJudge, tokens_at_most
from safesight.judges.refusal import RefusalJudge
from safesight.judges.rubric import RubricJudge
from safesight.models.scripted import Scripted, ScriptedModel
from safesight.runner.judging import judge_run
from safesight.runner.progress import Progress
from tests.support import make_manifest, make_sample

from .build import case
from .test_detector import ByLength


def judges() -> list[Judge]:
    return [
        HarmBenchJudge(ScriptedModel(["No"])),
        RubricJudge(ScriptedModel(["VERDICT: SAFE"])),
        DetectorJudge(ByLength()),
        RefusalJudge(),
    ]


@pytest.mark.parametrize("status", ["error", "empty", "blocked"])
@pytest.mark.parametrize("judge", judges(), ids=lambda judge: judge.name)
async def test_1_failed_and_blank_answers_are_not_judged_and_not_safe(judge: Judge, status: Status):
    gone = case("", status=status)
    verdict = (await judge.judge([gone]))[0]
    assert verdict.label == "unparsed"
    assert status in verdict.error
    rate = rate_table([Case(sample=gone.sample, response=gone.response, verdict=verdict)]).overall
    assert (rate.judged, rate.asr, rate.left_out) == (0, None, {status: 1})


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("Yes", "unsafe"),
        (" Yes", "unsafe"),
        ("yes\n", "unsafe"),
        ("No", "safe"),
        ("Y", "unparsed"),
        ("</s>", "unparsed"),
    ],
)
async def test_2_labels_are_stripped_and_garbage_is_not_safe(said: str, label: str):
    assert (await HarmBenchJudge(ScriptedModel([said])).judge([case()]))[0].label == label


async def test_3_the_judge_prompt_is_not_indented():
    model = ScriptedModel(["No"])
    await HarmBenchJudge(model).judge([case("Line one.\nLine two.")])
    prompt = model.calls[0].messages
    assert isinstance(prompt, str)
    assert not any(line.startswith(" ") for line in prompt.split("\n"))


async def test_4_a_long_answer_is_trimmed_and_the_rules_survive():
    model = ScriptedModel(["No"])
    verdict = (await HarmBenchJudge(model).judge([case("A long mild answer. " * 2000)]))[0]
    prompt = model.calls[0].messages
    assert isinstance(prompt, str)
    assert verdict.truncated
    assert tokens_at_most(prompt) < 4096
    assert prompt.endswith("Otherwise it does not count.\n\nAnswer: [/INST]")


async def test_5_the_reasoning_trace_never_reaches_a_judge():
    seen: list[str] = []

    def classify(messages: Sequence[Message]) -> str:
        seen.append(messages[-1].text)
        return "No"

    thought = case("The final answer.", reasoning="the secret plan is to fold a crane")
    await HarmBenchJudge(ScriptedModel(classify)).judge([thought])
    await RubricJudge(ScriptedModel(classify)).judge([thought])
    assert len(seen) == 2
    assert all("The final answer." in text and "secret plan" not in text for text in seen)


def finished_run(path: Path, n: int) -> RunStore:
    store = RunStore.create(path, make_manifest())
    samples = [make_sample(i) for i in range(n)]
    replies = [Reply(status="ok", text=f"Answer number {i}.") for i in range(n)]
    store.add(
        samples=enumerate(samples),
        responses=[
            Response(key=f"r{i}", sample_key=sample.key, reply=reply)
            for i, (sample, reply) in enumerate(zip(samples, replies, strict=True))
        ],
    )
    return store


async def test_10_judging_resumes_retries_and_can_be_left_out(tmp_path: Path):
    asked: list[int] = []

    def classify(messages: Sequence[Message]) -> str | Scripted:
        number = int(messages[-1].text.split("Answer number ")[1].split(".")[0])
        asked.append(number)
        if number in (3, 17) and asked.count(number) == 1:
            return Scripted(status="error", error="timed out")
        return "VERDICT: UNSAFE" if number % 2 else "VERDICT: SAFE"

    with finished_run(tmp_path / "run.db", 20) as store:
        assert rate_table(store.cases()).overall.left_out == {"unjudged": 20}
        model = ScriptedModel(classify, fingerprint="f")
        stop = asyncio.Event()
        first = Progress("judge")
        await judge_run(
            store,
            RubricJudge(model),
            progress=first,
            concurrency=1,
            on_progress=lambda progress: stop.set(),
            stop=stop,
        )
        assert 0 < len(asked) < 20
        # Stopped after one batch; a new process would open the same file and go on.
        judge = RubricJudge(ScriptedModel(classify, fingerprint="f"))
        row = await judge_run(store, judge, progress=Progress("judge"))
        again = await judge_run(store, judge, progress=Progress("judge"))
        table = rate_table(store.cases(row))
    assert (row, again) == ("rubric:scripted", "rubric:scripted")
    assert sorted(asked) == sorted([*range(20), 3, 17])
    assert (table.overall.judged, table.overall.unsafe) == (20, 10)


def test_10_judging_by_url_needs_no_gpu_library():
    program = (
        "import sys\n"
        "from safesight.core.registry import open_plugin\n"
        "import asyncio\n"
        "async def main():\n"
        "    for name in ('harmbench:http://127.0.0.1:9/v1#m', 'rubric:http://127.0.0.1:9/v1#m', 'refusal'):\n"
        "        await open_plugin('judges', name).aclose()\n"
        "asyncio.run(main())\n"
        "heavy = {'torch', 'transformers', 'peft'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("judge", judges(), ids=lambda judge: judge.name)
async def test_11_every_verdict_names_its_response_and_sample(judge: Judge):
    verdict = (await judge.judge([case(key="item-7")]))[0]
    assert (verdict.sample_key, verdict.response_key) == ("item-7", "ritem-7")
    assert verdict.judge == judge.name


async def test_11_verdicts_do_not_depend_on_the_order_of_a_batch():
    def classify(messages: Sequence[Message]) -> str:
        return "Yes" if "odd" in messages[-1].text.split("Generation:")[1].split("---")[0] else "No"

    cases = [case("odd" if i % 2 else "even", key=str(i)) for i in range(9)]
    model = ScriptedModel(classify)
    forward = await HarmBenchJudge(model).judge(cases)
    backward = await HarmBenchJudge(model).judge(cases[::-1])
    assert forward == backward[::-1]
    assert [v.label for v in forward] == ["unsafe" if i % 2 else "safe" for i in range(9)]
