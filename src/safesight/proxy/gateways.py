"""The calls of gateways that ask a guard by HTTP, each in its own shape, all answered by `proxy.hooks`.

    POST /beta/litellm_basic_guardrail_api  LiteLLM's Generic Guardrail API, as LiteLLM 1.108's own client speaks it
    POST /request, /response                agentgateway's and kgateway's webhook (agentgateway's llm/policy/webhook.rs)
    POST /hooks/portkey                     Portkey's webhook guardrail (portkey.ai/docs, Bring Your Own Guardrails)
    POST /hooks/kong                        Kong's AI Custom Guardrail, whose shapes its configuration makes
                                            (developer.konghq.com/plugins/ai-custom-guardrail; docs/integrations.md)
What stops is said with status 200, in the gateway's own word for it: several take an HTTP error for leave to go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

import msgspec

from safesight.guard.findings import Request
from safesight.proxy.errors import BadRequestError
from safesight.proxy.hooks import NO_REQUEST, AskedBefore, Hook, HookVerdict
from safesight.wire.plain import read_plain

Fields = dict[str, Any]
GatewayCall = Callable[[Hook, Fields, AskedBefore], Awaitable[dict[str, Any]]]


async def answer_call(call: GatewayCall, hook: Hook, raw: bytes, asked: AskedBefore) -> bytes:
    """Answer one call of a gateway.

    Raises:
        BadRequestError: its body is not of the gateway's shape, or holds what cannot be judged.
    """
    try:
        body = read_plain(raw)
    except ValueError as error:
        raise BadRequestError(f"expected a gateway's call: {error}") from None
    return msgspec.json.encode(await call(hook, _fields(body, "a body"), asked))


async def litellm(hook: Hook, body: Fields, asked: AskedBefore) -> dict[str, Any]:
    """LiteLLM: texts, images and tools of a request; texts and tool calls of an answer, again as it grows."""
    texts = [text for text in _list(body, "texts") if isinstance(text, str)]
    call = body.get("litellm_call_id")
    call = call if isinstance(call, str) else ""
    if body.get("input_type") == "request":
        verdict, request = await hook.request(*_litellm_request(body, texts))
        asked.keep(hook.client, call, request)
        return _blocked(verdict) if verdict.decision else {"action": "NONE"}
    if body.get("input_type") != "response":
        raise BadRequestError("expected `input_type` to be request or response.")
    request = asked.find(hook.client, call)
    verdicts = [await hook.answer(request, text) for text in texts]
    calls = await hook.calls(request, body.get("tool_calls"))
    stopped = [verdict for verdict in (*verdicts, calls) if verdict.decision is not None]
    ends = [v for v in stopped if v.decision is not None and v.why.get("action") != "rewrite"]
    if ends:
        return _blocked(ends[0])
    said = [verdict.text if verdict.decision else text for text, verdict in zip(texts, verdicts, strict=True)]
    return {
        # Texts come back even where nothing changed: a hold-back is read with them alone.
        "action": "GUARDRAIL_INTERVENED" if stopped else "NONE",
        "texts": said,
        "stream_holdback_chars": [verdict.held for verdict in verdicts],
    }


def _litellm_request(body: Fields, texts: list[str]) -> tuple[list[Any], dict[str, object]]:
    """The conversation, with what stands in `texts` and `images` and in no message of it."""
    messages = _list(body, "structured_messages")
    known = msgspec.json.encode(messages).decode()
    parts: list[Any] = [{"type": "text", "text": text} for text in texts if _quoted(text) not in known]
    images = [url for url in _list(body, "images") if isinstance(url, str) and _quoted(url) not in known]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in images]
    said: list[Any] = [{"role": "user", "content": parts}] if parts else []
    beside = {name: body[name] for name in ("tools", "tool_choice") if body.get(name)}
    if body.get("tool_calls") and not messages:
        said.append({"role": "assistant", "content": None, "tool_calls": body["tool_calls"]})
    return [*messages, *said], beside


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _blocked(verdict: HookVerdict) -> dict[str, Any]:
    return {"action": "BLOCKED", "blocked_reason": verdict.text or "stopped by the guard"}


async def agentgateway_request(hook: Hook, body: Fields, _: AskedBefore) -> dict[str, Any]:
    """agentgateway, before the model: pass, or reject with a refusal as the body."""
    inner = _fields(body.get("body"), "`body`")
    verdict, _read = await hook.request(_list(inner, "messages"), {})
    return {"action": _rejected(verdict) if verdict.decision else _PASS}


async def agentgateway_response(hook: Hook, body: Fields, _: AskedBefore) -> dict[str, Any]:
    """agentgateway, after the model: pass, put something else in the choice's place, or reject where policy halts."""
    choices = [_fields(c, "a choice") for c in _list(_fields(body.get("body"), "`body`"), "choices")]
    changed: HookVerdict | None = None
    for choice in choices:
        message = _fields(choice.get("message"), "a choice's message")
        verdict = await hook.answer(NO_REQUEST, str(message.get("content") or ""))
        if verdict.decision is not None and not verdict.text:
            return {"action": _rejected(verdict)}
        if verdict.decision is not None:
            choice["message"] = {**message, "content": verdict.text}
            changed = verdict
    return {"action": {"body": {"choices": choices}, "reason": _told(changed)} if changed else _PASS}


_PASS: Final = {"reason": "passed"}


def _rejected(verdict: HookVerdict) -> dict[str, Any]:
    return {"body": verdict.text or "stopped by the guard", "status_code": 403, "reason": _told(verdict)}


def _told(verdict: HookVerdict) -> str:
    categories = cast("list[str]", verdict.why.get("categories") or [])
    return f"safesight: {verdict.why.get('action')} ({', '.join(categories) or verdict.why.get('cause')})"


async def portkey(hook: Hook, body: Fields, _: AskedBefore) -> dict[str, Any]:
    """Portkey, before and after the model: a verdict, and after it the reply as it may be shown."""
    asked = _fields(body.get("request"), "`request`")
    conversation = _json_of(asked)
    messages = conversation.get("messages")
    turns = messages if isinstance(messages, list) else [{"role": "user", "content": str(asked.get("text") or "")}]
    beside = {name: value for name, value in conversation.items() if name != "messages"}
    verdict, request = await hook.request(cast("list[Any]", turns), beside)
    if body.get("eventType") != "afterRequestHook":
        return {"verdict": verdict.decision is None, "data": verdict.why}
    reply = _fields(body.get("response"), "`response`")
    said = _json_of(reply)
    stopped = await _portkey_choices(hook, request, said)
    if not isinstance(said.get("choices"), list):
        stopped = await hook.answer(request, str(reply.get("text") or ""))
    if stopped.decision is None:
        return {"verdict": True, "data": {}}
    return {"verdict": False, "data": stopped.why, "transformedData": {"response": {"json": said}}}


async def _portkey_choices(hook: Hook, request: Request, said: Fields) -> HookVerdict:
    """Judge every choice of a reply and put a replacement in its place; the last verdict that stopped one."""
    found = HookVerdict()
    for choice in cast("list[Any]", said.get("choices") or []):
        message = _fields(_fields(choice, "a choice").get("message"), "a choice's message")
        verdict = await hook.answer(request, str(message.get("content") or ""))
        beside = {name: value for name, value in message.items() if name not in ("role", "content")}
        if verdict.decision is None:
            verdict = await hook.calls(request, beside)
        if verdict.decision is not None:
            found = verdict
            choice["message"] = {"role": "assistant", "content": verdict.text}
            choice["finish_reason"] = "content_filter"
    return found


async def kong(hook: Hook, body: Fields, _: AskedBefore) -> dict[str, Any]:
    """Kong: one text; `source` OUTPUT is an answer, INPUT a request, and anything else is judged as both."""
    text = body.get("content")
    if not isinstance(text, str):
        raise BadRequestError("expected `content` as a string.")
    source = str(body.get("source") or "").upper()
    verdict = HookVerdict()
    if source != "OUTPUT":
        verdict, _read = await hook.request([{"role": "user", "content": text}], {})
    if source != "INPUT" and verdict.decision is None:
        verdict = await hook.answer(NO_REQUEST, text)
    return {"block": verdict.decision is not None, "block_message": verdict.text, "detail": verdict.why}


GATEWAYS: Final[Mapping[str, GatewayCall]] = {
    "/beta/litellm_basic_guardrail_api": litellm,
    "/request": agentgateway_request,
    "/response": agentgateway_response,
    "/hooks/portkey": portkey,
    "/hooks/kong": kong,
}
"""Who answers which route."""


def _fields(value: object, what: str) -> Fields:
    if not isinstance(value, dict):
        raise BadRequestError(f"expected {what} as an object, got {type(value).__name__}.")
    return cast("Fields", value)


def _list(body: Fields, name: str) -> list[Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise BadRequestError(f"expected `{name}` as a list, got {type(value).__name__}.")
    return cast("list[Any]", value or [])


def _json_of(part: Fields) -> Fields:
    value = part.get("json")
    return cast("Fields", value) if isinstance(value, dict) else {}
