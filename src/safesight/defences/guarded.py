"""Defences by name, between the runner and a model, so that each is a column in a table.

A reply that a guard replaced has finish reason `content_filter` and says so in its events; its latency and tokens
include the guard's. `protector_*` run the guard of this package; `paper_faithful` repeats MLLM-Protector as published
(arXiv 2401.02906): the response alone is scored, P(safe) below 0.5 flags, one rewrite, no second look.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from safesight.core.config import PluginName
from safesight.core.protocols import Defence, Detector, Model
from safesight.core.records import JUDGED, Decoding, Exchange, GuardEvent, Reply, Sample, content_hash
from safesight.core.registry import open_plugin
from safesight.guard.asking import ask
from safesight.guard.detoxify import rewrite_messages, total
from safesight.guard.guard import Guard, open_guard
from safesight.guard.policy import (
    GUARDED,
    Action,
    CategoryRule,
    DetoxifyRule,
    Policy,
    default_policy,
    read_policy,
    validated,
)


class Protector:
    """The guard as a defence: reads the request, asks the model unless it is refused, and protects the reply."""

    def __init__(self, name: str, guard: Guard) -> None:
        self.name = name
        self.fingerprint = content_hash("protector", guard.fingerprint)
        self.detector_fingerprints = guard.detector_fingerprints
        self._guard = guard

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer a sample under guard."""
        guard = self._guard
        if guard.policy.detoxify.model == GUARDED:
            guard = guard.rewritten_by(model)
        request = await guard.read(sample.messages)
        if guard.stops(request.checked.decision):
            reply = Reply(status="ok")
        else:
            reply = await model.generate(sample.messages, decoding=decoding)
        protected = await guard.protect(reply, messages=sample.messages, request=request)
        return msgspec.structs.replace(protected, latency_ms=protected.latency_ms + request.checked.latency_ms)

    async def aclose(self) -> None:
        """Close the guard."""
        await self._guard.aclose()


class PaperFaithful:
    """MLLM-Protector as published: one score of the response alone, one rewrite that nobody checks."""

    def __init__(self, name: str, policy: Policy, *, detector: Detector, rewriter: Model | None) -> None:
        """Without a rewriter the guarded model rewrites."""
        self.name = name
        self.fingerprint = content_hash(
            "paper_faithful", detector.fingerprint, rewriter.fingerprint if rewriter else GUARDED
        )
        self.detector_fingerprints = (detector.fingerprint,)
        self._detector = detector
        self._rewriter = rewriter
        self._check_ms = policy.time.check_ms

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer, score, and rewrite once where the score flags; a detector that breaks makes the reply an error."""
        reply = await model.generate(sample.messages, decoding=decoding)
        if reply.status not in JUDGED:
            return reply
        started = time.perf_counter()
        outcome = (await ask(self._detector, [Exchange(question="", answer=reply.text)], timeout_ms=self._check_ms))[0]
        elapsed = 1e3 * (time.perf_counter() - started)
        if isinstance(outcome, Exception) or not 0.0 <= outcome.harm <= 1.0:
            detail = str(outcome)[:200] if isinstance(outcome, Exception) else f"score {outcome.harm!r}"
            return _after(reply, Reply(status="error", error=f"guard: {detail}"), "error", "halt", elapsed)
        if outcome.harm <= 0.5:
            return _after(
                reply, msgspec.structs.replace(reply, latency_ms=0.0), "final", "release", elapsed, outcome.harm
            )
        rewritten = await (self._rewriter or model).generate(
            rewrite_messages(sample.text, reply.text), decoding=decoding
        )
        kept = msgspec.structs.replace(
            rewritten, finish_reason="content_filter", usage=total(reply.usage, rewritten.usage), reasoning=""
        )
        return _after(reply, kept, "final", "rewrite", elapsed, outcome.harm)

    async def aclose(self) -> None:
        """Close detector and rewriter."""
        await self._detector.aclose()
        if self._rewriter is not None:
            await self._rewriter.aclose()


def _after(first: Reply, reply: Reply, kind: str, action: str, elapsed_ms: float, harm: float | None = None) -> Reply:
    event = GuardEvent(kind=kind, action=action, harm=harm, end=len(first.text), latency_ms=elapsed_ms)
    return msgspec.structs.replace(
        reply, guard_events=(event,), latency_ms=first.latency_ms + elapsed_ms + reply.latency_ms
    )


def _acting(policy: Policy, action: Action) -> Policy:
    """The policy with every stopping action made `action`; who rewrites is the guarded model unless it says."""
    categories = {
        code: msgspec.structs.replace(rule, action=_instead(rule, action)) for code, rule in policy.categories.items()
    }
    rewriter = policy.detoxify.model or (GUARDED if action == "rewrite" else "")
    return validated(
        msgspec.structs.replace(
            policy,
            action=action,
            categories=categories,
            detoxify=msgspec.structs.replace(policy.detoxify, model=rewriter),
        )
    )


def _instead(rule: CategoryRule, action: Action) -> Action | None:
    return action if rule.action in ("refuse", "rewrite") else rule.action


def open_block(argument: str, options: Mapping[str, str]) -> Defence:
    """The guard refuses flagged requests and answers; takes a policy: protector_block:POLICY.toml.

    Raises:
        ConfigError: the policy file is at fault.
        UnknownName: an option was given; there is none.
    """
    policy = _policy("protector_block", argument, options)
    blocking = msgspec.structs.replace(_acting(policy, "refuse"), detoxify=DetoxifyRule())
    return Protector(_name("protector_block", argument), open_guard(blocking))


def open_rewrite(argument: str, options: Mapping[str, str]) -> Defence:
    """The guard rewrites flagged answers, checks again, then refuses; takes a policy.

    Raises:
        ConfigError, UnknownName: as `open_block`.
    """
    policy = _policy("protector_rewrite", argument, options)
    return Protector(_name("protector_rewrite", argument), open_guard(_acting(policy, "rewrite")))


def open_paper_faithful(argument: str, options: Mapping[str, str]) -> Defence:
    """MLLM-Protector as published: response only, 0.5, one rewrite, no re-check; takes a policy.

    Raises:
        ConfigError, UnknownName: as `open_block`.
    """
    policy = _policy("paper_faithful", argument, options)
    rewriter = policy.detoxify.model
    return PaperFaithful(
        _name("paper_faithful", argument),
        policy,
        detector=open_plugin("detectors", policy.detectors[0].name),
        rewriter=open_plugin("models", rewriter) if rewriter not in ("", GUARDED) else None,
    )


def _policy(kind: str, argument: str, options: Mapping[str, str]) -> Policy:
    PluginName(kind, argument, dict(options)).reject_unknown(())
    return read_policy(Path(argument)) if argument else default_policy()


def _name(kind: str, argument: str) -> str:
    return f"{kind}:{argument}" if argument else kind
