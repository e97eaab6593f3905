"""A real HTTP server on loopback that speaks the Files and Batch API as OpenAI documents it, and its ways of failing.

    async with BatchProvider(answer=lambda body: "hi") as server:
        model = open_plugin("models", f"{server.url}#mock?batch=1&batch_poll_s=0.02")

Written from the API reference (Files, Batch: objects, life cycle, line formats), not from our client. A batch moves on
one step each time it is looked at: validating, in_progress, finalizing, then its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

Line = dict[str, Any]
Answer = Callable[[Line], str | dict[str, Any]]
"""A request's body -> the answer's text, or a whole `response` of a line ({"status_code": ..., "body": ...}), or
{"error": {...}} for a request that was never begun."""


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, Any] = field(default_factory=dict)
    json: Any = None


_SEEN = web.RequestKey("seen", Seen)


@dataclass
class Batch:
    """A batch of ours."""

    object: dict[str, Any]
    lines: list[Line]
    end: str = "completed"
    steps: list[str] = field(default_factory=lambda: ["in_progress", "finalizing"])


class BatchProvider:
    """The server.

    `asked` counts how often each custom_id was put into a batch that was carried out, `before` sees every request
    and may answer it instead (a web.Response) or break the connection (return "abort": after it was carried out).
    """

    def __init__(self, answer: Answer | None = None, *, steps: int = 2, capacity: int = 10**9) -> None:
        self.answer = answer or (lambda body: f"answer to {body['messages'][-1]['content']}")
        self.steps = steps
        self.capacity = capacity
        """Requests that may be under way at one time."""
        self.ends: list[str] = []
        """How the next batches end; then: completed."""
        self.before: Callable[[Seen], web.Response | str | None] = lambda seen: None
        self.seen: list[Seen] = []
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.asked: dict[str, int] = {}
        self.bodies: list[Line] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**30, middlewares=[self._watch])
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._retrieve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        seen = Seen(request.method, request.path, dict(request.query), dict(request.headers))
        if request.content_type == "multipart/form-data":
            form = await request.post()
            seen.form = {
                name: (value.filename, value.file.read()) if isinstance(value, web.FileField) else value
                for name, value in form.items()
            }
        elif request.can_read_body:
            seen.json = await request.json()
        self.seen.append(seen)
        request[_SEEN] = seen
        instead = self.before(seen)
        if isinstance(instead, web.Response):
            return instead
        response = await handler(request)
        if instead == "abort":
            assert request.transport is not None
            request.transport.abort()
        return response

    async def _upload(self, request: web.Request) -> web.Response:
        form = request[_SEEN].form
        if form.get("purpose") != "batch" or not isinstance(form.get("file"), tuple):
            return _error(400, "purpose must be batch, with a file", param="purpose")
        name, content = form["file"]
        file = f"file-{len(self.files) + 1}"
        self.files[file] = content
        return web.json_response(
            {
                "id": file,
                "object": "file",
                "bytes": len(content),
                "created_at": 1,
                "filename": name,
                "purpose": "batch",
                "status": "processed",
            }
        )

    async def _content(self, request: web.Request) -> web.Response:
        found = self.files.get(request.match_info["id"])
        if found is None:
            return _error(404, f"No such File object: {request.match_info['id']}")
        return web.Response(body=found, content_type="application/octet-stream")

    async def _create(self, request: web.Request) -> web.Response:
        asked = request[_SEEN].json
        if asked.get("endpoint") != "/v1/chat/completions" or asked.get("completion_window") != "24h":
            return _error(400, "Invalid value for endpoint or completion_window")
        if asked.get("input_file_id") not in self.files:
            return _error(400, "Invalid input_file_id", param="input_file_id")
        name = f"batch_{len(self.batches) + 1}"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        found = {
            "id": name,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": len(self.batches) + 1,
            "in_progress_at": None,
            "expires_at": 86401,
            "completed_at": None,
            "failed_at": None,
            "expired_at": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        batch = Batch(found, lines, self.ends.pop(0) if self.ends else "completed")
        batch.steps = ["in_progress"] * (self.steps - 1) + ["finalizing"]
        self.batches[name] = batch
        return web.json_response(found)

    async def _list(self, request: web.Request) -> web.Response:
        newest = list(reversed([batch.object for batch in self.batches.values()]))
        after, limit = request.query.get("after"), int(request.query.get("limit", 20))
        start = next((i + 1 for i, b in enumerate(newest) if b["id"] == after), 0)
        page = newest[start : start + limit]
        return web.json_response(
            {
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": start + limit < len(newest),
            }
        )

    async def _retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _error(404, f"No batch found with id '{request.match_info['id']}'.")
        if batch.object["status"] in {"validating", "in_progress", "finalizing"}:
            self._move(batch)
        return web.json_response(batch.object)

    def _move(self, batch: Batch) -> None:
        found = batch.object
        if found["status"] == "validating" and (why := self._invalid(batch)):
            found |= {"status": "failed", "errors": {"object": "list", "data": [why]}}
            return
        found["request_counts"] = {"total": len(batch.lines), "completed": 0, "failed": 0}
        if batch.steps:
            found["status"] = batch.steps.pop(0)
            return
        self._carry_out(batch)

    def _invalid(self, batch: Batch) -> dict[str, Any] | None:
        busy = sum(
            len(other.lines)
            for other in self.batches.values()
            if other is not batch and other.object["status"] in {"in_progress", "finalizing"}
        )
        if busy + len(batch.lines) > self.capacity:
            message = "Enqueued token limit reached for mock in organization org-1. Please try again once some finish."
            return {"code": "token_limit_exceeded", "message": message, "param": None, "line": None}
        if len({line.get("custom_id") for line in batch.lines}) < len(batch.lines):
            return {"code": "duplicate_custom_id", "message": "duplicate", "param": "custom_id", "line": 2}
        for number, line in enumerate(batch.lines, 1):
            if set(line) != {"custom_id", "method", "url", "body"} or line["method"] != "POST":
                return {"code": "invalid_request", "message": "bad line", "param": None, "line": number}
        return {"code": "model_not_found", "message": "no such model", "line": 1} if batch.end == "failed" else None

    def _carry_out(self, batch: Batch) -> None:
        """Half of the requests are done when a batch expires or is cancelled."""
        cut = len(batch.lines) if batch.end == "completed" else len(batch.lines) // 2
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for number, line in enumerate(batch.lines):
            row: dict[str, Any] = {"id": f"batch_req_{number}", "custom_id": line["custom_id"]}
            if number >= cut:
                code = f"batch_{batch.end}"
                message = "This request could not be executed before the completion window expired."
                bad.append({**row, "response": None, "error": {"code": code, "message": message}})
                continue
            self.asked[line["custom_id"]] = self.asked.get(line["custom_id"], 0) + 1
            self.bodies.append(line["body"])
            said = self.answer(line["body"])
            if isinstance(said, dict) and "error" in said:
                bad.append({**row, "response": None, "error": said["error"]})
                continue
            response = {"status_code": 200, "body": chat_completion(said)} if isinstance(said, str) else said
            response = {"request_id": f"req-{number}", **response}
            (good if response["status_code"] == 200 else bad).append({**row, "response": response, "error": None})
        found = batch.object
        found["status"] = batch.end
        found["request_counts"] = {"total": len(batch.lines), "completed": len(good), "failed": len(bad)}
        for field_name, rows in (("output_file_id", good), ("error_file_id", bad)):
            if rows:
                name = f"{field_name[:3]}-{found['id']}"
                # Lines come in any order.
                self.files[name] = "".join(json.dumps(row) + "\n" for row in reversed(rows)).encode()
                found[field_name] = name


def chat_completion(text: str | None, **more: Any) -> dict[str, Any]:
    """The body of a good reply: 100 tokens in, 10 out."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "mock-served",
        "choices": [choice],
        "usage": usage,
    }


def _error(status: int, message: str, *, param: str | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    return web.json_response(body, status=status)
