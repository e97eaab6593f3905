from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safesight.core.errors import CorruptData, DataError, MissingData
from safesight.core.messages import Image, Message, TextPart, assistant, system, user
from safesight.core.records import Decoding
from safesight.net.upload import INLINE_BYTES, Upload, pack
from safesight.wire.chat_request import Piece, RequestLayout, chat_pieces, completion_pieces, probing, settings
from tests.support import PNG

LAYOUT = RequestLayout(model="m")
BIG = PNG + bytes(range(256)) * (INLINE_BYTES // 200)
"""Not a decodable picture: images are never decoded on the way out."""


async def sent(body: bytes | Upload) -> bytes:
    return body if isinstance(body, bytes) else b"".join([bytes(chunk) async for chunk in body])


async def request(messages: list[Message], layout: RequestLayout = LAYOUT, tail: bytes = b"") -> dict[str, Any]:
    return json.loads(await sent(pack(chat_pieces(messages, layout, tail))))


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


async def test_text_goes_as_plain_strings():
    body = await request([system('be "kind"'), user("one", "two"), assistant("é答\n")])
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": 'be "kind"'},
            {"role": "user", "content": "one\ntwo"},
            {"role": "assistant", "content": "é答\n"},
        ],
    }


@pytest.mark.parametrize("data", [PNG, BIG], ids=["inline", "streamed"])
async def test_images_go_untouched_and_in_order(data: bytes, tmp_path: Path):
    jpeg = b"\xff\xd8\xff" + data
    path = tmp_path / "b.jpg"
    path.write_bytes(jpeg)
    body = await request([user(Image.from_bytes(data), "first", Image.from_path(path), "second")])
    assert body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": data_url(data)}},
        {"type": "text", "text": "first"},
        {"type": "image_url", "image_url": {"url": data_url(jpeg, "image/jpeg")}},
        {"type": "text", "text": "second"},
    ]


async def test_detail_is_sent_only_when_set():
    image = Image.from_bytes(PNG)
    plain = await request([user(image)])
    high = await request([user(image)], RequestLayout(model="m", detail="high"))
    assert "detail" not in plain["messages"][0]["content"][0]["image_url"]
    assert high["messages"][0]["content"][0]["image_url"]["detail"] == "high"


async def test_large_bodies_are_streamed_in_slices_of_the_promised_length():
    pieces = chat_pieces([user(*[Image.from_bytes(BIG + bytes([i]))] * 3, "x") for i in range(3)], LAYOUT, b"")
    body = pack(pieces)
    assert isinstance(body, Upload)
    chunks = [len(chunk) async for chunk in body]
    assert sum(chunks) == body.length
    assert max(chunks) <= 128 * 1024
    assert await sent(body) == await sent(pack(pieces)), "a retry sends the same again"


def test_small_bodies_are_one_bytes_object():
    assert isinstance(pack(chat_pieces([user(Image.from_bytes(PNG), "x")], LAYOUT, b"")), bytes)


@pytest.mark.parametrize("data", [PNG, BIG], ids=["inline", "streamed"])
async def test_an_image_that_changed_or_vanished_is_not_sent(data: bytes, tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    pieces = chat_pieces([user(Image.from_path(path))], LAYOUT, b"")
    path.write_bytes(data[:-1] + b"!")
    with pytest.raises(CorruptData, match="changed"):
        await sent(pack(pieces))
    path.unlink()
    with pytest.raises(MissingData):
        await sent(pack(pieces))


async def test_a_streamed_failure_is_kept_for_the_message(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(BIG)
    body = pack(chat_pieces([user(Image.from_path(path))], LAYOUT, b""))
    assert isinstance(body, Upload)
    path.unlink()
    with pytest.raises(DataError):
        await sent(body)
    assert isinstance(body.failure, MissingData)


def test_an_image_known_by_hash_only_cannot_be_sent():
    pieces: list[Piece] = chat_pieces([user(Image.from_bytes(PNG).reference())], LAYOUT, b"")
    with pytest.raises(MissingData, match="not kept"):
        pack(pieces)


async def test_settings_leave_out_what_is_the_providers_choice():
    assert settings(Decoding(), LAYOUT, stream=False).data == b""
    full = Decoding(temperature=0.0, top_p=0.001, max_tokens=64, repetition_penalty=1.05, seed=7)
    body = await request([user("x")], tail=settings(full, LAYOUT, stream=True).data)
    del body["messages"]
    assert body == {
        "model": "m",
        "temperature": 0.0,
        "top_p": 0.001,
        "max_tokens": 64,
        "repetition_penalty": 1.05,
        "repeat_penalty": 1.05,
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_the_token_limit_has_the_endpoints_name():
    layout = RequestLayout(model="m", limit_field="max_completion_tokens")
    body = await request([user("x")], layout, settings(Decoding(max_tokens=5), layout, stream=False).data)
    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body


async def test_probes_ask_for_logprobs_each_in_its_own_way():
    chat = json.loads(b"{" + probing(LAYOUT, max_tokens=1, top_logprobs=20, chat=True).data[1:] + b"}")
    raw = json.loads(
        await sent(pack(completion_pieces("p", LAYOUT, probing(LAYOUT, max_tokens=1, top_logprobs=5, chat=False).data)))
    )
    assert chat == {"temperature": 0.0, "max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    assert raw == {"model": "m", "prompt": "p", "temperature": 0.0, "max_tokens": 1, "logprobs": 5}


def test_text_that_is_no_unicode_is_refused():
    with pytest.raises(UnicodeEncodeError):
        chat_pieces([Message("user", (TextPart("\ud800"),))], LAYOUT, b"")


def test_what_a_chat_template_takes_goes_with_chats_alone_and_cannot_be_left_out() -> None:
    layout = RequestLayout(model="m", template_kwargs='{"policy":"p"}', reasoning_effort="low")
    chat = probing(layout, max_tokens=1, top_logprobs=5, chat=True, without=frozenset({"chat_template_kwargs"}))
    told = msgspec.json.decode(b"{" + chat.data[1:] + b"}")
    assert told["chat_template_kwargs"] == {"policy": "p"}
    assert told["reasoning_effort"] == "low"
    assert "chat_template_kwargs" not in chat.names, "a provider that refuses it is an error, not another judge"
    raw = probing(layout, max_tokens=1, top_logprobs=5, chat=False)
    assert b"chat_template_kwargs" not in raw.data
    assert b'"chat_template_kwargs":{"policy":"p"}' in settings(Decoding(), layout, stream=False).data
