"""The guard console: a static page over the proxy's own metrics, and a playground that goes through the guard.

Invariant: off unless `Settings.ui`. The page holds no secret: it asks for a key when the proxy wants one, keeps it in
memory, and uses the same routes as every client. Replies are set as text; the policy admits only the page's own files.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from safesight.proxy.asgi import Receive, Scope, Send, respond

PAGES: Final = {
    "/ui": ("console.html", b"text/html; charset=utf-8"),
    "/ui/console.css": ("console.css", b"text/css; charset=utf-8"),
    "/ui/console.js": ("console.js", b"text/javascript; charset=utf-8"),
}
_HEADERS: Final = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


async def serve_page(scope: Scope, receive: Receive, send: Send) -> int:
    """Answer one of `PAGES`."""
    name, kind = PAGES[str(scope["path"]).removeprefix("/v1")]
    await respond(send, 200, _read(name), kind, _HEADERS)
    return 200


@cache
def _read(name: str) -> bytes:
    return (files("safesight.proxy") / "console" / name).read_bytes()
