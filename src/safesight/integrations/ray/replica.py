"""What runs on the cluster's machines: plugins opened there, asked by the driver, their errors handed back as values.

Ray pickles an exception with its traceback and raises another class at the driver; as a value it stays what it was, so
that a cluster's run file says the same as a local one's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from safesight.core import errors
from safesight.core.errors import SafeSightError
from safesight.core.messages import Message
from safesight.core.protocols import Defence, Judge, Model, PricedModel, PriceList, SettingsLearner, ThrottledModel
from safesight.core.records import Case, Decoding, Probe, Reply, Sample, Verdict
from safesight.core.registry import open_plugin
from safesight.runner.limiter import AdaptiveLimit


class Raised(msgspec.Struct, frozen=True):
    """An error that a plugin raised: its class's name and its message."""

    kind: str
    message: str

    def error(self) -> Exception:
        """The error, to be raised at the driver; of a class of the same name where it is none of ours."""
        known = getattr(errors, self.kind, None)
        if not (isinstance(known, type) and issubclass(known, SafeSightError)):
            return type(self.kind, (Exception,), {})(self.message)
        error = known.__new__(known)  # some classes build their message from other arguments
        error.args = (self.message,)
        return error


class PluginCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver must know of an opened plugin."""

    name: str
    fingerprint: str
    max_concurrency: int | None = None
    prices: PriceList | None = None
    detector_fingerprints: tuple[str, ...] = ()


class PluginAnswer(msgspec.Struct, frozen=True):
    """A plugin's result, with the settings that its provider refused so far."""

    value: Any
    left_out: dict[str, str] = {}


async def _caught(call: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await call()
    except Exception as error:  # noqa: BLE001 - the border of a process: the driver raises it again
        return Raised(type(error).__name__, str(error))


class ModelReplica:
    """A model, and the defence in front of it where there is one."""

    def __init__(self, model: str, defence: str) -> None:
        self._names = (model, defence)
        self._model: Model | None = None
        self._defence: Defence | None = None
        self._limit = AdaptiveLimit(1)

    async def about(self, at_once: int) -> tuple[PluginCard, PluginCard | None] | Raised:
        """Open both (once) and tell who they are; `at_once` bounds the requests in flight here."""
        return await _caught(lambda: self._open(at_once))

    async def _open(self, at_once: int) -> tuple[PluginCard, PluginCard | None]:
        if self._model is None:
            model, defence = self._names
            self._model, self._defence = open_plugin("models", model), open_plugin("defences", defence)
            self._limit = AdaptiveLimit(min(at_once, self._model.max_concurrency or at_once))
            if isinstance(self._model, ThrottledModel):
                self._model.pressure = self._limit.pressure
        opened, guard = self._model, self._defence
        named = PluginCard(
            name=opened.name,
            fingerprint=opened.fingerprint,
            max_concurrency=opened.max_concurrency,
            prices=opened.prices if isinstance(opened, PricedModel) else None,
        )
        if guard is None:
            return named, None
        return named, PluginCard(
            name=guard.name, fingerprint=guard.fingerprint, detector_fingerprints=guard.detector_fingerprints
        )

    async def generate(self, messages: Sequence[Message], decoding: Decoding) -> PluginAnswer | Raised:
        """Answer a conversation."""
        model = self._ready()
        return await _caught(lambda: self._answered(model, model.generate(messages, decoding=decoding)))

    async def respond(self, sample: Sample, decoding: Decoding) -> PluginAnswer | Raised:
        """Answer a sample through the defence."""
        model, defence = self._ready(), self._defence
        if defence is None:
            return Raised("ConfigError", "this replica has no defence.")
        return await _caught(lambda: self._answered(model, defence.respond(model, sample, decoding=decoding)))

    async def _answered(self, model: Model, reply: Awaitable[Reply]) -> PluginAnswer:
        async with self._limit:
            answer = await reply
        return PluginAnswer(answer, dict(model.settings_left_out) if isinstance(model, SettingsLearner) else {})

    def _ready(self) -> Model:
        if self._model is None:
            raise RuntimeError("asked before it was opened")
        return self._model


class JudgeReplica:
    """A judge."""

    def __init__(self, judge: str) -> None:
        self._name = judge
        self._judge: Judge | None = None

    async def about(self, at_once: int) -> tuple[PluginCard, None] | Raised:
        """Open it (once) and tell who it is."""
        return await _caught(self._open)

    async def _open(self) -> tuple[PluginCard, None]:
        if self._judge is None:
            self._judge = open_plugin("judges", self._name)
        return PluginCard(name=self._judge.name, fingerprint=self._judge.fingerprint), None

    async def judge(self, cases: Sequence[Case]) -> PluginAnswer | Raised:
        """Label answers."""
        return await _caught(lambda: self._judged(cases))

    async def _judged(self, cases: Sequence[Case]) -> PluginAnswer:
        judge = self._judge
        if judge is None:
            raise RuntimeError("asked before it was opened")
        verdicts: list[Verdict] = await judge.judge(cases)
        return PluginAnswer(verdicts, dict(judge.settings_left_out) if isinstance(judge, SettingsLearner) else {})


class ProbeReplica:
    """A local model whose attention is listened to."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._box: Any = None

    async def about(self, at_once: int) -> tuple[PluginCard, None] | Raised:
        """Load it (once) and tell under which name its records are kept."""
        return await _caught(self._open)

    async def _open(self) -> tuple[PluginCard, None]:
        from safesight.explain.entropy.replay import probe_name
        from safesight.explain.entropy.whitebox import open_white_box

        if self._box is None:
            self._box = open_white_box(self._name)
        return PluginCard(name=probe_name(self._box), fingerprint=self._box.fingerprint, max_concurrency=1), None

    async def probe(self, case: Case, messages: Sequence[Message], per_token: bool) -> PluginAnswer | Raised:
        """One forward pass over prompt and recorded answer."""
        return await _caught(lambda: self._probed(case, messages, per_token))

    async def _probed(self, case: Case, messages: Sequence[Message], per_token: bool) -> PluginAnswer:
        from safesight.explain.entropy.replay import probe_case

        record: Probe = probe_case(self._box, case, messages, per_token=per_token)
        return PluginAnswer(record)
