"""Replies as clients know them, guarded: each kind of shape with the bytes that a client gets, read by an independent
reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import DetectorRule, DetoxifyRule, InputRule, Policy, StreamRule
from safesight.guard.rules import Decision
from safesight.proxy.errors import UpstreamError
from safesight.proxy.judging import AskedReply
from safesight.proxy.whole_reply import guard_whole, refuse
from tests.guard.detectors import WordDetector
from tests.proxy.fuzz.reader import Seen, read_stream, read_whole
from tests.proxy.relaying import judging, relayed

MARK = "FORBIDDENWORD"
QUIET = InputRule(text=False, ocr=False)
CALM = "A calm start of the answer, long enough to be let out before the rest. "


def guard(policy: Policy | None = None) -> Guard:
    return Guard(policy or Policy(input=QUIET), detectors=[Patterns([Phrase(text=MARK.lower())])])


def event(delta: Any, *, finish: str | None = None, index: Any = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return sse({"id": "chatcmpl-1", "created": 1, "model": "mock", "choices": [choice], **more})


def sse(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
END = event({}, finish="stop")


def sent(
    reads: Sequence[bytes | float], by: Guard | None = None, asked: AskedReply | None = None, **more: Any
) -> tuple[Seen, bytes]:
    seen, tally, raw = asyncio.run(relayed(by or guard(), reads, asked or AskedReply(model="mock"), **more))
    assert tally.leaked_chars == 0
    return seen, raw


def call(arguments: str, *, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments, **more}}]}


MACHINES = {
    "a call": [event(call("", name="delete")), *(event(call(p)) for p in ('{"path": "/a/b ', MARK, ' c"}'))],
    "its name": [event(call("{}", name=f"x {MARK}"))],
    "the second call": [event(call("{}", name="f")), event(call(f'"{MARK}"', index=1, name="g"))],
    "calls in turn": [event(call(text, index=i % 2)) for i, text in enumerate(("{", f'{{"{MARK}', "}", '"}'))],
    "old call": [event({"function_call": {"name": "f", "arguments": p}}) for p in ('{"a": "', MARK, '"}')],
    "custom call": [event({"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "f", "input": MARK}}]})],
    "escaped": [event(call('{"a": "one\\n' + MARK + '"}', name="f"))],
    "content after calls": [event(call("{}", name="f")), event({"content": f"and {MARK} then"})],
    "reasoning before": [event({"reasoning": f"plan {MARK}. "}), event(call("{}", name="f"))],
    "beside a call": [event(call("{}", name="f"), note=f"x {MARK}")],
}  # fmt: skip


@pytest.mark.parametrize("kind", MACHINES)
def test_nothing_of_any_call_of_a_flagged_choice_leaves(kind: str) -> None:
    reads = [event({"role": "assistant", "content": None}), *MACHINES[kind], event({}, finish="tool_calls"), DONE]
    for pieces in (reads, [b"".join(reads)]):
        seen, raw = sent(pieces)
        assert seen.finish[0] == ["content_filter"]
        assert not seen.calls[0]
        assert b"tool_calls" not in raw
        assert b"function_call" not in raw
        assert not seen.spells(MARK)


def test_a_safe_call_leaves_whole_as_it_came_when_its_choice_has_ended() -> None:
    reads = [event(call("", name="f")), event(call('{"a": 1')), event(call("}")), event({}, finish="tool_calls")]
    _, raw = sent([*reads, DONE])
    assert raw == b"".join(reads) + DONE
    broken, _ = sent(reads[:3])
    assert not broken.calls[0], "a call that never ended is nobody's to run"
    assert broken.errors == 1


@pytest.mark.parametrize("asked", [True, False])
def test_json_is_all_or_nothing_and_its_refusal_is_no_json(asked: bool) -> None:
    pieces = ['{"answer": "', CALM, MARK, '"}']
    reads = [*(event({"content": piece}) for piece in pieces), END, DONE]
    seen, _ = sent(reads, asked=AskedReply(model="m", structured=asked))
    assert seen.finish[0] == ["content_filter"]
    assert "calm" not in seen.content[0]
    assert (seen.refusal if asked else seen.content)[0].startswith("I can't help")
    assert (seen.content if asked else seen.refusal)[0] == ""
    whole = {"choices": [{"index": 0, "message": {"content": "".join(pieces)}, "finish_reason": "stop"}]}
    parts = judging(guard(), AskedReply(structured=asked))
    message = json.loads(asyncio.run(guard_whole(parts, json.dumps(whole).encode())).body)["choices"][0]["message"]
    assert (message["content"] is None) == asked
    assert message["refusal" if asked else "content"].startswith("I can't help")


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("choices", [1, 3])
def test_a_refused_request_gets_a_reply_of_its_own(choices: int, structured: bool) -> None:
    ids: set[str] = set()
    for stream in (True, False):
        parts = judging(guard(), AskedReply(model="m", choices=choices, structured=structured, tells_usage=True))
        told = asyncio.run(refuse(parts, Decision(action="refuse"), stream=stream))
        if isinstance(told, bytes):
            body = json.loads(told)
            assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            seen = read_whole(told)
        else:
            body = json.loads(told[0])
            seen = read_stream(b"".join(b"data: %b\n\n" % payload for payload in told))
        ids.add(body["id"])
        assert sorted(seen.finish.items()) == [(i, ["content_filter"]) for i in range(choices)]
        said = seen.refusal if structured else seen.content
        assert all(said[i].startswith("I can't help") for i in range(choices))
    assert len(ids) == 2


TEXT = [event({"content": CALM}), event({"content": "And an end."})]
ERROR = {
    "error": {"message": "Rate limit reached, retry in 20 s", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
}
USAGE = {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
FILTERS = {"id": "", "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}], "choices": []}
HALVES = (b"a \\ud83d", b"\\ude00")
SAFE: dict[str, list[bytes]] = {
    "usage": [*TEXT, END, sse(USAGE), DONE],
    "null choices": [*TEXT, END, sse({**USAGE, "choices": None}), DONE],
    "no choices": [*TEXT, END, sse({"usage": {"total_tokens": 3}}), DONE],
    "Azure's first event": [sse(FILTERS), *TEXT, END, DONE],
    "Azure's filters between": [TEXT[0], sse(FILTERS), TEXT[1], END, DONE],
    "null index": [event({"content": CALM}, index=None), event({}, finish="stop", index=None), DONE],
    "empty finish reasons": [event({"content": CALM}, finish=""), event({"content": "x"}, finish="null"), END, DONE],
    "a model's own reason": [*TEXT, event({}, finish="eos"), DONE],
    "usage in every event": [event({"content": "a b "}, usage={"total_tokens": n}) for n in range(30)] + [END, DONE],
    "half a character": [*(b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % p for p in HALVES), END, DONE],
    "NaN": [event({"content": "a"}, logprob="?").replace(b'"?"', b"NaN"), END, DONE],
}  # fmt: skip


@pytest.mark.parametrize("kind", SAFE)
@pytest.mark.parametrize("together", [True, False])
def test_a_safe_stream_of_any_shape_leaves_in_the_order_and_bytes_it_came_in(kind: str, together: bool) -> None:
    reads = SAFE[kind]
    _, raw = sent([b"".join(reads)] if together else reads)
    assert raw == b"".join(reads)


def test_a_stream_that_leaves_out_done_is_whole_when_every_choice_has_ended() -> None:
    seen, raw = sent([*TEXT, END])
    assert raw == b"".join([*TEXT, END]) + DONE
    assert seen.errors == 0
    for unfinished in ([*TEXT], [event({"content": "a"}), event({"content": "b"}, index=1), END]):
        seen, _ = sent(unfinished, asked=AskedReply(choices=2))
        assert (seen.errors, seen.done) == (1, 1)


@pytest.mark.parametrize("together", [True, False])
def test_every_choice_asked_for_is_waited_for(together: bool) -> None:
    reads = [
        event({"content": f"a {MARK} b and more words. "}),
        event({"content": "fine answer"}, index=1),
        event({}, finish="stop", index=1),
        DONE,
    ]
    seen, _ = sent([b"".join(reads)] if together else reads, asked=AskedReply(choices=2))
    assert (seen.finish[0], seen.finish[1], seen.content[1]) == (["content_filter"], ["stop"], "fine answer")


def test_an_error_in_a_stream_is_told_with_its_reason_unless_it_quotes_what_is_flagged() -> None:
    words = [event({"content": f"{word} "}) for word in CALM.split()]
    seen, raw = sent([*words, sse(ERROR)])
    assert b"rate_limit_exceeded" in raw
    assert (seen.errors, seen.done) == (1, 1)
    assert seen.content[0].startswith("A calm start")
    quoting = {"error": {"message": f"cannot parse {MARK}"}}
    seen, raw = sent([*TEXT, sse(quoting)])
    assert (seen.errors, MARK.encode() in raw) == (1, False)
    seen, raw = sent([json.dumps(ERROR).encode()])
    assert (seen.errors, b"rate_limit_exceeded" in raw) == (1, True)


@pytest.mark.parametrize(("code", "status"), [(429, 429), ("rate_limit_exceeded", 502), (None, 502), (200, 502)])
def test_an_error_inside_a_200_is_told_with_its_reason(code: Any, status: int) -> None:
    body = json.dumps({"error": {"message": "Rate limit reached", "code": code}}).encode()
    told = asyncio.run(guard_whole(judging(guard(), AskedReply()), body))
    assert told.status == status
    assert b"Rate limit reached" in told.body


def test_comments_pass_without_their_words_and_silence_is_broken() -> None:
    _, raw = sent([b": " + MARK.encode() + b"\n\n", *TEXT, END, DONE])
    assert raw.startswith(b": keep-alive\n\n")
    assert MARK.encode() not in raw
    full = Policy(input=QUIET, stream=StreamRule(windows="full"))
    seen, raw = sent([TEXT[0], 0.5, TEXT[1], END, DONE], by=guard(full), silence_s=0.05)
    assert raw.count(b": keep-alive\n\n") >= 1
    assert seen.content[0] == CALM + "And an end."


@pytest.mark.parametrize("action", ["refuse", "rewrite"])
def test_what_stands_for_the_rest_begins_a_paragraph_after_a_whole_word(action: Any) -> None:
    words = ["A", " calm", " start", " of", " the", " answer", " about", " a", " trip.", " Then", " peo", "ple", " go"]
    policy = Policy(input=QUIET, action=action, detoxify=DetoxifyRule(model="scripted:x"))
    reads = [*(event({"content": word}) for word in [*words, f" {MARK}", " at", " night."]), END, DONE]
    seen, _ = sent(reads, by=guard(policy))
    shown, blank, refusal = seen.content[0].partition("\n\n")
    assert blank
    assert refusal.startswith("I can't help")
    assert "".join(words).startswith(shown.rstrip())
    assert shown.split()[-1] in "".join(words).split()


def test_flagged_reasoning_is_left_out_where_the_policy_says_so() -> None:
    policy = Policy(input=QUIET, reasoning="withhold")
    pieces = [
        event({"reasoning_content": "Let me think about it for a while. "}),
        event({"reasoning_content": f"A {MARK} plan. "}),
    ]
    reads = [*pieces, event({"reasoning_content": "More of it."}), event({"content": "Fine."}), END, DONE]
    for bodies in (reads, [b"".join(reads)]):
        seen, raw = sent(bodies, by=guard(policy))
        assert (seen.content[0], seen.finish[0]) == ("Fine.", ["stop"])
        assert MARK.encode() not in raw
        assert b"More of it" not in raw
    stopped, _ = sent(reads)
    assert stopped.finish[0] == ["content_filter"]
    message = {"role": "assistant", "content": "Fine.", "reasoning": MARK}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    whole = read_whole(asyncio.run(guard_whole(judging(guard(policy), AskedReply()), body)).body)
    assert (whole.content[0], whole.finish[0], whole.spells(MARK)) == ("Fine.", ["stop"], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_other_character_sets_are_judged_decoded_and_sent_as_utf_8(encoding: str) -> None:
    for text, finish in ((MARK, "content_filter"), ("ok", "stop")):
        body = json.dumps({"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]})
        told = asyncio.run(guard_whole(judging(guard(), AskedReply()), body.encode(encoding))).body
        assert json.loads(told.decode())["choices"][0]["finish_reason"] == finish


def test_a_turn_in_one_read_loses_no_check() -> None:
    sentence = "This is a plain sentence here. "
    turns = [
        {"content": sentence},
        {"reasoning": sentence},
        {"content": sentence},
        *(call("{", index=i % 2) for i in range(6)),
    ]
    reads = [*(event(turn) for turn in turns), event({}, finish="tool_calls"), DONE]
    policy = Policy(input=QUIET, detectors=(DetectorRule(name="a"), DetectorRule(name="b", when="end")))
    slow = Guard(policy, detectors=[WordDetector(MARK), WordDetector(MARK)])
    apart, _ = sent(reads, by=slow)
    together, raw = sent([b"".join(reads)], by=slow)
    assert apart == together
    assert raw == b"".join(reads)


def part(text: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, kind: text}


JOINED = {
    "parts of one message": [{"content": [part(MARK[:5]), part(MARK[5:])]}],
    "parts of two": [{"content": [part(MARK[:5])]}, {"content": [part(MARK[5:])]}],
    "a part, then a string": [{"content": [part(MARK[:5])]}, {"content": MARK[5:]}],
    "a string, then a part": [{"content": MARK[:5]}, {"content": [part(MARK[5:])]}],
    "a string, then letters": [{"content": MARK[:5]}, *({"content": [part(letter)]} for letter in MARK[5:])],
    "a part, then letters": [{"content": [part(MARK[:5])]}, *({"content": letter} for letter in MARK[5:])],
    "another place": [{"content": [part(MARK[:5])]}, {"content": [{"type": "other"}, part(MARK[5:])]}],
    "thoughts by two names": [{"reasoning_content": MARK[:5]}, {"reasoning": MARK[5:]}],
    "thoughts in turn": [{"reasoning" if i % 2 else "reasoning_content": c} for i, c in enumerate(MARK)],
}
"""Pieces that clients put together although they stand in different places."""


@pytest.mark.parametrize("before", ["", "A calm sentence that comes first. Then "])
@pytest.mark.parametrize("name", JOINED)
def test_pieces_of_an_answer_in_different_places_are_judged_together(name: str, before: str) -> None:
    reads = [event({"role": "assistant", "content": before}), *map(event, JOINED[name]), END, DONE]
    seen, _ = sent(reads)
    assert (seen.finish, seen.done) == ({0: ["content_filter"]}, 1)
    pieces = [said for delta in JOINED[name] for said in delta.values()]
    if all(isinstance(piece, list) for piece in pieces) and len(pieces) == 1:
        body = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", **JOINED[name][0]}}]}).encode()
        told = asyncio.run(guard_whole(judging(guard(), AskedReply()), body)).body
        assert json.loads(told)["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("letters", [MARK, "AAARDVARK"])
def test_a_word_made_of_the_strings_beside_an_answer_is_read_over_events(letters: str) -> None:
    """Also where the first events are alike, so that they are read the short way."""
    by = Guard(Policy(input=QUIET), detectors=[Patterns([Phrase(text=letters.lower())])])
    for calm in ("", CALM):
        reads = [event({"content": calm}), *(event({"content": "x", "tag": letter}) for letter in letters), END, DONE]
        for together in (False, True):
            seen, _ = sent([b"".join(reads)] if together else reads, by)
            assert seen.finish == {0: ["content_filter"]}


@pytest.mark.parametrize("many", ["calls", "choices"])
def test_a_reply_of_more_texts_than_are_judged_is_an_error(many: str) -> None:
    """Each is looked at again with every event, so their number is bounded; OpenAI allows 128 choices and tools."""
    for count, passes in ((130, True), (600, False)):
        calls = [call("{}", index=i, name="f") for i in range(count)]
        events = list(map(event, calls))
        if many == "choices":
            events = [event({"content": "a"}, index=i) for i in range(count)]
        ends = [event({}, finish="stop", index=i) for i in range(1 if many == "calls" else count)]
        seen, raw = sent([*events, *ends, DONE], asked=AskedReply(choices=1 if many == "calls" else 128))
        assert (seen.errors, seen.done) == (0 if passes else 1, 1)
        assert (b'"name"' in raw) is (passes and many == "calls")
        message = {"role": "assistant", "content": "a"}
        if many == "calls":
            message = {"role": "assistant", "content": None, "tool_calls": [one["tool_calls"][0] for one in calls]}
        choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(len(ends))]
        body = json.dumps({"choices": choices}).encode()
        if passes:
            assert asyncio.run(guard_whole(judging(guard(), AskedReply()), body)).body == body
        else:
            with pytest.raises(UpstreamError, match="over 256 choices, or over 512 texts"):
                asyncio.run(guard_whole(judging(guard(), AskedReply()), body))
