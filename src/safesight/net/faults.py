"""What went wrong with one attempt, and whether another can help: retried, blocked, failed or fatal.

A provider's block is no model refusal and no error: it is counted apart. What no later request can mend
(key, URL, model name, credit) raises ModelError, which stops the run and says what to set.
Block signals: OpenAI and Azure `content_filter`; DashScope `data_inspection_failed`; DeepSeek "Content
Exists Risk"; OpenRouter's moderation metadata (https://openrouter.ai/docs/errors); Zhipu 1301.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, cast

import msgspec

from safesight.core.errors import ModelError
from safesight.net.retry import retry_after_s

Kind = Literal["retry", "blocked", "failed"]

BLOCK_REASONS: Final = frozenset(
    {"content_filter", "sensitive", "safety", "prohibited_content", "blocklist", "spii", "guardrail_intervened"}
)
"""Finish reasons with which providers cut or withhold an answer (OpenAI, Zhipu, Gemini, Bedrock)."""

_BLOCK_CODES: Final = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "contentpolicyviolationerror",
        "responsibleaipolicyviolation",
        "moderation_blocked",
        "data_inspection_failed",
        "datainspectionfailed",
        "1301",
    }
)
_BLOCK_WORDS: Final = ("content exists risk", "content management policy", "contentpolicyviolationerror")
_NO_CREDIT: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_RETRIED: Final = frozenset({408, 409, 425, 429})
PRESSURE: Final = frozenset({429, 503, 529})
"""Statuses by which a server says that it is asked too much."""
_LONGEST: Final = 300


class Fault(Exception):  # a signal between this package's modules, never seen by a user
    """One attempt did not give an answer."""

    def __init__(self, kind: Kind, message: str, *, retry_after: float | None = None, pressure: bool = False) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.retry_after_s = retry_after
        self.pressure = pressure
        self.attempts = 1


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Whom we ask, for messages; never holds the key."""

    url: str
    model: str
    key_env: str
    has_key: bool

    @property
    def key_advice(self) -> str:
        """What to do about the key."""
        state = "was refused" if self.has_key else "is not set"
        return f"The key in the environment variable {self.key_env} {state}: set it, or name another with ?key_env=NAME"


class _Problem(msgspec.Struct, frozen=True):
    """An error body, whatever its shape."""

    message: str = ""
    codes: frozenset[str] = frozenset()
    moderated: bool = False

    @property
    def blocked(self) -> bool:
        message = self.message.lower()
        return self.moderated or bool(self.codes & _BLOCK_CODES) or any(word in message for word in _BLOCK_WORDS)

    @property
    def status(self) -> int | None:
        """An HTTP status given as the error's code (OpenRouter)."""
        return next((int(code) for code in self.codes if code.isdecimal() and 400 <= int(code) <= 599), None)


def status_fault(status: int, headers: Mapping[str, str], raw: bytes, address: Address) -> Fault:
    """The fault behind an HTTP status other than 200.

    Raises:
        ModelError: no later request can do better.
    """
    return _fault(status, headers, _read(raw), address)


def body_fault(error: object, address: Address) -> Fault:
    """The fault behind an `error` in a body or event that came with status 200."""
    problem = _problem(error)
    return _fault(problem.status or 500, {}, problem, address)


def _fault(status: int, headers: Mapping[str, str], problem: _Problem, address: Address) -> Fault:
    said = f": {problem.message}" if problem.message else ""
    message = f"{address.url}: HTTP {status}{said}"
    if problem.blocked:
        return Fault("blocked", message)
    if advice := _fatal(status, headers, problem, address):
        asked = f" for model {address.model!r}" if address.model else ""
        raise ModelError(f"{address.url}: HTTP {status}{asked}. {advice}.")
    if (status >= 500 and status != 501) or status in _RETRIED:
        return Fault("retry", message, retry_after=retry_after_s(headers), pressure=status in PRESSURE)
    if status == 413:
        message += ". The images are too large for this server; ?max_side=1024 makes them smaller"
    return Fault("failed", message)


def _fatal(status: int, headers: Mapping[str, str], problem: _Problem, address: Address) -> str:
    """What to set when no later request can do better; "" when one can."""
    said = f" ({problem.message})" if problem.message else ""
    if 300 <= status < 400:
        return f"It redirects to {headers.get('location', 'nowhere')!r}; give the final URL"
    if status == 402 or problem.codes & _NO_CREDIT:
        return "The account has no credit left; add some, then run the same command to resume"
    if status in {401, 403}:
        return address.key_advice + (said if status == 403 else "")
    if status in {404, 405}:
        return f"Check the model's name and that the URL ends where /chat/completions begins (usually /v1){said}"
    return ""


def _read(raw: bytes) -> _Problem:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Problem(message="an HTML page" if raw.lstrip()[:1] == b"<" else "")
    if isinstance(body, list) and body:  # Gemini wraps its errors in a list
        body = body[0]
    if not isinstance(body, dict):
        return _Problem()
    found = cast("dict[str, object]", body)
    return _problem(found.get("error") or found)


def _problem(error: object) -> _Problem:
    if not isinstance(error, dict):
        return _Problem(message=_short(error))
    found = cast("dict[str, object]", error)
    inner, metadata = found.get("innererror"), found.get("metadata")
    codes = [found.get("code"), found.get("type"), found.get("status")]
    if isinstance(inner, dict):
        codes.append(cast("dict[str, object]", inner).get("code"))
    return _Problem(
        message=_short(found.get("message") or found.get("detail") or found.get("msg")),
        codes=frozenset(str(code).lower() for code in codes if isinstance(code, str | int)),
        moderated=isinstance(metadata, dict) and "flagged_input" in metadata,
    )


def _short(value: object) -> str:
    """A server's words, cut: validation errors (FastAPI sends a list of them) echo whole requests."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = cast("dict[str, object]", value[0]).get("msg")
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
