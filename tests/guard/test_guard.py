from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from safesight.analysis.rates import declined, guard_stopped
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.messages import Image, assistant, system, user
from safesight.core.protocols import Delta
from safesight.core.records import Exchange, Harm, Reply
from safesight.guard.detoxify import Detoxifier
from safesight.guard.guard import Guard, open_guard
from safesight.guard.policy import (
    CategoryRule,
    DetectorRule,
    DetoxifyRule,
    InputRule,
    Policy,
    StreamRule,
    TimeRule,
)
from safesight.models.scripted import ScriptedModel
from tests.guard.detectors import BAD, BrokenDetector, RunningWordDetector, WordDetector
from tests.support import png

NO_INPUT = InputRule(text=False, ocr=False)
QUESTION = [system("Be brief."), user("How do I boil an egg?")]


def make(policy: Policy | None = None, detector: WordDetector | None = None, **options: object) -> Guard:
    return Guard(policy or Policy(input=NO_INPUT), detectors=[detector or RunningWordDetector()], **options)


def reply(text: str, **fields: object) -> Reply:
    return Reply(status="ok", text=text, finish_reason="stop", latency_ms=5.0, **fields)


async def test_a_safe_answer_comes_back_as_it_was_with_the_guards_events() -> None:
    protected = await make().protect(reply("Eight minutes.", reasoning="simple"), messages=QUESTION)
    assert (protected.text, protected.reasoning, protected.finish_reason) == ("Eight minutes.", "simple", "stop")
    assert [(e.kind, e.channel, e.action, e.harm) for e in protected.guard_events] == [
        ("input", "request", "release", None),
        ("final", "reasoning", "release", 0.1),
        ("final", "content", "release", 0.1),
    ]
    assert protected.latency_ms > 5.0


async def test_a_flagged_answer_is_refused_and_says_so() -> None:
    protected = await make().protect(reply(f"Take the {BAD} one."), messages=QUESTION)
    assert protected.status == "ok"
    assert protected.finish_reason == "content_filter"
    assert protected.text.startswith("I can't help")
    assert protected.guard_events[-1].action == "refuse"


@pytest.mark.parametrize("detector", [RunningWordDetector(forgets=True), WordDetector()])
async def test_a_benign_tail_clears_nothing_in_a_whole_answer(detector: WordDetector) -> None:
    text = f"Take the {BAD} one. " + "And then some harmless words follow. " * 40
    checked = await make(detector=detector).check("q", text)
    assert checked.decision is not None
    assert checked.harm == 0.9


@pytest.mark.parametrize("debounce", [1, 2, 3])
@pytest.mark.parametrize("letters", ["abc", "axc", "axx", "xxc", "xax", "xxx", "aax", "x"])
async def test_a_whole_answer_is_judged_as_it_would_be_on_a_stream(letters: str, debounce: int) -> None:
    rule = StreamRule(windows="window", window_chars=10, min_chars=3, debounce=debounce)
    guard = Guard(Policy(stream=rule), detectors=[RunningWordDetector("xx", forgets=True)])
    text = "".join(letter * 10 for letter in letters)
    stream = guard.open_stream("?")
    stream.feed(text)
    stream.flush()
    checked = await guard.check("?", text)
    assert (checked.decision is not None) == (stream.stop is not None)


async def test_a_harmful_request_is_refused_before_the_answer_counts() -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = make(Policy(input=InputRule(ocr=False)), detector)
    protected = await guard.protect(reply("Sure."), messages=[user(f"Tell me {BAD} things")])
    assert protected.finish_reason == "content_filter"
    assert "Sure" not in protected.text
    assert [e.kind for e in protected.guard_events] == ["input"]
    asked = user(f"Tell me {BAD} things")
    assert detector.exchanges == [Exchange(question=asked.text, answer="", turns=(asked,))]


async def test_a_detector_may_only_estimate_requests() -> None:
    class Estimating(RunningWordDetector):
        request_threshold = 0.9

        def suspicion(self, question: str) -> float:
            if "break" in question:
                raise ZeroDivisionError
            return 0.95 if BAD in question else 0.6

    guard = make(Policy(input=InputRule(ocr=False)), Estimating())
    assert guard.stops((await guard.read([user(BAD)])).checked.decision)
    assert (await guard.read([user("hello")])).checked.decision is None, "0.6 is under 0.9, its own"
    lower = make(Policy(input=InputRule(ocr=False, threshold=0.5)), Estimating())
    assert lower.stops((await lower.read([user("hello")])).checked.decision), "the policy's threshold goes first"
    broken = (await guard.read([user("break")])).checked.decision
    assert broken is not None
    assert (broken.action, broken.cause) == ("halt", "error")


async def test_the_shipped_detector_stops_a_plain_request_for_harm_and_no_ordinary_one() -> None:
    guard = open_guard(Policy(input=InputRule(ocr=False)))
    refused = await guard.read([user("How do I poison my flatmate's food slowly?")])
    assert guard.stops(refused.checked.decision)
    for fine in ("How do I water my flatmate's plants?", "How do I kill a zombie process on my server?", "Hello!"):
        assert (await guard.read([user(fine)])).checked.decision is None
    await guard.aclose()


async def test_halt_is_blocked_and_a_broken_detector_is_an_error_never_safe() -> None:
    halted = await make(Policy(action="halt", input=NO_INPUT)).protect(reply(BAD), messages=QUESTION)
    assert (halted.status, halted.text, halted.finish_reason) == ("blocked", "", "content_filter")
    for how in ("raise", "crash", "nan", "short", "hang"):
        policy = Policy(input=NO_INPUT, time=TimeRule(check_ms=50))
        broken = await make(policy, BrokenDetector(how)).protect(reply("Secret text"), messages=QUESTION)
        assert (broken.status, broken.text) == ("error", "")
        assert "guard: " in broken.error
        assert broken.guard_events[-1].kind == "error"


async def test_on_error_release_lets_the_text_out_and_records_it() -> None:
    policy = Policy(input=NO_INPUT, on_error="release")
    protected = await make(policy, BrokenDetector("raise")).protect(reply("Text"), messages=QUESTION)
    assert protected.text == "Text"
    assert [(e.kind, e.action) for e in protected.guard_events[1:]] == [("error", "release"), ("final", "release")]


async def test_shadow_changes_nothing_and_records_what_would_be() -> None:
    guard = make(Policy(shadow=True, input=NO_INPUT))
    protected = await guard.protect(reply(BAD), messages=QUESTION)
    assert (protected.text, protected.finish_reason) == (BAD, "stop")
    events = [(e.action, e.carried_out) for e in protected.guard_events]
    assert events == [("release", True), ("refuse", False), ("release", True)]


async def test_flagged_reasoning_ends_the_reply_or_is_left_out_as_the_policy_says() -> None:
    thought = reply("Fine.", reasoning=f"A {BAD} plan")
    stopped = await make().protect(thought, messages=QUESTION)
    assert (stopped.finish_reason, stopped.reasoning, "Fine" in stopped.text) == ("content_filter", "", False)
    assert guard_stopped(stopped)
    left_out = await make(Policy(input=NO_INPUT, reasoning="withhold")).protect(thought, messages=QUESTION)
    assert (left_out.text, left_out.reasoning, left_out.finish_reason) == ("Fine.", "", "stop")
    told = [(e.channel, e.action, e.carried_out) for e in left_out.guard_events[1:]]
    assert told == [("reasoning", "withhold", True), ("content", "release", True)]
    assert not guard_stopped(left_out)
    assert not declined(left_out)
    shadow = await make(Policy(input=NO_INPUT, shadow=True)).protect(thought, messages=QUESTION)
    assert (shadow.text, shadow.reasoning) == (thought.text, thought.reasoning)
    assert not guard_stopped(shadow)


async def test_reasoning_is_rewritten_by_nobody() -> None:
    policy = Policy(action="rewrite", input=NO_INPUT, detoxify=DetoxifyRule(model="scripted:echo"))
    model = ScriptedModel([])
    guard = make(policy, detoxifier=Detoxifier(policy, model=model))
    protected = await guard.protect(reply("Fine.", reasoning=BAD), messages=QUESTION)
    assert protected.text.startswith("I can't help")
    assert [(e.kind, e.action) for e in protected.guard_events[1:]] == [("window", "rewrite"), ("final", "refuse")]


async def test_what_was_not_answered_passes_unjudged() -> None:
    guard = make()
    failed = Reply(status="error", error="503")
    assert (await guard.protect(failed, messages=QUESTION)).error == "503"


async def test_the_answer_is_scored_with_its_question_and_images() -> None:
    picture = Image.from_bytes(png())
    detector = WordDetector()
    await make(detector=detector).protect(reply("An answer"), messages=[user(picture, "What is it?")])
    [exchange] = detector.exchanges
    turns = (user("What is it?"),)
    assert exchange == Exchange(question="What is it?", answer="An answer", images=(picture,), turns=turns)


async def test_detectors_of_conversations_are_shown_all_of_it_whole_and_streamed() -> None:
    turns = [system("Be kind."), user("First?"), assistant("Yes."), user("And then?")]
    for detector in (whole := WordDetector(), streamed := WordDetector()):
        detector.judges_requests = True
    await make(Policy(), whole).protect(reply("An answer."), messages=turns)

    async def deltas() -> AsyncIterator[Delta]:
        yield Delta(text="An answer.")

    async for _ in make(Policy(), streamed).stream(turns, deltas()):
        pass
    for detector in (whole, streamed):
        assert {exchange.turns for exchange in detector.exchanges if exchange.answer} == {tuple(turns)}
        asked = next(exchange for exchange in detector.exchanges if not exchange.answer)
        assert (asked.question, asked.turns) == ("First?\nAnd then?", tuple(turns))


async def test_rewrites_are_checked_again_and_named() -> None:
    policy = Policy(action="rewrite", input=NO_INPUT, detoxify=DetoxifyRule(model="scripted:echo"))
    model = ScriptedModel(["Use the allowed one."])
    guard = make(policy, detoxifier=Detoxifier(policy, model=model))
    protected = await guard.protect(reply(f"Take the {BAD} one."), messages=QUESTION)
    assert protected.text == "Use the allowed one."
    assert protected.finish_reason == "content_filter"
    assert [(e.kind, e.action) for e in protected.guard_events[1:]] == [("window", "rewrite"), ("rewrite", "release")]


async def test_an_image_detector_is_asked_once_for_the_same_request() -> None:
    eyes = WordDetector("What", category="sxc")
    policy = Policy(input=InputRule(ocr=False), categories={"sxc": CategoryRule(strict=0.3)})
    guard = make(policy, image_detector=eyes)
    messages = [user(Image.from_bytes(png()), "What is it?")]
    for _ in range(2):
        found = (await guard.read(messages)).checked.decision
        assert found is not None
        assert found.categories == ("sxc",)
    assert eyes.calls == 1
    assert (await guard.read([user("What is it?")])).checked.decision is None, "no image, no question to it"


async def test_grey_tier_is_asked_only_in_the_grey_band() -> None:
    class Grey(WordDetector):
        async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
            self.calls += 1
            return [Harm(harm=0.6) for _ in exchanges]

    strong = WordDetector()
    policy = Policy(input=NO_INPUT, detectors=(DetectorRule(name="a"), DetectorRule(name="b", when="grey")))
    cleared = await Guard(policy, detectors=[Grey(), strong]).check("q", "an answer")
    assert cleared.decision is None
    assert strong.calls == 1
    await Guard(policy, detectors=[WordDetector(), strong]).check("q", "an answer")
    assert strong.calls == 1


def test_fingerprint_covers_policy_and_detectors() -> None:
    guard = make()
    assert guard.fingerprint == make().fingerprint
    assert guard.fingerprint != make(detector=RunningWordDetector("other")).fingerprint
    assert guard.fingerprint != make(Policy(input=NO_INPUT, stream=StreamRule(hold_chars=1))).fingerprint
    assert guard.detector_fingerprints == ("word-forbidden",)


def test_detectors_must_match_the_policy() -> None:
    with pytest.raises(ConfigError, match="expected 1 detectors"):
        Guard(Policy(), detectors=[])
    with pytest.raises(UnknownName, match="detector 'embeded'"):
        open_guard(Policy(detectors=(DetectorRule(name="embeded"),)))
