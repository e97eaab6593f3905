"""The proxy as one raw ASGI application: routes, keys, limits, and the life of a request.

Only routes that are guarded exist: anything else is refused rather than passed on unseen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from safesight.core.errors import SafeSightError
from safesight.guard.guard import Guard
from safesight.proxy import console_pages as ui
from safesight.proxy import moderations, routes
from safesight.proxy.api import ApiRequest
from safesight.proxy.asgi import JSON, InShape, Receive, Scope, Send, fail, header, read_body, respond, with_headers
from safesight.proxy.audit import NotRecordedError, open_audit
from safesight.proxy.chat import COUNTED, ChatExchange, Parts
from safesight.proxy.departing import unless_gone
from safesight.proxy.draining import Draining
from safesight.proxy.errors import BadRequestError, ClientGoneError, TooLargeError, TooSlowError, UpstreamError
from safesight.proxy.gateways import GATEWAYS, answer_call
from safesight.proxy.guards import (
    POLICY_HEADER,
    Generation,
    NotAllowedError,
    chosen_for,
    note_chosen,
    open_generation,
)
from safesight.proxy.hooks import AskedBefore, Hook, hook_entry
from safesight.proxy.metrics import CONTENT_TYPE, Metrics
from safesight.proxy.origins import Origins
from safesight.proxy.served import OWN, Served, left_served, read_served
from safesight.proxy.settings import ClientKeys, ProxySettings, client_name
from safesight.proxy.upstream import Upstream, passed_back, read_all
from safesight.wire.anthropic import anthropic_error

if TYPE_CHECKING:
    from safesight.proxy.fetch import Fetcher


Handler = Callable[[Scope, Receive, Send], Awaitable[int]]
_log = logging.getLogger(__name__)


class Proxy:
    """The application. Give it a guard, or let it open the policy's when the server starts."""

    def __init__(
        self,
        settings: ProxySettings,
        *,
        guard: Guard | None = None,
        upstream: Upstream | None = None,
        ready: Callable[[Proxy], None] = lambda _: None,
    ) -> None:
        """Serve `guard`, or the policy's; ask `upstream`, or that of the settings; `ready` is called once loaded."""
        self.settings = settings
        self._ready_to_serve = ready
        self.metrics = Metrics()
        given = Served(policies={OWN: guard.policy} if guard else {})
        self._given = Generation(given, {OWN: guard}, owned=False) if guard else None
        self._current = self._given or Generation(given, {})
        self._reloading = asyncio.Lock()
        self._keys = ClientKeys.from_variable(settings.key_env)
        self._origins = Origins(settings, keys=settings.asks_keys)
        self._draining = Draining()
        self._open = routes.OPEN | ui.PAGES.keys() if settings.ui else routes.OPEN
        self._audit = open_audit(settings, failed=self.metrics.errors.labels("audit").inc)
        self._routes: dict[tuple[str, str], Handler] = {
            **{("POST", path): partial(self._guarded, path, read) for path, read in routes.GUARDED.items()},
            ("POST", "/moderations"): self._moderations,
            ("GET", "/models"): self._models,
            **{("POST", path): self._passed for path in routes.PASSED},
            **{("POST", path): self._gateway for path in GATEWAYS},
            ("GET", "/healthz"): self._health,
            ("GET", "/readyz"): self._ready,
            ("GET", "/metrics"): self._metrics,
        }
        if settings.ui:
            self._routes.update({("GET", page): ui.serve_page for page in ui.PAGES})
        self._asked = AskedBefore()
        self._background: set[asyncio.Task[None]] = set()
        self._upstream = upstream
        self._fetcher = _fetcher(settings) if settings.allow_image_urls else None

    async def startup(self) -> None:
        """Open the guard and the connection to the upstream.

        Raises:
            SafeSightError: the policy or the upstream's URL is wrong.
        """
        if self._given is None:
            self._current = open_generation(self._served(), guarding=self.settings.guard)
        if self.settings.upstream and self._upstream is None:
            self._upstream = Upstream(self.settings)
        self._ready_to_serve(self)
        # What the parent left meanwhile, while nobody heard its signal.
        self.reload()

    def _served(self) -> Served:
        return left_served(self.settings.served) if self.settings.served else read_served(self.settings)

    def reload(self) -> None:
        """Serve what the parent left last; requests in flight end under the policies they began with."""
        if self.settings.served is not None:
            self.background(self._reload())

    async def _reload(self) -> None:
        async with self._reloading:
            try:
                served = self._served()
                if served.generation == self._current.served.generation:
                    return
                opened = await asyncio.to_thread(open_generation, served, guarding=self.settings.guard)
            except SafeSightError as error:
                _log.error("the policies could not be reloaded, the old ones stay: %s", error)
                self.metrics.count(self.metrics.reloads, "failed")
                return
            before, self._current = self._current, opened
            self.metrics.count(self.metrics.reloads, "ok")
            self.background(before.retire())

    def drain(self) -> None:
        """Requests in flight have `drain_s` seconds to end; then they are ended."""
        self._draining.begin(self.settings.drain_s)

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the requests until the shutdown."""
        self._background.add(asyncio.create_task(work))

    async def shutdown(self) -> None:
        """Close everything."""
        for task in self._background:
            task.cancel()
        if self._upstream is not None:
            await self._upstream.aclose()
        if self._fetcher is not None:
            await self._fetcher.aclose()
        await self._current.aclose()
        if self._audit is not None:
            self._audit.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.startup()
        except SafeSightError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"]).removeprefix("/v1")
        if extra := self._origins.headers(scope):
            send = with_headers(send, extra)
        if path.startswith("/messages"):
            send = InShape(send, anthropic_error)
        route, handler = self._route(str(scope["method"]), path)
        task = self._draining.enter()
        try:
            status = await self._answer(scope, receive, send, path, handler)
        finally:
            self._draining.leave(task)
        self.metrics.count(self.metrics.requests, route, str(status))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, path: str, handler: Handler | None) -> int:
        """Answer, whatever happens; returns the status."""
        try:
            current = self._current
            status = await self._refused(scope, send, path, current, known=handler is not None)
            if status or handler is None:
                return status or 404
            with current.used():
                return await handler(scope, receive, send)
        except (TooLargeError, TooSlowError) as error:
            return await self._unreadable(send, error)
        except ClientGoneError:
            self.metrics.cancelled.inc()
            return 499
        except asyncio.CancelledError:
            if not self._draining.claims(asyncio.current_task()):
                raise
            return await self._failed(send, UpstreamError("the proxy is stopping.", status=503, kind="shutting_down"))
        except NotRecordedError as error:
            await fail(send, 503, f"{error} The proxy answers nothing it cannot record.", kind="audit_error")
            return 503
        except Exception:  # noqa: BLE001 - the border: what nobody foresaw is an answer, and counted
            _log.exception("a request failed in a way that nobody foresaw")
            self.metrics.count(self.metrics.errors, "internal")
            await fail(send, 500, "the proxy failed; its log says why.", kind="internal_error")
            return 500

    def _route(self, method: str, path: str) -> tuple[str, Handler | None]:
        """A route's name for the metrics, and who answers it."""
        method = "GET" if method == "HEAD" else method
        if method == "GET" and path.startswith(routes.MODEL) and path != routes.MODEL:
            return "/models/NAME", self._models
        handler = self._routes.get((method, path))
        return (path if handler else "other"), handler

    async def _refused(self, scope: Scope, send: Send, path: str, current: Generation, *, known: bool) -> int:
        """Answer what is not to be served: the status, or 0 where it is."""
        if path not in routes.OPEN and (why := self._origins.refusal(scope)):
            await fail(send, 403, why, kind="permission_error", code="forbidden_origin")
            return 403
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            await respond(send, 204, b"", headers=self._origins.preflight(scope))
            return 204
        tenant = current.ring.tenant(scope["headers"]) if self.settings.tenants else ""
        admitted = not self.settings.asks_keys or bool(tenant) or self._keys.admit(scope["headers"])
        if path not in self._open and not admitted:
            await fail(send, 401, "wrong or missing API key.", kind="authentication_error", code="invalid_api_key")
            return 401
        if tenant and path == "/metrics":
            says = "metrics tell of every tenant: ask with a key of --key-env."
            await fail(send, 403, says, kind="permission_error", code="operators_only")
            return 403
        try:
            note_chosen(scope, current.choose(tenant, header(scope, POLICY_HEADER)))
        except NotAllowedError as error:
            await fail(send, 403, str(error), kind="permission_error", code="policy_not_allowed")
            return 403
        if known:
            return 0
        await fail(send, 404, routes.unknown(scope, path, self._routes), code="unknown_url")
        return 404

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> int:
        await respond(send, 200, b'{"status":"ok"}')
        return 200

    async def _ready(self, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            if self.settings.upstream:
                async with asyncio.timeout(3):
                    status, _, _ = await self._connected().get("/models", {"headers": []})
                if status >= 500:
                    raise UpstreamError(f"the upstream answers {status}", status=503, kind="not_ready")
            if self._audit is not None and self.settings.audit_required and self._audit.broken:
                raise UpstreamError(self._audit.broken, status=503, kind="audit_error")
        except (UpstreamError, TimeoutError) as error:
            await fail(send, 503, f"not ready: {error}", kind="not_ready")
            return 503
        await respond(send, 200, b'{"status":"ready"}')
        return 200

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> int:
        await respond(send, 200, self.metrics.render(), CONTENT_TYPE.encode())
        return 200

    async def _models(self, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            status, body, kind = await self._connected().get(routes.upstream_path(scope), scope)
        except UpstreamError as error:
            return await self._failed(send, error)
        await respond(send, status, body, kind)
        return status

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> int:
        raw = await self._body(receive)
        try:
            async with await self._connected().post(routes.upstream_path(scope), scope, raw) as reply:
                body = await read_all(reply, self.settings.limits.max_reply_bytes)
                kind, headers = reply.header(b"content-type") or JSON, passed_back(reply)
                await respond(send, reply.status, body, kind, headers)
                return reply.status
        except UpstreamError as error:
            return await self._failed(send, error)

    async def _moderations(self, scope: Scope, receive: Receive, send: Send) -> int:
        guard = chosen_for(scope).guard
        if guard is None:
            await fail(send, 404, "this proxy runs without a guard.")
            return 404
        try:
            body = await moderations.answer(
                guard,
                await self._body(receive),
                self.settings.limits,
                fetcher=self._fetcher,
                client=client_name(scope),
            )
        except BadRequestError as error:
            await fail(send, error.status, str(error), kind=error.code, headers=error.headers)
            return error.status
        await respond(send, 200, body)
        return 200

    async def _gateway(self, scope: Scope, receive: Receive, send: Send) -> int:
        chosen = chosen_for(scope)
        if chosen.guard is None:
            await fail(send, 404, "this proxy runs without a guard.")
            return 404
        if self._audit is not None and self.settings.audit_required:
            self._audit.check()
        hook = Hook(chosen.guard, self.settings.limits, fetcher=self._fetcher, client=client_name(scope))
        call = GATEWAYS[str(scope["path"]).removeprefix("/v1")]
        try:
            body = await answer_call(call, hook, await self._body(receive), self._asked)
        except BadRequestError as error:
            await fail(send, error.status, str(error), kind=error.code, headers=error.headers)
            return error.status
        self.metrics.count_events(hook.tally.events)
        if self._audit is not None:
            entry = hook_entry(scope, hook.tally, tenant=chosen.tenant, policy=chosen.policy)
            self._audit.write(entry, question="", answer="")
        await respond(send, 200, body)
        return 200

    def _connected(self) -> Upstream:
        if not self.settings.upstream:
            raise UpstreamError(routes.NO_UPSTREAM, status=404, kind="no_upstream")
        if self._upstream is None:
            raise UpstreamError("the proxy is starting.", status=503, kind="starting")
        return self._upstream

    async def _body(self, receive: Receive) -> bytes:
        limits = self.settings.limits
        return await read_body(receive, limits.max_body_bytes, seconds=limits.body_timeout_s)

    async def _unreadable(self, send: Send, error: TooLargeError | TooSlowError) -> int:
        limits = self.settings.limits
        # The rest of such a body is not waited for.
        headers = [(b"connection", b"close")]
        if isinstance(error, TooLargeError):
            says = f"expected a body of at most {limits.max_body_bytes} bytes."
            await fail(send, 413, says, kind="request_too_large", headers=headers)
            return 413
        says = f"expected the whole request within {limits.body_timeout_s:g} s."
        await fail(send, 408, says, kind="request_timeout", headers=headers)
        return 408

    async def _failed(self, send: Send, error: UpstreamError) -> int:
        self.metrics.count(self.metrics.errors, COUNTED.get(error.kind, "upstream"))
        await fail(send, error.status, str(error), kind=error.kind)
        return error.status

    async def _guarded(
        self, path: str, read: Callable[[bytes], ApiRequest], scope: Scope, receive: Receive, send: Send
    ) -> int:
        raw = await self._body(receive)
        try:
            request = read(raw)
        except ValueError as error:
            await fail(send, 400, str(error))
            return 400
        if not self.settings.upstream:
            await fail(send, 404, routes.NO_UPSTREAM, kind="no_upstream")
            return 404
        if self._audit is not None and self.settings.audit_required:
            self._audit.check()
        exchange = ChatExchange(self._parts(scope), scope, send, path=path, request=request, raw=raw)
        in_flight = self.metrics.in_flight
        in_flight.inc()
        try:
            return await unless_gone(exchange, receive)
        finally:
            in_flight.dec()

    def _parts(self, scope: Scope) -> Parts:
        if self._upstream is None:
            raise RuntimeError("the application serves before its lifespan began")
        chosen = chosen_for(scope)
        return Parts(
            settings=self.settings,
            upstream=self._upstream,
            metrics=self.metrics,
            guard=chosen.guard,
            tenant=chosen.tenant,
            policy=chosen.policy,
            audit=self._audit,
            fetcher=self._fetcher,
            draining=self._draining,
        )


def _fetcher(settings: ProxySettings) -> Fetcher:
    # A second HTTP client, of which most proxies have no use, would cost them 13 MB.
    from safesight.proxy.fetch import Fetcher

    return Fetcher(settings.limits)
