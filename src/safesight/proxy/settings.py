"""What the operator of a proxy sets; workers read it back from the environment, so it must be plain data."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from safesight.core.errors import ConfigError
from safesight.media.pixels import MAX_PIXELS
from safesight.net.urls import names_a_server, shown

VARIABLE = "SAFESIGHT_PROXY"
KEY_HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key"})


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on one request and its reply."""

    max_body_bytes: int = 32 * 2**20
    body_timeout_s: float = 60.0
    """Longest time a client may take to send its request."""
    max_reply_bytes: int = 64 * 2**20
    max_images: int = 16
    max_image_bytes: int = 20 * 2**20
    max_pixels: int = MAX_PIXELS
    """Of one image, all its frames together."""
    max_request_pixels: int = 2 * MAX_PIXELS
    """Of all images of a request."""
    image_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    idle_timeout_s: float = 600.0
    """Longest silence of the upstream once the body of its reply has begun; OpenAI's SDKs wait as long."""
    total_timeout_s: float = 1800.0
    """Longest whole exchange with the upstream; before the first byte the only limit."""
    silence_s: float = 10.0
    """Longest silence towards the client of a stream; then a comment keeps its connection alive."""


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One proxy."""

    upstream: str
    """Base URL with its version path, e.g. http://127.0.0.1:8000/v1; "" serves gateways' calls and moderations only."""
    host: str = "127.0.0.1"
    port: int = 8900
    """Where it listens."""
    policy: Path | None = None
    """A policy file; None is the shipped policy."""
    guard: bool = True
    """False passes everything through: for measuring what the guard costs."""
    shadow: bool = False
    """Decide and count everything, change nothing, whatever the policy says."""
    key_env: str = ""
    """Variable with the keys clients must present (comma-separated); "" asks for none."""
    tenants: Path | None = None
    """A file of named policies and tenants (`proxy.tenants`); clients then need a key of one, or of `key_env`."""
    served: Path | None = None
    """Where the parent process leaves what is served; None reads the operator's files."""
    upstream_key_env: str = ""
    """Variable with the upstream's key; without it the client's own key is passed on (if clients need none here)."""
    upstream_key_header: str = "authorization"
    """Header for the upstream's key: `authorization` sends it as a bearer token, others (`api-key`) as it is."""
    ca_bundle: Path | None = None
    """Certificates to trust in the upstream's place of the system's."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names beside loopback ones under which a proxy on loopback without keys may be asked."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may use it; "*" for any. Pages of this machine may, where it listens on loopback."""
    allow_image_urls: bool = False
    audit: Path | None = None
    audit_text: bool = False
    audit_required: bool = False
    """Answer nothing that cannot be recorded."""
    drain_s: int = 30
    """Longest wait for requests in flight on SIGTERM."""
    head_timeout_s: float = 75.0
    """Longest time for a request's head, from the connection's first moment or the answer before. Over the minute that
    load balancers keep idle connections: the side that closes first breaks the request that comes meanwhile."""
    ui: bool = False
    limits: Limits = Limits()

    @property
    def asks_keys(self) -> bool:
        """Whether clients need a key; theirs then stay here."""
        return bool(self.key_env) or self.tenants is not None

    def upstream_headers(self) -> list[tuple[str, str]]:
        """The headers that carry the proxy's own key, or the user and password of the upstream's URL; none without one.

        Raises:
            ConfigError: the URL names no server, or there is no usable key; the message shows no secret.
        """
        if not self.upstream:
            return []
        if not names_a_server(self.upstream):
            says = f"expected an http(s) URL such as http://127.0.0.1:8000/v1, got {shown(self.upstream)!r}"
            raise ConfigError(f"--upstream: {says}.")
        name, field = self.upstream_key_env, self.upstream_key_header.lower()
        if not name:
            user, found, _ = urlsplit(self.upstream).netloc.rpartition("@")
            encoded = base64.b64encode(unquote_to_bytes(user if ":" in user else f"{user}:"))
            return [("authorization", f"Basic {encoded.decode()}")] if found else []
        key = os.environ.get(name, "").strip()
        if not key:
            raise ConfigError(f"${name} holds no key for the upstream. Set it, or leave out --upstream-key-env.")
        if any(not 33 <= ord(character) <= 126 for character in key):
            raise ConfigError(f"${name}: expected a key of printable ASCII characters.")
        return [(field, f"Bearer {key}" if field == "authorization" else key)]

    def to_environment(self) -> None:
        """Hand the settings to worker processes."""
        os.environ[VARIABLE] = msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_environment(cls) -> ProxySettings:
        """Read what `to_environment` wrote.

        Raises:
            ConfigError: nothing did: the application was not started by `safesight guard`.
        """
        text = os.environ.get(VARIABLE)
        if text is None:
            raise ConfigError(f"{VARIABLE} is not set: start the proxy with `safesight guard --upstream URL`.")
        return msgspec.json.decode(text, type=cls, dec_hook=lambda kind, value: kind(value))


class ClientKeys:
    """The keys clients may present, compared in constant time over digests."""

    def __init__(self, keys: str) -> None:
        self._digests = [hashlib.sha256(k.strip().encode()).digest() for k in keys.split(",") if k.strip()]

    @classmethod
    def from_variable(cls, name: str) -> ClientKeys:
        """Keys from an environment variable; none where no variable is named.

        Raises:
            ConfigError: the variable is named but empty: an open proxy must be asked for, not happen.
        """
        if name and not os.environ.get(name, "").strip(" ,"):
            raise ConfigError(f"${name} holds no key. Set it, or start without --key-env to ask for none.")
        return cls(os.environ.get(name, "") if name else "")

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether one of the keys is in a request's headers."""
        digests = [hashlib.sha256(key).digest() for key in sent_keys(headers)]
        # Every key is compared, so that time does not tell which one nearly fit.
        return sum([hmac.compare_digest(digest, known) for digest in digests for known in self._digests]) > 0


def client_name(scope: Mapping[str, Any]) -> str:
    """Who asks, as far as can be told: by key, else by address; for shares of what is bounded."""
    key = next(iter(sent_keys(scope["headers"])), b"")
    return hashlib.sha256(key).hexdigest() if key else str((scope.get("client") or ("",))[0])


def sent_keys(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The keys a client sent: as a bearer token (OpenAI's way), in `api-key` (Azure's) or `x-api-key` (Anthropic's)."""
    return [key for name, value in headers if name in KEY_HEADERS and (key := _key(name, value))]


def _key(name: bytes, value: bytes) -> bytes:
    if name != b"authorization":
        return value.strip()
    scheme, _, token = value.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
