"""OpenTelemetry for the guard: a span a request in the GenAI conventions, by OTLP over HTTP (`safesight guard --otel`).

The conventions for generative AI are still moving: every name stands in `NAMES` and nowhere else. Where spans go, how
many are kept and what the service is called is said by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME). A decision of the guard is an event `gen_ai.evaluation.result` of the span.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from safesight.core.doors import require
from safesight.core.records import GuardEvent
from safesight.proxy.asgi import Headers, Receive, Scope, Send
from safesight.proxy.routes import GUARDED
from safesight.proxy.server import application as plain_application
from safesight.proxy.tracing import TRACE, TracedExchange

if TYPE_CHECKING:
    from opentelemetry.trace import Span

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Message = MutableMapping[str, Any]

NAMES: Final[Mapping[str, str]] = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "stream": "gen_ai.request.stream",
    "choices": "gen_ai.request.choice.count",
    "decision": "gen_ai.evaluation.result",
    "judged": "gen_ai.evaluation.name",
    "harm": "gen_ai.evaluation.score.value",
    "verdict": "gen_ai.evaluation.score.label",
    "error": "error.type",
    "status": "http.response.status_code",
    "action": "safesight.guard.action",
    "guard_s": "safesight.guard.duration",
    "released": "safesight.guard.chars.released",
    "withheld": "safesight.guard.chars.withheld",
    "replacement": "safesight.guard.chars.replacement",
    "kind": "safesight.guard.decision.kind",
    "channel": "safesight.guard.decision.channel",
    "categories": "safesight.guard.decision.categories",
    "carried_out": "safesight.guard.decision.carried_out",
    "latency_ms": "safesight.guard.decision.latency_ms",
}
"""What we say -> its name in OpenTelemetry's conventions for generative AI (1.38 and later), or under `safesight.`."""
_CONTEXT: Final = frozenset({b"traceparent", b"tracestate"})


class TracedApplication:
    """An ASGI application with a span around each guarded request, sent in batches from a thread of the SDK's."""

    def __init__(self, application: Application) -> None:
        """Set up the SDK from the environment.

        Raises:
            MissingExtra: the SDK or its exporter is not installed.
        """
        require_sdk()
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._application = application
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "safesight-guard"}
        self._provider = TracerProvider(resource=Resource.create(named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("safesight.guard")
        self._wire = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and scope["method"] == "POST" and str(scope["path"]).removeprefix("/v1") in GUARDED:
            await self._traced(scope, receive, send)
            return
        await self._application(scope, receive, send)
        if scope["type"] == "lifespan":
            await asyncio.to_thread(self._provider.shutdown)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        from opentelemetry import trace

        headers: Headers = scope["headers"]
        told = {name.decode(): value.decode("latin-1") for name, value in headers if name in _CONTEXT}
        span = self._tracer.start_span("chat", context=self._wire.extract(told), kind=trace.SpanKind.SERVER)
        passed: dict[str, str] = {}
        self._wire.inject(passed, context=trace.set_span_in_context(span))
        kept = [pair for pair in headers if pair[0] not in _CONTEXT]
        own = [(name.encode(), value.encode("latin-1")) for name, value in passed.items()]

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute(NAMES["status"], message["status"])
            await send(message)

        try:
            await self._application({**scope, "headers": [*kept, *own], TRACE: RequestSpan(span)}, receive, sent)
        finally:
            span.end()


class RequestSpan:
    """What an exchange tells, as attributes and events of its span."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def tell(self, exchange: TracedExchange) -> None:
        """Note who was asked and what became of it."""
        from opentelemetry.trace import Status, StatusCode

        span = self._span
        span.update_name(f"chat {exchange.model}".rstrip())
        for event in exchange.events:
            span.add_event(NAMES["decision"], _decision(event))
        attributes: dict[str, Any] = {
            NAMES["operation"]: "chat",
            # Of the protocol: whose server it is, is not told by it.
            NAMES["provider"]: "openai",
            NAMES["model"]: exchange.model,
            NAMES["stream"]: exchange.stream,
            NAMES["action"]: exchange.action,
            NAMES["guard_s"]: exchange.guard_s,
            NAMES["released"]: exchange.released_chars,
            NAMES["withheld"]: exchange.withheld_chars,
            NAMES["replacement"]: exchange.replacement_chars,
        }
        if exchange.choices != 1:
            attributes[NAMES["choices"]] = exchange.choices
        span.set_attributes(attributes)
        failed = "cancelled" if exchange.cancelled else "error" if exchange.action == "error" else ""
        if failed:
            span.set_attribute(NAMES["error"], failed)
            span.set_status(Status(StatusCode.ERROR))


def _decision(event: GuardEvent) -> dict[str, Any]:
    """An event's attributes; the detector is left to the audit log: its name may be an address inside."""
    said: dict[str, Any] = {
        NAMES["judged"]: "harm",
        NAMES["verdict"]: event.action,
        NAMES["kind"]: event.kind,
        NAMES["channel"]: event.channel,
        NAMES["carried_out"]: event.carried_out,
        NAMES["latency_ms"]: event.latency_ms,
    }
    if event.harm is not None:
        said[NAMES["harm"]] = event.harm
    if event.categories:
        said[NAMES["categories"]] = list(event.categories)
    return said


def require_sdk() -> None:
    """Pass when the SDK and its exporter over HTTP are installed.

    Raises:
        MissingExtra: one is not.
    """
    # The first is a namespace that other packages share.
    for package in ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter"):
        require(package, "otel")


def application() -> TracedApplication:
    """What a worker process runs."""
    return TracedApplication(plain_application())
