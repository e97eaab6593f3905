"""The fuzzer on every other route: the same answers and the same marker, and the same decision as chat completions."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from safesight.guard.guard import Guard
from safesight.proxy.errors import UpstreamError
from safesight.proxy.judging import AskedReply, Tally
from safesight.proxy.whole_reply import guard_whole
from tests.proxy.fuzz.other_routes import HIDDEN, ROUTES, Event, Route, framed, hide, unnumbered
from tests.proxy.fuzz.reader import Seen, read_whole_of
from tests.proxy.fuzz.replies import MARK, Answer, an_answer, cut, plain_events
from tests.proxy.fuzz.replies import encode as encode_chat
from tests.proxy.fuzz.replies import framed as framed_chat
from tests.proxy.fuzz.test_fuzz import guards, shown
from tests.proxy.relaying import judging, relayed

ASKED = AskedReply(model="mock")
QUICK_SECONDS = 5.0


def an_answer_for(rng: random.Random, name: str) -> Answer:
    """An answer that the route can say: completions speak text alone, and no refusals outside OpenAI's."""
    while True:
        answer = an_answer(rng, 1, structured=False)
        fields = {field for field, _ in answer.said[0]}
        if ("refusal" not in fields or name == "responses") and (name != "completions" or fields <= {"content"}):
            return answer


async def decided_by_chat(guard: Guard, answer: Answer, seed: int) -> Seen:
    events = plain_events(answer, random.Random(seed))
    raw = framed_chat(random.Random(0), [encode_chat(event, []) for event in events], "", "done")
    return (await relayed(guard, [raw], ASKED))[0]


async def problem(route: Route, name: str, seed: int, guard: Guard, tried: Counter[str]) -> str:
    """What is wrong with one reply, streamed and whole; "" where nothing is."""
    rng = random.Random(seed)
    answer = an_answer_for(rng, name)
    mark = rng.choice(HIDDEN) if rng.random() < 0.4 else ""
    events = route.stream(answer)
    if name == "responses" and rng.random() < 0.3:
        events = [unnumbered(event) for event in events]
    if mark:
        hide(rng, events, mark)
    broken = rng.random() < 0.15
    if broken:
        events = events[: rng.randrange(len(events))]
    raw = framed(rng, events, named=name != "completions" and rng.random() < 0.8)
    seen, tally, got = await relayed(guard, cut(rng, raw), ASKED, dialect=route.dialect())
    chat = await decided_by_chat(guard, answer, seed)
    tried["flagged"] += route.stopped in seen.finish[0]
    if found := unsound(route, seen, tally, got, broken=broken):
        return found
    if broken or mark:
        return ""
    if (route.stopped in seen.finish[0]) != ("content_filter" in chat.finish[0]):
        return f"it ends {seen.finish[0]}, and chat {chat.finish[0]}"
    if seen.numbers != list(range(len(seen.numbers))):
        return f"events are numbered {seen.numbers}"
    if shown(seen, 0) != shown(chat, 0):
        return f"it shows {shown(seen, 0)[-40:]!r}, and chat {shown(chat, 0)[-40:]!r}"
    return await in_one_piece(route, answer, guard, route.stopped in seen.finish[0])


def unsound(route: Route, seen: Seen, tally: Tally, got: bytes, *, broken: bool) -> str:
    """What no stream may be, whatever its upstream sends."""
    ended = seen.last == "[DONE]" if not route.ends else json.loads(seen.last or "{}").get("type") in route.ends
    wrong = {
        f"the marker can be read at {seen.spells(MARK)[:3]}": seen.spells(MARK) or MARK.lower().encode() in got.lower(),
        f"{tally.leaked_chars} characters left without a verdict": tally.leaked_chars,
        f"it ends {seen.finish[0]}": len(seen.finish[0]) > 1,
        "it was stopped and a call of it left": seen.calls[0] and route.stopped in seen.finish[0],
        f"it ends with {seen.last[:80]!r}": not broken and not ended,
    }
    return next((what for what, is_so in wrong.items() if is_so), "")


async def in_one_piece(route: Route, answer: Answer, guard: Guard, flagged: bool) -> str:
    parts = judging(guard, ASKED, route.dialect())
    seen = read_whole_of((await guard_whole(parts, json.dumps(route.whole(answer)).encode())).body)
    if spelt := seen.spells(MARK):
        return f"the marker can be read in the whole reply at {spelt[:3]}"
    if parts.tally.leaked_chars:
        return f"{parts.tally.leaked_chars} characters of the whole reply left without a verdict"
    if (route.stopped in seen.finish[0]) != flagged:
        return f"the whole reply ends {seen.finish[0]}, and streamed it was {'' if flagged else 'not '}stopped"
    return ""


@pytest.mark.parametrize("name", ROUTES)
def test_replies_of_other_routes(name: str, count: Callable[[str], None]) -> None:
    ends = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", QUICK_SECONDS))
    seed, tried, every = int(os.environ.get("FUZZ_SEED", "1")), Counter[str](), guards()
    first = seed
    with asyncio.Runner() as runner:
        while time.monotonic() < ends or seed - first < 20:
            guard = random.Random(seed).choice(every)
            found = runner.run(problem(ROUTES[name], name, seed, guard, tried))
            assert not found, f"seed {seed}, {guard.policy.stream.windows} windows: {found}"
            seed += 1
    count(f"proxy: {seed - first:,} fuzzed replies of {name}, {tried['flagged']:,} flagged, 0 marker bytes")


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("how", HIDDEN)
def test_a_marker_beside_a_whole_reply_is_found(name: str, how: str) -> None:
    async def run(seed: int) -> None:
        rng = random.Random(seed)
        value: Event = ROUTES[name].whole(an_answer_for(rng, name))
        hide(rng, [value], how)
        parts = judging(guards()[0], ASKED, ROUTES[name].dialect())
        try:
            body = (await guard_whole(parts, json.dumps(value).encode())).body
        except UpstreamError as error:
            body = str(error).encode()
        assert MARK.lower().encode() not in body.lower(), (seed, body)

    for seed in range(8):
        asyncio.run(run(seed))


async def test_calls_that_a_server_does_not_number_are_told_apart() -> None:
    guard = random.Random(636).choice(guards())
    assert not await problem(ROUTES["responses"], "responses", 636, guard, Counter())
