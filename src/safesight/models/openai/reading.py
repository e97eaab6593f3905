"""Reads an HTTP reply, whole or streamed, into answers; what is not the protocol is a fault worth a retry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from safesight.models.openai.answer import CollectedAnswer
from safesight.net.body import MAX_REPLY_BYTES, linger, read_all
from safesight.net.faults import Address, Fault
from safesight.wire.chat_reply import DONE, Body, ReplyChoice, read_body
from safesight.wire.sse import EventReader, EventTooLong


async def read_answer(response: aiohttp.ClientResponse, address: Address, *, streamed: bool) -> CollectedAnswer:
    """The whole answer; `streamed` says whether a stream was asked for.

    Raises:
        Fault: there is none.
        ModelError: there will never be one.
    """
    answer = CollectedAnswer()
    if not is_stream(response, asked=streamed):
        take_whole(answer, await read_all(response), address)
        return answer
    try:
        async for body in read_bodies(response, address, answer):
            answer.add(body, address)
    except Fault as fault:
        # What was sent before a block in mid-stream was delivered.
        if fault.kind == "blocked" and answer.cut_by_provider():
            return answer
        raise
    check_end(answer, address)
    return answer


def take_whole(answer: CollectedAnswer, raw: bytes, address: Address) -> ReplyChoice | None:
    """Take the one body of an unstreamed reply; billed replies without choices are empty answers.

    Raises:
        Fault: there is no choice, or an error.
        ModelError: it is an error that no later request can mend.
    """
    body = _body(raw, address)
    choice = answer.add(body, address)
    if choice is not None or body.withheld:
        return choice
    if not body.empty:
        raise _malformed("the reply has no choices", address)
    if answer.usage is None:
        raise Fault("empty", f"{address.url}: the reply has an empty list of choices")
    return None


async def read_choice(response: aiohttp.ClientResponse, address: Address) -> ReplyChoice:
    """The first choice of an unstreamed reply.

    Raises:
        Fault, ModelError: as `read_answer`.
    """
    answer = CollectedAnswer()
    choice = take_whole(answer, await read_all(response), address)
    if choice is None:
        why = f"blocked ({answer.finish_reason})" if answer.blocked else "empty"
        raise Fault("blocked" if answer.blocked else "failed", f"{address.url}: the answer is {why}")
    return choice


async def read_bodies(
    response: aiohttp.ClientResponse, address: Address, answer: CollectedAnswer
) -> AsyncIterator[Body]:
    """Chunks of a stream; of a server that answers a stream request whole, its one body.

    `answer.ended` is set when the stream says that it is complete.
    """
    if not is_stream(response, asked=True):
        yield _body(await read_all(response), address)
        return
    reader = EventReader()
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        for payload in _feed(reader, chunk, size, address):
            if payload.strip() == DONE:
                answer.ended = True
                await linger(response)
                return
            yield _body(payload, address)
    for payload in reader.flush():
        if payload.strip() == DONE:
            answer.ended = True
            return
        yield _body(payload, address)


def check_end(answer: CollectedAnswer, address: Address) -> None:
    """Raise Fault for a stream that was cut off."""
    if not (answer.finish_reason or answer.ended):
        raise _malformed("the stream ended before the answer did", address)


def is_stream(response: aiohttp.ClientResponse, *, asked: bool) -> bool:
    """Whether to read events; some servers mislabel their streams, and some stream unasked."""
    kind = response.content_type
    return kind == "text/event-stream" or (asked and kind not in {"application/json", "text/html"})


def _feed(reader: EventReader, chunk: bytes, size: int, address: Address) -> list[bytes]:
    if size > MAX_REPLY_BYTES:
        raise Fault("failed", f"{address.url}: the stream is over {MAX_REPLY_BYTES >> 20} MiB")
    try:
        return reader.feed(chunk)
    except EventTooLong as error:
        raise _malformed(str(error), address) from None


def _body(raw: bytes, address: Address) -> Body:
    try:
        return read_body(raw)
    except ValueError as error:
        raise _malformed(str(error), address) from None


def _malformed(what: str, address: Address) -> Fault:
    return Fault("retry", f"{address.url}: {what}")
