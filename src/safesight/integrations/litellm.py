"""A guardrail inside LiteLLM's proxy: `guardrail: safesight.integrations.litellm.SafeSightGuardrail`.

Requests and whole answers of every route that LiteLLM translates come through `apply_guardrail`. Chat streams come
chunk by chunk through the proxy's own relay: nothing leaves before its verdict, and on a stop the upstream is closed
and the stream ends with `content_filter`. Streams of other routes LiteLLM holds until `apply_guardrail` judged them.
"""

# LiteLLM is in no environment that is type-checked: its pins conflict with ours.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from fastapi import HTTPException
from litellm.exceptions import GuardrailRaisedException
from litellm.integrations.custom_guardrail import CustomGuardrail, log_guardrail_information
from litellm.types.utils import ModelResponseStream

from safesight.api import open_guard
from safesight.guard.guard import Guard
from safesight.proxy.chat_request import read_request
from safesight.proxy.errors import BadRequestError, UpstreamError
from safesight.proxy.gateways import litellm as answer
from safesight.proxy.hooks import AskedBefore, Hook
from safesight.proxy.judging import AskedReply, Judging
from safesight.proxy.relay import Relay
from safesight.proxy.settings import Limits
from safesight.wire.channels import DONE
from safesight.wire.sse_relay import COMMENT, encode

_NEVER_S = 1e6
"""Seconds of silence after which a comment would keep a connection alive, which is LiteLLM's business."""


class SafeSightGuardrail(CustomGuardrail):
    """Guards what LiteLLM serves; `policy` is a policy file's path, "" the shipped policy."""

    def __init__(self, *, policy: str = "", guard: Guard | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._guard = guard or open_guard(policy or None)
        self._asked = AskedBefore()

    @log_guardrail_information
    async def apply_guardrail(
        self, inputs: Any, request_data: dict[str, Any], input_type: str, logging_obj: Any = None
    ) -> Any:
        """Judge a request, or the texts and tool calls of an answer; raises what LiteLLM answers a client with."""
        call = logging_obj.litellm_call_id if logging_obj else request_data.get("litellm_call_id")
        body = _plain({**inputs, "input_type": input_type, "litellm_call_id": call})
        try:
            found = await answer(self._hook(), body, self._asked)
        except BadRequestError as error:
            raise HTTPException(status_code=error.status, detail=str(error)) from None
        if found["action"] == "BLOCKED":
            raise GuardrailRaisedException(
                guardrail_name=self.guardrail_name,
                message=found["blocked_reason"],
                should_wrap_with_default_message=False,
                blocked_content=True,
            )
        return {**inputs, **{name: value for name, value in found.items() if name != "action"}}

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncGenerator[Any]:
        """Guard a chat stream as it comes."""
        read = read_request(
            msgspec.json.encode(_plain({**request_data, "messages": request_data.get("messages") or []}))
        )
        hook = self._hook()
        asked = AskedReply(
            model=read.model, choices=read.choices, structured=read.structured, tells_usage=read.include_usage
        )
        judging = Judging(
            self._guard, self._asked.find(None, str(request_data.get("litellm_call_id"))), hook.tally, asked
        )
        out: asyncio.Queue[list[bytes] | None] = asyncio.Queue(maxsize=1)

        async def relay() -> None:
            try:
                await Relay(judging, silence_s=_NEVER_S).stream(_Chunks(response), out.put)
            finally:
                await out.put(None)

        work = asyncio.create_task(relay())
        try:
            while (payloads := await out.get()) is not None:
                for payload in payloads:
                    if payload not in (DONE, COMMENT):
                        yield ModelResponseStream(**msgspec.json.decode(payload))
            await work
        except UpstreamError as error:
            raise HTTPException(status_code=error.status, detail=str(error)) from None
        finally:
            work.cancel()

    def _hook(self) -> Hook:
        return Hook(self._guard, Limits(), fetcher=None, client=None)


class _Chunks:
    """LiteLLM's chunks as the relay reads a reply: server-sent events."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.at_end = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response:
            yield encode([chunk.model_dump_json(exclude_none=True).encode()])
        self.at_end = True
        yield encode([DONE])

    def close(self) -> None:
        """Break the upstream off."""
        if hasattr(self._response, "aclose"):
            self._closing = asyncio.ensure_future(self._response.aclose())


def _plain(value: Any) -> Any:
    """Only what JSON has: LiteLLM mixes objects of its own into its dicts, which no model reads."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_dumped))


def _dumped(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else str(value)
