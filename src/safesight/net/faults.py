"""What went wrong with one attempt, and whether another can help: retried, blocked, failed or fatal.

A provider's block is no model refusal and no error: it is counted apart. What no later request can mend
(key, URL, model name, credit) raises ModelError, which stops the run and says what to set.
What a block looks like is in `blocks`, what an error body says in `problem`, advice in `hints`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from safesight.core.errors import ModelError
from safesight.net.hints import hint
from safesight.net.problem import Problem, problem_of, read_problem
from safesight.net.retry import LONGEST_TOLD_S, retry_after_s

Kind = Literal["retry", "empty", "blocked", "failed"]

_NO_CREDIT: Final = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "insufficient_balance",
        "insufficient_credits",
        "exceeded_current_quota_error",
        "arrearage",
        "1113",
    }
)
_NO_CREDIT_SAID: Final = re.compile(
    r"credit balance is too low|insufficient (?:balance|credits?|funds)|余额不足|欠费", re.IGNORECASE
)
_LONG_QUOTA: Final = re.compile(
    r"per[ _-]?(?:day|month)|\b(?:daily|monthly)\b|\b[RT]PD\b|free-models-per-day|每日|每天|当日|今日|每月",
    re.IGNORECASE,
)
"""A quota of the day or month: what it refuses now it refuses for hours, whatever delay stands beside it."""
_RETRIED: Final = frozenset({408, 409, 425, 429})
PRESSURE: Final = frozenset({429, 503, 529})
"""Statuses by which a server says that it is asked too much."""


class Fault(Exception):  # a signal between this package's modules, never seen by a user
    """One attempt did not give an answer."""

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        retry_after: float | None = None,
        pressure: bool = False,
        problem: Problem | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.retry_after_s = retry_after
        self.pressure = pressure
        self.problem = problem or Problem()
        """What the server's error said, where it sent one."""
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


def status_fault(status: int, headers: Mapping[str, str], raw: bytes, address: Address) -> Fault:
    """The fault behind an HTTP status other than 200.

    Raises:
        ModelError: no later request can do better.
    """
    return _fault(status, headers, read_problem(raw), address)


def body_fault(error: object, address: Address) -> Fault:
    """The fault behind an `error` in a body or event that came with status 200."""
    problem = problem_of(error)
    return _fault(problem.status or 500, {}, problem, address)


def _fault(status: int, headers: Mapping[str, str], problem: Problem, address: Address) -> Fault:
    said = f": {problem.message}" if problem.message else ""
    message = f"{address.url}: HTTP {status}{said}"
    if problem.blocked:
        return Fault("blocked", message, problem=problem)
    if advice := hint(status, problem.message):
        return Fault("failed", f"{message}. {advice}", problem=problem)
    if advice := _fatal(status, headers, problem, address):
        asked = f" for model {address.model!r}" if address.model else ""
        raise ModelError(f"{address.url}: HTTP {status}{asked}. {advice}.")
    if (status >= 500 and status != 501) or status in _RETRIED:
        told = retry_after_s(headers)
        told = problem.wait_s if told is None else told
        if told is not None and told > LONGEST_TOLD_S:
            raise ModelError(
                f"{message.rstrip('.')}. It asks to wait {_span(told)}: run the same command then to resume."
            )
        return Fault("retry", message, retry_after=told, pressure=status in PRESSURE, problem=problem)
    return Fault("failed", message, problem=problem)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"


def _fatal(status: int, headers: Mapping[str, str], problem: Problem, address: Address) -> str:
    """What to set when no later request can do better; "" when one can."""
    said = f" ({problem.message})" if problem.message else ""
    if 300 <= status < 400:
        return f"It redirects to {headers.get('location', 'nowhere')!r}; give the final URL"
    if status == 402 or problem.codes & _NO_CREDIT or _NO_CREDIT_SAID.search(problem.message):
        return "The account has no credit left; add some, then run the same command to resume"
    if status in {403, 429} and _LONG_QUOTA.search(f"{problem.message} {problem.quotas}"):
        return f"The quota of the day or month is used up; run the same command to resume when it is renewed{said}"
    if status in {401, 403}:
        return address.key_advice + (said if status == 403 else "")
    if status in {404, 405}:
        return f"Check the model's name and that the URL ends where /chat/completions begins (usually /v1){said}"
    return ""
