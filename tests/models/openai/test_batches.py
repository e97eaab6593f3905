"""The requests of the batch endpoint beside those of OpenAI's own client, on the same server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from safesight.core.errors import ConfigError, ModelError
from safesight.core.messages import Image, user
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.models.openai.batches import OpenAIBatchModel
from tests.models.batch_provider import BatchProvider, Seen
from tests.support import PNG, png

QUESTIONS = [user("What is this?", Image.from_bytes(PNG)), user("你好，这是什么？"), user("And this?")]


def batching(server: BatchProvider, options: str = "") -> OpenAIBatchModel:
    model = open_plugin("models", f"{server.url}#mock?batch=1&batch_poll_s=0.02{options}")
    assert isinstance(model, OpenAIBatchModel)
    return model


def asked(seen: Seen) -> tuple[Any, ...]:
    form = {name: value[1] if isinstance(value, tuple) else value for name, value in seen.form.items()}
    return seen.method, seen.path, form, seen.json


async def test_files_and_batches_are_asked_for_as_the_official_client_does(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    async with BatchProvider() as server:
        model = batching(server)
        lines = [await model.batch_line(f"k{i}", [q], decoding=Decoding(seed=7)) for i, q in enumerate(QUESTIONS)]
        path.write_bytes(b"".join(lines))
        file = await model.upload_batch(path)
        state = await model.create_batch(file)
        while state.status == "running":
            state = await model.read_batch(state.id)
        ours = [asked(seen) for seen in server.seen]
        replies = [r async for r in model.batch_replies(state, decoding=Decoding(seed=7))]
        await model.aclose()
    async with BatchProvider() as server, openai.AsyncOpenAI(base_url=server.url, api_key="x") as client:
        uploaded = await client.files.create(file=path, purpose="batch")
        batch = await client.batches.create(
            input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        while batch.status in {"validating", "in_progress", "finalizing"}:
            batch = await client.batches.retrieve(batch.id)
        theirs = [asked(seen) for seen in server.seen]
        assert batch.output_file_id is not None
        output = (await client.files.content(batch.output_file_id)).text
    assert ours == theirs
    rows = {row["custom_id"]: row["response"]["body"] for row in map(json.loads, output.splitlines())}
    assert {r.key: r.reply.text for r in replies} == {
        key: body["choices"][0]["message"]["content"] for key, body in rows.items()
    }


async def test_a_line_asks_what_a_single_request_of_the_official_client_asks() -> None:
    """The body in a line is the one that the official client would post for the same conversation."""
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": Image.from_bytes(PNG).media_type}},
    ]
    async with BatchProvider() as server:
        model = batching(server)
        line = json.loads(await model.batch_line("k", [QUESTIONS[0]], decoding=Decoding(temperature=0, max_tokens=9)))
        await model.aclose()
        async with openai.AsyncOpenAI(base_url=server.url, api_key="x", max_retries=0) as client:
            content[1]["image_url"] = line["body"]["messages"][0]["content"][1]["image_url"]
            with pytest.raises(openai.NotFoundError):
                await client.chat.completions.create(
                    model="mock",
                    messages=[{"role": "user", "content": content}],  # type: ignore[list-item]
                    temperature=0,
                    max_tokens=9,
                )
        assert (line["custom_id"], line["method"], line["url"]) == ("k", "POST", "/v1/chat/completions")
        assert line["body"] == server.seen[-1].json


async def test_large_pictures_arrive_whole() -> None:
    import base64
    import random

    noise = png(8, 8) + random.Random(1).randbytes(400_000)
    async with BatchProvider() as server:
        model = batching(server)
        line = json.loads(await model.batch_line("k", [user(Image.from_bytes(noise))], decoding=Decoding()))
        await model.aclose()
    url = line["body"]["messages"][0]["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.partition(",")[2]) == noise


async def test_the_batch_of_a_file_is_found_on_any_page() -> None:
    async with BatchProvider() as server, openai.AsyncOpenAI(base_url=server.url, api_key="x") as client:
        files = [await client.files.create(file=("r.jsonl", b""), purpose="batch") for _ in range(230)]
        made = [
            await client.batches.create(input_file_id=f.id, endpoint="/v1/chat/completions", completion_window="24h")
            for f in files[:-1]
        ]
        model = batching(server)
        for index in (0, 120, 228):
            found = await model.find_batch(files[index].id)
            assert found is not None
            assert found.id == made[index].id
        assert await model.find_batch(files[-1].id) is None
        await model.aclose()


async def test_a_batch_model_answers_nobody_at_once() -> None:
    async with BatchProvider() as server:
        model = batching(server)
        with pytest.raises(ModelError, match="judges, defences and the guard need each answer at once"):
            await model.generate([QUESTIONS[2]], decoding=Decoding())
        await model.aclose()


@pytest.mark.parametrize("options", ["batch=1&stream=1", "batch=1&batch_size=0", "batch=1&batch_price=-1"])
def test_settings_that_make_no_sense_are_refused(options: str) -> None:
    with pytest.raises(ConfigError):
        open_plugin("models", f"http://127.0.0.1:9/v1#mock?{options}")
