from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safesight.core.errors import ModelError
from safesight.core.messages import Message, user
from safesight.core.protocols import Delta, Detector
from safesight.core.records import Decoding, Usage
from safesight.guard.detoxify import Detoxifier
from safesight.guard.drive import GuardedStream
from safesight.guard.guard import Guard
from safesight.guard.policy import DetoxifyRule, InputRule, Policy, StreamRule, TimeRule
from safesight.models.scripted import Scripted, ScriptedModel
from tests.guard.detectors import BAD, BrokenDetector, RunningWordDetector, WordDetector

NO_INPUT = InputRule(text=False, ocr=False)
ASKED = [user("How?")]
SAFE = "A first sentence. And a second one that is longer, with 中文。Then the end."


class Upstream:
    """A model's deltas from a script; says whether it was closed before its end."""

    def __init__(self, pieces: Sequence[Delta | str], *, fails: Exception | None = None, hangs: bool = False) -> None:
        self.pieces = pieces
        self.fails = fails
        self.hangs = hangs
        self.closed = False
        self.sent = 0
        self.cut = False

    async def deltas(self) -> AsyncIterator[Delta]:
        try:
            for piece in self.pieces:
                self.sent += 1
                yield Delta(text=piece) if isinstance(piece, str) else piece
                await asyncio.sleep(0)
            if self.hangs:
                await asyncio.sleep(3600)
            if self.fails:
                raise self.fails
        except GeneratorExit:
            self.cut = True
            raise
        finally:
            self.closed = True


def make(policy: Policy | None = None, detector: Detector | None = None, **options: object) -> Guard:
    return Guard(policy or Policy(input=NO_INPUT), detectors=[detector or RunningWordDetector()], **options)


async def collect(stream: GuardedStream) -> list[Delta]:
    return [delta async for delta in stream]


def text_of(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


END = Delta(finish_reason="stop", usage=Usage(prompt_tokens=3, completion_tokens=9), provider_model="m")


@pytest.mark.parametrize("detector", [RunningWordDetector(), WordDetector()])
async def test_a_safe_stream_is_byte_identical_and_ends_as_upstream_did(detector: Detector) -> None:
    stream = make(detector=detector).stream(ASKED, Upstream([*SAFE, END]).deltas())
    deltas = await collect(stream)
    assert text_of(deltas) == SAFE
    assert deltas[-1] == END
    assert [e.action for e in stream.events] == ["release", "release"]


@pytest.mark.parametrize("detector", [RunningWordDetector(), WordDetector()])
async def test_a_flag_stops_upstream_and_ends_with_content_filter(detector: Detector) -> None:
    tail = "harmless " * 500
    upstream = Upstream([*f"{SAFE} Now the {BAD} thing. {tail}", END])
    stream = make(detector=detector).stream(ASKED, upstream.deltas())
    deltas = await collect(stream)
    assert upstream.cut
    assert upstream.sent < len(SAFE) + 200
    shown = text_of(deltas)
    assert BAD[:4] not in shown
    assert "harmless" not in shown
    assert deltas[-1].finish_reason == "content_filter"
    assert deltas[-2].text.startswith("\n\nI can't help")
    assert stream.stop is not None
    assert stream.events[-1].action == "refuse"


async def test_rewriting_replaces_the_held_text_and_appends_to_what_was_shown() -> None:
    policy = Policy(action="rewrite", input=NO_INPUT, detoxify=DetoxifyRule(model="scripted:echo"))
    model = ScriptedModel(["Better not."])
    guard = make(policy, detoxifier=Detoxifier(policy, model=model))
    stream = guard.stream(ASKED, Upstream([SAFE + f" Do the {BAD} thing now, please."]).deltas())
    deltas = await collect(stream)
    shown = text_of(deltas)
    assert shown.endswith("\n\nBetter not.")
    assert SAFE.startswith(shown.removesuffix("\n\nBetter not."))
    assert BAD in model.calls[0].messages[1].text
    assert [e.kind for e in stream.events] == ["input", "window", "rewrite"]


async def test_a_refused_request_shows_nothing_of_the_answer() -> None:
    detector = WordDetector()
    detector.judges_requests = True
    upstream = Upstream([SAFE] * 9)
    guard = make(Policy(input=InputRule(ocr=False)), detector)
    deltas = await collect(guard.stream([user(BAD)], upstream.deltas()))
    assert [d.finish_reason for d in deltas] == ["", "content_filter"]
    assert deltas[0].text.startswith("I can't")
    assert upstream.sent <= 1
    assert upstream.closed


async def test_reasoning_is_guarded_in_its_own_place() -> None:
    pieces = [Delta(reasoning="Let me think. "), Delta(reasoning="Done thinking"), "The answer.", END]
    deltas = await collect(make().stream(ASKED, Upstream(pieces).deltas()))
    kinds = ["r" if d.reasoning else "t" for d in deltas if d.reasoning or d.text]
    assert "".join(d.reasoning for d in deltas) == "Let me think. Done thinking"
    assert text_of(deltas) == "The answer."
    assert kinds == sorted(kinds), "all reasoning comes before the text it led to"
    flagged = await collect(make().stream(ASKED, Upstream([Delta(reasoning=f"{BAD} plan"), "Sure", END]).deltas()))
    assert not any(d.reasoning for d in flagged)
    assert flagged[-1].finish_reason == "content_filter"


async def test_what_is_held_when_upstream_breaks_is_dropped() -> None:
    upstream = Upstream(["Half a sent"], fails=ModelError("reset"))
    stream = aiter(make().stream(ASKED, upstream.deltas()))
    with pytest.raises(ModelError, match="reset"):
        await anext(stream)
    assert upstream.closed


async def test_a_leaving_consumer_closes_upstream() -> None:
    upstream = Upstream([SAFE * 50])
    stream = aiter(make().stream(ASKED, upstream.deltas()))
    assert (await anext(stream)).text
    await stream.aclose()
    assert upstream.closed


async def test_shadow_shows_everything_and_records_what_would_be() -> None:
    for detector in (RunningWordDetector(), WordDetector()):
        guard = make(Policy(shadow=True, input=NO_INPUT), detector)
        stream = guard.stream(ASKED, Upstream([*f"The {BAD} text. More of it.", END]).deltas())
        deltas = await collect(stream)
        assert text_of(deltas) == f"The {BAD} text. More of it."
        assert deltas[-1] == END
        assert [(e.action, e.carried_out) for e in stream.events[1:]] == [("refuse", False), ("release", True)]


@pytest.mark.parametrize("how", ["raise", "crash", "nan", "short", "hang"])
async def test_a_broken_detector_halts_the_stream_with_nothing_shown(how: str) -> None:
    policy = Policy(input=NO_INPUT, time=TimeRule(check_ms=30))
    stream = make(policy, BrokenDetector(how)).stream(ASKED, Upstream([*SAFE, END]).deltas())
    deltas = await collect(stream)
    assert text_of(deltas) == ""
    assert [d.finish_reason for d in deltas] == ["content_filter"]
    assert stream.events[-1].kind == "error"


async def test_on_error_release_is_loud_but_shows_the_text() -> None:
    policy = Policy(input=NO_INPUT, on_error="release")
    stream = make(policy, BrokenDetector("raise")).stream(ASKED, Upstream([*SAFE, END]).deltas())
    assert text_of(await collect(stream)) == SAFE
    assert [(e.kind, e.action) for e in stream.events[1:]] == [("error", "release"), ("final", "release")]


@given(st.lists(st.integers(1, 40), max_size=30), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_chunks_change_nothing_whole_or_live(sizes: list[int], bad: bool, running: bool) -> None:
    text = SAFE + (f" Then {BAD} comes. " if bad else " Then nothing comes. ") + SAFE
    chunks: list[str] = []
    rest = text
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    detector = RunningWordDetector() if running else WordDetector()
    policy = Policy(input=NO_INPUT, stream=StreamRule(hold_chars=8))

    async def both() -> tuple[str, str]:
        guard = make(policy, detector)
        parts = await collect(guard.stream(ASKED, Upstream([*chunks, rest, END]).deltas()))
        whole = await collect(guard.stream(ASKED, Upstream([text, END]).deltas()))
        assert parts[-1] == whole[-1]
        return text_of(parts), text_of(whole)

    parts, whole = asyncio.run(both())
    assert parts == whole
    assert (BAD in parts) is False
    assert (parts == text) is (not bad)


async def test_a_streaming_model_is_guarded_end_to_end() -> None:
    model = ScriptedModel([Scripted(text=SAFE)], chunk=3)
    messages: list[Message] = ASKED
    deltas = await collect(make().stream(messages, model.stream(messages, decoding=Decoding())))
    assert text_of(deltas) == SAFE
    assert msgspec.structs.replace(deltas[-1], usage=None).finish_reason == "stop"
