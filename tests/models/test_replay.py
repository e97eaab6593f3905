from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safesight.core.errors import ConfigError, ModelError, StoreError, UnknownName
from safesight.core.messages import Image, system, user
from safesight.core.records import Decoding, GuardEvent, Reply, Response, Sample, Usage
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore
from safesight.models.replay import messages_key, open_replay
from tests.support import PNG, make_manifest, make_sample, png

PLAIN = Decoding()


def record(path: Path, replies: list[tuple[Sample, Reply]]) -> Path:
    with RunStore.create(path, make_manifest()) as store:
        store.add(
            samples=list(enumerate(sample for sample, _ in replies)),
            responses=[
                Response(key=f"r{i}", sample_key=sample.key, reply=reply) for i, (sample, reply) in enumerate(replies)
            ],
        )
    return path


async def test_answers_by_content_in_any_order(tmp_path: Path):
    samples = [make_sample(i) for i in range(4)]
    replies = [Reply(status="ok", text=f"answer {i}", latency_ms=5.0) for i in range(4)]
    path = record(tmp_path / "run.db", list(zip(samples, replies, strict=True)))
    model = open_plugin("models", f"replay:{path}")
    assert callable(model.stream)
    for index in (2, 0, 3, 1):
        messages = samples[index].messages
        assert await model.generate(messages, decoding=Decoding(temperature=1.0)) == replies[index]
    await model.aclose()


async def test_what_was_not_asked_is_an_error(tmp_path: Path):
    sample = make_sample(0)
    model = open_replay(str(record(tmp_path / "run.db", [(sample, Reply(status="ok", text="a"))])), {})
    other = [sample.messages[0], user("and?")]
    reply = await model.generate(other, decoding=PLAIN)
    assert (reply.status, reply.text) == ("error", "")
    assert "no answer to this conversation" in reply.error
    with pytest.raises(ModelError, match="no answer to this conversation"):
        await anext(model.stream(other, decoding=PLAIN))


async def test_statuses_come_back_and_cost_and_guard_events_do_not(tmp_path: Path):
    recorded = Reply(
        status="blocked",
        text="part",
        reasoning="why",
        finish_reason="sensitive",
        usage=Usage(prompt_tokens=3, cost_usd=0.5),
        guard_events=(GuardEvent(kind="final", action="halt"),),
    )
    sample = make_sample(0)
    model = open_replay(str(record(tmp_path / "run.db", [(sample, recorded)])), {"chunk": "3"})
    reply = await model.generate(sample.messages, decoding=PLAIN)
    assert reply == msgspec.structs.replace(recorded, usage=Usage(prompt_tokens=3), guard_events=())
    deltas = [delta async for delta in model.stream(sample.messages, decoding=PLAIN)]
    assert [(d.reasoning, d.text, d.finish_reason) for d in deltas] == [
        ("why", "", ""),
        ("", "par", ""),
        ("", "t", ""),
        ("", "", "content_filter"),
    ]


async def test_the_first_answer_that_is_no_error_counts(tmp_path: Path):
    sample = make_sample(0)
    twins = [msgspec.structs.replace(sample, key=f"k{i}") for i in range(3)]
    replies = [Reply(status="error", error="x"), Reply(status="ok", text="first"), Reply(status="ok", text="second")]
    model = open_replay(str(record(tmp_path / "run.db", list(zip(twins, replies, strict=True)))), {})
    assert (await model.generate(sample.messages, decoding=PLAIN)).text == "first"


def test_content_is_roles_texts_images_and_their_order():
    one, two = Image.from_bytes(PNG), Image.from_bytes(png(9, 9))
    keys = [
        messages_key([user(one, "a")]),
        messages_key([user("a", one)]),
        messages_key([user(two, "a")]),
        messages_key([user(one, "b")]),
        messages_key([user("a")]),
        messages_key([system("a")]),
        messages_key([user("a"), user("a")]),
        messages_key([user(one.sha256)]),
        messages_key([user(one)]),
    ]
    assert len(set(keys)) == len(keys)
    assert messages_key([user(one.reference(), "a")]) == keys[0]
    assert messages_key([user(msgspec.structs.replace(one, label="other"), "a")]) == keys[0]


def test_bad_names_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="replay:RUN"):
        open_replay("", {})
    with pytest.raises(StoreError, match="no such run"):
        open_replay(str(tmp_path / "none.db"), {})
    with pytest.raises(UnknownName, match="chunk"):
        open_replay("x", {"chnk": "1"})
