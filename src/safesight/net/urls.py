"""URLs as they may be printed, and whether one names a server. Light, for the command line asks before all else."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

_SHOWN_PARAMETERS: Final = frozenset({"api-version"})


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password, and the values of its query (`api-version` stays)."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(a URL that cannot be read)"
    query = "&".join(
        part if (name := part.partition("=")[0]) in _SHOWN_PARAMETERS else f"{name}=***"
        for part in parts.query.split("&")
        if part
    )
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def names_a_server(url: str) -> bool:
    """Whether this is an http(s) URL with a host, in ASCII, and with a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii()
    except ValueError:
        return False
