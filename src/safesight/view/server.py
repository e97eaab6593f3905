"""The live view: a local web app over run files. It reads runs, and writes nothing but notes in their own file.

Invariant: nothing of a run is ever sent as HTML or script. Answers go out as JSON, images only if they belong to a
sample of the run and still have their hash. Loopback by default; beyond it every request needs the token. A request
from another site is refused: the Host must be this server's on loopback, and writes must be same-origin JSON.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from itertools import chain
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from safesight.analysis.agreement import agreement
from safesight.core.errors import DataError, SafeSightError, StoreError, UnknownName
from safesight.reports.casebook import BookRun, Entry
from safesight.runner.notes import HUMAN, Notes, Remark
from safesight.view.folder import RunFolder
from safesight.view.live import entries

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
COOKIE: Final = "safesight-token"
MAX_RUNS: Final = 6
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES: Final = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_PAGES: Final = {"": "view.html"} | {name: name for name in ("base.css", "theme.js", "cases.js", "view.js")}


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader of some runs has not seen yet; `next` is what to ask for then, one number a run."""

    next: tuple[int, ...]
    runs: tuple[BookRun, ...]
    cases: list[Entry]
    totals: tuple[int, ...]


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """A judge of a run against the people who labelled it."""

    run: str
    judge: str
    n: int
    agree: float | None
    kappa: float | None
    reason: str


class View:
    """The handlers over one folder. `token` "" asks for none."""

    def __init__(self, folder: RunFolder, notes: Notes, *, token: str = "") -> None:
        self.folder, self.notes, self.token = folder, notes, token
        self._one_at_a_time = asyncio.Lock()
        """SQLite connections and what was read are shared by requests."""

    def app(self) -> web.Application:
        """The application, with its guards in front."""
        app = web.Application(middlewares=[self._safely], client_max_size=200_000)
        for path, name in _PAGES.items():
            app.router.add_get(f"/{path}", _page(name))
        app.router.add_get("/api/runs", self._runs)
        app.router.add_get("/api/cases", self._cases)
        app.router.add_get("/api/case", self._case)
        app.router.add_get("/api/image/{sha256}", self._image)
        app.router.add_get("/api/notes", self._notes)
        app.router.add_post("/api/notes", self._keep)
        app.router.add_get("/api/notes.{kind:csv|jsonl}", self._export)
        app.router.add_get("/api/agreement", self._agreement)
        return app

    @web.middleware
    async def _safely(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._check_host(request)
        if self.token and not self._knows_token(request):
            raise web.HTTPUnauthorized(text="This view needs the token that `safesight view` printed: open its link.")
        try:
            response = await handler(request)
        except UnknownName as error:
            response = web.json_response({"error": str(error)}, status=404)
        except SafeSightError as error:
            response = web.json_response({"error": str(error)}, status=500)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        if self.token and request.query.get("token"):
            response.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
        return response

    def _check_host(self, request: web.Request) -> None:
        """Without a token, a name that only resolves to this machine (DNS rebinding) must not get in."""
        name = request.url.host or ""
        if not self.token and name not in LOOPBACK:
            raise web.HTTPForbidden(text="Without a token this view answers to 127.0.0.1 and localhost only.")

    def _knows_token(self, request: web.Request) -> bool:
        said = request.query.get("token") or request.cookies.get(COOKIE, "")
        return hmac.compare_digest(said.encode(), self.token.encode())

    async def _read(self, work: Callable[[], T]) -> T:
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)

    async def _runs(self, request: web.Request) -> web.Response:
        return _json(await self._read(self.folder.summaries))

    async def _cases(self, request: web.Request) -> web.Response:
        wanted, since = _wanted(request), request.query.getall("since", [])
        starts = [int(s) for s in since if s.isdecimal()] if len(since) == len(wanted) else []
        return _json(await self._read(lambda: self._changes(wanted, starts or [0] * len(wanted))))

    def _changes(self, wanted: Sequence[str], starts: Sequence[int]) -> Changes:
        runs = [self.folder.run(run_id) for run_id in wanted]
        # A log shorter than what was asked for is another log (the server was restarted): begin again.
        since = [0] * len(runs) if any(s > len(r.log) for r, s in zip(runs, starts, strict=True)) else starts
        new = chain.from_iterable(run.log[start:] for run, start in zip(runs, since, strict=True))
        return Changes(
            next=tuple(len(run.log) for run in runs),
            runs=tuple(run.column for run in runs),
            cases=entries(runs, new),
            totals=tuple(len(run.rows) for run in runs),
        )

    async def _case(self, request: web.Request) -> web.Response:
        wanted, key = _wanted(request), request.query.get("key", "")

        def work() -> list[Entry]:
            return entries([self.folder.run(run_id) for run_id in wanted], iter([key]), whole=True)

        found = await self._read(work)
        return _json(found[0]) if found else web.json_response({"error": "no such case"}, status=404)

    async def _image(self, request: web.Request) -> web.Response:
        sha256 = request.match_info["sha256"]

        def work() -> tuple[bytes, str] | None:
            for run_id in _wanted(request):
                image = self.folder.run(run_id).images.get(sha256)
                if image is not None:
                    return image.read(), image.media_type
            return None

        try:
            found = await self._read(work)
        except DataError as error:
            return web.json_response({"error": str(error)}, status=404)
        if found is None:
            return web.json_response({"error": "no sample of these runs has this image"}, status=404)
        return web.Response(body=found[0], content_type=found[1])

    async def _notes(self, request: web.Request) -> web.Response:
        return _json(await self._read(self.notes.all))

    async def _keep(self, request: web.Request) -> web.Response:
        origin = request.headers.get("Origin")
        if request.content_type != "application/json" or (origin and origin != str(request.url.origin())):
            raise web.HTTPForbidden(text="Notes are taken as JSON from this page only.")
        try:
            note = msgspec.json.decode(await request.read(), type=Remark)
        except msgspec.DecodeError as error:
            return web.json_response({"error": f"expected a note: {error}"}, status=400)
        return _json(await self._read(lambda: self.notes.put(note)))

    async def _export(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        text = await self._read(self.notes.to_csv if kind == "csv" else self.notes.to_jsonl)
        response = web.Response(text=text, content_type="text/csv" if kind == "csv" else "application/x-ndjson")
        response.headers["Content-Disposition"] = f'attachment; filename="safesight-notes.{kind}"'
        return response

    async def _agreement(self, request: web.Request) -> web.Response:
        return _json(await self._read(lambda: [row for run in _wanted(request) for row in self._agreed(run)]))

    def _agreed(self, run_id: str) -> list[Agreed]:
        run = self.folder.run(run_id)
        own = {row.response.key for row in run.rows.values()}
        labels = [verdict for verdict in self.notes.verdicts() if verdict.response_key in own]
        if not labels:
            return []
        said = {
            judge: [v for row in run.rows.values() for v in row.verdicts if v.judge == judge]
            for judge in run.column.judges
        }
        pairs = [agreement({judge: found, HUMAN: labels}).pairs[0] for judge, found in said.items()]
        return [
            Agreed(
                run=run.column.name,
                judge=pair.first,
                n=pair.n,
                agree=pair.agree.value,
                kappa=pair.kappa.value,
                reason=pair.kappa.reason,
            )
            for pair in pairs
        ]


def _wanted(request: web.Request) -> list[str]:
    return request.query.getall("run", [])[:MAX_RUNS]


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _page(name: str) -> Handler:
    room = "view" if name.startswith("view.") else "reports"
    text = (files(f"safesight.{room}") / "assets" / name).read_text(encoding="utf-8")
    kind = _TYPES[name.rpartition(".")[2]]

    async def give(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return give


async def serve(
    folder: RunFolder,
    notes: Notes,
    *,
    host: str,
    port: int,
    token: str,
    ready: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set; `ready` gets the address people open.

    Raises:
        StoreError: the address cannot be listened on.
    """
    runner = web.AppRunner(View(folder, notes, token=token).app(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise StoreError(f"cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from None
        bound = runner.addresses[0][1]
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{bound}/" + (f"?token={token}" if token else ""))
        await stop.wait()
    finally:
        await runner.cleanup()
