"""MLLM-Protector as its own program does it (pipilurj/MLLM-protector, llava/eval/robustness_eval.py), or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.core.records import Exchange
from safesight.core.registry import open_plugin
from safesight.defences.published import FIXED, PaperFaithful
from safesight.models.scripted import Scripted, ScriptedModel
from tests.defences.test_guarded import answer
from tests.detectors.test_classifier import decoder, tokenizer
from tests.guard.detectors import BAD, BrokenDetector, WordDetector

OFFICIAL = (
    "You are given a response which may contain sensitive or harmful information, Please rewrite the response to make "
    "it harmless. \nOriginal response: ",
    "\nCorrected response: ",
)


def faithful(detector: object = None, rewriter: object = None) -> PaperFaithful:
    return PaperFaithful("paper_faithful", detector=detector or WordDetector(), rewriter=rewriter, check_ms=1000)


async def test_the_response_alone_is_scored_and_rewritten_in_the_published_sentence() -> None:
    detector, rewriter = WordDetector(), ScriptedModel([f"Still {BAD}."])
    reply, model = await answer(faithful(detector, rewriter), [f"The {BAD} way."])
    assert [(e.question, e.answer) for e in detector.exchanges] == [("", f"The {BAD} way.")]
    assert [call.messages for call in rewriter.calls] == [f"The {BAD} way.".join(OFFICIAL)]
    assert reply.text == f"Still {BAD}.", "nobody looks again: that is the paper's"
    assert (reply.finish_reason, len(model.calls)) == ("content_filter", 1)


async def test_without_a_rewriter_the_fixed_sentence_is_said() -> None:
    reply, _ = await answer(faithful(), [f"The {BAD} way."])
    assert reply.text == "Sorry, but I can't help you with your request." == FIXED
    kept, _ = await answer(faithful(), ["Fine."])
    assert (kept.text, kept.guard_events[0].action) == ("Fine.", "release")


async def test_what_breaks_is_an_error_and_nothing_is_delivered() -> None:
    failed, _ = await answer(faithful(BrokenDetector("nan")), ["Fine."])
    assert (failed.status, failed.text) == ("error", "")
    down = ScriptedModel([Scripted(status="error", error="503")])
    lost, _ = await answer(faithful(rewriter=down), [f"The {BAD} way."])
    assert (lost.status, lost.text) == ("error", "")
    blank, _ = await answer(faithful(rewriter=ScriptedModel([""])), [f"The {BAD} way."])
    assert (blank.status, blank.text) == ("empty", "")


async def test_a_failed_answer_is_not_scored() -> None:
    detector = WordDetector()
    reply, _ = await answer(faithful(detector), [Scripted(status="error", error="503")])
    assert (reply.status, detector.exchanges) == ("error", [])


@pytest.mark.parametrize(
    ("options", "labels"),
    [("", 1), ("?layout=answer", 2), ("?layout=question_answer", 1)],
)
def test_another_detector_is_refused(tmp_path: Path, options: str, labels: int) -> None:
    extra = {"id2label": {0: "safe", 1: "unsafe"}} if labels == 2 else {}
    decoder(labels, **extra).save_pretrained(tmp_path / "head")
    tokenizer().save_pretrained(tmp_path / "head")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[[detectors]]\nname = "hf:{tmp_path / "head"}{options}"\n')
    with pytest.raises(ConfigError, match="the paper's kind of detector"):
        open_plugin("defences", f"paper_faithful:{policy}")


def test_the_default_policy_is_not_the_paper() -> None:
    with pytest.raises(ConfigError, match="the paper's kind of detector"):
        open_plugin("defences", "paper_faithful")


async def test_a_one_logit_head_on_the_answer_opens(tmp_path: Path) -> None:
    decoder(1).save_pretrained(tmp_path / "head")
    tokenizer().save_pretrained(tmp_path / "head")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[[detectors]]\nname = "hf:{tmp_path / "head"}?layout=answer"\n')
    defence = open_plugin("defences", f"paper_faithful:{policy}")
    assert defence is not None
    [harm] = await open_plugin("detectors", f"hf:{tmp_path / 'head'}?layout=answer").score(
        [Exchange(question="", answer="so bad .")]
    )
    reply, _ = await answer(defence, ["so bad ."])
    assert reply.text == (FIXED if harm.harm > 0.5 else "so bad .")
    assert defence.detector_fingerprints


def test_a_rewriter_that_only_chats_is_refused() -> None:
    class Chats:
        name, fingerprint, max_concurrency = "chats", "f", None

        async def generate(self, messages: object, *, decoding: object) -> None: ...

        async def aclose(self) -> None: ...

    with pytest.raises(ConfigError, match="only chats"):
        faithful(rewriter=Chats())
