"""Upstream replies in every shape that servers are known to send, around an answer that may hold a marker. Seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MARK = "FORBIDDENWORD"
WORDS = (
    "calm ",
    "street. ",
    "two people ",
    "说话。",
    "Why? ",
    "\n",
    "walking, ",
    "a" * 60 + " ",
    "Ok! ",
    "é ",
    "the end. ",
)


@dataclass
class Answer:
    """What a model said, choice by choice: (field, piece) in order."""

    said: list[list[tuple[str, str]]]
    finish: list[str]
    marked: dict[int, str] = field(default_factory=dict)
    """Choices with the marker in their answer, and in which field."""


@dataclass
class Case:
    """An answer, and how a server dresses it."""

    seed: int
    answer: Answer
    plain: list[bytes]
    dressed: list[bytes]
    marked_beside: str
    """Where the dress holds the marker; "" where it does not."""
    ends: str
    """done | bare (no [DONE]) | error | broken"""
    choices: int
    structured: bool


def prose(rng: random.Random, least: int = 0) -> str:
    return "".join(rng.choices(WORDS, k=rng.randrange(least, 14)))


def pieces(rng: random.Random, text: str) -> list[str]:
    found: list[str] = []
    while text:
        size = rng.choice((1, 2, 3, 5, 8, 20, 200))
        found.append(text[:size])
        text = text[size:]
    return found


def an_answer(rng: random.Random, choices: int, structured: bool) -> Answer:
    answer = Answer([], [])
    for index in range(choices):
        parts: list[tuple[str, str]] = []
        marked = rng.random() < 0.35
        fields = ["content"]
        if rng.random() < 0.3:
            fields.insert(0, "reasoning_content")
        if rng.random() < 0.3 and not structured:
            fields += [f"tool:{n}" for n in range(rng.randrange(1, 4))]
        elif rng.random() < 0.1:
            fields = ["refusal"]
        place = rng.choice(fields) if marked else ""
        for name in fields:
            text = prose(rng)
            if name == place:
                text += rng.choice((MARK, f"x {MARK} y", f"({MARK}) and more ", MARK.lower())) + " " + prose(rng)
                answer.marked[index] = name
            if name.startswith("tool"):
                text = json.dumps({"path": text, "n": 1}, ensure_ascii=rng.random() < 0.5)
            elif name == "content" and structured:
                text = json.dumps({"answer": text})
            parts += [(name, piece) for piece in pieces(rng, text)]
        answer.said.append(parts)
        answer.finish.append("tool_calls" if any(name.startswith("tool") for name in fields) else "stop")
    return answer


def delta_of(name: str, piece: str, *, begins: bool) -> dict[str, Any]:
    if not name.startswith("tool"):
        return {name: piece}
    call: dict[str, Any] = {"index": int(name[5:]), "function": {"arguments": piece}}
    if begins:
        call |= {"id": f"call_{name[5:]}a7", "type": "function"}
        call["function"]["name"] = "delete"
    return {"tool_calls": [call]}


def event(choice: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-7Qd2", "object": "chat.completion.chunk", "created": 7, "model": "mock"}
    return {**head, "choices": [] if choice is None else [choice], **more}


def plain_events(answer: Answer, rng: random.Random) -> list[dict[str, Any]]:
    """One event a piece; choices interleaved at random."""
    queues: list[list[dict[str, Any]]] = []
    for index, parts in enumerate(answer.said):
        queue = [{"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
        begun: set[str] = set()
        for name, piece in parts:
            delta = delta_of(name, piece, begins=name not in begun)
            begun.add(name)
            queue.append({"index": index, "delta": delta, "finish_reason": None})
        queue.append({"index": index, "delta": {}, "finish_reason": answer.finish[index]})
        queues.append(queue)
    found: list[dict[str, Any]] = []
    while any(queues):
        queue = rng.choice([queue for queue in queues if queue])
        found.append(event(queue.pop(0)))
    return found


Dress = list[str]


def dress(rng: random.Random, plain: list[dict[str, Any]], shapes: Dress, mark: str) -> list[dict[str, Any] | bytes]:
    """The same answer as some server sends it; `mark` names where the marker stands beside the answer."""
    found: list[dict[str, Any] | bytes] = []
    said: dict[int, str] = {}
    at = rng.randrange(len(plain))
    for number, one in enumerate(plain):
        value: dict[str, Any] = json.loads(json.dumps(one))
        choice = value["choices"][0]
        content = choice["delta"].get("content") or ""
        said[choice["index"]] = said.get(choice["index"], "") + content
        worn = Worn(rng, value, said[choice["index"]])
        for shape in shapes:
            if shape in WEAR:
                WEAR[shape](worn)
        if number == at and mark in HIDE:
            HIDE[mark](worn)
        if mark == "split" and 0 <= number - at < len(SPLIT):
            value["note"] = SPLIT[number - at]
        found.append(value)
    return with_lone_events(rng, found, shapes, mark)


def with_lone_events(
    rng: random.Random, found: list[dict[str, Any] | bytes], shapes: Dress, mark: str
) -> list[dict[str, Any] | bytes]:
    """Events without choices where servers have them, and one that says a key twice."""
    if "azure" in shapes:
        results = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        found.insert(
            0, {"id": "", "object": "", "created": 0, "model": "", "prompt_filter_results": results, "choices": []}
        )
    if "null usage" in shapes:
        found.append(
            event(None, usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}) | {"choices": None}
        )
    if mark == "usage event":
        found.append(event(None, usage={"total_tokens": 3, "note": MARK}))
    if mark == "lone event":
        found.insert(rng.randrange(len(found)), event(None, note=f"x {MARK}"))
    if mark == "duplicate":
        text = json.dumps(MARK)
        # The value that counts is a word of its own: "ok" glued to a marker makes a longer word, which no block list of
        # whole words flags.
        found.insert(
            rng.randrange(len(found)),
            b'{"choices":[{"index":0,"delta":{"content":%b,"content":" ok "},"finish_reason":null}]}' % text.encode(),
        )
    return found


class Worn:
    """One event on its way to be dressed; `delta` is the message of a whole reply."""

    def __init__(self, rng: random.Random, value: dict[str, Any], said: str = "") -> None:
        self.rng = rng
        self.value = value
        self.choice: dict[str, Any] = value["choices"][0]
        self.delta: dict[str, Any] = self.choice.get("delta") or self.choice.get("message") or {}
        self.content = self.delta.get("content") or ""
        self.thought = self.delta.get("reasoning_content") or ""
        self.said = said


def _logprobs(worn: Worn) -> None:
    entry = {"token": worn.content, "logprob": -0.1, "bytes": list(worn.content.encode()), "top_logprobs": []}
    worn.choice["logprobs"] = {"content": [entry]}


def _details(worn: Worn) -> None:
    worn.delta["reasoning_details"] = [
        {"type": "reasoning.text", "text": worn.thought, "format": "unknown", "index": 0}
    ]


def _unfinished(word: str) -> Callable[[Worn], None]:
    def wear(worn: Worn) -> None:
        if worn.choice["finish_reason"] is None:
            worn.choice["finish_reason"] = word

    return wear


ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
WEAR: dict[str, Callable[[Worn], object]] = {
    "padding": lambda w: w.value.update(p=ALPHABET[: w.rng.randrange(4, 36)]),
    "obfuscation": lambda w: w.value.update(obfuscation="".join(w.rng.choices(ALPHABET, k=w.rng.randrange(2, 14)))),
    "citations": lambda w: w.value.update(citations=["https://example.org/a"]),
    "message": lambda w: w.said and w.choice.update(message={"role": "assistant", "content": w.said}),
    "twice": lambda w: w.thought and w.delta.update(reasoning=w.thought),
    "details": lambda w: w.thought and _details(w),
    "text": lambda w: w.content and w.choice.update(text=w.content),
    "logprobs": lambda w: w.content and _logprobs(w),
    "token_ids": lambda w: w.content and w.choice.update(token_ids=[5_000_000 + n for n in range(len(w.content))]),
    "usage": lambda w: w.value.update(usage={"completion_tokens": len(w.said), "total_tokens": 1 + len(w.said)}),
    "roles": lambda w: w.delta.update(role="assistant"),
    "empty finish": _unfinished(""),
    "null finish": _unfinished("null"),
    "fingerprint": lambda w: w.value.update(system_fingerprint="fp_44709d6fcb"),
    "null index": lambda w: w.choice.update(index=None),
}
"""What servers are known to put around an answer."""

TEXT = f"x {MARK} y"
CALL = {"index": 7, "id": MARK, "type": "function", "function": {"name": "f", "arguments": "{}"}}
ESCAPED = '{"a": "one\\n' + "".join(f"\\u{ord(letter):04x}" for letter in MARK) + '"}'


def _entry(**fields: Any) -> dict[str, Any]:
    return {"content": [{"token": "t", "logprob": -1, **fields}]}


HIDE: dict[str, Callable[[Worn], object]] = {
    "top": lambda w: w.value.update(note=TEXT),
    "top key": lambda w: w.value.update({MARK: 1}),
    "choice": lambda w: w.choice.update(comment=TEXT),
    "delta": lambda w: w.delta.update(whatever=[TEXT]),
    "delta key": lambda w: w.delta.update({MARK: {}}),
    "nested": lambda w: w.delta.update(extra={"id": {"type": [MARK]}}),
    "usage": lambda w: w.value.update(usage={"total_tokens": 1, "text": MARK}),
    "role": lambda w: w.delta.update(role=MARK),
    "tool id": lambda w: w.delta.update(tool_calls=[CALL]),
    "logprob": lambda w: w.choice.update(logprobs=_entry(token=MARK)),
    "bytes": lambda w: w.choice.update(logprobs=_entry(bytes=list(MARK.encode()))),
    "token_ids": lambda w: w.choice.update(token_ids=list(MARK.encode())),
    "alternative": lambda w: w.choice.update(logprobs=_entry(top_logprobs=[{"token": MARK, "logprob": -2}])),
    "id": lambda w: w.value.update(id=MARK),
    "model": lambda w: w.value.update(model=TEXT),
    "message": lambda w: w.choice.update(message={"role": "assistant", "content": TEXT}),
    "escaped": lambda w: w.value.update(note=ESCAPED),
}
"""Where the marker may stand beside an answer."""
SPLIT = (f"x {MARK[:4]}", MARK[4:9], f"{MARK[9:]} y")


def whole(case: Case) -> bytes:
    """The same answer as one reply, with the marker where the stream's dress has it."""
    choices: list[dict[str, Any]] = []
    for index, parts in enumerate(case.answer.said):
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        calls: dict[str, str] = {}
        for name, piece in parts:
            said = calls if name.startswith("tool") else message
            said[name] = said.get(name, "") + piece
        if calls:
            functions = [{"name": "delete", "arguments": arguments} for arguments in calls.values()]
            message["tool_calls"] = [{"id": "call_0a7", "type": "function", "function": one} for one in functions]
        choices.append({"index": index, "message": message, "finish_reason": case.answer.finish[index]})
    value = {"id": "chatcmpl-7Qd2", "object": "chat.completion", "created": 7, "model": "mock", "choices": choices}
    if case.marked_beside in HIDE and case.marked_beside != "message":
        HIDE[case.marked_beside](Worn(random.Random(case.seed), value))
    return json.dumps(value).encode()


def encode(value: dict[str, Any] | bytes, shapes: Dress) -> bytes:
    if isinstance(value, bytes):
        return value
    separators = (", ", ": ") if "spaced" in shapes else (",", ":")
    return json.dumps(value, ensure_ascii="escaped" in shapes, separators=separators).encode()


def join(rng: random.Random, values: list[dict[str, Any] | bytes]) -> list[dict[str, Any] | bytes]:
    """Neighbouring events of different choices as one."""
    found: list[dict[str, Any] | bytes] = []
    for value in values:
        before = found[-1] if found else None
        if (
            isinstance(before, dict)
            and isinstance(value, dict)
            and before.get("choices")
            and value.get("choices")
            and rng.random() < 0.6
            and value["choices"][0]["index"] not in [choice["index"] for choice in before["choices"]]
        ):
            before["choices"] += value["choices"]
        else:
            found.append(value)
    return found


def framed(rng: random.Random, payloads: list[bytes], mark: str, ends: str) -> bytes:
    """The payloads as an event stream, with what may stand around events."""
    newline = rng.choice((b"\n", b"\n", b"\n", b"\r\n"))
    out: list[bytes] = []
    for payload in payloads:
        if rng.random() < 0.05:
            out.append(b": OPENROUTER PROCESSING" + newline * 2)
        if rng.random() < 0.03:
            out.append(b"event: message" + newline)
        out.append(b"data:" + rng.choice((b" ", b" ", b"")) + payload + newline * 2)
    if mark == "comment":
        out.insert(rng.randrange(len(out) + 1), b": " + MARK.encode() + newline * 2)
    if mark == "event name":
        out.insert(rng.randrange(len(out) + 1), b"event: " + MARK.encode() + newline)
    if ends == "error":
        quoted = f"rate limit {MARK}" if mark == "error" else "rate limit reached"
        out.append(b"data: " + json.dumps({"error": {"message": quoted, "code": 429}}).encode() + newline * 2)
    if ends == "done":
        out.append(b"data: [DONE]" + newline * 2)
    if mark == "after":
        out.append(b'data: {"choices":[{"index":0,"delta":{"content":"' + MARK.encode() + b'"}}]}' + newline * 2)
    return b"".join(out)


def cut(rng: random.Random, raw: bytes) -> list[bytes]:
    """The bytes as reads give them."""
    if rng.random() < 0.3:
        return [raw]
    found: list[bytes] = []
    while raw:
        size = rng.choice((1, 7, 60, 300, 2_000, 60_000))
        found.append(raw[:size])
        raw = raw[size:]
    return found


SHAPES = (*WEAR, "null usage", "azure", "joined", "spaced", "escaped")
MARKED = (*HIDE, "split", "usage event", "lone event", "duplicate", "error", "comment", "event name", "after")


def a_case(seed: int) -> Case:
    rng = random.Random(seed)
    choices = rng.choice((1, 1, 1, 2, 3))
    structured = rng.random() < 0.1
    answer = an_answer(rng, choices, structured)
    shapes = rng.sample(SHAPES, k=rng.choice((0, 1, 1, 2, 3, 5)))
    if choices > 1 and "null index" in shapes:
        shapes.remove("null index")
    mark = rng.choice(MARKED) if rng.random() < 0.4 else ""
    ends = "error" if mark == "error" else rng.choice(("done", "done", "done", "bare", "error", "broken"))
    order = rng.randrange(2**31)
    plain = plain_events(answer, random.Random(order))
    worn = dress(rng, plain, shapes, mark)
    if "joined" in shapes and choices > 1:
        worn = join(rng, worn)
    plain_raw = framed(random.Random(0), [encode(value, []) for value in plain], "", "done")
    payloads = [encode(value, shapes) for value in worn]
    if ends == "broken":
        payloads = payloads[: rng.randrange(len(payloads) + 1)]
    raw = framed(rng, payloads, mark, ends)
    return Case(
        seed=seed,
        answer=answer,
        plain=[plain_raw],
        dressed=cut(rng, raw),
        marked_beside=mark,
        ends=ends,
        choices=choices,
        structured=structured,
    )
