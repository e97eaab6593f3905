"""Which routes there are besides the guarded ones, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote_from_bytes, unquote

from safesight.net.client import BESIDE
from safesight.proxy import console_pages
from safesight.proxy.api import ApiRequest
from safesight.proxy.asgi import Scope
from safesight.proxy.chat_request import read_request
from safesight.proxy.completions_request import read_completions_request
from safesight.proxy.errors import UpstreamError
from safesight.proxy.messages_request import read_messages_request
from safesight.proxy.responses_request import read_responses_request

OPEN: Final = frozenset({"/healthz", "/readyz"})
MODEL: Final = "/models/"
_CHAT_INSTEAD: Final = "Use POST /v1/chat/completions"
_NEIGHBOURS: Final = {
    "/api/chat": _CHAT_INSTEAD,
    "/api/generate": _CHAT_INSTEAD,
    "/realtime": "WebSockets are not guarded",
    "/audio/speech": "Audio is not guarded",
    "/audio/transcriptions": "Audio is not guarded",
    "/images/generations": "Pictures that a model makes are not guarded",
}
"""What to say of routes that servers of models have and this one does not."""
NO_UPSTREAM: Final = "this guard has no upstream: it answers gateways' calls and moderations. Start it with --upstream."
GUARDED: Final[dict[str, Callable[[bytes], ApiRequest]]] = {
    "/chat/completions": read_request,
    "/completions": read_completions_request,
    "/messages": read_messages_request,
    "/responses": read_responses_request,
}
"""Routes whose answers are a model's, and who reads their requests."""
PASSED: Final = ("/embeddings", "/messages/count_tokens", "/tokenize", "/detokenize")
"""Routes whose answers hold no text of a model, so that there is nothing to guard: passed on as they are."""
_TOKENIZERS: Final = frozenset({"/tokenize", "/detokenize"})
"""Servers have these beside their version path, not below it."""
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
    path = path.removeprefix("/v1")
    return f"{BESIDE}{path.removeprefix('/')}" if path in _TOKENIZERS else path


def _public(route: str) -> str:
    """A route as clients name it."""
    return route if route in OPEN or route == "/metrics" or route in console_pages.PAGES else f"/v1{route}"
