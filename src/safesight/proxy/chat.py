"""One request for an answer through the proxy, whatever its API: from its parsed body to the last byte, its metrics and
its audit line."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import msgspec

from safesight.core.eager import Eager
from safesight.core.errors import Overloaded
from safesight.guard.findings import Request
from safesight.guard.guard import Guard
from safesight.proxy.api import ApiRequest
from safesight.proxy.asgi import EVENTS, JSON, Headers, Scope, Send, respond, start
from safesight.proxy.audit import AuditEntry, AuditLog, now, sha256
from safesight.proxy.conversation import RemoteImage, to_messages
from safesight.proxy.draining import Draining
from safesight.proxy.errors import BadRequestError, BrokenReplyError, LateReplyError, UpstreamError
from safesight.proxy.images import data_url, overloaded, read_images
from safesight.proxy.judging import Judging, Tally
from safesight.proxy.metrics import Metrics
from safesight.proxy.relay import Relay
from safesight.proxy.reply import UpstreamReply
from safesight.proxy.settings import ProxySettings, client_name, sent_keys
from safesight.proxy.tracing import TRACE, Trace, TracedExchange
from safesight.proxy.upstream import Upstream, passed_back, read_all
from safesight.proxy.whole_reply import guard_whole, refuse
from safesight.wire.reply_json import decode

if TYPE_CHECKING:
    from safesight.proxy.fetch import Fetcher


_LIVE: Headers = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
"""A stream's own headers: nginx holds a stream back until told not to."""
COUNTED = {"internal_error": "internal", "shutting_down": "drain"}
"""Kinds of errors that are not the upstream's, and how the metrics name them."""
_log = logging.getLogger(__name__)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What every exchange of a proxy uses."""

    settings: ProxySettings
    upstream: Upstream
    metrics: Metrics
    guard: Guard | None
    audit: AuditLog | None
    fetcher: Fetcher | None
    draining: Draining
    tenant: str = ""
    policy: str = ""


class ChatExchange:
    """One request and its reply; `run` returns the status it was answered with."""

    def __init__(self, parts: Parts, scope: Scope, send: Send, *, path: str, request: ApiRequest, raw: bytes) -> None:
        self._parts = parts
        self._scope = scope
        self._send = send
        self._path = path
        self._request = request
        self._raw = raw
        self._tally = Tally()
        self._started = time.perf_counter()
        self._begun = False
        self.answered = False
        """Whether the last byte was handed to the server: from then on a client that leaves breaks nothing off."""
        self._read: Request | None = None
        self._asked = request.asked
        self._dialect = request.dialect()

    async def run(self) -> int:
        """Answer the request; failures of client and upstream become answers too."""
        try:
            if self._parts.guard is None:
                return await self._unguarded()
            return await self._guarded(self._parts.guard)
        except BadRequestError as error:
            self._tally.action = "error"
            self.answered = True
            body = self._dialect.error(str(error), kind=error.code, code=error.code)
            await respond(self._send, error.status, body, headers=error.headers)
            return error.status
        except UpstreamError as error:
            return await self._broken(error)
        except asyncio.CancelledError:
            if not self._parts.draining.claims(asyncio.current_task()):
                raise
            return await self._broken(UpstreamError("the proxy is stopping.", status=503, kind="shutting_down"))
        except Exception:  # noqa: BLE001 - the border: what nobody foresaw is an answer, and counted
            _log.exception("a chat request failed in a way that nobody foresaw")
            return await self._broken(UpstreamError("the proxy failed.", status=500, kind="internal_error"))
        finally:
            self._account()

    async def _unguarded(self) -> int:
        response = await self._parts.upstream.post(self._path, self._scope, self._raw)
        async with response:
            await self._begin(response.status, response.header(b"content-type"), passed_back(response))
            try:
                async for data in response:
                    await self._send({"type": "http.response.body", "body": data, "more_body": True})
            except (BrokenReplyError, LateReplyError) as error:
                raise UpstreamError(f"the upstream {error}.", status=502, kind="upstream_error") from None
        await self._end()
        return response.status

    async def _guarded(self, guard: Guard) -> int:
        parts = self._parts
        try:
            withhold = guard.policy.input.turns == "all" and not guard.policy.shadow
            conversation = self._request.read(withhold=withhold)
        except ValueError as error:
            raise BadRequestError(str(error)) from None
        images = await read_images(conversation.turns, parts.settings.limits, fetcher=parts.fetcher)
        urls = {source: data_url(image) for source, image in images.items() if isinstance(source, RemoteImage)}
        body = self._request.for_upstream(self._raw, conversation, urls)
        started = time.perf_counter()
        reading = Eager(guard.read(to_messages(conversation, images), client=client_name(self._scope)))
        # Where reading waits (OCR, detectors by URL) the model starts meanwhile; its first byte waits for the verdict.
        upstream = None if reading.done else asyncio.create_task(self._ask(body))
        try:
            try:
                self._read = read = await reading
            except Overloaded as error:
                raise overloaded(error) from None
            self._tally.guard_s += time.perf_counter() - started
            self._tally.events.append(read.checked.event("input", shadow=guard.policy.shadow))
            judging = Judging(
                guard, read, self._tally, self._asked, dialect=self._dialect, keep_text=parts.audit is not None
            )
            decision = read.checked.decision
            if decision is not None and guard.stops(decision):
                if upstream is not None:
                    upstream.cancel()
                return await self._refused(await refuse(judging, decision, stream=self._request.stream))
            response = await (upstream or self._ask(body))
            async with response:
                return await self._relay(response, judging)
        finally:
            if upstream is not None:
                await _discard(upstream)

    async def _ask(self, body: bytes) -> UpstreamReply:
        started = time.perf_counter()
        response = await self._parts.upstream.post(self._path, self._scope, body)
        self._parts.metrics.upstream_s.observe(time.perf_counter() - started)
        return response

    async def _refused(self, reply: list[bytes] | bytes) -> int:
        if isinstance(reply, bytes):
            self.answered = True
            await respond(self._send, 200, reply)
        else:
            await self._begin(200, EVENTS, [])
            await self._push(reply)
        return 200

    async def _relay(self, response: UpstreamReply, judging: Judging) -> int:
        if 300 <= response.status < 400:
            raise UpstreamError("the upstream answered with a redirect.", status=502, kind="upstream_error")
        if response.status >= 400:
            return await self._failed(response, judging)
        if not self._request.stream:
            reply = await guard_whole(judging, await self._all(response))
            self.answered = True
            headers = [*passed_back(response), *_unjudged(self._tally)]
            await respond(self._send, reply.status, reply.body, JSON, headers)
            self._count_failure()
            return reply.status
        await self._begin(200, EVENTS, passed_back(response))
        await Relay(judging, silence_s=self._parts.settings.limits.silence_s).stream(response, self._push)
        self._count_failure()
        return 200

    async def _failed(self, response: UpstreamReply, judging: Judging) -> int:
        """An upstream's error: judged, and told with its status and headers, so that clients retry as they would."""
        raw = await self._all(response)
        kind = JSON
        try:
            value, plain = decode(raw)
        except ValueError:
            value, plain = raw, True
            kind = response.header(b"content-type").partition(b";")[0].strip() + b"; charset=utf-8"
        told = await judging.failure(value)
        body = raw if told.passed and plain else told.body
        self.answered = True
        await respond(self._send, response.status, body, kind if body is raw else JSON, passed_back(response))
        return response.status

    def _count_failure(self) -> None:
        if self._tally.action == "error":
            self._parts.metrics.errors.labels("upstream").inc()

    async def _all(self, response: UpstreamReply) -> bytes:
        return await read_all(response, self._parts.settings.limits.max_reply_bytes)

    async def _end(self) -> None:
        self.answered = True
        await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self, status: int, kind: bytes, headers: Headers) -> None:
        self._begun = True
        if kind.startswith(b"text/event-stream"):
            headers = [*_LIVE, *headers]
        await start(self._send, status, kind, headers)

    async def _push(self, payloads: list[bytes]) -> None:
        if payloads:
            # Clients leave at [DONE]; from there on nothing is broken off.
            self.answered = self._dialect.is_last(payloads)
            body = self._dialect.frame(payloads)
            await self._send({"type": "http.response.body", "body": body, "more_body": not self.answered})

    async def _broken(self, error: UpstreamError) -> int:
        self._tally.action = "error"
        self._parts.metrics.count(self._parts.metrics.errors, COUNTED.get(error.kind, "upstream"))
        self.answered = True
        told = self._dialect.error(str(error), kind=error.kind, code=error.kind)
        if not self._begun:
            await respond(self._send, error.status, told)
        else:
            body = self._dialect.frame([told, *self._dialect.closing()])
            await self._send({"type": "http.response.body", "body": body})
        return error.status

    def _account(self) -> None:
        tally, metrics = self._tally, self._parts.metrics
        total = time.perf_counter() - self._started
        metrics.total_s.observe(total)
        metrics.guard_s.observe(tally.guard_s)
        metrics.count_events(tally.events)
        if self.answered:
            metrics.count(metrics.replies, tally.action)
            if self._parts.tenant or self._parts.policy:
                metrics.count(metrics.tenants, self._parts.tenant, self._parts.policy, tally.action)
        metrics.count_chars(
            released=tally.released_chars,
            withheld=tally.withheld_chars,
            replacement=tally.replacement_chars,
            unverified=tally.unverified_chars,
        )
        if tally.leaked_chars:
            metrics.leaked.inc(tally.leaked_chars)
        if self._parts.audit is not None:
            self._audit(self._parts.audit, total)
        trace: Trace | None = self._scope.get(TRACE)
        if trace is not None:
            self._tell(trace)

    def _tell(self, trace: Trace) -> None:
        tally, asked = self._tally, self._request.asked
        trace.tell(
            TracedExchange(
                model=asked.model,
                stream=self._request.stream,
                choices=asked.choices,
                action=tally.action,
                events=tally.events,
                guard_s=tally.guard_s,
                released_chars=tally.released_chars,
                withheld_chars=tally.withheld_chars,
                replacement_chars=tally.replacement_chars,
                cancelled=not self.answered,
            )
        )

    def _audit(self, log: AuditLog, total_s: float) -> None:
        tally, read = self._tally, self._read
        token = next(iter(sent_keys(self._scope["headers"])), b"")
        entry = AuditEntry(
            time=now(),
            id=sha256(f"{id(self)}-{self._started}")[:16],
            route=self._path,
            model=self._asked.model,
            stream=self._request.stream,
            action=tally.action,
            client=sha256(token.decode("latin-1"))[:12] if token else "",
            tenant=self._parts.tenant,
            policy=self._parts.policy,
            images=tuple(image.sha256 for image in read.images) if read else (),
            events=tuple(tally.events),
            released_chars=tally.released_chars,
            withheld_chars=tally.withheld_chars,
            total_ms=1e3 * total_s,
        )
        log.write(entry, question=read.question if read else "", answer=tally.answer)


def _unjudged(tally: Tally) -> Headers:
    """Says in which language a reply was that nobody judged; streams tell it in metrics and audit alone."""
    named = sorted({event.unjudged for event in tally.events if event.unjudged})
    return [(b"x-safesight-unjudged", ", ".join(named).encode())] if named else []


async def _discard(upstream: asyncio.Task[UpstreamReply]) -> None:
    """Break off what is still under way to the upstream; a response that nobody read is closed."""
    if not upstream.done():
        upstream.cancel()
        await asyncio.wait((upstream,))
    if not upstream.cancelled() and upstream.exception() is None:
        upstream.result().close()
