"""The rubric judge over scripted models, a real endpoint and the real embedded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import Image, Message
from safesight.core.records import Usage
from safesight.core.registry import open_plugin
from safesight.judges.rubric import RubricJudge, shorten
from safesight.judges.rubrics import rubric
from safesight.models.scripted import Scripted, ScriptedModel
from tests.models.mock_openai import MockOpenAI, failure, reply
from tests.support import PNG

from .build import case


def shown(model: ScriptedModel, call: int = 0) -> str:
    asked = model.calls[call].messages
    assert not isinstance(asked, str)
    return asked[-1].text


async def test_labels_come_in_order_and_the_last_verdict_counts():
    def grade(messages: Sequence[Message]) -> str:
        return "VERDICT: SAFE ... no.\nVERDICT: UNSAFE" if "second" in messages[-1].text else "VERDICT: SAFE"

    judge = RubricJudge(ScriptedModel(grade))
    verdicts = await judge.judge([case("the first", key="1"), case("the second", key="2"), case("third", key="3")])
    assert [(v.sample_key, v.label) for v in verdicts] == [("1", "safe"), ("2", "unsafe"), ("3", "safe")]
    assert verdicts[1].rationale.startswith("VERDICT: SAFE ...")
    assert {v.prompt_hash for v in verdicts} == {rubric("question").sha256}


async def test_the_samples_own_rule_is_used_unless_one_is_forced():
    model = ScriptedModel(["VERDICT: SAFE"] * 4)
    legal, plain = case(meta={"rule": "legal"}), case()
    chosen = await RubricJudge(model).judge([legal, plain])
    forced = await RubricJudge(model, rule="gov").judge([legal])
    assert [v.meta["rubric"] for v in (*chosen, *forced)] == ["legal", "question", "gov"]
    unknown = await RubricJudge(model).judge([case(meta={"rule": "leagl"})])
    assert unknown[0].label == "unparsed"
    assert "Did you mean 'legal'" in unknown[0].error


async def test_the_reasoning_trace_and_unasked_images_are_not_shown():
    model = ScriptedModel(["VERDICT: SAFE"] * 2)
    image = Image.from_bytes(PNG)
    await RubricJudge(model).judge([case("Fold it.", reasoning="secret plan", images=(image,))])
    await RubricJudge(model, images=True).judge([case("Fold it.", images=(image,))])
    assert "secret plan" not in shown(model)
    assert [call.messages[-1].images for call in model.calls if not isinstance(call.messages, str)] == [(), (image,)]


async def test_an_image_that_is_gone_is_a_broken_verdict(tmp_path: Path):
    async with MockOpenAI(then=reply("VERDICT: SAFE")) as server:
        judge = open_plugin("judges", f"rubric:{server.name}?images=1")
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        gone = Image.from_path(path)
        path.unlink()
        verdicts = await judge.judge([case(images=(gone,), key="1"), case(key="2")])
        await judge.aclose()
    assert [v.label for v in verdicts] == ["unparsed", "safe"]
    assert "a.png: No such file" in verdicts[0].error


async def test_a_judge_that_fails_is_not_a_judge_that_says_safe():
    model = ScriptedModel(
        [
            Scripted(status="error", error="timed out"),
            Scripted(status="blocked"),
            Scripted(text=""),
            "Hard to say.",
        ]
    )
    judge = RubricJudge(model)
    verdicts = [(await judge.judge([case()]))[0] for _ in range(4)]
    assert [v.label for v in verdicts] == ["unparsed"] * 4
    # Only a failed call is tried again; a judge that will not or cannot say is an answer off the menu.
    assert [v.error for v in verdicts] == ["timed out", "", "", ""]
    with pytest.raises(ModelError, match="no line"):
        await judge.judge([case()])


async def test_long_answers_lose_their_middle_and_say_so():
    model = ScriptedModel(["VERDICT: SAFE"] * 2)
    judge = RubricJudge(model, max_chars=300)
    long, short = await judge.judge([case("start " + "x" * 5000 + " the end"), case("short")])
    assert (long.truncated, short.truncated) == (True, False)
    assert "start xxx" in shown(model)
    assert "xxx the end" in shown(model)
    assert len(shown(model)) - len(shown(model, 1)) < 400
    text, cut = shorten("abcdefghi", 6)
    assert (cut, text.replace("\n", "")) == (True, "abcd[... 3 characters left out ...]hi")


async def test_a_model_by_url_with_its_own_options():
    async with MockOpenAI(then=reply("The answer folds paper.\nVERDICT: SAFE")) as server:
        judge = open_plugin("judges", f"rubric:{server.name}?rubric=general&max_tokens=99&timeout_s=5")
        verdicts = await judge.judge([case(key=str(i)) for i in range(12)])
        await judge.aclose()
    assert {v.label for v in verdicts} == {"safe"}
    assert server.count == 12
    asked = server.last.json
    assert (asked["max_tokens"], asked["temperature"]) == (99, 0.0)
    assert judge.name == f"rubric:{server.name}?max_tokens=99&rubric=general&timeout_s=5"


async def test_a_failing_endpoint_breaks_verdicts_one_by_one():
    async with MockOpenAI(failure(400, "bad request"), then=reply("VERDICT: UNSAFE")) as server:
        judge = open_plugin("judges", f"rubric:{server.name}?retries=0")
        verdicts = [(await judge.judge([case()]))[0] for _ in range(2)]
        await judge.aclose()
    assert [v.label for v in verdicts] == ["unparsed", "unsafe"]
    assert "bad request" in verdicts[0].error


def test_fingerprints_follow_what_decides_verdicts():
    model = ScriptedModel(["VERDICT: SAFE"])
    base = RubricJudge(model).fingerprint
    assert base == RubricJudge(ScriptedModel(["VERDICT: SAFE"])).fingerprint
    others = [
        RubricJudge(model, rule="general"),
        RubricJudge(model, images=True),
        RubricJudge(model, max_tokens=5),
        RubricJudge(model, max_chars=5),
        RubricJudge(ScriptedModel(["VERDICT: UNSAFE"])),
    ]
    assert len({base, *(judge.fingerprint for judge in others)}) == 6


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("rubric", ConfigError, "expected a judging model"),
        ("rubric:scripted:echo?rubric=lgeal", UnknownName, "Did you mean 'legal'"),
        ("rubric:scripted:echo?images=yes", ConfigError, "images=0 or images=1"),
        ("rubric:scripted:echo?max_tokens=-1", ConfigError, "positive whole number"),
        ("rubric:scripted:echo?colour=red", UnknownName, "colour"),
        ("rubric:scriptd:echo", UnknownName, "Did you mean 'scripted'"),
    ],
)
def test_bad_names_say_what_to_do(name: str, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        open_plugin("judges", name)


async def test_usage_of_the_judge_is_not_the_models():
    judge = RubricJudge(ScriptedModel([Scripted(text="VERDICT: SAFE", usage=Usage(prompt_tokens=9))]))
    graded = case()
    await judge.judge([graded])
    assert msgspec.structs.asdict(graded.response.reply)["usage"] == Usage()


@pytest.mark.slow
async def test_the_real_embedded_model_judges_something():
    judge = open_plugin("judges", "rubric:embedded?max_tokens=24&rubric=general")
    verdicts = await judge.judge([case("Fold the sheet along its diagonal."), case("", status="empty")])
    await judge.aclose()
    assert verdicts[0].label in ("safe", "unsafe", "unparsed")
    assert verdicts[0].error == ""
    assert verdicts[0].rationale
    assert verdicts[1].error


@pytest.mark.parametrize(
    ("status", "finish"),
    [("truncated", "length"), ("truncated", "content_filter"), ("blocked", "content_filter"), ("empty", "")],
)
async def test_a_reply_that_did_not_end_has_no_verdict(status: str, finish: str):
    text = "" if status == "empty" else "The answer helps.\nVERDICT: SAFE"
    model = ScriptedModel([Scripted(text=text, status=status, finish_reason=finish)])
    (verdict,) = await RubricJudge(model).judge([case("an answer")])
    assert (verdict.label, verdict.error) == ("unparsed", "")
    assert status in verdict.rationale
