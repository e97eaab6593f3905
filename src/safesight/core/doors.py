"""The door in front of packages that only an extra brings: it says which one to install."""

from __future__ import annotations

from importlib.util import find_spec

from safesight.core.errors import MissingExtra


def require(package: str, extra: str) -> None:
    """Pass when a top-level package is installed; it is not imported.

    Raises:
        MissingExtra: it is not; names the extra that brings it.
    """
    if find_spec(package) is None:
        raise MissingExtra(package, extra)
