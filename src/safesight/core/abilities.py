"""What some plugins say of themselves, asked of any: operating point, languages, terms of their weights."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class PointedDetector(Protocol):
    """A detector with thresholds by name, opened at one of them."""

    point: str
    """The operating point's name; "" at a threshold of the caller's."""


@runtime_checkable
class LanguageDetector(Protocol):
    """A detector that says which languages it judges; text in another is `unjudged`."""

    languages: tuple[str, ...]


@runtime_checkable
class LicensedPlugin(Protocol):
    """A detector, judge or defence that may have weights under other terms than the package's."""

    licence: str
    """Those terms; "" where there are none."""
