"""A server on loopback that speaks the model hub's protocol as huggingface_hub asks it: listings, redirects, ranges.

Large files are named by their SHA-256 and lie behind a redirect to a storage path, as on the hub; small ones by their
git hash. `break_after` closes the connection of a download after so many bytes, as a lost network does, and nothing is
served after it; `hang_after` sends no more and keeps it open.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class MockHub:
    """The server. `files` maps ORG/NAME to its files' bytes; those in `large` are kept as large files."""

    def __init__(self, files: dict[str, dict[str, bytes]], *, licence: str = "apache-2.0", gated: str = "") -> None:
        self.files = files
        self.licence = licence
        self.gated = gated
        self.url = ""
        self.asked: list[tuple[str, str, str]] = []
        """Method, path and Range header of every request."""
        self.tokens: dict[str, str] = {}
        """The Authorization header that each path last came with."""
        self.break_after: int | None = None
        self.hang_after: int | None = None
        self.hangs = threading.Event()
        self.down = False
        self.forged: set[str] = set()
        """Files whose bytes are not what their hash says."""

    def large(self, name: str) -> bool:
        return name.endswith((".gguf", ".safetensors"))

    def _info(self, repo: str) -> dict[str, Any]:
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": "x"}
            | ({"lfs": {"sha256": sha256(data), "size": len(data), "pointerSize": 130}} if self.large(name) else {})
            for name, data in self.files[repo].items()
        ]
        return {"id": repo, "sha": COMMIT, "siblings": siblings, "cardData": {"license": self.licence}, "tags": []}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, request.headers.get("range", "")))
        self.tokens[request.path] = request.headers.get("authorization", "")
        if self.down:
            return _error(503, "Unavailable")
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._listing("/".join(parts[2:4]), revision=parts[5] if len(parts) > 5 else "main")
        if parts[0] == "api":
            return _error(404, "NotFound")  # the client asks which program it runs in
        if parts[0] == "storage":
            return await self._bytes(request, self.files["/".join(parts[1:3])]["/".join(parts[3:])], parts[-1])
        repo, revision, name = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        data = self.files.get(repo, {}).get(name)
        if repo == self.gated:
            return _error(403, "GatedRepo")
        if data is None or revision not in ("main", COMMIT):
            return _error(404, "EntryNotFound")
        headers = {"X-Repo-Commit": COMMIT}
        if self.large(name):
            headers |= {"X-Linked-Etag": f'"{sha256(data)}"', "X-Linked-Size": str(len(data))}
            storage = request.url.with_path(f"/storage/{repo}/{name}").with_host("localhost")
            raise web.HTTPFound(storage, headers=headers)
        headers["ETag"] = f'"{git_hash(data)}"'
        return await self._bytes(request, data, name, headers)

    def _listing(self, repo: str, revision: str) -> web.StreamResponse:
        if repo == self.gated:
            return _error(403, "GatedRepo")
        if repo not in self.files:
            return _error(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return _error(404, "RevisionNotFound")
        return web.json_response(self._info(repo))

    async def _bytes(
        self, request: web.Request, data: bytes, name: str, headers: dict[str, str] | None = None
    ) -> web.StreamResponse:
        if name in self.forged:
            data = bytes(len(data))
        asked = request.headers.get("range", "")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        response = web.StreamResponse(status=206 if asked else 200, headers=headers or {})
        if asked:
            response.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        response.content_length = len(data) - start
        await response.prepare(request)
        if request.method != "HEAD":
            rest = data[start:]
            if self.break_after is not None:
                await response.write(rest[: self.break_after])
                self.down = True
                assert request.transport is not None
                request.transport.close()
                return response
            if self.hang_after is not None:
                await response.write(rest[: self.hang_after])
                self.hangs.set()
                await asyncio.sleep(3600)
            await response.write(rest)
        await response.write_eof()
        return response


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _error(status: int, code: str) -> web.StreamResponse:
    return web.json_response({"error": code}, status=status, headers={"X-Error-Code": code})


@contextmanager
def serving(hub: MockHub) -> Generator[MockHub]:
    """Serve from another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", hub.handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
