"""Which web pages may use the proxy: the Host and Origin of a request, and the CORS headers of its answer.

A service on loopback without keys is open to every page in the operator's browser, by a plain POST or by DNS rebinding
(Ollama checks Host for this). So there a Host must be one that no page of the internet can have, and an Origin must
be allowed; beyond loopback, or with keys, a foreign page is only told nothing: browsers keep the answer from it.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from safesight.proxy.asgi import Headers, Scope, header
from safesight.proxy.settings import ProxySettings

_EXPOSED: Final = (
    b"x-request-id, retry-after, retry-after-ms, x-should-retry, openai-processing-ms, x-ratelimit-limit-requests, "
    b"x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, "
    b"x-ratelimit-reset-requests, x-ratelimit-reset-tokens"
)


class Origins:
    """Decides by the settings of one proxy."""

    def __init__(self, settings: ProxySettings, *, keys: bool) -> None:
        """Decide for a proxy that asks for `keys`, or for none."""
        self._loopback = is_loopback(settings.host)
        self._closed = self._loopback and not keys
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)

    def refusal(self, scope: Scope) -> str:
        """Why a request is refused; "" when it is not."""
        if not self._closed:
            return ""
        host = _host(header(scope, b"host"))
        if not self._known(host):
            return (
                f"the Host {host[:80]!r} is not this machine's. Start with --allowed-host to be asked under that name, "
                "or with --key-env to ask for keys."
            )
        if header(scope, b"origin") and not self._allowed(scope):
            return "this web page may not use the proxy. Start with --allow-origin to let it."
        return ""

    def headers(self, scope: Scope) -> Headers:
        """What the answer to a page needs; nothing for other clients, and for pages that may not read it."""
        origin = header(scope, b"origin")
        if not origin or not self._allowed(scope):
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight(self, scope: Scope) -> Headers:
        """What the answer to a preflight needs beside `headers`."""
        asked = header(scope, b"access-control-request-headers") or b"authorization, content-type"
        headers: Headers = [
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", asked),
            (b"access-control-max-age", b"600"),
        ]
        if header(scope, b"access-control-request-private-network"):
            headers.append((b"access-control-allow-private-network", b"true"))
        return headers

    def _known(self, host: str) -> bool:
        # A name without a dot is none of the internet's, so no page can be rebound to it.
        return host in self._hosts or is_loopback(host) or not ("." in host or ":" in host)

    def _allowed(self, scope: Scope) -> bool:
        origin = header(scope, b"origin").decode("latin-1").lower()
        if "*" in self._origins or origin in self._origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return False
        same = parts.netloc == header(scope, b"host").decode("latin-1").lower()
        return same or (self._loopback and is_loopback(parts.hostname))


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and nothing else."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _host(value: bytes) -> str:
    """The name in a Host header, without its port."""
    text = value.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0].strip("[]")
    return text.partition(":")[0].rstrip(".")
