"""An error body in words and codes, whatever its shape: an object, a string, a list of validation errors.

Shapes: OpenAI and Azure `{"error": {message, type, param, code, innererror}}`, vLLM's bare object, Gemini's list with
`details`, FastAPI's `{"detail": [...]}`, Mistral's `{"message": {"detail": [...]}}`, OpenRouter's `metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

import msgspec

from safesight.net.blocks import BLOCK_CODES, is_block_message
from safesight.net.retry import told_wait_s

_LONGEST: Final = 300
_MOST: Final = 3
"""Validation errors named of a longer list."""


class Problem(msgspec.Struct, frozen=True):
    """What an error body says; codes are in lower case."""

    message: str = ""
    codes: frozenset[str] = frozenset()
    moderated: bool = False
    param: str = ""
    """The request's field that the server blames, as it names it."""
    wait_s: float | None = None
    """Seconds to wait, when the body says so."""
    quotas: str = ""
    """Names of the quotas that are used up (Gemini's QuotaFailure), joined."""

    @property
    def blocked(self) -> bool:
        """The provider's filter stopped the request."""
        return self.moderated or bool(self.codes & BLOCK_CODES) or is_block_message(self.message)

    @property
    def status(self) -> int | None:
        """An HTTP status given as the error's code (OpenRouter)."""
        return next((int(code) for code in self.codes if code.isdecimal() and 400 <= int(code) <= 599), None)


def read_problem(raw: bytes) -> Problem:
    """The problem in the body of a failed reply."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Problem(message="an HTML page" if raw.lstrip()[:1] == b"<" else "")
    if isinstance(body, list) and body:  # Gemini wraps its errors in a list
        body = body[0]
    if not isinstance(body, dict):
        return Problem()
    found = cast("dict[str, object]", body)
    return problem_of(found.get("error") or found)


def problem_of(error: object) -> Problem:
    """The problem in an `error` value."""
    if not isinstance(error, dict):
        return Problem(message=_words(error), wait_s=told_wait_s(error))
    found = cast("dict[str, object]", error)
    inner, metadata = found.get("innererror"), found.get("metadata")
    codes = [found.get("code"), found.get("type"), found.get("status")]
    if isinstance(inner, dict):
        codes.append(cast("dict[str, object]", inner).get("code"))
    param = found.get("param")
    return Problem(
        message=_words(next((found[name] for name in ("message", "detail", "msg") if found.get(name)), "")),
        codes=frozenset(str(code).lower() for code in codes if isinstance(code, str | int)),
        moderated=isinstance(metadata, dict) and "flagged_input" in metadata,
        param=param if isinstance(param, str) else "",
        wait_s=told_wait_s(found),
        quotas=_quotas(found.get("details")),
    )


def _quotas(details: object) -> str:
    if not isinstance(details, list):
        return ""
    kept = [d for d in cast("list[object]", details) if isinstance(d, dict) and "violations" in d]
    return json.dumps(kept) if kept else ""


def _words(value: object) -> str:
    """A server's words, cut: validation errors echo whole requests, so only where and what is taken of them."""
    text = " ".join(_say(value).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _say(value: object, depth: int = 0) -> str:
    if isinstance(value, str) or depth > 4:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        said = [_say(item, depth + 1) for item in cast("list[object]", value)[:_MOST]]
        return "; ".join(text for text in said if text)
    if isinstance(value, Mapping):
        return _say_object(cast("Mapping[str, object]", value), depth)
    return ""


def _say_object(found: Mapping[str, object], depth: int) -> str:
    said = next(
        (text for name in ("msg", "message", "detail", "error") if (text := _say(found.get(name), depth + 1))), ""
    )
    place = found.get("loc")
    if said and isinstance(place, list):
        return f"{'.'.join(str(part) for part in cast('list[object]', place))}: {said}"
    return said
