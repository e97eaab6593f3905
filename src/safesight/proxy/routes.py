"""Which routes there are besides the guarded ones, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_from_bytes, unquote

from safesight.proxy import console_pages
from safesight.proxy.asgi import Scope
from safesight.proxy.errors import UpstreamError

OPEN: Final = frozenset({"/healthz", "/readyz"})
MODEL: Final = "/models/"
_CHAT_INSTEAD: Final = "Use POST /v1/chat/completions"
_NEIGHBOURS: Final = {
    "/responses": _CHAT_INSTEAD,
    "/messages": _CHAT_INSTEAD,
    "/completions": _CHAT_INSTEAD,
    "/api/chat": _CHAT_INSTEAD,
    "/api/generate": _CHAT_INSTEAD,
    "/realtime": "WebSockets are not guarded",
    "/audio/speech": "Audio is not guarded",
    "/audio/transcriptions": "Audio is not guarded",
    "/images/generations": "Pictures that a model makes are not guarded",
}
"""What to say of routes that servers of models have and this one does not."""
NO_UPSTREAM: Final = "this guard has no upstream: it answers gateways' calls and moderations. Start it with --upstream."
PASSED: Final = ("/embeddings",)
"""Routes whose answers hold no text of a model, so that there is nothing to guard: passed on as they are."""
_AS_WRITTEN: Final = "!$%&'()*+,/:;=@~"


def unknown(scope: Scope, path: str, served: Iterable[tuple[str, str]]) -> str:
    """What to tell who asks for a route that is not `served`."""
    names = sorted({(method, _public(name)) for method, name in served} | {("GET", "/v1/models/NAME")})
    instead = f"{_NEIGHBOURS[path]}. " if path in _NEIGHBOURS else ""
    return (
        f"{scope['method']} {scope['path']} is not guarded, so it is not served. {instead}"
        f"Served: {', '.join(f'{method} {name}' for method, name in names)}."
    )


def upstream_path(scope: Scope) -> str:
    """The path below the version, encoded as the client wrote it.

    Raises:
        UpstreamError: it climbs out of where it may be.
    """
    raw = scope.get("raw_path") or str(scope["path"]).encode()
    path = quote_from_bytes(raw, safe=_AS_WRITTEN)
    if ".." in unquote(path).split("/"):
        raise UpstreamError(
            "expected a model's name, got a path that climbs.", status=400, kind="invalid_request_error"
        )
    return path.removeprefix("/v1")


def _public(route: str) -> str:
    """A route as clients name it."""
    return route if route in OPEN or route == "/metrics" or route in console_pages.PAGES else f"/v1{route}"
