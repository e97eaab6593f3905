"""The batch endpoint of OpenAI-compatible providers: half the price, answers within a day.

Follows the OpenAI API reference (Files: upload, content; Batch: create, retrieve, list), which Azure, Groq, Together,
vLLM's runner and others speak too. Lines of the output and error files are read by the same code as single replies.
Invariant: a batch is created once for a file. Where a connection breaks while it is created, the provider's list is
read before anything is sent again.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from safesight.core.batches import BatchReply, BatchState
from safesight.core.errors import DataError, ModelError
from safesight.core.messages import Message
from safesight.core.records import Decoding, Reply
from safesight.models.openai.answer import CollectedAnswer, failed_reply
from safesight.models.openai.pricing import Expected, Prices
from safesight.models.openai.reading import take_whole
from safesight.models.openai.writing import ChatWriter
from safesight.net.body import read_all
from safesight.net.endpoint import Endpoint
from safesight.net.faults import Fault, body_fault, status_fault
from safesight.net.retry import Backoff
from safesight.net.upload import FileUpload, Upload

ENDPOINT: Final = "/v1/chat/completions"
"""The path as the API names it, wherever the provider's base URL ends."""
WINDOW: Final = "24h"
_PAGES: Final = 50
_BATCH_BYTES: Final = 190 * 2**20
"""Providers take 200 MB."""
_ATTEMPTS: Final = 5
_RUNNING: Final = frozenset({"validating", "in_progress", "finalizing", "cancelling", "queued", "pending", "running"})
_CROWDED: Final = frozenset({"token_limit_exceeded", "rate_limit_exceeded", "batch_limit_exceeded"})
_LATE: Final = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that were never begun."""
T = TypeVar("T")


class _Counts(msgspec.Struct, frozen=True):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _Problem(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None
    line: int | None = None


class _Problems(msgspec.Struct, frozen=True):
    data: list[_Problem] | None = None


class WireBatch(msgspec.Struct, frozen=True):
    """A batch object of the API."""

    id: str
    status: str
    input_file_id: str = ""
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Problems | None = None
    request_counts: _Counts | None = None

    def state(self) -> BatchState:
        """The same in the runner's words."""
        counts = self.request_counts or _Counts()
        problems = (self.errors.data if self.errors else None) or []
        told = "; ".join(
            f"{p.message or p.code}{f' (line {p.line})' if p.line is not None else ''}" for p in problems[:3]
        )
        status = self.status.lower()
        return BatchState(
            id=self.id,
            status="running"
            if status in _RUNNING
            else "refused"
            if status == "failed"
            else "cancelled"
            if status == "cancelled"
            else "ended",
            said=told or status.replace("_", " "),
            total=counts.total,
            done=counts.completed + counts.failed,
            crowded=any(p.code in _CROWDED for p in problems),
            files=tuple(file for file in (self.output_file_id, self.error_file_id) if file),
        )


class _Listed(msgspec.Struct, frozen=True):
    data: list[WireBatch]
    has_more: bool = False


class _File(msgspec.Struct, frozen=True):
    id: str


class _Response(msgspec.Struct, frozen=True):
    status_code: int = 200
    body: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(msgspec.Struct, frozen=True):
    custom_id: str
    response: _Response | None = None
    error: object = None


class OpenAIBatchModel:
    """A chat model behind a provider's batch endpoint; `?batch=1` opens it."""

    max_concurrency: int | None = None
    batch_bytes = _BATCH_BYTES

    def __init__(
        self,
        endpoint: Endpoint,
        writer: ChatWriter,
        *,
        name: str,
        fingerprint: str,
        prices: Prices | None,
        expected: Expected = Expected(),  # noqa: B008 - frozen
        batch_size: int,
        poll_s: float,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.prices = prices
        self.expected = expected
        self.batch_size = batch_size
        self.poll_s = poll_s
        self._endpoint = endpoint
        self._writer = writer

    @property
    def settings_left_out(self) -> Mapping[str, str]:
        """Settings that the provider refused and that are no longer sent, each with its reason."""
        return self._writer.left_out.words()

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Refuse: one question has no place in a batch.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            f"{self.name}: ?batch=1 is for the model of `safesight run`; judges, defences and the guard need each "
            "answer at once. Leave it out there."
        )

    async def batch_line(self, key: str, messages: Sequence[Message], *, decoding: Decoding) -> bytes:
        """One request as a line.

        Raises:
            DataError: an image cannot be read.
        """
        try:
            body = await self._writer.chat(messages, self._writer.settings(decoding))
        except UnicodeEncodeError as error:
            raise DataError(f"the request cannot be made: {error}") from None
        if isinstance(body, Upload):
            body = b"".join([bytes(piece) async for piece in body])
        return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n' % (key.encode(), ENDPOINT.encode(), body)

    async def upload_batch(self, path: Path) -> str:
        """Hand over a file of requests.

        Raises:
            ModelError: the provider does not take it.
        """
        form = FileUpload(path, {"purpose": "batch"})
        return (await self._ask("the file of requests", "/files", form, _File)).id

    async def create_batch(self, file: str) -> BatchState:
        """Start the batch of a file.

        Raises:
            ModelError: the provider does not start it.
        """
        asked = msgspec.json.encode({"input_file_id": file, "endpoint": ENDPOINT, "completion_window": WINDOW})
        backoff = Backoff()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return (await self._fetch("/batches", asked, WireBatch, attempts=1)).state()
            except Fault as fault:
                if fault.kind != "retry" or attempt == _ATTEMPTS:
                    raise ModelError(
                        f"the batch was not started: {fault.message}. Run the same command again."
                    ) from None
                await asyncio.sleep(backoff.wait_s(attempt, fault.retry_after_s))
            if (found := await self.find_batch(file)) is not None:
                return found
        raise AssertionError("unreachable")

    async def find_batch(self, file: str) -> BatchState | None:
        """The batch that was started with a file, among the newest.

        Raises:
            ModelError: the provider does not list its batches.
        """
        after = ""
        for _ in range(_PAGES):
            query = f"limit=100&after={quote(after, safe='')}" if after else "limit=100"
            page = await self._ask("the list of batches", "/batches", None, _Listed, query=query)
            for batch in page.data:
                if batch.input_file_id == file:
                    return batch.state()
            if not page.has_more or not page.data:
                return None
            after = page.data[-1].id
        return None

    async def read_batch(self, batch: str) -> BatchState:
        """How a batch is doing; a provider that cannot be reached for now leaves it running.

        Raises:
            ModelError: the provider does not know it.
        """
        try:
            return (await self._fetch(f"/batches/{quote(batch, safe='')}", None, WireBatch)).state()
        except Fault as fault:
            if fault.kind == "retry":
                return BatchState(id=batch, status="running", said=f"cannot be asked now ({fault.message})")
            raise ModelError(f"{batch}: {fault.message}. Choose another --run to ask anew.") from None
        except ModelError as error:
            raise ModelError(f"{batch} cannot be read. {error}") from None

    async def batch_replies(self, state: BatchState, *, decoding: Decoding) -> AsyncIterator[BatchReply]:
        """The answers of a batch, from its output and error files.

        Raises:
            ModelError: a file cannot be fetched.
        """
        sent = self._writer.settings(decoding).names
        with tempfile.TemporaryDirectory() as folder:
            for number, file in enumerate(state.files):
                path = Path(folder) / f"{number}.jsonl"
                await self._download(f"/files/{quote(file, safe='')}/content", path)
                with path.open("rb") as lines:
                    for line in lines:
                        if (found := self._read(line, sent)) is not None:
                            yield found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    def _read(self, raw: bytes, sent: Sequence[str]) -> BatchReply | None:
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # its request counts as unanswered
        try:
            return BatchReply(key=line.custom_id, reply=self._answer(line))
        except ModelError as error:
            return BatchReply(key=line.custom_id, reply=Reply(status="error", error=str(error)), fatal=str(error))
        except Fault as fault:
            again = fault.kind == "retry" or self._writer.left_out.learn(fault, sent)
            return BatchReply(key=line.custom_id, reply=failed_reply(fault), again=again)

    def _answer(self, line: _Line) -> Reply:
        address = self._endpoint.address
        response = line.response
        if response is None:
            error = line.error
            if isinstance(error, dict) and error.get("code") in _LATE:
                raise Fault("retry", f"{address.url}: {error.get('message') or error['code']}")
            raise body_fault(error, address)
        if not 200 <= response.status_code < 300:
            raise status_fault(response.status_code, {}, bytes(response.body), address)
        answer = CollectedAnswer()
        take_whole(answer, bytes(response.body), address)
        return answer.reply(prices=self.prices, latency_ms=0.0, ttft_ms=None, attempts=1)

    async def _ask(self, what: str, path: str, body: bytes | FileUpload | None, kind: type[T], *, query: str = "") -> T:
        try:
            return await self._fetch(path, body, kind, query=query)
        except Fault as fault:
            raise ModelError(f"{what}: {fault.message}. Run the same command again.") from None

    async def _fetch(
        self,
        path: str,
        body: bytes | FileUpload | None,
        kind: type[T],
        *,
        query: str = "",
        attempts: int | None = None,
    ) -> T:
        raw = (await self._endpoint.ask(path, body, read_all, query=query, attempts=attempts)).value
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModelError(
                f"{self._endpoint.address.url}{path}: expected the Files and Batch API of OpenAI, got something else "
                f"({error}). Leave out ?batch=1 where the provider has no such endpoint."
            ) from None

    async def _download(self, path: str, target: Path) -> None:
        async def read(response: aiohttp.ClientResponse) -> None:
            with target.open("wb") as out:
                async for chunk in response.content.iter_any():
                    out.write(chunk)

        try:
            await self._endpoint.ask(path, None, read)
        except Fault as fault:
            raise ModelError(f"the batch's answers: {fault.message}. The same command fetches them.") from None
