"""What the operator of a proxy sets; workers read it back from the environment, so it must be plain data."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import msgspec

from safesight.core.errors import ConfigError
from safesight.media.pixels import MAX_PIXELS

VARIABLE = "SAFESIGHT_PROXY"


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
    idle_timeout_s: float = 120.0
    """Longest silence of the upstream."""
    total_timeout_s: float = 600.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One proxy."""

    upstream: str
    """Base URL with its version path, e.g. http://127.0.0.1:8000/v1."""
    policy: Path | None = None
    """A policy file; None is the shipped policy."""
    guard: bool = True
    """False passes everything through: for measuring what the guard costs."""
    shadow: bool = False
    """Decide and count everything, change nothing, whatever the policy says."""
    key_env: str = ""
    """Variable with the keys clients must present (comma-separated); "" asks for none."""
    upstream_key_env: str = ""
    """Variable with the upstream's key; without it the client's own key is passed on (if clients need none here)."""
    allow_image_urls: bool = False
    audit: Path | None = None
    audit_text: bool = False
    ui: bool = False
    limits: Limits = Limits()

    def to_environment(self) -> None:
        """Hand the settings to worker processes."""
        os.environ[VARIABLE] = msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_environment(cls) -> Settings:
        """Read what `to_environment` wrote.

        Raises:
            ConfigError: nothing did: the application was not started by `safesight guard`.
        """
        text = os.environ.get(VARIABLE)
        if text is None:
            raise ConfigError(f"{VARIABLE} is not set: start the proxy with `safesight guard --upstream URL`.")
        return msgspec.json.decode(text, type=cls, dec_hook=lambda kind, value: kind(value))


class Keys:
    """The keys clients may present, compared in constant time over digests."""

    def __init__(self, keys: str) -> None:
        self._digests = [hashlib.sha256(k.strip().encode()).digest() for k in keys.split(",") if k.strip()]

    @classmethod
    def from_variable(cls, name: str) -> Keys:
        """Keys from an environment variable; none where no variable is named.

        Raises:
            ConfigError: the variable is named but empty: an open proxy must be asked for, not happen.
        """
        if name and not os.environ.get(name, "").strip(" ,"):
            raise ConfigError(f"${name} holds no key. Set it, or start without --key-env to ask for none.")
        return cls(os.environ.get(name, "") if name else "")

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, authorization: bytes) -> bool:
        """Whether a request's Authorization header carries one of the keys."""
        if not self._digests:
            return True
        digest = hashlib.sha256(bearer(authorization)).digest()
        # Every key is compared, so that time does not tell which one nearly fit.
        return sum([hmac.compare_digest(digest, known) for known in self._digests]) > 0


def bearer(authorization: bytes) -> bytes:
    """The token of a `Bearer` header, or b"" where there is none."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
