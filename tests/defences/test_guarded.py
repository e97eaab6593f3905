from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.messages import Image, Message, system, user
from safesight.core.protocols import Defence
from safesight.core.records import Decoding, Reply, Sample, Usage
from safesight.core.registry import names, open_plugin
from safesight.defences.guarded import Protector
from safesight.defences.prompting import SafetyPrompt, SelfCheck, with_system
from safesight.guard.guard import Guard
from safesight.guard.policy import DetoxifyRule, InputRule, Policy
from safesight.models.scripted import Line, Scripted, ScriptedModel
from tests.guard.detectors import BAD, RunningWordDetector, WordDetector
from tests.support import make_sample

GREEDY = Decoding(temperature=0.0)


def text_sample() -> Sample:
    return make_sample(1, images=())


async def answer(defence: Defence, lines: list[Line], sample: Sample | None = None) -> tuple[Reply, ScriptedModel]:
    model = ScriptedModel(lines)
    return await defence.respond(model, sample or text_sample(), decoding=GREEDY), model


@pytest.fixture
def words(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text(f"[hte]\n{BAD}\n")
    path = tmp_path / "policy.toml"
    path.write_text(f"input.ocr = false\n[[detectors]]\nname = 'patterns:{tmp_path / 'words.txt'}'\n")
    return path


async def test_safety_prompt_comes_first_and_keeps_the_conversation() -> None:
    sample = text_sample()
    reply, model = await answer(SafetyPrompt(), ["Fine."], sample)
    asked = model.calls[0].messages
    assert reply.text == "Fine."
    assert asked[0].role == "system"
    assert tuple(asked[1:]) == sample.messages
    merged = with_system([system("Be brief."), user("Hi")], "First.")
    assert [m.role for m in merged] == ["system", "user"]
    assert merged[0].text == "First.\nBe brief."


async def test_self_check_keeps_an_answer_the_model_finds_harmless() -> None:
    reply, model = await answer(SelfCheck(), ["The answer.", "No."])
    assert reply.text == "The answer."
    assert [(e.kind, e.action) for e in reply.guard_events] == [("self_check", "release")]
    assert len(model.calls) == 2
    assert "The answer." in model.calls[1].messages[0].text


async def test_self_check_answers_again_from_a_caption() -> None:
    sample = make_sample(2)
    lines: list[Line] = [
        Scripted(text="Bad answer", usage=Usage(completion_tokens=5)),
        Scripted(text="yes", usage=Usage(completion_tokens=1)),
        Scripted(text="A white square.", usage=Usage(completion_tokens=4)),
        Scripted(text="Better answer", usage=Usage(completion_tokens=6)),
    ]
    reply, model = await answer(SelfCheck(), lines, sample)
    assert reply.text == "Better answer"
    assert [e.kind for e in reply.guard_events] == ["self_check", "caption"]
    assert reply.usage.completion_tokens == 16
    images: list[tuple[Image, ...]] = [
        tuple(i for m in call.messages if isinstance(m, Message) for i in m.images) for call in model.calls
    ]
    assert [len(i) for i in images] == [1, 1, 1, 0], "the last answer is given without the image"
    assert "A white square." in model.calls[3].messages[-1].text


@pytest.mark.parametrize("verdict", ["maybe", "", "not sure, no"])
async def test_self_check_takes_an_unclear_verdict_for_harm(verdict: str) -> None:
    reply, _ = await answer(SelfCheck(), ["Suspicious", Scripted(text=verdict, status="ok"), "Again"])
    assert reply.text == "Again"
    assert reply.guard_events[0].detail == "unparsed"


async def test_self_check_never_falls_back_to_the_answer_under_suspicion() -> None:
    broken = Scripted(status="error", error="503")
    reply, _ = await answer(SelfCheck(), ["Suspicious", broken])
    assert (reply.status, reply.text) == ("error", "")
    assert "503" in reply.error
    reply, _ = await answer(SelfCheck(), ["Suspicious", "yes", broken], make_sample(2))
    assert (reply.status, reply.text) == ("error", "")
    failed, model = await answer(SelfCheck(), [broken])
    assert failed.status == "error"
    assert len(model.calls) == 1


async def test_protector_block_refuses_visibly(words: Path) -> None:
    defence = open_plugin("defences", f"protector_block:{words}")
    assert defence is not None
    reply, _ = await answer(defence, [f"The {BAD} way."])
    assert (reply.status, reply.finish_reason) == ("ok", "content_filter")
    assert reply.text == "I can't help with content that demeans people for who they are."
    assert [(e.kind, e.action) for e in reply.guard_events] == [("input", "release"), ("window", "refuse")]
    safe, _ = await answer(defence, ["The usual way."])
    assert (safe.text, safe.finish_reason) == ("The usual way.", "stop")
    await defence.aclose()


async def test_protector_does_not_ask_the_model_about_a_refused_request(words: Path) -> None:
    defence = open_plugin("defences", f"protector_block:{words}")
    assert defence is not None
    sample = msgspec.structs.replace(text_sample(), messages=(user(f"Tell me the {BAD} way"),))
    reply, model = await answer(defence, [], sample)
    assert model.calls == []
    assert reply.finish_reason == "content_filter"
    assert [e.kind for e in reply.guard_events] == ["input"]


async def test_protector_rewrite_lets_the_guarded_model_rewrite_and_counts_its_tokens(words: Path) -> None:
    defence = open_plugin("defences", f"protector_rewrite:{words}")
    assert defence is not None
    lines: list[Line] = [
        Scripted(text=f"The {BAD} way.", usage=Usage(completion_tokens=7)),
        Scripted(text="The allowed way.", usage=Usage(completion_tokens=3)),
    ]
    reply, model = await answer(defence, lines)
    assert reply.text == "The allowed way."
    assert reply.usage.completion_tokens == 10
    assert len(model.calls) == 2
    assert [e.action for e in reply.guard_events] == ["release", "rewrite", "release"]
    refused, _ = await answer(defence, [f"The {BAD} way."] * 3)
    assert refused.text.startswith("I can't help")


async def test_latency_includes_the_guard() -> None:
    class Slow(WordDetector):
        async def score(self, exchanges):
            import asyncio

            await asyncio.sleep(0.05)
            return await super().score(exchanges)

    guard = Guard(Policy(input=InputRule(text=False, ocr=False)), detectors=[Slow()])
    reply, _ = await answer(Protector("p", guard), ["Fine."])
    assert reply.latency_ms >= 50


async def test_an_error_of_the_model_stays_an_error(words: Path) -> None:
    defence = open_plugin("defences", f"protector_block:{words}")
    assert defence is not None
    reply, _ = await answer(defence, [Scripted(status="error", error="503")])
    assert (reply.status, reply.error) == ("error", "503")


def test_every_listed_defence_opens_and_the_rest_is_an_error(words: Path) -> None:
    for name in names("defences"):
        if name == "paper_faithful":
            continue  # it refuses to open without the paper's kind of detector: tests/defences/test_published.py
        with_policy = name.startswith("protector")
        defence = open_plugin("defences", f"{name}:{words}" if with_policy else name)
        if name == "none":
            assert defence is None
            continue
        assert isinstance(defence, Defence)
        assert defence.name.startswith(name)
        assert bool(defence.detector_fingerprints) is with_policy
    with pytest.raises(UnknownName, match="Did you mean 'self_check'"):
        open_plugin("defences", "selfcheck")
    with pytest.raises(ConfigError, match="takes no policy"):
        open_plugin("defences", "safety_prompt:x.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        open_plugin("defences", "protector_block:none.toml")


def test_fingerprints_tell_defences_and_policies_apart(words: Path) -> None:
    other = words.with_name("other.toml")
    other.write_text(words.read_text() + "when = 'end'\n")
    full = [f"{kind}:{path}" for kind in ("protector_block", "protector_rewrite") for path in (words, other)]
    found = [open_plugin("defences", name) for name in [*full, "safety_prompt", "self_check"]]
    assert len({d.fingerprint for d in found if d is not None}) == len(found)


def test_protector_takes_a_running_detector() -> None:
    policy = Policy(action="rewrite", detoxify=DetoxifyRule(model="guarded"), input=InputRule(ocr=False))
    guard = Guard(policy, detectors=[RunningWordDetector()])
    assert guard.rewritten_by(ScriptedModel(["x"])).fingerprint == guard.fingerprint
