"""Asks a model about many cases at once, no more at a time than the model states it can use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from urllib.parse import urlencode

from safesight.core.errors import ConfigError, DataError
from safesight.core.protocols import Model, SettingsLearner
from safesight.core.records import JUDGED, Case, Verdict
from safesight.judges.verdicts import broken, unjudgeable


class JudgeCalls:
    """Runs one coroutine per judgeable case, in order; a case that cannot be shown is a broken verdict."""

    def __init__(self, judge: str, model: Model) -> None:
        self.judge = judge
        self.model = model
        limit = model.max_concurrency
        self._gate: AbstractAsyncContextManager[object] = asyncio.Semaphore(limit) if limit else nullcontext()

    async def each(self, cases: Sequence[Case], ask: Callable[[Case], Awaitable[Verdict]]) -> list[Verdict]:
        """Verdicts in the order of `cases`; a ModelError (nothing can ever be answered) is not caught."""
        return list(await asyncio.gather(*(self._one(case, ask) for case in cases)))

    async def _one(self, case: Case, ask: Callable[[Case], Awaitable[Verdict]]) -> Verdict:
        if case.response.reply.status not in JUDGED:
            return unjudgeable(case, self.judge)
        try:
            async with self._gate:
                return await ask(case)
        except DataError as error:
            return broken(case, self.judge, str(error))


def left_out(model: Model) -> Mapping[str, str]:
    """Settings that a judging model's provider refused, with its reasons; {} for a model that never learns any."""
    return model.settings_left_out if isinstance(model, SettingsLearner) else {}


def full_name(name: str, options: Mapping[str, str]) -> str:
    """A plugin's name with its options, sorted so that the same judge always has the same name."""
    return f"{name}?{urlencode(sorted(options.items()), safe='/:#,')}" if options else name


def positive(options: dict[str, str], key: str, default: int, *, where: str) -> int:
    """Take a positive integer out of `options`.

    Raises:
        ConfigError: it is not one.
    """
    text = options.pop(key, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"{where}: expected {key} to be a positive whole number, got {text!r}.")
    return int(text)


def flag(options: dict[str, str], key: str, *, where: str) -> bool:
    """Take a 0/1 option out of `options`; absent is off.

    Raises:
        ConfigError: it is neither 0 nor 1.
    """
    text = options.pop(key, "0")
    if text not in ("0", "1"):
        raise ConfigError(f"{where}: expected {key}=0 or {key}=1, got {text!r}.")
    return text == "1"
