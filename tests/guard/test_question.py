from __future__ import annotations

import io
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from safesight.core.errors import MissingData
from safesight.core.messages import Image, Message, TextPart, assistant, system, user
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.guard.question import OVERLAP_CHARS, QUESTION_CHARS, TURNS_CHARS, open_reader, read_request, windows
from tests.guard.detectors import BAD, WordDetector
from tests.support import png


def typed(text: str) -> Image:
    canvas = PillowImage.new("RGB", (420, 120), "white")
    ImageDraw.Draw(canvas).text((20, 35), text, fill="black", font=ImageFont.load_default(40))
    out = io.BytesIO()
    canvas.save(out, "PNG")
    return Image.from_bytes(out.getvalue())


async def test_the_question_is_what_the_user_wrote_in_order() -> None:
    messages = [system("Rules."), user("First?"), assistant("Yes."), user("And", "then?")]
    assert (await read_request(messages)).question == "First?\nAnd\nthen?"


async def test_a_long_conversation_keeps_its_end() -> None:
    question = (await read_request([user("x" * 5000), user("the end")])).question
    assert len(question) == QUESTION_CHARS
    assert question.endswith("the end")


async def test_text_in_images_stands_where_the_image_stands() -> None:
    picture = typed(f"Say {BAD} now")
    messages = [user("Before.", picture, "After.")]
    read = await read_request(messages, reader=open_reader())
    question = read.question
    first, middle, last = question.splitlines()
    assert (first, last) == ("Before.", "After.")
    assert BAD in middle.lower()
    assert read.images == (picture,)


async def test_a_typographic_request_is_judged_as_text() -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(), detectors=[detector], reader=open_reader())
    refused = await guard.read([user(typed(f"how to {BAD}"), "Fill in the list.")])
    assert guard.stops(refused.checked.decision)
    without = Guard(Policy(input=InputRule(ocr=False)), detectors=[detector])
    assert not without.stops((await without.read([user(typed(f"how to {BAD}"), "Fill in.")])).checked.decision)


@pytest.mark.parametrize("on_error", ["halt", "release"])
async def test_an_image_that_cannot_be_read_is_an_error_of_the_check(on_error: str) -> None:
    broken = msgspec.structs.replace(Image.from_bytes(png()), data=None)
    policy = msgspec.convert({"on_error": on_error}, Policy)
    guard = Guard(policy, detectors=[WordDetector()], reader=open_reader())
    request = await guard.read([Message("user", (*user(broken).parts, TextPart("What?")))])
    decision = request.checked.decision
    assert decision is not None
    assert (decision.action, decision.cause) == (on_error, "error")
    assert request.question == "What?"
    with pytest.raises(MissingData):
        await read_request([user(broken)], reader=open_reader())


TURNS = [
    system(f"Rules {BAD}."),
    Message("system", (TextPart("Tools."),)),
    user("First?", f"{BAD} in a part"),
    assistant(f"Yes {BAD}."),
    user("And then?"),
    assistant(f"Prefill {BAD}"),
]


@pytest.mark.parametrize("place", range(len(TURNS)))
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
async def test_every_turn_of_every_role_is_judged(place: int, role: str) -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(), detectors=[detector])
    quiet = [Message(turn.role, (TextPart("quiet"),)) for turn in TURNS]
    assert not guard.stops((await guard.read(quiet)).checked.decision)
    loud = [*quiet[:place], Message(role, (TextPart(f"x {BAD} y"),)), *quiet[place + 1 :]]  # type: ignore[arg-type]
    assert guard.stops((await guard.read(loud)).checked.decision)


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
async def test_images_of_every_role_are_read(role: str) -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(), detectors=[detector], reader=open_reader())
    shown = Message(role, user(typed(f"how to {BAD}")).parts)  # type: ignore[arg-type]
    assert guard.stops((await guard.read([shown, user("Go on.")])).checked.decision)


@pytest.mark.parametrize("before", [0, 100, QUESTION_CHARS - 5, 9_000, 50_000])
@pytest.mark.parametrize("after", [0, 3_999, 4_000, 20_000])
async def test_no_place_of_a_long_request_is_unread(before: int, after: int) -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(input=InputRule(max_chars=200_000)), detectors=[detector])
    text = "a b c. " * (before // 7) + f"x {BAD} y " + "a b c. " * (after // 7)
    assert guard.stops((await guard.read([user(text), assistant("Ok."), user("Go on.")])).checked.decision)


async def test_a_request_longer_than_is_judged_is_refused() -> None:
    guard = Guard(Policy(on_error="release", input=InputRule(max_chars=100)), detectors=[WordDetector()])
    decision = (await guard.read([user("a " * 200)])).checked.decision
    assert guard.stops(decision)
    assert decision is not None
    assert "at most 100 characters" in decision.detail


async def test_parts_are_judged_as_templates_join_them() -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(), detectors=[detector])
    split = user(f"how to {BAD[:3]}", f"{BAD[3:]} now")
    assert guard.stops((await guard.read([split])).checked.decision)


@given(st.text(st.sampled_from("ab \n\u200b"), max_size=30_000))
def test_windows_cover_a_text_and_overlap(text: str) -> None:
    found = list(windows(text))
    assert all(len(window) <= QUESTION_CHARS + 200 for window in found)
    assert "".join(found).count("a") >= text.count("a")
    for one, other in pairwise(found):
        shared = next(n for n in range(min(len(one), len(other)), 0, -1) if one.endswith(other[:n]))
        assert shared >= OVERLAP_CHARS - 1


def test_windows_end_at_words_where_they_can() -> None:
    text = "word " * 3_000
    assert {word for window in windows(text) for word in window.split()} == {"word"}


@pytest.mark.parametrize("blank", [" ", "\n", "\u200b", "\u00ad", "\U000e0041", "\ufe0f", " \u2060"])
def test_long_blanks_do_not_part_a_phrase(blank: str) -> None:
    text = f"two{blank * 9_000}words"
    assert any("two" in window and "words" in window for window in windows(text))


@pytest.mark.parametrize(
    ("bad", "flagged"),
    [(0, False), (1, False), (2, True), (3, True), (4, True)],
    ids=["answered turn", "old answer", "system", "new turn", "prefill"],
)
async def test_latest_judges_what_follows_the_last_answered_turn(bad: int, flagged: bool) -> None:
    detector = WordDetector()
    detector.judges_requests = True
    guard = Guard(Policy(input=InputRule(turns="latest")), detectors=[detector])
    makers = (user, assistant, system, user, assistant)
    messages = [make(f"x {BAD} y" if at == bad else "quiet") for at, make in enumerate(makers)]
    request = await guard.read(messages)
    assert guard.stops(request.checked.decision) is flagged
    assert [turn.role for turn in request.turns] == ["user", "assistant", "system", "user", "assistant"]


async def test_the_newest_turns_are_kept_for_detectors_of_conversations() -> None:
    read = await read_request([user("old " * 5_000), assistant("middle"), user("new")])
    assert [turn.text for turn in read.turns[1:]] == ["middle", "new"]
    assert sum(len(turn.text) for turn in read.turns) == TURNS_CHARS


async def test_under_release_what_can_be_read_is_judged_all_the_same() -> None:
    detector = WordDetector()
    detector.judges_requests = True
    broken = msgspec.structs.replace(Image.from_bytes(png()), data=None)
    guard = Guard(Policy(on_error="release"), detectors=[detector], reader=open_reader())
    request = await guard.read([user(broken, f"x {BAD} y")])
    assert guard.stops(request.checked.decision)
